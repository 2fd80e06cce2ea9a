"""Executors fail what is wrong, and nothing that the protocol leaves open."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from hanami_conformance.cases.failures import Violation
from hanami_conformance.clients.rest_response import RestResponse
from hanami_conformance.clients.upload_socket import UploadSocket
from hanami_conformance.clients.websocket import WebSocket
from hanami_conformance.resources import cluster, retry, upload
from hanami_conformance.resources.cluster import Cluster
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.stateful.executors import first_messages as first_sequences
from hanami_conformance.target.attach import attach
from support.sequences import answers_changed, execute, with_status

BEGIN = {"action": "begin", "kind": "csv", "size": 100, "count": 1, "user": 0}
ATTACH = {"action": "attach", "file": 0}
FILL = {"action": "fill", "socket": 0, "chunk": 1000, "order": "ascending", "variant": 0}
EMPTY = {"action": "write", "socket": 0, "position": 0, "length": 0, "variant": 0}
EMPTY_GARBAGE = {"action": "garbage", "socket": 0, "bytes": ""}
EMPTY_FRAGMENTS = {**EMPTY, "action": "fragments", "cuts": [1], "ping": 0}
EMPTY_IN_A_PIPELINE = {"action": "pipeline", "socket": 0, "chunks": [[0, 5, 0], [5, 0, 0], [5, 5, 0]]}
CLUSTER = {"action": "cluster", "inputs": [3], "outputs": [3], "user": 0}
RIGHT = {
    "action": "first_message",
    "token": ["right"],
    "uuid": ["cluster"],
    "target": ["value", "cluster"],
    "by": 1,
    "chunk": 0,
}


def silent(socket: UploadSocket) -> None:
    """The server passes the message over."""


def ended(socket: UploadSocket) -> None:
    """The server ends the socket."""
    socket.websocket.reset()


@pytest.mark.parametrize("becomes", [silent, ended])
@pytest.mark.parametrize("empty", [EMPTY, EMPTY_GARBAGE, EMPTY_FRAGMENTS, EMPTY_IN_A_PIPELINE])
def test_empty_data_may_be_passed_over_or_end_the_socket(
    resources: ResourceFactory,
    monkeypatch: pytest.MonkeyPatch,
    becomes: Callable[[UploadSocket], None],
    empty: dict[str, Any],
) -> None:
    post = UploadSocket.send

    def post_if_any(self: UploadSocket, position: int, data: bytes) -> None:
        (post(self, position, data) if data else becomes(self))

    monkeypatch.setattr(UploadSocket, "send", post_if_any)
    monkeypatch.setattr(UploadSocket, "send_bytes", lambda self, *_: becomes(self))
    monkeypatch.setattr(UploadSocket, "send_fragments", lambda self, *_, **__: becomes(self))
    assert execute(resources, "upload", BEGIN, ATTACH, empty, FILL).checks_by_requirement["FIN-2"]
    deleted = execute(resources, "upload", BEGIN, ATTACH, FILL, {"action": "delete", "upload": 0}, empty)
    assert deleted.checks_by_requirement["DEL-1"]


def test_a_place_that_is_freed_late_is_waited_for(resources: ResourceFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    close, reset = WebSocket.close, WebSocket.reset
    rejections: list[int] = []

    def late(*arguments: Any) -> WebSocket:
        if rejections:
            rejections.pop()
            raise Violation("a place", "one that is still occupied", "ATT-2")
        return attach(*arguments)

    def closing(end: Callable[..., Any]) -> Callable[..., Any]:
        def ends(self: WebSocket, *within: float) -> Any:
            if self.is_open:
                rejections[:] = [1, 2]
            return end(self, *within)

        return ends

    monkeypatch.setattr(WebSocket, "close", closing(close))
    monkeypatch.setattr(WebSocket, "reset", closing(reset))
    for module in (cluster, retry, upload):
        monkeypatch.setattr(module, "attach", late)
    monkeypatch.setattr(first_sequences, "attach", late)
    assert execute(resources, "first", RIGHT, RIGHT).checks_by_requirement["ATT-2"]
    rejections.clear()
    switch = Cluster.set_mode

    def late_switch(self: Cluster, mode: str) -> RestResponse:
        answer = switch(self, mode) if not rejections else RestResponse("PUT", 409, b"a socket is attached", "")
        del rejections[-1:]
        return answer

    monkeypatch.setattr(Cluster, "set_mode", late_switch)
    case = execute(resources, "direct", CLUSTER, {"action": "drop", "cluster": 0}, {"action": "mode", "cluster": 0})
    assert case.checks_by_requirement["MODE-1"]


def test_an_unknown_path_needs_no_reason(resources: ResourceFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    answers_changed(monkeypatch, with_status(404, 401, b""))
    assert execute(resources, "call", {"action": "path", "method": "GET", "path": "clusters"}).checks_by_requirement[
        "GEN-1"
    ]


@pytest.mark.parametrize(
    ("operation", "requirement"), [("csv.finalize", "FIN-4"), ("dataset.list", "GEN-3"), ("cluster.list", "GEN-3")]
)
def test_a_token_may_be_rejected_in_any_way_if_none_is_required(
    resources: ResourceFactory, monkeypatch: pytest.MonkeyPatch, operation: str, requirement: str
) -> None:
    answers_changed(monkeypatch, with_status(401, 403))
    step = {"action": "token", "operation": operation, "token": ["damaged 0"], "by": 1}
    assert execute(resources, "call", step).checks_by_requirement[requirement]


ODD_LAYOUTS = [
    {"names": ["a", "b"], "rows": [["1", "2"], ["3", "4"]], "crlf": 1, "end": 1},
    {"names": ["a", "b"], "rows": [["1", "2"], ["3", "4"]], "crlf": 0, "end": 0},
    {"names": ["a", "A"], "rows": [["1", "2"]], "crlf": 0, "end": 1},
    {"names": ["a", "b"], "rows": [["+1.5", "1e+05"]], "crlf": 0, "end": 1},
]
PLAIN_LAYOUT = {"names": ["a", "b"], "rows": [["1", "-2.5"]], "crlf": 0, "end": 1}


def fewer_rows(_method: str, path: str, answer: RestResponse) -> RestResponse:
    """The last row of each dataset is lost."""
    if "/dataset" not in path:
        return answer
    return RestResponse(answer.request, answer.status, answer.body.replace(b'"lines":2', b'"lines":1'), "")


@pytest.mark.parametrize("layout", ODD_LAYOUTS)
def test_how_a_table_is_laid_out_is_left_open(
    resources: ResourceFactory, monkeypatch: pytest.MonkeyPatch, layout: dict[str, Any]
) -> None:
    execute(resources, "content", {"action": "table", **layout})

    def rejects(method: str, path: str, answer: RestResponse) -> RestResponse:
        if method == "PUT" and path.endswith("csv/dataset"):
            rejections.append(path)
            return RestResponse(answer.request, 400, b"no table", "") if len(rejections) == 1 else answer
        return answer

    rejections: list[str] = []
    answers_changed(monkeypatch, rejects)
    execute(resources, "content", {"action": "table", **layout})
    rejections.clear()
    with pytest.raises(Violation) as caught:
        execute(resources, "content", {"action": "table", **PLAIN_LAYOUT})
    assert caught.value.requirement == "FIN-1"


@pytest.mark.parametrize("layout", ODD_LAYOUTS[:2])
def test_an_accepted_file_must_be_complete(
    resources: ResourceFactory, monkeypatch: pytest.MonkeyPatch, layout: dict[str, Any]
) -> None:
    answers_changed(monkeypatch, fewer_rows)
    with pytest.raises(Violation) as caught:
        execute(resources, "content", {"action": "table", **layout})
    assert caught.value.requirement == "FIN-1"
