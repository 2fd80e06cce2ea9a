"""Recorded exchanges with all that an export distinguishes: handshakes, fragments, closes, ends of connections."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace

from hanami_reports.common.websocket_frames import BINARY, CONTINUATION, PING, close_payload, encode_frame
from hanami_reports.model.conformance import CaseResult, Event, Outcome, RunResult
from support.conformance_results import CODEC, case, run_of

STARTED = "2026-01-02T03:04:05.123456+00:00"
TOKEN = "[token of the first user]"
WHOLE_SIZE = 3_000_000
LARGE = CODEC.encode_chunk(0, bytes(WHOLE_SIZE - 7))
CUT = f"(cut after 1 MiB: {WHOLE_SIZE} bytes, sha256 {hashlib.sha256(LARGE).hexdigest()})"
REQUEST_HEAD = (
    "POST /v1/csv/dataset?a=b+c HTTP/1.1\r\nHost: h:1\r\nAccept: */*\r\nContent-Type: application/json\r\n"
    f"X-Auth-Token: {TOKEN}\r\nContent-Length: 99\r\n\r\n"
)
HANDSHAKE = (
    "GET / HTTP/1.1\r\nHost: h:1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: AuJxAcGS+YEnVLBX1eRs0w==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
ACCEPTED = (
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Accept: rTpdMwxkSiiLSpFYaDPBFBNKLGA=\r\n\r\n"
)
FIRST_MESSAGE = f'{{"token": "{TOKEN}", "uuid": "u", "target": "file_upload"}}'.encode()
FRAGMENTS = (
    encode_frame(BINARY, b"ab", masked=True, fin=False)
    + encode_frame(PING, b"between", masked=True)
    + encode_frame(CONTINUATION, b"cd", masked=True)
)


def recorded(
    at: float,
    channel: str,
    direction: str,
    kind: str,
    summary: str,
    payload: bytes = b"",
    *,
    head: str = "",
    frames: bytes = b"",
) -> Event:
    """An event with everything that is recorded."""
    encoded = [base64.b64encode(data).decode() for data in (payload, frames)]
    return Event(at, channel, direction, kind, summary, encoded[0], head, encoded[1])


def rest_exchange() -> tuple[Event, ...]:
    """REST calls: answered, answered in chunks, and not answered."""
    get = "GET /v1/dataset/progress?uuid=u HTTP/1.1\r\nHost: h:1\r\n\r\n"
    chunked = "HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\nContent-Type: text/plain\r\n\r\n"
    return (
        recorded(0.1, "rest-1", "sent", "http", 'POST /v1/csv/dataset {"a": 1}', b'{"a": 1}', head=REQUEST_HEAD),
        recorded(
            0.35,
            "rest-1",
            "received",
            "http",
            '200 {"uuid": "u"}',
            b'{"uuid": "u"}',
            head="HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 13\r\n\r\n",
        ),
        recorded(0.4, "rest-2", "sent", "http", "GET /v1/dataset/progress?uuid=u ", head=get),
        recorded(0.5, "rest-2", "received", "http", "404 \xff", b"\xff\x00", head=chunked),
        recorded(0.6, "rest-3", "sent", "http", "GET /v1/dataset/progress?uuid=u ", head=get),
        recorded(0.7, "rest-3", "note", "timeout", "no answer within 10 s"),
        recorded(0.8, "rest-4", "sent", "http", "GET /v1/dataset/progress?uuid=u ", head=get),
        recorded(0.9, "rest-4", "note", "refused", "no connection: Connection refused"),
    )


def socket_exchange() -> tuple[Event, ...]:
    """Of a websocket: a first message, a chunk that was cut, fragments, a close."""
    return (
        recorded(1.0, "ws-1", "sent", "open", "websocket handshake with ws://h:1/", head=HANDSHAKE),
        recorded(1.1, "ws-1", "received", "open", "websocket open", head=ACCEPTED),
        recorded(1.2, "ws-1", "sent", "text", f"text {FIRST_MESSAGE.decode()}", FIRST_MESSAGE),
        recorded(1.3, "ws-1", "received", "binary", "binary", b'{"success": 1}'),
        recorded(1.4, "ws-1", "sent", "binary", f"FileUpload {CUT}", LARGE[: 1 << 20]),
        recorded(1.5, "ws-1", "received", "binary", "FileUploadResponse", CODEC.encode_acknowledgement(True)),
        recorded(1.6, "ws-1", "sent", "binary", "a message in 2 fragments", b"abcd", frames=FRAGMENTS),
        recorded(1.7, "ws-1", "received", "close", "close 1008 'no'", close_payload(1008, "no")),
    )


def raw_exchange() -> tuple[Event, ...]:
    """Of bare connections: a request in two parts, bytes that are none, and a websocket that is reset."""
    answer = "HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\n"
    return (
        recorded(2.0, "tcp-1", "sent", "raw", "the first part", b"GET /a HTTP/1.1\r\nHo"),
        recorded(2.1, "tcp-1", "sent", "raw", "the second part", b"st: x\r\n\r\n"),
        recorded(2.2, "tcp-1", "received", "http", "400 no", b"no", head=answer),
        recorded(2.3, "tcp-2", "sent", "raw", "bytes", b"\xff\xfe"),
        recorded(2.4, "ws-2", "sent", "open", "websocket handshake with ws://h:1/", head=HANDSHAKE),
        recorded(2.5, "ws-2", "received", "open", "websocket open", head=ACCEPTED),
        recorded(2.6, "ws-2", "sent", "raw", "a reserved opcode", b"\x83\x80\x00\x00\x00\x00"),
        recorded(2.7, "ws-2", "received", "reset", "connection closed abnormally (Connection reset by peer)"),
    )


def failed_case() -> CaseResult:
    """A case that failed at the answer to the message in fragments."""
    exchange = (*rest_exchange(), *socket_exchange(), *raw_exchange())
    failed = case(3, Outcome.FAILED, "DATA-2", exchange)
    return replace(failed, started=STARTED, actual="close 1008 'no'", failed_at=15)


def recorded_result() -> RunResult:
    """A result with one failed case, and one that passed."""
    return run_of([failed_case(), case(4, Outcome.PASSED, "ATT-1")])
