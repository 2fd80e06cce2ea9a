"""The API page says what the server accepts and answers, no less and no more."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema.protocols import Validator
from jsonschema.validators import extend

from hanami_proto.dialect import Dialect, dialect_names, load_dialect
from hanami_reference_backend.auth import User, Users
from hanami_reference_backend.backend import Backend
from hanami_reference_backend.common.errors import RequestError
from hanami_reference_backend.common.settings import Settings
from hanami_reference_backend.rest.fields import check
from hanami_reference_backend.serving.app import build_rest, operations

SETTINGS = Settings(max_file_size=1_000_000)
UUID = "11111111-1111-4111-8111-111111111111"
DIALECTS = [load_dialect(name) for name in dialect_names()]
SIZES_OF_DIALECTS = {"maximum": 10_000_000_000}  # in every dialect
BODIES = {"mnist.init", "mnist.finalize", "csv.init", "csv.finalize", "cluster.create", "cluster.set_mode"}
MUST_FAIL: dict[str, list[Any]] = {  # values that are invalid in every dialect, by field
    "uuid": [UUID.replace("4", "1"), UUID[:-1], "A" + UUID[1:]],
    "name": ["abc", "1abc", "a" * 257, "abcä", "abcd\n", 5],
    "input_data_size": [0, -1, 1_000_001, 10_000_000_001, "5", True],
    "new_state": ["direct", "", 1],
    "template": ["a", "ab=c", "=", "abc", "ab==cd==", "abcd\n", "ä", None],
    "row_offset": [-1, 2**63],
    "number_of_rows": [0, 10_001],
}
MUST_PASS: dict[str, list[Any]] = {
    "uuid": [UUID],
    "name": ["abcd", "A 1_", "a" * 254],
    "input_data_size": [1, 1_000_000, 5.0],
    "template": ["", "abcd", "abc=", "ab==", "+/+/"],
    "row_offset": [0, 1_000_000_000],
    "number_of_rows": [1, 10_000],
}


def backend(dialect: Dialect) -> Backend:
    return Backend.create(dialect, SETTINGS, Users([User("alice", "password", "alpha")], 60.0))


@cache
def described(dialect_name: str) -> dict[str, dict[str, Any]]:
    """The description of each operation."""
    server = backend(load_dialect(dialect_name))
    paths = json.loads(json.dumps(build_rest(server, operations(server)).openapi()))["paths"]
    return {name: paths[route.path][route.method.lower()] for name, route in server.dialect.routes.items()}


def request_schema(operation: dict[str, Any]) -> dict[str, Any]:
    """The schema of the body, or of the query as an object."""
    if "requestBody" in operation:
        schema: dict[str, Any] = operation["requestBody"]["content"]["application/json"]["schema"]
        return schema
    return {
        "type": "object",
        "properties": {one["name"]: one["schema"] for one in operation["parameters"]},
        "required": [one["name"] for one in operation["parameters"] if one["required"]],
    }


def _pattern(_validator: Validator, pattern: str, text: object, _schema: object) -> Any:
    # As ECMAScript has it: Python's $ also matches before a newline at the end.
    if isinstance(text, str) and not re.search(re.sub(r"\$$", r"\\Z", pattern), text):
        yield jsonschema.ValidationError(f"{text!r} does not match {pattern!r}")


Schema = extend(jsonschema.Draft202012Validator, {"pattern": _pattern})  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("dialect", DIALECTS, ids=dialect_names())
def test_schemas_are_valid_and_have_no_foreign_keywords(dialect: Dialect) -> None:
    for name, operation in described(dialect.name).items():
        schemas = [request_schema(operation)]
        schemas += [part["schema"] for one in operation["responses"].values() for part in one["content"].values()]
        for schema in schemas:
            Schema.check_schema(schema)
            assert not {"ge", "le", "gt", "lt"} & set(re.findall(r'"(\w+)":', json.dumps(schema))), name


@pytest.mark.parametrize("dialect", DIALECTS, ids=dialect_names())
def test_every_operation_describes_its_errors(dialect: Dialect) -> None:
    common = {"400", "401", "403", "431"}
    body, resource = common | {"408", "413"}, common | {"404"}
    expected = {
        "token.create": body | {"429"},
        **dict.fromkeys(("mnist.init", "csv.init", "cluster.create"), body | {"409"}),
        **dict.fromkeys(("mnist.finalize", "csv.finalize", "cluster.set_mode"), body | {"404", "409"}),
        **dict.fromkeys(("dataset.list", "cluster.list"), common),
        **dict.fromkeys(("dataset.progress", "dataset.delete", "cluster.get", "cluster.delete"), resource),
        **dict.fromkeys(("dataset.get", "dataset.content"), resource | {"409"}),
    }
    for name, operation in described(dialect.name).items():
        assert set(operation["responses"]) - {"200"} == expected[name], name
        assert all(set(operation["responses"][status]["content"]) == {"text/plain"} for status in expected[name])


@pytest.mark.parametrize("dialect", DIALECTS, ids=dialect_names())
def test_only_the_login_needs_no_token(dialect: Dialect) -> None:
    unprotected = {name for name, operation in described(dialect.name).items() if not operation.get("security")}
    assert unprotected == {"token.create"}


@pytest.mark.parametrize("dialect", DIALECTS, ids=dialect_names())
def test_limits_of_fields_are_those_of_the_server(dialect: Dialect) -> None:
    seen = set()
    for name, operation in described(dialect.name).items():
        schema = request_schema(operation)
        for field, part in schema["properties"].items():
            for values, valid in ((MUST_PASS, True), (MUST_FAIL, False)):
                for value in values.get(field, []):
                    assert Schema(part).is_valid(value) is valid, (name, field, value)
                    seen.add((field, valid))
        if name in BODIES:
            assert schema["additionalProperties"] is False
    assert {field for field, _ in seen} >= set(MUST_PASS) - (
        set() if dialect.has_content else {"row_offset", "number_of_rows"}
    )


LISTED: list[Any] = [value for part in (MUST_PASS, MUST_FAIL) for listed in part.values() for value in listed]
integers: st.SearchStrategy[Any] = st.integers() | st.sampled_from([2**63 - 1, 2**63, 10**19])
texts = st.text(max_size=8) | st.from_regex(r"[a-zA-Z0-9_ =-]{3,6}\n?", fullmatch=True)
values: st.SearchStrategy[Any] = integers | texts | st.sampled_from([*LISTED, "TASK", "DIRECT", 5.5, "a" * 256])


@pytest.mark.parametrize("dialect", DIALECTS, ids=dialect_names())
@given(data=st.data())
def test_the_page_and_the_server_accept_the_same_requests(dialect: Dialect, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(dialect.routes)))
    schema = request_schema(described(dialect.name)[name])
    # The numbers of a query are texts on the wire.
    fields = {
        field: data.draw(st.sampled_from(MUST_PASS.get(field, ["x"])) | (integers if "row" in field else values))
        for field in schema["properties"]
    }
    # A limit of the server below that of the dialect is checked by the upload itself: see test_rest.
    parts = schema["properties"].items()
    sizes = {key: {**part, **SIZES_OF_DIALECTS} for key, part in parts if key.endswith("_size")}
    page = Schema({**schema, "properties": schema["properties"] | sizes})
    assert accepts(dialect, name, fields) is page.is_valid(fields)


def accepts(dialect: Dialect, operation: str, fields: dict[str, Any]) -> bool:
    try:
        check(operations(backend(dialect))[operation].fields, fields, dialect)
    except RequestError:
        return False
    return True
