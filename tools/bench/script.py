"""The acts of a client that replays a recording, and the parts of the answers that must be equal."""

from __future__ import annotations

from dataclasses import dataclass, field

from tools.bench.recording import UPGRADED, Kind, Recording, Step

GOODBYE = b"\x88\x82"  # a masked close frame with a code and no reason
GOODBYE_SIZE = 8  # bytes
NORMAL_CLOSURE = 1000


@dataclass(frozen=True)
class Act:
    """One thing that the client does.

    Attributes:
        kind: RECEIVED waits until ``total`` bytes have come on the connection, CRASH for its end; FINISHED closes the
            sending side, or all of it if ``closes``; the rest as in :class:`Kind`.
        connection: Number of the connection.
        data: Bytes to send.
        total: Number of bytes since the connection was opened.
        closes: Whether the connection is not used any more.
    """

    kind: Kind
    connection: int
    data: bytes = b""
    total: int = 0
    closes: bool = False


@dataclass
class Script:
    """All acts of a client.

    Attributes:
        acts: Acts in their order.
        firm: Number of answer bytes of each connection that must be equal again. Later bytes, after a close or to a
            client that no longer reads, depend on timing, even between the same client and server.
    """

    acts: list[Act] = field(default_factory=list)
    firm: list[int] = field(default_factory=list)


@dataclass
class _Connection:
    is_websocket: bool
    last_answer: int
    total: int = 0
    firm: int | None = None
    said_goodbye: bool = False
    is_closed: bool = False


def script_of(recording: Recording) -> Script:
    """Return what repeats a recording.

    A client waits for the end of a websocket after its goodbye, and where it was recorded; not for that of a REST
    connection, which it closes when it has the answer.
    """
    answers = recording.answers()
    lasts = {step.connection: place for place, step in enumerate(recording.steps) if step.kind is Kind.RECEIVED}
    known = [_Connection(answer.startswith(UPGRADED), lasts.get(number, -1)) for number, answer in enumerate(answers)]
    script = Script()
    for place, step in enumerate(recording.steps):
        act = _act(step, place, known[step.connection])
        if act is not None:
            script.acts.append(act)
    script.firm = [one.total if one.firm is None else one.firm for one in known]
    return script


def _act(step: Step, place: int, connection: _Connection) -> Act | None:
    number = step.connection
    if step.kind is Kind.RECEIVED:
        connection.total += len(step.data)
        if connection.said_goodbye:
            return Act(Kind.CRASH, number)
        return Act(step.kind, number, total=connection.total) if connection.firm is None else None
    if connection.is_closed:
        return None
    if step.kind is Kind.NEGLECTED or (step.kind is Kind.SENT and connection.is_websocket and is_goodbye(step.data)):
        connection.firm = connection.total if connection.firm is None else connection.firm
        connection.said_goodbye = step.kind is Kind.SENT
        return Act(step.kind, number, step.data) if step.kind is Kind.SENT else None
    if step.kind is Kind.FINISHED and not connection.is_websocket and connection.last_answer < place:
        connection.is_closed = True
        return Act(step.kind, number, closes=True)
    return Act(step.kind, number, step.data)


def is_goodbye(data: bytes) -> bool:
    """Whether the last thing in what a client sent is a close frame with code 1000."""
    frame = data[-GOODBYE_SIZE:]
    if not frame.startswith(GOODBYE) or len(frame) < GOODBYE_SIZE:
        return False
    mask, code = frame[2:4], frame[6:8]
    return (code[0] ^ mask[0]) << 8 | (code[1] ^ mask[1]) == NORMAL_CLOSURE
