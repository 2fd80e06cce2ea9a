"""An exchange as a ladder: client on the left, server on the right, a lane for each connection, time downwards."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from hanami_proto.codec import Codec
from hanami_proto.dialect import DEFAULT_DIALECT, dialect_names, load_dialect
from hanami_reports.common.text import one_line, seconds
from hanami_reports.conformance.html.payload import Payload, attached_to, read_payload
from hanami_reports.model.conformance import Event, RunResult

MOST_LANES = 3  # side by side; beyond, all share one and each message names its connection
SILENCE = 0.5  # seconds between two events that are pointed out
TITLE_LIMIT = 160
REST = "REST"

_REST_CHANNEL = re.compile(r"rest-\d+")


@dataclass(frozen=True)
class Detail:
    """How much of an exchange is shown.

    Attributes:
        first: events from its beginning.
        last: events from its end.
        hex_bytes: of each message, in hexadecimal.
    """

    first: int
    last: int
    hex_bytes: int


FULL = Detail(12, 68, 256)
SHORT = Detail(8, 16, 64)


@dataclass(frozen=True)
class LadderRow:
    """One event.

    Attributes:
        at: when, for people.
        lane: index of the lane that it is in.
        channel: connection.
        direction: ``sent``, ``received`` or ``note``.
        words: direction and connection, for those who cannot see the arrow.
        title: one line.
        payload: what it carried.
        silence: how long nothing had happened before it, for people; empty where that was short.
        skipped: events left out before it.
    """

    at: str
    lane: int
    channel: str
    direction: str
    words: str
    title: str
    payload: Payload
    silence: str = ""
    skipped: int = 0


@dataclass(frozen=True)
class Ladder:
    """A whole exchange.

    Attributes:
        lanes: names of the lanes, from left to right.
        rungs: from top to bottom.
        total: events of the exchange, shown or not.
    """

    lanes: tuple[str, ...]
    rungs: tuple[LadderRow, ...]
    total: int


def ladder(events: Sequence[Event], codec: Codec, detail: Detail) -> Ladder:
    """Return an exchange, as much of it as is asked for.

    Args:
        events: in order of time.
        codec: of the dialect that was spoken.
        detail: how much is shown.
    """
    chosen = list(enumerate(events))
    left_out = len(events) - detail.first - detail.last
    if left_out > 1:  # to leave out a single one would need as much room as it
        chosen = chosen[: detail.first] + chosen[-detail.last :]
    names = list(dict.fromkeys(_lane(event) for _, event in chosen))
    lanes = tuple(one_line(name, 20) for name in names) if len(names) <= MOST_LANES else ("",)
    targets = attached_to(events)
    rungs, before = [], -1
    for index, event in chosen:
        silence = event.at - events[index - 1].at if index else 0.0
        payload = read_payload(event, codec, targets.get(event.channel, ""), detail.hex_bytes)
        rungs.append(
            LadderRow(
                at=seconds(event.at),
                lane=names.index(_lane(event)) if len(lanes) > 1 else 0,
                channel=_lane(event) if len(names) > 1 else "",
                direction=event.direction,
                words=_words(event),
                title=_title(event, payload),
                payload=payload,
                silence=seconds(silence) if silence >= SILENCE else "",
                skipped=index - before - 1,
            )
        )
        before = index
    return Ladder(lanes, tuple(rungs), len(events))


def codec_of(result: RunResult) -> Codec:
    """Return the codec of the dialect that a run spoke, of the default where the dialect is somebody's file."""
    name = str(result.manifest.get("dialect", DEFAULT_DIALECT))
    return load_dialect(name if name in dialect_names() else DEFAULT_DIALECT).codec


def _lane(event: Event) -> str:
    # Each REST call has a channel of its own, and they come one after the other.
    return REST if _REST_CHANNEL.fullmatch(event.channel) else event.channel


def _words(event: Event) -> str:
    doing = {"sent": "client sends", "received": "server sends"}.get(event.direction, "note")
    return f"{doing}, {_lane(event)}:"


def _title(event: Event, payload: Payload) -> str:
    """Return what an event is, without what its payload tells."""
    summary = event.summary
    if payload.name and summary.startswith(("FileUpload", "ClusterIO")):
        return payload.name
    if event.kind == "http" and event.payload:
        words = summary.split(" ", 2)
        summary = " ".join(words[:2]) if event.direction == "sent" else words[0]
    elif event.kind == "text" and summary.startswith("text "):
        summary = "text frame"
    return one_line(summary, TITLE_LIMIT)
