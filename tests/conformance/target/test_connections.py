"""The connections of a target: none outlives the case that opened it, or counts for the next."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.stateful.stalled_client import STALL_KINDS, StalledClient
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
