"""An exchange as a ladder diagram: client left, server right, a lane for each connection, time downwards."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from hanami_proto.codec import Codec
from hanami_proto.dialect import DEFAULT_DIALECT, dialect_names, load_dialect
from hanami_reports.common.format import format_span
from hanami_reports.common.text import one_line
from hanami_reports.conformance.export.client_commands import ClientCommand, ClientCommands, what_to_set
from hanami_reports.conformance.html.payload import Payload, attached_targets, read_payload
from hanami_reports.conformance.html.spans import Span, bars, overlapping
from hanami_reports.model.conformance import Event, RunResult

BEHIND = 4  # events that are shown behind the one that shows the violation, if not all can be
MOST_LANES = 3  # side by side; with more, all share one lane and each message names its connection
SILENCE = 0.5  # seconds between two events that are worth a remark
TITLE_LIMIT = 160  # characters
REST = "REST"

_REST_CHANNEL = re.compile(r"rest-\d+")


@dataclass(frozen=True)
class Detail:
    """Shown extent of an exchange.

    Attributes:
        first: Number of events from its beginning.
        last: Number of events from its end.
        hex_bytes: Number of bytes of each message in hexadecimal.
    """

    first: int
    last: int
    hex_bytes: int


FULL = Detail(12, 68, 256)
SHORT = Detail(8, 16, 64)
EXAMPLE = Detail(4, 16, 256)  # of a finding: how it began, and what led to the violation


@dataclass(frozen=True)
class LadderRow:
    """One event.

    Attributes:
        at: Time for people.
        lane: Index of its lane.
        channel: Name of the connection.
        direction: ``sent``, ``received`` or ``note``.
        accessible_label: Direction and connection for readers who cannot see the arrow.
        title: One line.
        payload: Payload of the message.
        silence: Time without events before it, for people; empty if short.
        skipped: Number of events left out before it.
        violating: Whether it shows the violation.
        bars: Operations at work beside it; see :func:`.spans.bars`. Empty where none overlap.
        command: Line for a shell that sends it; None where none can.
        obstacle: Form of a REST call that keeps curl from sending it; empty for none.
    """

    at: str
    lane: int
    channel: str
    direction: str
    accessible_label: str
    title: str
    payload: Payload
    silence: str = ""
    skipped: int = 0
    violating: bool = False
    bars: tuple[str, ...] = ()
    command: ClientCommand | None = None
    obstacle: str = ""


@dataclass(frozen=True)
class Ladder:
    """A whole exchange.

    Attributes:
        lanes: Names of the lanes, from left to right.
        rows: Rows from top to bottom.
        total: Number of events of the exchange, those left out included.
        omitted_at_end: Number of events left out after the last row.
        to_set: What to set before the commands are run, one line; empty for nothing.
        overlaps: Whether operations overlap.
    """

    lanes: tuple[str, ...]
    rows: tuple[LadderRow, ...]
    total: int
    omitted_at_end: int = 0
    to_set: str = ""
    overlaps: bool = False


def ladder(
    events: Sequence[Event],
    codec: Codec,
    detail: Detail,
    violating: int = -1,
    commands: ClientCommands | None = None,
) -> Ladder:
    """Return the ladder of an exchange.

    Args:
        events: Events in order of time.
        codec: Codec of the dialect of the run.
        detail: How much is shown.
        violating: Index of the event that shows the violation, -1 for none.
        commands: Lines for a shell that send its events.
    """
    overlaps = overlapping(events)
    beside, beside_rows = {span.channel for span in overlaps}, bars(events)
    chosen = [(index, events[index]) for index in _chosen(len(events), detail, violating, overlaps)]
    names = list(dict.fromkeys(_lane(event, beside) for _, event in chosen))
    lanes = tuple(one_line(name, 20) for name in names) if len(names) <= MOST_LANES else ("",)
    targets = attached_targets(events)
    rows, before = [], -1
    for index, event in chosen:
        silence = event.at - events[index - 1].at if index else 0.0
        payload = read_payload(event, codec, targets.get(event.channel, ""), detail.hex_bytes)
        rows.append(
            LadderRow(
                at=format_span(event.at),
                lane=names.index(_lane(event, beside)) if len(lanes) > 1 else 0,
                channel=_lane(event, beside) if len(names) > 1 else "",
                direction=event.direction,
                accessible_label=_accessible_label(event, beside),
                title=_title(event, payload),
                payload=payload,
                silence=format_span(silence) if silence >= SILENCE else "",
                skipped=index - before - 1,
                violating=index == violating,
                bars=beside_rows[index],
                command=commands.command(index) if commands else None,
                obstacle=commands.obstacle(index) if commands else "",
            )
        )
        before = index
    to_set = what_to_set(row.command for row in rows if row.command)
    return Ladder(lanes, tuple(rows), len(events), len(events) - before - 1, to_set, bool(beside))


def _chosen(count: int, detail: Detail, violating: int, overlaps: Sequence[Span]) -> list[int]:
    """Return the indices of the shown events: the first ones, those that overlap, and those up to the violation."""
    if count - detail.first - detail.last <= 1:  # the note about a single event would need as much room as the event
        return list(range(count))
    end = count
    if violating >= 0:
        end = min(end, max(violating + 1 + BEHIND, detail.first + detail.last))
    last = range(end - detail.last, end)
    if not overlaps:
        return [*range(detail.first), *last]
    begin = overlaps[0].first
    middle = range(begin, min(max(span.last for span in overlaps) + 1, begin + detail.last))
    return sorted({*range(detail.first), *middle, *last[detail.last // 2 :]})


def codec_for(result: RunResult) -> Codec:
    """Return the codec of a run's dialect; that of the default dialect if the run used a dialect file."""
    name = str(result.manifest.get("dialect", DEFAULT_DIALECT))
    return load_dialect(name if name in dialect_names() else DEFAULT_DIALECT).codec


def _lane(event: Event, beside: Collection[str]) -> str:
    """Return the lane of an event: all REST calls share one, but for those on connections that overlap others."""
    return REST if _REST_CHANNEL.fullmatch(event.channel) and event.channel not in beside else event.channel


def _accessible_label(event: Event, beside: Collection[str]) -> str:
    action = {"sent": "client sends", "received": "server sends"}.get(event.direction, "note")
    return f"{action}, {_lane(event, beside)}:"


def _title(event: Event, payload: Payload) -> str:
    """Return the summary of an event, without the parts that its payload shows."""
    summary = event.summary
    if payload.name and summary.startswith(("FileUpload", "ClusterIO")):
        return payload.name
    if event.kind == "http" and event.payload:
        words = summary.split(" ", 2)
        summary = " ".join(words[:2]) if event.direction == "sent" else words[0]
    elif event.kind == "text" and summary.startswith("text "):
        summary = "text frame"
    return one_line(summary, TITLE_LIMIT)
