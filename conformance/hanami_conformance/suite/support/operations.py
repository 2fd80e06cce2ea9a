"""The fields of the REST operations, calls with chosen fields, and requests of chosen bytes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from hanami_conformance.cases.checks import require
from hanami_conformance.clients.rest import TOKEN_HEADER
from hanami_conformance.clients.rest_response import RestResponse
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.suite.support.invalid import INVALID_UUIDS
from hanami_conformance.target.target import Target

LOGIN = "token.create"  # its fields are those of the dialect
FIELDS: Mapping[str, tuple[str, ...]] = {
    LOGIN: (),
    "csv.init": ("name", "input_data_size"),
    "mnist.init": ("name", "input_data_size", "label_data_size"),
    "csv.finalize": ("uuid", "uuid_input_file"),
    "mnist.finalize": ("uuid", "uuid_input_file", "uuid_label_file"),
    "dataset.progress": ("uuid",),
    "dataset.get": ("uuid",),
    "dataset.list": (),
    "dataset.content": ("uuid", "column_name", "row_offset", "number_of_rows"),
    "dataset.delete": ("uuid",),
    "cluster.create": ("name", "template"),
    "cluster.get": ("uuid",),
    "cluster.list": (),
    "cluster.delete": ("uuid",),
    "cluster.set_mode": ("uuid", "new_state"),
}
WITH_FIELDS = tuple(operation for operation, fields in FIELDS.items() if fields or operation == LOGIN)
WITH_BODY = tuple(name for name in WITH_FIELDS if name.endswith((".create", ".init", ".finalize", ".set_mode")))
# Requirements that operations violate if they accept wrong fields; a 5xx violates GEN-1 on all operations.
ABOUT_FIELDS: Mapping[str, str] = {
    "csv.init": "INIT-5",
    "mnist.init": "INIT-5",
    "csv.finalize": "FIN-4",
    "mnist.finalize": "FIN-4",
    "dataset.progress": "PROG-4",
    "dataset.delete": "DEL-1",
    "cluster.set_mode": "MODE-2",
}
DELETIONS = tuple(operation for operation in FIELDS if operation.endswith(".delete"))
NUMBERS = ("row_offset", "number_of_rows", "input_data_size", "label_data_size")
SAFE = "'`();=*-"  # characters of values that are sent as they are in a query


def expect_4xx(answer: RestResponse, why: str, operation: str = "") -> None:
    """Check that the answer is a 4xx.

    Args:
        answer: Answer of the target.
        why: What is wrong with the request, for the report.
        operation: Operation whose fields are wrong: one that accepts them violates its own requirement. Empty for a
            request that is wrong otherwise.
    """
    about = None if answer.failed else ABOUT_FIELDS.get(operation)
    require(answer.rejected, expected=f"a 4xx: {why}", actual=f"{answer} to {answer.request}", requirement=about)


def fields_of(resources: ResourceFactory, operation: str) -> dict[str, Any]:
    """Return a value of the right form for each field of an operation; the resource and the user do not exist."""
    unknown = INVALID_UUIDS["unknown"]
    login = resources.target.dialect.login("nobody", "wrong-password")
    values: dict[str, Any] = {
        **login,
        "name": resources.name("probe"),
        **dict.fromkeys(("uuid", "uuid_input_file", "uuid_label_file"), unknown),
        "input_data_size": 10,
        "label_data_size": 10,
        "template": "bm8gdGVtcGxhdGU=",
        "new_state": resources.target.dialect.modes[1],
        "column_name": "first",
        "row_offset": 0,
        "number_of_rows": 1,
    }
    return {field: values[field] for field in (login if operation == LOGIN else FIELDS[operation])}


def texts_of(resources: ResourceFactory, operation: str) -> dict[str, str]:
    """Return those of the fields of an operation whose values are texts."""
    return {field: value for field, value in fields_of(resources, operation).items() if field not in NUMBERS}


def call_with(resources: ResourceFactory, operation: str, fields: Mapping[str, Any]) -> RestResponse:
    """Call an operation with these fields, and register what it creates for deletion."""
    target = resources.target
    route = target.route(operation)
    if operation in WITH_BODY:
        answer = target.call(operation, body=dict(fields), token=target.account.token)
    else:
        query = "&".join(f"{field}={quote(str(value), safe=SAFE)}" for field, value in fields.items())
        answer = target.rest.request(route.method, f"{route.path}?{query}", token=target.account.token)
    resources.register_unexpected(answer, operation)
    return answer


def request_bytes(
    target: Target,
    operation: str,
    *,
    query: bytes = b"",
    token: bytes | None = b"",
    body: bytes = b"{}",
    connection: bytes = b"close",
    version: bytes = b"1.1",
) -> bytes:
    """Return the request of an operation as it is sent.

    Args:
        target: The target.
        operation: Name of the operation.
        query: Query with its question mark, as it is sent.
        token: Value of the header, the token of the account if empty; None for no header.
        body: Body, if the operation has one.
        connection: What happens to the connection after the answer, ``close`` or ``keep-alive``.
        version: Version of HTTP.
    """
    route, address = target.route(operation), urlsplit(target.url)
    body = body if operation in WITH_BODY else b""
    lines = [
        f"{route.method} {address.path.rstrip('/')}{route.path}".encode() + query + b" HTTP/" + version,
        f"Host: {target.endpoint.authority}".encode(),
        b"Connection: " + connection,
        f"Content-Length: {len(body)}".encode(),
    ]
    if token is not None:
        lines.append(f"{TOKEN_HEADER}: ".encode() + (token or target.account.token.encode()))
    return b"\r\n".join(lines) + b"\r\n\r\n" + body
