"""Answers that no client would expect end in a verdict, and not in a traceback."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

import pytest

from hanami_conformance.cases.failures import (
    ConnectionClosed,
    PreconditionFailed,
    TargetDown,
    TargetRejectedConfiguration,
    Violation,
)
from hanami_conformance.clients.cluster_messages import ClusterShape, is_json
from hanami_conformance.clients.deadline import AdaptiveTimeout
from hanami_conformance.clients.endpoint import Endpoint
from hanami_conformance.clients.rest import RestClient
from hanami_conformance.clients.rest_response import RestResponse
from hanami_conformance.clients.websocket_events import Message
from hanami_conformance.options.target import Credentials, TargetOptions
from hanami_conformance.resources.factory import Leftover, ResourceFactory
from hanami_conformance.resources.readback import _table
from hanami_conformance.stateful.placeholders import damage_token
from hanami_conformance.target.attach import is_accepted, is_rejected
from hanami_conformance.target.connect import connect
from hanami_conformance.target.login import expires_soon
from support.sequences import answers_changed, violated_requirement
from support.suite_runs import double

DEEP = b"[" * 200_000
NO_UUIDS = ["\ud800", "x" * 70_000, "", "a\x00b", 7, None, ["a"]]


def test_nesting_that_is_too_deep_is_no_object() -> None:
    with pytest.raises(Violation, match="a JSON object"):
        RestResponse("GET x", 200, DEEP, "").object()
    message = Message(True, DEEP)
    assert not is_accepted(message)
    assert not is_rejected(message)
    assert not is_json(DEEP)
    claims = base64.urlsafe_b64encode(DEEP).decode()
    assert not expires_soon(f"a.{claims}.b")


def test_a_number_that_no_float_holds_is_a_violation() -> None:
    with pytest.raises(Violation, match="numbers in column 'x'"):
        _table("x", [[10**400]])
    claims = base64.urlsafe_b64encode(json.dumps({"exp": 10**400}).encode()).decode()
    assert not expires_soon(f"a.{claims}.b")


@pytest.mark.parametrize("uuid", NO_UUIDS)
def test_a_malformed_uuid_is_a_violation(
    resources: ResourceFactory, monkeypatch: pytest.MonkeyPatch, uuid: object
) -> None:
    def no_uuid(method: str, path: str, answer: RestResponse) -> RestResponse:
        if method != "POST" or answer.status != 200 or path.endswith("token"):
            return answer
        made.append(answer.object()["uuid"])
        return replace(answer, body=json.dumps({**answer.object(), "uuid": uuid}).encode())

    made: list[str] = []
    answers_changed(monkeypatch, no_uuid)
    with pytest.raises(PreconditionFailed):
        resources.csv(10)
    with pytest.raises(PreconditionFailed):
        resources.cluster(ClusterShape({"test_input": 2}, {"test_output": 2}, hidden=2))
    init: dict[str, Any] = {"action": "init", "kind": "csv", "name": ["ours"], "tail": "", "input_size": ["value", 5]}
    assert violated_requirement(resources, "call", {**init, "more": {}}) == "INIT-2"
    monkeypatch.undo()
    for kind, gone in (("dataset", made[0]), ("cluster", made[1]), ("dataset", made[2])):
        assert resources.target.account.call(f"{kind}.delete", params={"uuid": gone}).status == 200


def test_an_unsendable_request_is_a_violation() -> None:
    client = RestClient(Endpoint("http://127.0.0.1:1"), AdaptiveTimeout(1))
    for params in ({"uuid": "\ud800"}, {"uuid": "x" * 70_000}):
        with pytest.raises(ConnectionClosed, match="a request that can be sent"):
            client.request("GET", "/v1/dataset", params=params)
    with pytest.raises(ConnectionClosed, match="a request that can be sent"):
        client.request("GET", "/v1/dataset", token="\u00e4bcdefg")


@pytest.mark.parametrize("token", ["\u00e4bcdefg", "a\nb", "", "\ud800"])
def test_a_token_that_no_header_carries_is_no_token(token: str) -> None:
    body = json.dumps({"token": token}).encode()

    def logs_in(connection: Any, _done: Any) -> None:
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body)

    with double(logs_in) as address, pytest.raises(TargetDown, match="no token"):
        connect(TargetOptions(url=address, account=Credentials("a", "b")))
    if token:
        with pytest.raises(TargetRejectedConfiguration, match="no header"):
            connect(TargetOptions(url="http://127.0.0.1:1", account=Credentials(token=token)))


@pytest.mark.parametrize("token", ["x", "xy", "xyz"])
def test_short_tokens_can_be_damaged(token: str) -> None:
    for how in range(4):
        for by in range(5):
            assert damage_token(token, how, by) != token


def test_names_of_leftovers_can_be_printed(resources: ResourceFactory) -> None:
    left = Leftover(resources.target.account, "dataset", "x", "hc_\ud800\n", "why")
    assert str(left).encode() == b"dataset hc_\\ud800\\n: why"
