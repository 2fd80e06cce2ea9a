"""Helpers for sockets of files and clusters: ways to lose them, and checks of what arrives."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from websockets.frames import CloseCode

from hanami_conformance.cases.attribution import precondition
from hanami_conformance.cases.checks import require
from hanami_conformance.cases.failures import Unsupported
from hanami_conformance.clients.websocket import WebSocket
from hanami_conformance.clients.websocket_events import Message
from hanami_conformance.target.attach import is_accepted
from hanami_conformance.target.target import Target


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


def log_in_again(target: Target) -> None:
    """Log the user in once more, as another program of the same user does; the earlier token is used on."""
    account = target.account
    if not account.credentials.password:
        raise Unsupported("needs the password of the user, not a token alone (--user)")
    with precondition("another login"):
        target.login(account.credentials, account.name)


def expect_nothing_more(socket: ClosableSocket, expected: str) -> None:
    """Close a socket, and check that no unsolicited message arrived before the close."""
    unsolicited = socket.close()
    require(not unsolicited, expected=expected, actual=f"{len(unsolicited)} more messages")


def expect_not_accepted(answers: Sequence[Message], requirement_id: str) -> None:
    """Check that a first message was not accepted: what follows an acceptance may have effects."""
    accepted = next(filter(is_accepted, answers), None)
    require(accepted is None, expected="no acceptance", actual=accepted, requirement=requirement_id)
