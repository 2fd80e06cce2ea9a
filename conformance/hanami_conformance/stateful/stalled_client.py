"""A client beside the sequence that is slow, silent, half-open, or breaks off: nobody else may notice (GEN-4)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from hanami_conformance.cases.failures import ConnectionClosed, PreconditionFailed, ResponseTimeout, Violation
from hanami_conformance.cases.recording import current_case
from hanami_conformance.target.target import Target

# PATH stands for one that reads a body: where nothing is served, nothing waits for the rest.
HALVES = {
    "silent connection": b"",
    "first byte": b"P",
    "half a head": b"POST PATH HTTP/1.1\r\nHost: x\r\nContent-Le",
    "half a body": b"POST PATH HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{",
}
SOCKETS = ("silent socket", "half a frame", "half closed", "broken off")
STALL_KINDS = (*HALVES, *SOCKETS)
FEWEST_CONNECTIONS = 2  # one for the nuisance, one for the sequence


@dataclass
class StalledClient:
    """At most one such client at a time, which stays until the next one, or the end of the sequence.

    Args:
        target: the server.
    """

    target: Target
    _stop: list[Callable[[], None]] = field(default_factory=list)

    @property
    def connections(self) -> int:
        """How many connections of the budget it holds."""
        return len(self._stop)

    def begin(self, how: str) -> None:
        """Be a nuisance in one of the ways of :data:`STALL_KINDS`; the one before is over."""
        self.end()
        if how in HALVES:
            connection = self.target.raw()
            self._stop.append(connection.close)
            path = self.target.dialect.route("token.create").path
            connection.send(HALVES[how].replace(b"PATH", path.encode()), f"no more than {how}")
            return
        websocket = self.target.websocket()
        websocket.open()
        self._stop.append(websocket.reset)
        if how == "half a frame":
            websocket.send_raw(b"\x82\xfe", "the first two bytes of a frame")
        elif how == "half closed":
            websocket.half_close()
        elif how == "broken off":
            self.end()

    def end(self) -> None:
        """Break it off."""
        while self._stop:
            self._stop.pop()()

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Attribute what is not answered in here to the client that stalls, where there is one."""
        if not self._stop:
            yield
            return
        try:
            yield
        except (ResponseTimeout, ConnectionClosed) as violation:
            violation.reattribute("GEN-4")
            raise
        except PreconditionFailed as failure:
            raise Violation("others to be served beside a stalled client", str(failure), "GEN-4") from failure
        current_case().checks_by_requirement["GEN-4"] += 1
