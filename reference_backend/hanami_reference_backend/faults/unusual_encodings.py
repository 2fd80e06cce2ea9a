"""Faults with valid but unusual input: other encodings, escapes, fragments (ATT-2, DATA-1, DIO-1)."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any
from weakref import WeakSet

from fastapi import FastAPI
from google.protobuf.unknown_fields import UnknownFieldSet
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import Protocol

from hanami_proto.codec import Codec, SchemaError
from hanami_proto.dialect import Dialect
from hanami_reference_backend.common.errors import bad_request
from hanami_reference_backend.faults import internals
from hanami_reference_backend.faults.patch import replace_method
from hanami_reference_backend.faults.registry import fault
from hanami_reference_backend.rest import operation
from hanami_reference_backend.rest.fields import CsvInit, Fields, MnistFinalize, MnistInit, SetMode
from hanami_reference_backend.rest.operation import TOKEN_HEADER
from hanami_reference_backend.serving.rest_protocol import RestProtocol
from hanami_reference_backend.serving.socket_protocol import SocketProtocol
from hanami_reference_backend.sockets.attach import RejectedError, SocketServer

MOST_COLLECTED = 1 << 16  # bytes
SHORT = 1 << 10  # bytes


@fault("DATA-1", "DIO-1")
def unusual_encodings_rejected() -> None:
    """A message in another encoding than the one that protobuf writes is rejected as undecodable."""

    @replace_method(Codec, "decode_chunk")
    def decode_chunk(original: Any, codec: Codec, payload: bytes) -> Any:
        chunk = original(codec, payload)
        if codec.encode_chunk(chunk.position, chunk.data) != payload:
            raise SchemaError("not a FileUpload_Message")
        return chunk

    @replace_method(Codec, "decode_io")
    def decode_io(original: Any, codec: Codec, payload: bytes) -> Any:
        message = original(codec, payload)
        if internals.encode(codec, message) != payload:
            raise SchemaError("not a ClusterIO_Message")
        return message


@fault("ATT-2")
def first_messages_taken_from_one_read() -> None:
    """A first message is expected in one TCP segment: of several, those behind the first are dropped."""
    cut: WeakSet[SocketProtocol] = WeakSet()

    @replace_method(SocketProtocol, "data_received")
    def data_received(original: Any, protocol: SocketProtocol, data: bytes) -> None:
        is_first = protocol.handshake_complete and protocol.conn.max_message_size != protocol._max_message
        if is_first and protocol in cut:
            return
        original(protocol, data)
        if is_first and len(data) < SHORT and protocol._wanted > len(data):
            cut.add(protocol)


@fault("ATT-2", hook=replace_method(SocketServer, "read"))
def escapes_rejected(original: Any, server: SocketServer, message: bytes | str) -> Any:
    """A first message with an escape in its JSON is rejected."""
    if isinstance(message, str) and "\\" in message:
        raise RejectedError("the first message has an escape")
    return original(server, message)


def _require_first(first: str, *models: type[Fields]) -> None:
    """Reject requests of these models that begin with another field."""

    @replace_method(operation, "check")
    def check(original: Any, model: type[Fields], values: dict[str, Any], dialect: Dialect) -> Any:
        if model in models and next(iter(values), first) != first:
            raise bad_request(f"{first} is missing")
        return original(model, values, dialect)


@fault("INIT-2", "INIT-1")
def name_must_come_first() -> None:
    """A POST whose first field is not the name is rejected."""
    _require_first("name", CsvInit, MnistInit)


@fault("MODE-1")
def switch_must_begin_with_the_uuid() -> None:
    """A mode switch whose first field is not the uuid is rejected."""
    _require_first("uuid", SetMode)


@fault("FIN-1")
def put_must_begin_with_the_uuid() -> None:
    """A PUT that finalizes images and whose first field is not the uuid is rejected."""
    _require_first("uuid", MnistFinalize)


@fault("GEN-1", hook=replace_method(FastAPI, "__call__"))
async def encoded_queries_fail(original: Any, app: FastAPI, scope: Any, *more: Any) -> None:
    """A query that begins with a percent-encoded character gets 500."""
    if scope["type"] == "http" and re.search(rb"=%[0-9A-F]{2}%[0-9A-F]{2}%", scope["query_string"]):
        raise RuntimeError("a percent sign")
    await original(app, scope, *more)


@fault("DATA-11", "DATA-3", hook=replace_method(SocketProtocol, "handle_cont"))
def fragments_up_to_64_kib(original: Any, protocol: SocketProtocol, event: Frame) -> None:
    """The bytes of a fragmented message after the first 64 KiB are dropped."""
    room = max(0, MOST_COLLECTED - sum(map(len, protocol.frames)))
    original(protocol, replace(event, data=event.data[:room]))


@fault("DATA-11", "DATA-8")
def fragments_share_a_buffer() -> None:
    """The fragments of all sockets are collected in one buffer."""
    frames: list[Any] = []

    @replace_method(SocketProtocol, "handle_bytes")
    def handle_bytes(original: Any, protocol: SocketProtocol, event: Frame) -> None:
        original(protocol, event)
        if not event.fin:
            frames.append(event.data)
            protocol.frames = frames

    @replace_method(SocketProtocol, "handle_cont")
    def handle_cont(original: Any, protocol: SocketProtocol, event: Frame) -> None:
        original(protocol, event)
        if event.fin:
            frames.clear()


@fault("ATT-1", hook=replace_method(SocketProtocol, "handle_connect"))
def handshakes_compared_letter_by_letter(original: Any, protocol: SocketProtocol, event: Request) -> None:
    """The header values of a handshake must be spelled as most clients send them."""
    if (event.headers["Connection"], event.headers["Upgrade"]) != ("Upgrade", "websocket"):
        del event.headers["Upgrade"]
    original(protocol, event)


@fault("PROG-1", hook=replace_method(RestProtocol, "data_received"))
def header_of_the_token_in_its_own_case(original: Any, protocol: RestProtocol, data: bytes) -> None:
    """The name of the token header is case-sensitive."""
    other = rb"(?i:\r\n" + TOKEN_HEADER.encode() + rb"(?=:))(?<!" + TOKEN_HEADER.encode() + rb")"
    original(protocol, re.sub(other, b"\r\nX-Nothing", data))


@fault("ATT-1", hook=replace_method(SocketProtocol, "handle_connect"))
def offered_extensions_rejected(original: Any, protocol: SocketProtocol, event: Request) -> None:
    """A handshake that offers an extension is rejected."""
    if "Sec-WebSocket-Extensions" in event.headers:
        del event.headers["Upgrade"]
    original(protocol, event)


@fault("DATA-1", "DIO-1", hook=replace_method(Codec, "_parse"))
def unknown_fields_rejected(original: Any, codec: Codec, message_type: str, payload: bytes) -> Any:
    """A message with a field that its schema does not have is rejected as undecodable."""
    message = original(codec, message_type, payload)
    if len(UnknownFieldSet(message)):
        raise SchemaError(f"not a {message_type}: unknown field")
    return message


@fault("ATT-1", "DATA-11", "DIO-1", hook=replace_method(SocketProtocol, "_send_pongs"))
def pings_are_not_answered(original: Any, protocol: SocketProtocol) -> None:
    """A ping gets no pong."""
    if protocol.conn.close_sent is None and protocol.conn.close_rcvd is None:
        protocol.conn.data_to_send()
    else:
        original(protocol)


@fault("ATT-1", "DATA-11", "DIO-1", hook=replace_method(Protocol, "recv_frame"))
def pongs_without_payload(original: Any, protocol: Protocol, frame: Frame) -> None:
    """A ping is answered by an empty pong."""
    original(protocol, replace(frame, data=b"") if frame.opcode is Opcode.PING else frame)
