"""The websocket of a dialect as an AsyncAPI 3 document; the reference backend describes its REST half by OpenAPI."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib import resources
from typing import Any

from hanami_proto.dialect import Dialect

ASYNCAPI = "3.0.0"
PROTOBUF = "application/vnd.google.protobuf;version=3"
UUID = "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
EXAMPLE_UUID = "6fa459ea-ee8a-4ca4-894e-db77e160355e"
TARGETS = {"file": "file_upload", "cluster": "cluster"}
_BLOCK = re.compile(r"^(?://[^\n]*\n)*(?P<kind>enum|message) (?P<name>\w+) \{\n.*?^\}\n", re.MULTILINE | re.DOTALL)

Document = dict[str, Any]


def asyncapi_document(dialect: Dialect, version: str) -> Document:
    """Return the description of the websocket of a dialect.

    Args:
        dialect: Dialect whose protobuf schema and limits are described.
        version: Version of this description.
    """
    return {
        "asyncapi": ASYNCAPI,
        "info": {
            "title": f"Hanami websocket, dialect {dialect.name}",
            "version": version,
            "description": _overview(dialect),
        },
        "servers": {
            "backend": {
                "host": "{host}:{port}",
                "protocol": "ws",
                "description": "Host and port of the REST API; behind TLS the protocol is wss.",
                "variables": {"host": {"default": "127.0.0.1"}, "port": {"default": str(dialect.default_port)}},
            }
        },
        "channels": {"file": _file_channel(), "cluster": _cluster_channel(dialect)},
        "operations": _operations(),
        "components": {"messages": _json_messages() | _protobuf_messages(dialect)},
    }


def _overview(dialect: Dialect) -> str:
    task, direct = dialect.modes
    limits = f" The server has {dialect.workers} workers, and an open websocket occupies one of them." * bool(
        dialect.workers
    )
    return (
        "A websocket opens at any path of the address of the REST API. Its first message is JSON: it authenticates the"
        f" user, and names a file of an upload, or a cluster in the mode {direct}. Everything after the acceptance is"
        f" protobuf in binary messages. A cluster that is back in the mode {task} needs no socket.{limits}"
    )


def _file_channel() -> Document:
    names = ("attachToFile", "accepted", "rejected", "chunk", "chunkResponse")
    return _channel("A file of an upload", "One socket for each file; MNIST datasets have two files (DATA-8).", names)


def _cluster_channel(dialect: Dialect) -> Document:
    names = ("attachToCluster", "accepted", "rejected", "values", "reply")
    return _channel(
        "A cluster",
        f"The cluster must be in the mode {dialect.modes[1]}; see {dialect.route('cluster.set_mode')}.",
        names,
    )


def _channel(title: str, description: str, messages: tuple[str, ...]) -> Document:
    return {
        "address": "/",
        "title": title,
        "description": description,
        "servers": [{"$ref": "#/servers/backend"}],
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
        "bindings": {"ws": {"method": "GET", "bindingVersion": "0.1.0"}},
    }


def _operations() -> Document:
    return {
        "attachToFile": _operation(
            "file",
            "attachToFile",
            ("accepted", "rejected"),
            "Attach to a file",
            "The first message. Token, uuid and owner are checked before anything else has an effect.",
            ("ATT-2", "ATT-3", "ATT-4", "ATT-5", "ATT-6", "ATT-7"),
        ),
        "writeChunk": _operation(
            "file",
            "chunk",
            ("chunkResponse",),
            "Write a part of the file",
            "Each chunk gets exactly one response, in order. Chunks may be sent ahead, and in any order of positions.",
            ("DATA-1", "DATA-2", "DATA-4", "DATA-5", "DATA-6", "DATA-10"),
        ),
        "attachToCluster": _operation(
            "cluster",
            "attachToCluster",
            ("accepted", "rejected"),
            "Attach to a cluster",
            "As for a file, with another target.",
            ("ATT-2", "ATT-3", "ATT-4", "ATT-5", "ATT-6", "ATT-7"),
        ),
        "process": _operation(
            "cluster",
            "values",
            ("reply",),
            "Request outputs, or train",
            "A cycle is one or more messages, of which only the last has isLast. Every message is answered: one that is"
            " not last by an acknowledgement, the last of a REQUEST by one message for each output, the last of a TRAIN"
            " by an end message. An invalid message is answered, or closes the socket with a reason.",
            ("DIO-2", "DIO-3", "DIO-4", "DIO-5", "DIO-6", "DIO-12"),
        ),
    }


def _operation(
    channel: str, message: str, replies: tuple[str, ...], title: str, description: str, requirements: tuple[str, ...]
) -> Document:
    def references(names: tuple[str, ...]) -> list[Document]:
        return [{"$ref": f"#/channels/{channel}/messages/{name}"} for name in names]

    # The document is that of the server, which receives what clients send.
    return {
        "action": "receive",
        "title": title,
        "description": description,
        "channel": {"$ref": f"#/channels/{channel}"},
        "messages": references((message,)),
        "reply": {"channel": {"$ref": f"#/channels/{channel}"}, "messages": references(replies)},
        "tags": [{"name": name} for name in requirements],
    }


def _json_messages() -> Document:
    accepted = {
        "type": "object",
        "required": ["success"],
        "properties": {"success": {"enum": [1, True], "description": "1; true counts as well"}},
    }
    rejected = {
        "type": "object",
        "required": ["success"],
        "properties": {
            "success": {"enum": [0, False]},
            "error": {"type": "string", "description": "reason for people"},
        },
    }
    return {
        "attachToFile": _first_message("file", "a file, from the response to the POST that started the upload"),
        "attachToCluster": _first_message("cluster", "a cluster"),
        "accepted": _json_message(
            "The server accepted", "Text or binary; other keys are allowed.", accepted, {"success": 1}
        ),
        "rejected": _json_message(
            "The server rejected",
            "Or the server closes the socket, with or without this message.",
            rejected,
            {"success": False, "error": "there is no unfinished file with this uuid"},
        ),
    }


def _first_message(kind: str, uuid_of: str) -> Document:
    properties = {
        "token": {"type": "string", "description": "token of the login"},
        "uuid": {"type": "string", "pattern": f"^{UUID}$", "description": f"uuid of {uuid_of}"},
        "target": {"const": TARGETS[kind]},
    }
    payload = {"type": "object", "required": list(properties), "properties": properties}
    example = {"token": "TOKEN", "uuid": EXAMPLE_UUID, "target": TARGETS[kind]}
    return _json_message(f"Attach to a {kind}", "The first message of a socket, in a text frame.", payload, example)


def _json_message(title: str, description: str, payload: Document, example: Document) -> Document:
    return {
        "title": title,
        "description": description,
        "contentType": "application/json",
        "payload": payload,
        "examples": [{"payload": example}],
    }


def _protobuf_messages(dialect: Dialect) -> Document:
    text = (resources.files("hanami_proto") / f"{dialect.schema}.proto").read_text(encoding="utf-8")
    chunk, response, values = ("FileUpload_Message", "FileUploadResponse_Message", "ClusterIO_Message")
    name = "brickName" if dialect.schema == "brick" else "bufferName"
    buffer = {"targetBufferType": "OUTPUT_BUFFER_TYPE"} if dialect.schema == "buffer" else {}
    return {
        "chunk": _protobuf_message(
            chunk,
            "position is the offset of the bytes within the file. Sizes are free; the SDK sends 128 KiB.",
            message_schema(text, chunk),
            {"position": 131072, "data": "base64 of the bytes"},
        ),
        "chunkResponse": _protobuf_message(
            response, "success is false with a reason.", message_schema(text, response), {"success": True}
        ),
        "values": _protobuf_message(
            values,
            "Values for a brick; in training also the expected values of an output.",
            message_schema(text, values),
            {name: "test_input", "isLast": True, "numberOfValues": 2, "values": [0.25, 1.0]},
        ),
        "reply": _protobuf_message(
            values,
            "An output, an acknowledgement or an end message. The last two have an empty name, perhaps a placeholder.",
            message_schema(text, values),
            {name: "test_output", "isLast": True, **buffer, "numberOfValues": 1, "values": [0.5]},
        ),
    }


def _protobuf_message(name: str, description: str, schema: str, example: Mapping[str, object]) -> Document:
    return {
        "name": name,
        "title": name,
        "description": description,
        "contentType": "application/protobuf",
        "payload": {"schemaFormat": PROTOBUF, "schema": schema},
        "examples": [{"summary": "as protobuf writes it in JSON", "payload": dict(example)}],
    }


def message_schema(text: str, message: str) -> str:
    """Return a protobuf file with one message of another file, and the enums that it uses.

    Args:
        text: Text of the other file.
        message: Name of the message.
    """
    blocks = {match["name"]: match for match in _BLOCK.finditer(text)}
    chosen = blocks[message][0]
    enums = [match[0] for name, match in blocks.items() if match["kind"] == "enum" and f" {name} " in chosen]
    return 'syntax = "proto3";\n\n' + "\n".join([*enums, chosen])
