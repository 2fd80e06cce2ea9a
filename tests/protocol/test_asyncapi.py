"""The AsyncAPI document of each dialect is valid, and describes the bytes that the codec writes."""

from __future__ import annotations

import gzip
import importlib
import json
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from grpc_tools import protoc

from hanami_proto.asyncapi import PROTOBUF, asyncapi_document, message_schema
from hanami_proto.dialect import dialect_names, load_dialect
from support.paths import ROOT

# The schema of the specification, https://asyncapi.com/definitions/3.0.0.json, from the npm package @asyncapi/specs
# 6.11.1 (Apache 2.0), without white space.
SCHEMA = ROOT / "tests" / "support" / "asyncapi-3.0.0.json.gz"


@cache
def validator() -> jsonschema.Draft7Validator:
    return jsonschema.Draft7Validator(json.loads(gzip.decompress(SCHEMA.read_bytes())))


def document(dialect: str) -> dict[str, Any]:
    # As others read it: JSON.
    data: dict[str, Any] = json.loads(json.dumps(asyncapi_document(load_dialect(dialect), "1.2.3")))
    return data


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from [value["$ref"]] if "$ref" in value else []
        for part in value.values():
            yield from references(part)
    elif isinstance(value, list):
        for part in value:
            yield from references(part)


@pytest.mark.parametrize("dialect", dialect_names())
def test_the_document_of_a_dialect_is_valid(dialect: str) -> None:
    described = document(dialect)
    assert [f"{error.json_path}: {error.message}" for error in validator().iter_errors(described)] == []
    for reference in set(references(described)):
        part = described
        for key in reference.removeprefix("#/").split("/"):
            part = part[key]


def test_the_schema_rejects_what_is_wrong() -> None:
    for change in (
        {"asyncapi": "2.6.0"},
        {"operations": {"x": {"action": "publish"}}},
        {"channels": {"x": {"bind": 1}}},
    ):
        assert not validator().is_valid(document("documented") | change)


def test_only_the_server_and_the_schema_differ_between_dialects() -> None:
    documented, other = document("documented"), document("openhanami-0.6")
    assert documented["operations"] == other["operations"]
    names = documented["components"]["messages"]["values"]["payload"]["schema"]
    assert "brickName = 1" in names
    assert "TargetBufferType" not in names
    names = other["components"]["messages"]["values"]["payload"]["schema"]
    assert "bufferName = 1" in names
    assert "TargetBufferType targetBufferType = 4" in names
    assert "4 workers" in other["info"]["description"]
    assert "workers" not in documented["info"]["description"]


@pytest.mark.parametrize("dialect", dialect_names())
def test_examples_of_json_messages_are_valid(dialect: str) -> None:
    messages = document(dialect)["components"]["messages"]
    checked = 0
    for message in messages.values():
        if message["contentType"] == "application/json":
            for example in message["examples"]:
                jsonschema.validate(example["payload"], message["payload"])
                checked += 1
    assert checked == 4
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"success": 0}, messages["accepted"]["payload"])
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"token": "t", "uuid": "x", "target": "cluster"}, messages["attachToCluster"]["payload"])


@pytest.mark.parametrize("schema", ["brick", "buffer"])
def test_protobuf_schemas_compile_to_the_messages_of_the_codec(schema: str, tmp_path: Path) -> None:
    name = next(name for name in dialect_names() if load_dialect(name).schema == schema)
    messages = document(name)["components"]["messages"]
    ours = importlib.import_module(f"hanami_proto.{schema}_pb2").DESCRIPTOR.message_types_by_name
    compiled = []
    for key, message in messages.items():
        if message["contentType"] != "application/protobuf":
            continue
        assert message["payload"]["schemaFormat"] == PROTOBUF
        module = f"described_{schema}_{key.lower()}"
        # A package of its own: all descriptors of a process have one pool.
        text = message["payload"]["schema"].replace("\n", f"\npackage {module};\n", 1)
        (tmp_path / f"{module}.proto").write_text(text, encoding="utf-8")
        assert protoc.main(["protoc", f"-I{tmp_path}", f"--python_out={tmp_path}", f"{module}.proto"]) == 0
        sys.path.insert(0, str(tmp_path))
        try:
            described = importlib.import_module(f"{module}_pb2").DESCRIPTOR.message_types_by_name
        finally:
            sys.path.remove(str(tmp_path))
        assert list(described) == [message["name"]]
        fields = [(one.name, one.number, one.type) for one in described[message["name"]].fields]
        assert fields == [(one.name, one.number, one.type) for one in ours[message["name"]].fields]
        compiled.append(message["name"])
    assert sorted(set(compiled)) == sorted(ours)


def test_a_message_brings_its_enums_and_no_other() -> None:
    text = (ROOT / "proto" / "hanami_proto" / "buffer.proto").read_text(encoding="utf-8")
    assert "enum" not in message_schema(text, "FileUpload_Message")
    assert message_schema(text, "ClusterIO_Message").count("enum ") == 2
