"""The size of the exchanges that a run keeps, which is bounded however much a target answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hanami_reports.common.text import pluralise
from hanami_reports.model.conformance import CaseResult, Event

RUN_CHARACTERS = 12 << 20  # of all exchanges of a run; with everything else a result stays below 20 MB
SHARE = 8  # a case takes at most this part of what is left, so that the cases after it have something, too
PAYLOAD_STEPS = (1 << 20, 64 << 10, 16 << 10, 4 << 10, 1 << 10, 256, 0)  # bytes that are kept of each payload
LEAST_EVENTS = 6  # that are kept of an exchange in any case, without payloads
EVENT_CHARACTERS = 160  # of the keys and the short values of an event in JSON
NOTE_CHARACTERS = 60  # of the note of a payload that was cut
MOST_SUMMARY = 400  # characters, where an exchange does not fit otherwise


class ExchangeBudget:
    """The characters that are left for exchanges; each failing case takes its part.

    Args:
        characters: Characters of the exchanges of all cases.
    """

    def __init__(self, characters: int = RUN_CHARACTERS) -> None:
        self._left = characters

    def fit(self, case: CaseResult) -> CaseResult:
        """Return the result of a case with as much of its exchange as fits.

        First the frames are left out, which tools for packets need, then the ends of large payloads, then the events
        that are farthest from the violation. What was left out is noted.
        """
        fitted = _fit(case, self._left // SHARE)
        self._left = max(0, self._left - _size(fitted.exchange))
        return fitted


def _fit(case: CaseResult, allowed: int) -> CaseResult:
    if _size(case.exchange) <= allowed:
        return case
    for limit in PAYLOAD_STEPS:
        if sum(_cut_size(event, limit) for event in case.exchange) <= allowed:
            return replace(case, exchange=tuple(_cut(event, limit) for event in case.exchange))
    return _window(case, allowed)


def _size(events: Sequence[Event]) -> int:
    texts = ((event.summary, event.payload, event.head, event.frames) for event in events)
    return sum(EVENT_CHARACTERS + sum(map(len, some)) for some in texts)


def _cut_size(event: Event, limit: int) -> int:
    """Return at least the size of a cut event."""
    texts = len(event.summary) + len(event.head)
    return EVENT_CHARACTERS + NOTE_CHARACTERS + texts + min(len(event.payload), 2 * limit)


def _cut(event: Event, limit: int) -> Event:
    """Return an event without frames, and with the first bytes of its payload, in whole groups of base64."""
    kept = event.payload if _bytes_of(event.payload) <= limit else event.payload[: limit // 3 * 4]
    if len(kept) == len(event.payload):
        return replace(event, frames="")
    note = f" ({_bytes_of(kept):,} of {_bytes_of(event.payload):,} bytes kept)"
    return replace(event, summary=event.summary + note, payload=kept, frames="")


def _bytes_of(payload: str) -> int:
    return len(payload) * 3 // 4 - payload[-2:].count("=")


def _window(case: CaseResult, allowed: int) -> CaseResult:
    """Return a case with the events that fit, without payloads: those up to the violation first."""
    events = case.exchange
    violation = case.failed_at if 0 <= case.failed_at < len(events) else len(events) - 1
    begin, end, size = violation + 1, violation + 1, 0
    while begin > 0 or end < len(events):
        index = begin - 1 if begin > 0 else end
        size += EVENT_CHARACTERS + NOTE_CHARACTERS + min(len(events[index].summary), MOST_SUMMARY)
        if size > allowed and end - begin >= LEAST_EVENTS:
            break
        begin, end = min(begin, index), max(end, index + 1)
    kept = [_cut(replace(one, summary=one.summary[:MOST_SUMMARY], head=""), 0) for one in events[begin:end]]
    kept[0] = _noted(kept[0], begin, "earlier")
    kept[-1] = _noted(kept[-1], len(events) - end, "later")
    return replace(case, exchange=tuple(kept), failed_at=max(-1, case.failed_at - begin))


def _noted(event: Event, omitted: int, which: str) -> Event:
    note = f" ({pluralise(omitted, f'{which} event')} left out)" if omitted else ""
    return replace(event, summary=event.summary + note)
