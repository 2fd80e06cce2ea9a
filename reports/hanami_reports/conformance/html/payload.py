"""The bytes of a message for people: protobuf fields, JSON, text, hexadecimal."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum

from hanami_proto.codec import Codec, ProcessType, SchemaError, TargetBuffer
from hanami_reports.common.text import pluralise, printable
from hanami_reports.conformance.recorded_bytes import cut_of, event_bytes
from hanami_reports.model.conformance import Event

Field = tuple[str, str]

TEXT_LIMIT = 700  # characters of a text
LINE_LENGTH = 56  # characters; shorter JSON stays on one line
PREVIEW = 8  # bytes of a chunk
MOST_VALUES = 8
LARGEST_PARSED = 1 << 16  # bytes; a larger JSON text is not reformatted
HEX_WIDTH = 16  # bytes a line
FILE, CLUSTER = "file_upload", "cluster"  # targets of an attach message


@dataclass(frozen=True)
class Payload:
    """The payload of an event.

    Attributes:
        name: Name of the message, such as ``FileUpload_Message``; may be empty.
        fields: Names and values of a protobuf message.
        text: JSON or other text; empty if there are fields.
        size: Number of bytes; 0 without a payload.
        digest: SHA-256 in hexadecimal; empty if all bytes are shown.
        dump: First bytes in hexadecimal.
    """

    name: str = ""
    fields: tuple[Field, ...] = ()
    text: str = ""
    size: int = 0
    digest: str = ""
    dump: str = ""


def attached_targets(events: Iterable[Event]) -> Mapping[str, str]:
    """Return the target of each channel, ``file_upload`` or ``cluster``, from its attach message."""
    targets: dict[str, str] = {}
    for event in events:
        if event.kind == "text" and event.direction == "sent" and event.channel not in targets:
            try:
                message = json.loads(event_bytes(event)[:LARGEST_PARSED])
            except (ValueError, RecursionError):
                continue
            if isinstance(message, dict) and message.get("target") in (FILE, CLUSTER):
                targets[event.channel] = message["target"]
    return targets


def read_payload(event: Event, codec: Codec, target: str, hex_bytes: int) -> Payload:
    """Return the payload of an event.

    Args:
        event: Event of an exchange.
        codec: Codec of the dialect of the run.
        target: Target that its channel is attached to, ``file_upload`` or ``cluster``; empty for neither.
        hex_bytes: Number of bytes to show in hexadecimal.
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
    cut = cut_of(event)
    size = cut.size if cut else len(data)
    hidden = cut is not None or not whole or (not text and size > hex_bytes)
    digest = (cut.digest if cut else hashlib.sha256(data).hexdigest()) if hidden else ""
    return Payload(name, fields, text, size, digest, hex_dump(data[:hex_bytes]))


def hex_dump(data: bytes) -> str:
    """Return bytes in hexadecimal and ASCII, sixteen per line."""
    lines = []
    for offset in range(0, len(data), HEX_WIDTH):
        row = data[offset : offset + HEX_WIDTH]
        ascii_ = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
        lines.append(f"{offset:04x}  {row.hex(' '):<{3 * HEX_WIDTH}} {ascii_}")
    return "\n".join(lines)


def _text(data: bytes, *, insist: bool) -> tuple[str, bool]:
    """Return JSON or other text and whether it is complete; nothing for bytes that are no text, unless ``insist``."""
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
                pretty = line if len(line) <= LINE_LENGTH else json.dumps(parsed, indent=2, ensure_ascii=False)
                text = pretty if len(pretty) <= TEXT_LIMIT else text
    is_whole = len(text) <= TEXT_LIMIT
    return printable(text[:TEXT_LIMIT], keep="\n\t") + ("" if is_whole else " ..."), is_whole


def _message(data: bytes, codec: Codec, target: str, event: Event) -> tuple[str, tuple[Field, ...]]:
    """Return name and fields of a protobuf message; without fields if the bytes are no such message."""
    kind = target or _target_from_summary(event.summary)
    readers: Mapping[tuple[str, str], tuple[str, Callable[[bytes, Codec], tuple[Field, ...]]]] = {
        (FILE, "sent"): ("FileUpload_Message", _chunk),
        (FILE, "received"): ("FileUploadResponse_Message", _acknowledgement),
        (CLUSTER, "sent"): ("ClusterIO_Message", _io),
        (CLUSTER, "received"): ("ClusterIO_Message", _io),
    }
    if (kind, event.direction) not in readers:
        return "", ()
    name, read = readers[kind, event.direction]
    # The answer to an attach message may be JSON in a binary frame.
    if data[:1] == b"{" and _is_json(data):
        return "", ()
    try:
        return name, read(data, codec)
    except SchemaError as error:
        return f"not a valid {name}", (("", printable(str(error))),)


def _target_from_summary(summary: str) -> str:
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
    return ("position", f"{chunk.position:,}"), ("data", f"{pluralise(len(chunk.data), 'byte')}  {preview}".rstrip())


def _acknowledgement(data: bytes, codec: Codec) -> tuple[Field, ...]:
    answer = codec.decode_acknowledgement(data)
    fields = (("success", str(answer.success).lower()),)
    return (*fields, ("errorMessage", answer.error)) if answer.error else fields


def _io(data: bytes, codec: Codec) -> tuple[Field, ...]:
    message = codec.decode_io(data)
    fields = [("name", f'"{message.name}"'), ("processType", _enum(ProcessType, message.process_type, "_TYPE"))]
    if codec.schema == "buffer":
        fields.append(("targetBufferType", _enum(TargetBuffer, message.target_buffer, "_BUFFER_TYPE")))
    values = ", ".join(f"{value:.6g}" for value in message.values[:MOST_VALUES])
    more = f", ... {len(message.values):,} values" if len(message.values) > MOST_VALUES else ""
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
