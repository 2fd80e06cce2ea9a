"""The cases about fields know every operation, and every field of it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from hanami_conformance.cases.failures import Violation
from hanami_conformance.clients.rest_response import RestResponse
from hanami_conformance.suite.support.operations import (
    FIELDS,
    LOGIN,
    WITH_BODY,
    expect_4xx,
    fields_of,
    request_bytes,
    texts_of,
)
from hanami_proto.dialect import Dialect, dialect_names, load_dialect
from hanami_proto.dialect_file import ROUTES
from hanami_reference_backend.auth import User, Users
from hanami_reference_backend.backend import Backend
from hanami_reference_backend.common.settings import Settings
from hanami_reference_backend.serving.app import operations

OTHERS = {"user.create", "user.delete"}  # which no document describes


def resources(dialect: Dialect) -> Any:
    """Return what the functions need of a factory."""
    account = SimpleNamespace(token="secret")
    endpoint = SimpleNamespace(authority="host:1")
    target = SimpleNamespace(
        dialect=dialect, route=dialect.route, url="http://host:1/base", endpoint=endpoint, account=account
    )
    return SimpleNamespace(target=target, name=lambda kind: f"hc_{kind}")


@pytest.mark.parametrize("name", dialect_names())
def test_the_fields_are_those_of_the_reference_backend(name: str) -> None:
    dialect = load_dialect(name)
    backend = Backend.create(dialect, Settings(), Users([User("a", "b", "c")], 60.0))
    for operation, known in operations(backend).items():
        assert set(fields_of(resources(dialect), operation)) == set(known.fields.model_fields), operation


def test_every_operation_has_its_fields() -> None:
    assert set(FIELDS) == set(ROUTES) - OTHERS
    routes = load_dialect().routes
    assert set(WITH_BODY) == {name for name, route in routes.items() if route.method in ("POST", "PUT")}


def test_texts_are_those_fields_that_are_no_numbers() -> None:
    assert set(texts_of(resources(load_dialect()), "mnist.init")) == {"name"}
    assert set(texts_of(resources(load_dialect()), LOGIN)) == {"id", "password"}


def test_a_request_has_the_bytes_that_were_given() -> None:
    target = resources(load_dialect()).target
    request = request_bytes(target, "cluster.create", query=b"?a=\xff", token=b"\xfe")
    assert request.startswith(b"POST /base/v1/cluster?a=\xff HTTP/1.1\r\nHost: host:1\r\n")
    assert request.endswith(b"Content-Length: 2\r\nX-Auth-Token: \xfe\r\n\r\n{}")
    assert b"X-Auth-Token: secret\r\n\r\n" in request_bytes(target, "dataset.list")


@pytest.mark.parametrize(
    ("status", "operation", "requirement"),
    [
        (200, "mnist.init", "INIT-5"),
        (200, "csv.finalize", "FIN-4"),
        (302, "cluster.set_mode", "MODE-2"),
        (500, "mnist.init", None),  # which violates the requirement of the case, that no request gets a 5xx
        (200, "cluster.create", None),  # no requirement is about its fields
        (200, "", None),
    ],
)
def test_wrong_fields_that_are_accepted_violate_the_requirement_of_the_operation(
    status: int, operation: str, requirement: str | None
) -> None:
    answer = RestResponse("POST /path", status, b"", "")
    with pytest.raises(Violation) as caught:
        expect_4xx(answer, "name = null", operation)
    assert caught.value.requirement == requirement
    expect_4xx(RestResponse("POST /path", 400, b"", ""), "name = null", operation)
