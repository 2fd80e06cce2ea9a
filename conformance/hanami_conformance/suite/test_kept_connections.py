"""General: a call over a kept connection has nothing of the call before it."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from hanami_conformance.cases.checks import require
from hanami_conformance.cases.failures import Unsupported
from hanami_conformance.catalogue import requirement
from hanami_conformance.clients.raw_request import send_raw
from hanami_conformance.clients.rest_response import RestResponse
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.suite.support.operations import request_bytes
from hanami_conformance.target.target import Account

pytestmark = pytest.mark.parallel

OPERATIONS: Mapping[str, str] = {  # operation to the requirement that it violates if it needs no token
    "csv.init": "INIT-6",
    "dataset.progress": "PROG-4",
    "csv.finalize": "FIN-4",
    "dataset.get": "GEN-1",
    "dataset.list": "GEN-1",
}


def call_behind(
    resources: ResourceFactory, operation: str, token: str | None, uuid: str, file_uuid: str
) -> RestResponse:
    """Return the answer to a call over a connection on which the owner of an upload has called something just before.

    Args:
        resources: Factory, which deletes what is created.
        operation: Operation of the call.
        token: Token of the call, None for none.
        uuid: Uuid of the upload.
        file_uuid: Uuid of its file.

    Raises:
        Unsupported: If the server closes the connection after the answer to the owner.
    """
    target = resources.target
    bodies = {
        "csv.init": {"name": resources.name("csv"), "input_data_size": 100},
        "csv.finalize": {"uuid": uuid, "uuid_input_file": file_uuid},
    }
    body = json.dumps(bodies.get(operation, {})).encode()
    query = f"?uuid={uuid}".encode() if operation in ("dataset.progress", "dataset.get") else b""
    with target.raw() as connection:
        before = request_bytes(target, "dataset.list", connection=b"keep-alive")
        send_raw(connection, before, "a list of the owner", target.timeouts)
        if not connection.is_reusable:
            raise Unsupported("the server keeps no connection")
        header = None if token is None else token.encode()
        request = request_bytes(target, operation, query=query, token=header, body=body)
        answer = send_raw(connection, request, f"{operation} over the same connection", target.timeouts)
    resources.register_unexpected(answer, operation)
    return answer


@requirement("INIT-6", "PROG-4", "FIN-4", "GEN-1")
@pytest.mark.parametrize("operation", list(OPERATIONS))
def test_each_call_over_a_connection_needs_its_token(resources: ResourceFactory, operation: str) -> None:
    """A call without a token gets 401, also over the connection of a call with one."""
    upload = resources.csv(100)
    answer = call_behind(resources, operation, None, upload.uuid, upload.files["input"].uuid)
    expected = f"401 to {operation} without a token, behind a call with one"
    require(answer.status == 401, expected=expected, actual=answer, requirement=OPERATIONS[operation])


@requirement("GEN-3")
@pytest.mark.parametrize("operation", ["dataset.progress", "dataset.get", "csv.finalize"])
def test_a_connection_belongs_to_no_user(resources: ResourceFactory, other_account: Account, operation: str) -> None:
    """A call of another user over the connection of the owner is rejected as over any other."""
    upload = resources.csv(100)
    answer = call_behind(resources, operation, other_account.token, upload.uuid, upload.files["input"].uuid)
    require(answer.status == 404, expected=f"404 to {operation} by another user", actual=answer)
