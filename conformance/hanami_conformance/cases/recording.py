"""The recording of a case: every event on the wire with its time and direction, and the number of checks."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from hanami_conformance.common.redact import SECRETS
from hanami_conformance.common.text import printable_line
from hanami_reports.model.conformance import Event

if TYPE_CHECKING:
    from hanami_conformance.cases.sequence import StepSequence

PAYLOAD_LIMIT = 1 << 20  # bytes of a payload in the report; of a larger one it has digest and length

Summary = str | Callable[[], str]
Frames = bytes | Callable[[], bytes]
MAX_LAST = 120  # characters of the last request
NO_CONNECTION = "no connection"  # begins the note of a connection that the target did not accept
DEFAULT_REQUIREMENT = ""  # stands for the requirement that a test names first


@dataclass(frozen=True)
class RecordedEvent:
    """One recorded event, not redacted yet; see :class:`hanami_reports.model.conformance.Event`.

    Its summary, head and frames may be functions, because most events are never displayed.
    """

    at: float
    channel: str
    direction: str
    kind: str
    summary: Summary
    payload: bytes
    head: Summary = ""
    frames: Frames = b""

    def text(self) -> str:
        """Return the summary as text, not redacted."""
        return self.summary if isinstance(self.summary, str) else self.summary()


@dataclass(frozen=True)
class ClosedSocket:
    """A websocket that the target closed, and not the case.

    Attributes:
        age: Seconds since the websocket was opened.
        ending: Description of the close, as in violations.
    """

    age: float
    ending: str


@dataclass
class CaseRecording:
    """Recording of one case; the clients of several threads may write to it.

    Attributes:
        id: Id of the case on the command line.
        began: Monotonic time of the start in seconds.
        events: Recorded events.
        checks: Number of comparisons.
        sent: Number of sent messages.
        sent_in_test: Number of messages that the test itself sent, without those of its clean-up.
        sequences: Number of executed sequences, 0 for a case without sequences.
        deleting: Kind of the resource that the clean-up deleted last, and the number of messages sent until then.
        checks_by_requirement: Number of checks that would have been attributed to each requirement id, or to
            DEFAULT_REQUIREMENT, had they failed.
        observations: Behaviour that the protocol leaves open, by topic.
        sequence: Smallest failing sequence.
        ended: Oldest websocket that the target closed.
        reached: For each step of the sequence, the step with the state of the model, and the kinds of its answers; None
            if they are not noted.
        dropped: Whether the target ended a websocket without a close frame, as a crash does.
        on_restart: Function that is called before recorded events are dropped.
    """

    id: str
    began: float = field(default_factory=time.monotonic)
    events: list[RecordedEvent] = field(default_factory=list)
    checks: int = 0
    sent: int = 0
    sent_in_test: int = 0
    sequences: int = 0
    deleting: tuple[str, int] = ("", 0)
    checks_by_requirement: Counter[str] = field(default_factory=Counter)
    observations: dict[str, str] = field(default_factory=dict)
    sequence: StepSequence | None = None
    ended: ClosedSocket | None = None
    reached: list[tuple[str, str]] | None = None
    dropped: bool = False
    on_restart: Callable[[CaseRecording], None] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)
    _channels: dict[str, int] = field(default_factory=dict)
    _origin: float = field(default_factory=time.monotonic)
    _started: float = field(default_factory=time.time)

    @property
    def started(self) -> str:
        """Time of the clock at which the recorded events begin, UTC, ISO 8601."""
        return datetime.fromtimestamp(self._started, UTC).isoformat(timespec="microseconds")

    @property
    def last_deleted(self) -> str:
        """Kind of resource whose deletion in the clean-up is the last sent message; empty if another message is."""
        kind, sent = self.deleting
        return kind if self.sent == sent else ""

    @property
    def has_websockets(self) -> bool:
        """Whether the case opened a websocket."""
        return "ws" in self._channels

    def restart_record(self) -> None:
        """Drop the recorded events before another sequence is executed, and keep the counts."""
        if self.on_restart is not None:
            self.on_restart(self)
        self.events.clear()
        self._channels.clear()
        self.ended = None
        if self.reached is not None:
            self.reached = []
        self._origin = time.monotonic()
        self._started = time.time()

    def channel(self, kind: str) -> str:
        """Return the name of a new connection: ``ws-1``, ``ws-2``, ..."""
        with self._lock:
            number = self._channels[kind] = self._channels.get(kind, 0) + 1
        return f"{kind}-{number}"

    def sent_event(
        self,
        channel: str,
        kind: str,
        summary: Summary,
        payload: bytes = b"",
        *,
        head: Summary = "",
        frames: Frames = b"",
    ) -> None:
        """Record something sent to the target."""
        self._add(channel, "sent", kind, summary, payload, head, frames)

    def received_event(
        self, channel: str, kind: str, summary: Summary, payload: bytes = b"", *, head: Summary = ""
    ) -> None:
        """Record something received from the target."""
        self._add(channel, "received", kind, summary, payload, head)

    def note(self, channel: str, kind: str, summary: Summary) -> None:
        """Record something that happened to a connection."""
        self._add(channel, "note", kind, summary, b"")

    def socket_ended(self, age: float, ending: str, *, dropped: bool = False) -> None:
        """Note a websocket that the target closed, if it is the oldest of them."""
        with self._lock:
            self.dropped |= dropped
            if self.ended is None or age > self.ended.age:
                self.ended = ClosedSocket(age, ending)

    def _add(
        self,
        channel: str,
        direction: str,
        kind: str,
        summary: Summary,
        payload: bytes,
        head: Summary = "",
        frames: Frames = b"",
    ) -> None:
        with self._lock:  # so that the events are in the order of their times
            self.sent += direction == "sent"
            at = time.monotonic() - self._origin
            self.events.append(RecordedEvent(at, channel, direction, kind, summary, payload, head, frames))

    def last_request(self) -> str:
        """Return the last event sent on an accepted connection, on one line; empty if there is none."""
        failed = {event.channel for event in self.events if event.direction == "note" and _is_failed_connection(event)}
        sent = [event for event in self.events if event.direction == "sent" and event.channel not in failed]
        if not sent:
            return ""
        return f"{sent[-1].channel} {printable_line(sent[-1].text(), MAX_LAST).strip()}"

    def exchange(self) -> tuple[Event, ...]:
        """Return the events for a report: with secrets redacted, and large payloads truncated."""
        return tuple(_event(event) for event in self.events)


def _is_failed_connection(event: RecordedEvent) -> bool:
    return isinstance(event.summary, str) and event.summary.startswith(NO_CONNECTION)


def _event(event: RecordedEvent) -> Event:
    summary = SECRETS.text(event.text())
    payload, is_whole = SECRETS.data_beginning(event.payload, PAYLOAD_LIMIT)
    if not is_whole:
        digest = hashlib.sha256(event.payload).hexdigest()
        summary += f" (cut after 1 MiB: {len(event.payload)} bytes, sha256 {digest})"
    head = SECRETS.headers(event.head if isinstance(event.head, str) else event.head())
    frames = _frames(event)
    at = round(event.at, 6)
    return Event(at, event.channel, event.direction, event.kind, summary, _base64(payload), head, _base64(frames))


def _frames(event: RecordedEvent) -> bytes:
    """Return the frames of an event; none if they are large, or if redaction would make their lengths wrong."""
    frames = event.frames if isinstance(event.frames, bytes) else event.frames()
    return frames if len(frames) <= PAYLOAD_LIMIT and SECRETS.data(frames) == frames else b""


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


_IDLE = CaseRecording("outside of any case")
_current = _IDLE
_thread = threading.local()  # has the recording of a thread that does not write to that of the case


def begin_case(case_id: str) -> CaseRecording:
    """Start the recording that clients and checks write to."""
    global _current  # noqa: PLW0603 - pytest runs one test at a time, and so does the suite
    _current = CaseRecording(case_id)
    return _current


def end_case() -> None:
    """End the recording; clients and checks write to no case after it."""
    global _current, _IDLE  # noqa: PLW0603
    _IDLE = CaseRecording(_IDLE.id)
    _current = _IDLE


def is_case_running() -> bool:
    """Return whether a case has begun and not ended."""
    return _current is not _IDLE


@contextlib.contextmanager
def recording_paused() -> Iterator[None]:
    """Keep the events of the block out of the recording."""
    global _current  # noqa: PLW0603
    before, _current = _current, CaseRecording(_IDLE.id)
    try:
        yield
    finally:
        _current = before


@contextlib.contextmanager
def thread_not_recorded() -> Iterator[None]:
    """Keep what this thread does out of the recording, which other threads go on with."""
    _thread.case = CaseRecording(_IDLE.id)
    try:
        yield
    finally:
        del _thread.case


def current_case() -> CaseRecording:
    """Return the recording of the current case; outside of a case, one that nobody reads."""
    return getattr(_thread, "case", _current)
