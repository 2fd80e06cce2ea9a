"""Sockets that a server closes because they are old, and those that it closes for what was sent; silent ones."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from hanami_conformance.cases.failures import ResponseTimeout, Violation
from hanami_conformance.cases.recording import ClosedSocket, begin_case
from hanami_conformance.clients.websocket import WebSocket
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.server.liveness import ALL_SILENT, WebSocketProbe, watch_sockets
from hanami_conformance.target.attach import attach
from support.sequences import resources_at
from tools.tcp_proxy import NetworkConditions, proxy

LIFETIME = 1.0  # seconds


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hanami_conformance.server.liveness.OLD", 0.5)
    monkeypatch.setattr("hanami_conformance.server.liveness.SLACK", 1.0)


@contextmanager
def mortal(url: str) -> Iterator[ResourceFactory]:
    """A resource factory behind a proxy that closes connections when they are old."""
    with proxy(url, line=NetworkConditions(lifetime=LIFETIME)) as address, resources_at(address) as resources:
        watch_sockets(resources.target)
        yield resources


def test_closing_old_connections_is_no_failure(url: str) -> None:
    with mortal(url) as resources:
        begin_case("test")
        socket = resources.csv(10).attach()
        age = socket.websocket.wait_idle(60.0)
        assert age is not None
        with pytest.raises(Violation) as caught:
            socket.write(0, b"0")
        why = resources.target.disconnect_reason(str(caught.value))
        assert why == "the server closes connections that are about 1 s old, also idle ones"
        assert resources.target.disconnect_reason("expected another thing; actual nothing") == ""


def test_a_socket_that_ends_early_is_another_matter(url: str) -> None:
    with mortal(url) as resources:
        young, old = ClosedSocket(0.6, "end of stream"), ClosedSocket(LIFETIME, "end of stream")
        assert resources.target.idle_timeout_reason(ClosedSocket(0.4, "end of stream")) == ""  # not even tried out
        assert resources.target.idle_timeout_reason(young) == ""
        assert resources.target.idle_timeout_reason(old) != ""


def test_closing_a_connection_is_a_failure_where_old_ones_are_kept(url: str) -> None:
    with resources_at(url) as resources:
        probe = WebSocketProbe(resources.target)
        assert probe.idle_timeout_reason(ClosedSocket(0.6, "end of stream")) == ""
        assert resources.target.account.call("dataset.list").text.count("hc_") == 0


def test_a_socket_that_the_case_ends_is_not_old_age(url: str) -> None:
    with resources_at(url) as resources:
        case = begin_case("test")
        resources.csv(10).attach().close()
        assert case.ended is None
        resources.clean()


def test_silence_on_websockets_is_detected_once_they_have_worked(url: str) -> None:
    with resources_at(url) as resources:
        target = resources.target
        watch_sockets(target)
        target.timeouts.socket_timeouts = 1
        assert target.downtime_reason() == ""
        resources.csv(10).attach()
        assert target.attached
        target.timeouts.socket_timeouts = 1
        assert target.downtime_reason() == ""
        resources.clean()


def test_silent_websockets(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "hanami_conformance.clients.websocket.WebSocket.send_text", lambda *_: None
    )  # nothing to answer
    with resources_at(url) as resources:
        target = resources.target
        watch_sockets(target)
        assert target.downtime_reason(sockets=True) == ""  # none was ever accepted
        target.attached = True
        target.timeouts.setting = 0.2
        assert target.downtime_reason() == ""  # nobody missed an answer
        assert target.downtime_reason(sockets=True) == ALL_SILENT
        assert target.timeouts.socket_timeouts == 0


@pytest.mark.parametrize("lost", [1, 4, 5])
def test_a_lost_worker_is_found_by_as_many_sockets_as_there_are_workers(
    url: str, lost: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = 0

    def attach_or_wait(*arguments: Any) -> WebSocket:
        nonlocal opened
        opened += 1
        if opened == lost:
            raise ResponseTimeout("an answer to the first message", "nothing")
        return attach(*arguments)

    monkeypatch.setattr("hanami_conformance.server.workers.attach", attach_or_wait)
    with resources_at(url) as resources:
        target = resources.target
        target.dialect = replace(target.dialect, workers=4)
        watch_sockets(target, restartable=True)
        target.attached = True
        limit = target.connection_limit.limit = 2
        reason = "" if lost > 4 else f"one of 4 workers is silent on websockets (socket {lost})"
        assert target.downtime_reason(sockets=True) == reason
        assert target.connection_limit.limit == limit
        assert target.account.call("dataset.list").text.count("hc_") == 0
