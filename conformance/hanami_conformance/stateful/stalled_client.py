"""A second client that is slow, silent, half-closed, or resets its connection: others must be served (GEN-4)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from hanami_conformance.cases.failures import ConnectionClosed, PreconditionFailed, ResponseTimeout, Violation
from hanami_conformance.cases.recording import current_case
from hanami_conformance.target.target import Target

# PATH stands for a route that reads a body: without one, the server does not wait for the rest; HOST for the target.
PARTIAL_REQUESTS = {
    "silent connection": b"",
    "first byte": b"P",
    "half a head": b"POST PATH HTTP/1.1\r\nHost: HOST\r\nContent-Le",
    "half a body": b"POST PATH HTTP/1.1\r\nHost: HOST\r\nContent-Length: 1000\r\n\r\n{",
}
PARTIAL_SOCKETS = ("silent socket", "half a frame", "half closed", "reset")
STALL_KINDS = (*PARTIAL_REQUESTS, *PARTIAL_SOCKETS)
FEWEST_CONNECTIONS = 2  # one for the stalled client, one for the sequence


@dataclass
class StalledClient:
    """The stalled client of a sequence, which stays until the next one or the end of the sequence.

    Args:
        target: Target to connect to.
    """

    target: Target
    _close_actions: list[Callable[[], None]] = field(default_factory=list)

    @property
    def connections(self) -> int:
        """Number of connections that the client holds."""
        return len(self._close_actions)

    def start(self, kind: str) -> None:
        """Stall in one of the ways of :data:`STALL_KINDS`, after the end of the client before."""
        self.stop()
        if kind in PARTIAL_REQUESTS:
            connection = self.target.raw()
            self._close_actions.append(connection.close)
            path = self.target.dialect.route("token.create").path
            request = PARTIAL_REQUESTS[kind].replace(b"PATH", path.encode())
            connection.send(request.replace(b"HOST", self.target.endpoint.authority.encode()), f"no more than {kind}")
            return
        websocket = self.target.websocket()
        websocket.open()
        self._close_actions.append(websocket.reset)
        if kind == "half a frame":
            websocket.send_raw(b"\x82\xfe", "the first two bytes of a frame")
        elif kind == "half closed":
            websocket.half_close()
        elif kind == "reset":
            self.stop()

    def stop(self) -> None:
        """Reset the connection of the client, if there is one."""
        while self._close_actions:
            self._close_actions.pop()()

    @contextmanager
    def attribute_failures(self) -> Iterator[None]:
        """Attribute missing answers in the block to the stalled client, if there is one."""
        if not self._close_actions:
            yield
            return
        try:
            yield
        except (ResponseTimeout, ConnectionClosed) as violation:
            violation.reattribute("GEN-4")
            raise
        except PreconditionFailed as failure:
            if failure.lasting:  # since before the client
                raise
            raise Violation("others to be served beside a stalled client", str(failure), "GEN-4") from failure
        current_case().checks_by_requirement["GEN-4"] += 1
