"""The bytes of a message as people read them: fields of protobuf, JSON, text, hexadecimal."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum

from hanami_proto.codec import Codec, ProcessType, SchemaError, TargetBuffer
from hanami_reports.common.text import printable
from hanami_reports.model.conformance import Event

Field = tuple[str, str]

TEXT_SHOWN = 700  # characters of a JSON text or of another
LINE = 56  # characters of JSON that stay on one line
PREVIEW = 8  # bytes of a chunk
VALUES_SHOWN = 8
LARGEST_PARSED = 1 << 16  # bytes; a larger JSON text is shown as it came
HEX_WIDTH = 16  # bytes a line
FILE, CLUSTER = "file_upload", "cluster"  # targets of a first message

# A payload that was cut when it was recorded says so at the end of its summary.
_CUT = re.compile(r"\(cut after 1 MiB: (\d+) bytes, sha256 ([0-9a-f]{64})\)$")


@dataclass(frozen=True)
class Payload:
    """What a message holds.

    Attributes:
        name: of the message, such as ``FileUpload_Message``; empty where it has none.
        fields: name and value, of a protobuf message.
        text: JSON or other text; empty where the fields tell all.
        size: bytes that went over the wire; 0 for nothing.
        digest: SHA-256 of them in hexadecimal; empty where they are shown whole.
        dump: the first of them in hexadecimal.
    """

    name: str = ""
    fields: tuple[Field, ...] = ()
    text: str = ""
    size: int = 0
    digest: str = ""
    dump: str = ""


def attached_to(events: Iterable[Event]) -> Mapping[str, str]:
    """Channel to the target that its first message names, ``file_upload`` or ``cluster``."""
    targets: dict[str, str] = {}
    for event in events:
        if event.kind == "text" and event.direction == "sent" and event.channel not in targets:
            try:
                first = json.loads(event_bytes(event)[:LARGEST_PARSED])
            except (ValueError, RecursionError):
                continue
            if isinstance(first, dict) and first.get("target") in (FILE, CLUSTER):
                targets[event.channel] = first["target"]
    return targets


def event_bytes(event: Event) -> bytes:
    """Return the payload of an event; what is no base64 is left as it stands."""
    try:
        return base64.b64decode(event.payload, validate=True)
    except (binascii.Error, ValueError):
        return event.payload.encode("utf-8", "backslashreplace")


def read_payload(event: Event, codec: Codec, target: str, hex_bytes: int) -> Payload:
    """Return what an event carried.

    Args:
        event: of an exchange.
        codec: of the dialect that was spoken.
        target: what its channel is attached to, empty for neither file nor cluster.
        hex_bytes: bytes to show in hexadecimal.
    """
    data = event_bytes(event)
    if not data:
        return Payload()
    name, text, whole = "", "", True
    fields: tuple[Field, ...] = ()
    if event.kind == "binary":
        name, fields = _message(data, codec, target, event)
    if not fields and event.kind != "raw":
        text, whole = _text(data, insist=event.kind in ("http", "text"))
    cut = _CUT.search(event.summary)
    size = int(cut[1][:18]) if cut else len(data)
    hidden = cut is not None or not whole or (not text and size > hex_bytes)
    digest = (cut[2] if cut else hashlib.sha256(data).hexdigest()) if hidden else ""
    return Payload(name, fields, text, size, digest, hex_dump(data[:hex_bytes]))


def hex_dump(data: bytes) -> str:
    """Bytes in hexadecimal and ASCII, sixteen a line."""
    lines = []
    for offset in range(0, len(data), HEX_WIDTH):
        row = data[offset : offset + HEX_WIDTH]
        ascii_ = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
        lines.append(f"{offset:04x}  {row.hex(' '):<{3 * HEX_WIDTH}} {ascii_}")
    return "\n".join(lines)


def _text(data: bytes, *, insist: bool) -> tuple[str, bool]:
    """JSON or other text, and whether that is all of it; bytes that are no text give none unless one must be shown."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        if not insist:
            return "", False
        text = data.decode(errors="backslashreplace")
    if len(data) <= LARGEST_PARSED:
        try:
            parsed = json.loads(text)
        except (ValueError, RecursionError):
            pass
        else:
            if isinstance(parsed, dict | list):
                line = json.dumps(parsed, ensure_ascii=False)
                pretty = line if len(line) <= LINE else json.dumps(parsed, indent=2, ensure_ascii=False)
                text = pretty if len(pretty) <= TEXT_SHOWN else text
    shown = printable(text[:TEXT_SHOWN], keep="\n\t")
    return shown + ("" if len(text) <= TEXT_SHOWN else " ..."), len(text) <= TEXT_SHOWN


