"""The record of an exchange: what went over the wire in one case, when, and in which direction."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hanami_conformance.common.redact import SECRETS
from hanami_conformance.common.text import printable_line
from hanami_reports.model.conformance import Event

if TYPE_CHECKING:
    from hanami_conformance.cases.sequence import StepSequence

# A payload above this is cut in the report: its digest and length tell what it was.
PAYLOAD_LIMIT = 1 << 20

Summary = str | Callable[[], str]
MAX_LAST = 120  # characters of what was sent last
NO_CONNECTION = "no connection"  # so begins the note of a connection that the target did not take
DEFAULT_REQUIREMENT = ""  # stands for the requirement that a test names first


@dataclass(frozen=True)
class RecordedEvent:
    """One recorded event, not redacted yet; see :class:`hanami_reports.model.conformance.Event`.

    Its summary is made when it is asked for: most events are never looked at.
    """

    at: float
    channel: str
    direction: str
    kind: str
    summary: Summary
    payload: bytes


@dataclass(frozen=True)
class ClosedSocket:
    """A websocket that the target ended, and not the case.

    Attributes:
        age: seconds since it was opened.
        ending: in words, as violations have it.
    """

    age: float
    ending: str


@dataclass
class CaseRecording:
    """What one case does.

    Attributes:
        id: as the command line takes it.
        began: when, monotonic, seconds.
        events: its record.
        checks: comparisons made.
        sent: messages sent.
        sequences: number of sequences executed, 0 where the case has none.
        checks_by_requirement: number of checks that would have been attributed to each requirement id, or to
            DEFAULT_REQUIREMENT, had they failed.
        observations: what was seen where the protocol leaves it open.
        sequence: the smallest sequence that went wrong.
        ended: the oldest websocket that the target ended.
    """

    id: str
    began: float = field(default_factory=time.monotonic)
    events: list[RecordedEvent] = field(default_factory=list)
    checks: int = 0
    sent: int = 0
    sequences: int = 0
    checks_by_requirement: Counter[str] = field(default_factory=Counter)
    observations: dict[str, str] = field(default_factory=dict)
    sequence: StepSequence | None = None
    ended: ClosedSocket | None = None
    _channels: dict[str, int] = field(default_factory=dict)
    _origin: float = field(default_factory=time.monotonic)

    def restart_record(self) -> None:
        """Forget what was recorded so far: another sequence is executed. What was counted stays counted."""
        self.events.clear()
        self._channels.clear()
        self.ended = None
        self._origin = time.monotonic()

    def channel(self, kind: str) -> str:
        """Return a name for a new connection: ``ws-1``, ``ws-2``, ..."""
        number = self._channels.get(kind, 0) + 1
        self._channels[kind] = number
        return f"{kind}-{number}"

    def sent_event(self, channel: str, kind: str, summary: Summary, payload: bytes = b"") -> None:
        """Record something sent to the target."""
        self.sent += 1
        self._add(channel, "sent", kind, summary, payload)

    def received_event(self, channel: str, kind: str, summary: Summary, payload: bytes = b"") -> None:
        """Record something that came from the target."""
        self._add(channel, "received", kind, summary, payload)

    def note(self, channel: str, kind: str, summary: Summary) -> None:
        """Record something that happened to a connection."""
        self._add(channel, "note", kind, summary, b"")

    def socket_ended(self, age: float, ending: str) -> None:
        """Note a websocket that the target ended, where it is the oldest of them."""
        if self.ended is None or age > self.ended.age:
            self.ended = ClosedSocket(age, ending)

    def _add(self, channel: str, direction: str, kind: str, summary: Summary, payload: bytes) -> None:
        at = time.monotonic() - self._origin
        self.events.append(RecordedEvent(at, channel, direction, kind, summary, payload))

    def last_request(self) -> str:
        """Return the last that was sent on a connection that the target took, on one line; empty for nothing."""
        refused = {event.channel for event in self.events if event.direction == "note" and _refused(event)}
        sent = [event for event in self.events if event.direction == "sent" and event.channel not in refused]
        if not sent:
            return ""
        summary = sent[-1].summary
        return (
            f"{sent[-1].channel} {printable_line(summary if isinstance(summary, str) else summary(), MAX_LAST).strip()}"
        )

    def exchange(self) -> tuple[Event, ...]:
        """Return the record, fit for a report: secrets redacted, very large payloads cut with their digest."""
        return tuple(_event(event) for event in self.events)


def _refused(event: RecordedEvent) -> bool:
    return isinstance(event.summary, str) and event.summary.startswith(NO_CONNECTION)


def _event(event: RecordedEvent) -> Event:
    summary = SECRETS.text(event.summary if isinstance(event.summary, str) else event.summary())
    payload = SECRETS.data(event.payload)
    if len(payload) > PAYLOAD_LIMIT:
        digest = hashlib.sha256(payload).hexdigest()
        summary += f" (cut after 1 MiB: {len(payload)} bytes, sha256 {digest})"
        payload = payload[:PAYLOAD_LIMIT]
    encoded = base64.b64encode(payload).decode("ascii")
    return Event(round(event.at, 6), event.channel, event.direction, event.kind, summary, encoded)


_IDLE = CaseRecording("outside of any case")
_current = _IDLE


def begin_case(case_id: str) -> CaseRecording:
    """Make a case the one that clients and checks write to."""
    global _current  # noqa: PLW0603 - pytest runs one test at a time, and so does the suite
    _current = CaseRecording(case_id)
    return _current


def end_case() -> None:
    """Let clients and checks write to no case any more."""
    global _current, _IDLE  # noqa: PLW0603
    _IDLE = CaseRecording(_IDLE.id)
    _current = _IDLE


@contextlib.contextmanager
def recording_paused() -> Iterator[None]:
    """Record what is sent in here for no case."""
    global _current  # noqa: PLW0603
    before, _current = _current, CaseRecording(_IDLE.id)
    try:
        yield
    finally:
        _current = before


def current_case() -> CaseRecording:
    """Return the case that runs now; outside of one, a case that nobody reads."""
    return _current
