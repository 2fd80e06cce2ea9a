"""The connections of a target: none outlives the case that opened it, or counts for the next."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest

from hanami_conformance.cases.recording import begin_case, end_case
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.stateful.stalled_client import PARTIAL_REQUESTS, STALL_KINDS, StalledClient
from hanami_conformance.suite.support.malformed import REQUESTS
from hanami_conformance.target.target import Target


def open_websocket(target: Target) -> None:
    target.websocket().open()


def open_bare_connection(target: Target) -> None:
    target.raw()


@pytest.mark.parametrize("open_one", [open_websocket, open_bare_connection])
def test_closed_connections_do_not_count_for_the_limit(
    resources: ResourceFactory, open_one: Callable[[Target], None]
) -> None:
    target = resources.target
    for _ in range(2):
        for _ in range(target.connection_limit.limit):
            open_one(target)
        target.close_connections()


@pytest.mark.parametrize("kind", STALL_KINDS)
def test_a_stalled_client_of_a_failed_case_does_not_count_for_the_next(resources: ResourceFactory, kind: str) -> None:
    target = resources.target
    for _ in range(target.connection_limit.limit + 1):
        StalledClient(target).start(kind)  # and nobody stops it
        target.close_connections()


@pytest.mark.parametrize("kind", ["half a head", "half a body"])
def test_the_beginning_of_a_request_has_the_host_of_the_target(resources: ResourceFactory, kind: str) -> None:
    """A server may reject another one at once, and the client would stall nothing."""
    target = resources.target
    case = begin_case("test")
    StalledClient(target).start(kind)
    target.close_connections()
    end_case()
    [sent] = [event.payload for event in case.events if event.direction == "sent"]
    assert re.findall(rb"Host: (\S+)", sent) == [urlsplit(target.url).netloc.encode()]


def test_no_request_has_the_host_of_another_server() -> None:
    for request in (*PARTIAL_REQUESTS.values(), *REQUESTS.values()):
        assert set(re.findall(rb"Host: (\S+)", request)) <= {b"HOST"}
