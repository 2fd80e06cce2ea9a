"""Helpers for sockets of files and clusters: ways to lose them, and the check that nothing more arrives."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from hanami_conformance.cases.checks import require
from hanami_conformance.clients.websocket import WebSocket
from hanami_conformance.clients.websocket_events import Message


class ClosableSocket(Protocol):
    """Socket of a file or of a cluster."""

    websocket: WebSocket

    def close(self) -> Sequence[Message]:
        """Close the socket, and return the unsolicited messages that arrived before."""


LOSSES: Mapping[str, Callable[[ClosableSocket], object]] = {
    "closed": lambda socket: socket.close(),
    "reset": lambda socket: socket.websocket.reset(),
}


def expect_nothing_more(socket: ClosableSocket, expected: str) -> None:
    """Close a socket, and check that no unsolicited message arrived before the close."""
    unsolicited = socket.close()
    require(not unsolicited, expected=expected, actual=f"{len(unsolicited)} more messages")
