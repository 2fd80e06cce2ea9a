"""Helpers for sockets of files and clusters: ways to lose them, and checks of what arrives."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from websockets.frames import CloseCode

from hanami_conformance.cases.checks import require
from hanami_conformance.clients.websocket import WebSocket
from hanami_conformance.clients.websocket_events import Message
from hanami_conformance.target.attach import is_accepted


class ClosableSocket(Protocol):
    """Socket of a file or of a cluster."""

    websocket: WebSocket

    def close(self) -> Sequence[Message]:
        """Close the socket, and return the unsolicited messages that arrived before."""


LOSSES: Mapping[str, Callable[[ClosableSocket], object]] = {
    "closed": lambda socket: socket.close(),
    "closed as by a browser that leaves the page": lambda socket: socket.websocket.close(status=CloseCode.GOING_AWAY),
    "closed without a status": lambda socket: socket.websocket.close(status=None),
    "reset": lambda socket: socket.websocket.reset(),
    "ended": lambda socket: socket.websocket.end(),
}


def expect_nothing_more(socket: ClosableSocket, expected: str) -> None:
    """Close a socket, and check that no unsolicited message arrived before the close."""
    unsolicited = socket.close()
    require(not unsolicited, expected=expected, actual=f"{len(unsolicited)} more messages")


def expect_not_accepted(answers: Sequence[Message], requirement_id: str) -> None:
    """Check that a first message was not accepted: what follows an acceptance may have effects."""
    accepted = next(filter(is_accepted, answers), None)
    require(accepted is None, expected="no acceptance", actual=accepted, requirement=requirement_id)