def _message(data: bytes, codec: Codec, target: str, event: Event) -> tuple[str, tuple[Field, ...]]:
    """Name and fields of a protobuf message; none where the bytes are not what should be there."""
    kind = target or _named_in(event.summary)
    readers: Mapping[tuple[str, str], tuple[str, Callable[[bytes, Codec], tuple[Field, ...]]]] = {
        (FILE, "sent"): ("FileUpload_Message", _chunk),
        (FILE, "received"): ("FileUploadResponse_Message", _acknowledgement),
        (CLUSTER, "sent"): ("ClusterIO_Message", _io),
        (CLUSTER, "received"): ("ClusterIO_Message", _io),
    }
    if (kind, event.direction) not in readers:
        return "", ()
    name, read = readers[kind, event.direction]
    # The answer to a first message may be JSON in a binary frame.
    if data[:1] == b"{" and _is_json(data):
        return "", ()
    try:
        return name, read(data, codec)
    except SchemaError as error:
        return f"no {name}", (("", printable(str(error))),)


def _named_in(summary: str) -> str:
    if summary.startswith(("FileUpload", "a chunk")):
        return FILE
    return CLUSTER if summary.startswith("ClusterIO") else ""


def _is_json(data: bytes) -> bool:
    try:
        return len(data) <= LARGEST_PARSED and isinstance(json.loads(data), dict)
    except (ValueError, RecursionError):
        return False


def _chunk(data: bytes, codec: Codec) -> tuple[Field, ...]:
    chunk = codec.decode_chunk(data)
    preview = chunk.data[:PREVIEW].hex(" ") + (" ..." if len(chunk.data) > PREVIEW else "")
    size = f"{len(chunk.data):,} byte{'' if len(chunk.data) == 1 else 's'}"
    return ("position", f"{chunk.position:,}"), ("data", f"{size}  {preview}".rstrip())


def _acknowledgement(data: bytes, codec: Codec) -> tuple[Field, ...]:
    answer = codec.decode_acknowledgement(data)
    fields = (("success", str(answer.success).lower()),)
    return (*fields, ("errorMessage", answer.error)) if answer.error else fields


def _io(data: bytes, codec: Codec) -> tuple[Field, ...]:
    message = codec.decode_io(data)
    fields = [("name", f'"{message.name}"'), ("processType", _enum(ProcessType, message.process_type, "_TYPE"))]
    if codec.schema == "buffer":
        fields.append(("targetBufferType", _enum(TargetBuffer, message.target_buffer, "_BUFFER_TYPE")))
    values = ", ".join(f"{value:.6g}" for value in message.values[:VALUES_SHOWN])
    more = f", ... {len(message.values):,} values" if len(message.values) > VALUES_SHOWN else ""
    fields += [
        ("isLast", str(message.is_last).lower()),
        ("numberOfValues", f"{message.number_of_values:,}"),
        ("values", f"[{values}{more}]"),
    ]
    return tuple(fields)


def _enum(kind: type[IntEnum], number: int, suffix: str) -> str:
    try:
        return kind(number).name + suffix
    except ValueError:
        return f"{number} (unknown)"
