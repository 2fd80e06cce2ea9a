"""Executors find what is wrong, under the requirement that it violates."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from hanami_conformance.cases.checks import require
from hanami_conformance.cases.failures import ConnectionClosed, Violation
from hanami_conformance.cases.recording import current_case
from hanami_conformance.cases.sequence import StepSequence
from hanami_conformance.cli.replay import is_same
from hanami_conformance.clients.cluster_messages import ClusterShape
from hanami_conformance.clients.cluster_socket import ClusterSocket
from hanami_conformance.clients.rest import RestClient
from hanami_conformance.clients.rest_response import RestResponse
from hanami_conformance.clients.upload_socket import UploadSocket
from hanami_conformance.clients.websocket_events import Message
from hanami_conformance.models.cluster import ClusterModel
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.resources.upload import Upload
from hanami_conformance.stateful.executors.first_messages import SIZE, FirstMessageExecutor
from hanami_proto.codec import Acknowledgement, Codec, ProcessType
from support.sequences import answers_changed, execute, violated_requirement

BEGIN = {"action": "begin", "kind": "csv", "size": 100, "count": 1, "user": 0}
ATTACH = {"action": "attach", "file": 0}
FILL = {"action": "fill", "socket": 0, "chunk": 1000, "order": "ascending", "variant": 0}
WRITE = {"action": "write", "socket": 0, "position": 0, "length": 5, "variant": 0}
BEYOND = {**WRITE, "position": 10_000}
GARBAGE = {"action": "garbage", "socket": 0, "bytes": "//8="}
DELETE = {"action": "delete", "upload": 0}
FINALIZE = {"action": "finalize", "upload": 0}
CLUSTER = {"action": "cluster", "inputs": [3], "outputs": [3], "user": 0}
REQUEST = {"action": "request", "cluster": 0, "values": 0, "order": 0}
DROP = {"action": "drop", "cluster": 0}
INIT = {
    "action": "init",
    "kind": "csv",
    "name": ["ours"],
    "tail": "",
    "input_size": ["value", 5],
    "label_size": ["value", 5],
    "more": {},
}
BAD = {"action": "first_message", "token": ["damaged 0"], "target": ["value", "file_upload"], "by": 1, "chunk": 1}


@pytest.mark.parametrize(("over", "requirement"), [(DELETE, "DEL-1"), (FINALIZE, "FIN-7")])
def test_silence_after_the_end_is_attributed_to_the_end(
    resources: ResourceFactory, monkeypatch: pytest.MonkeyPatch, over: dict[str, Any], requirement: str
) -> None:
    post = UploadSocket.send
    monkeypatch.setattr(UploadSocket, "send", lambda *call: None if call[2] == bytes(5) else post(*call))
    beyond = {**WRITE, "position": 5000}  # all zeros
    assert violated_requirement(resources, "upload", BEGIN, ATTACH, FILL, over, beyond) == requirement


@pytest.mark.parametrize(("mistake", "requirement"), [(BEYOND, "DATA-5"), (GARBAGE, "DATA-6")])
def test_a_refusal_needs_a_reason(
    resources: ResourceFactory, monkeypatch: pytest.MonkeyPatch, mistake: dict[str, Any], requirement: str
) -> None:
    read = UploadSocket.receive_acknowledgement

    def no_reason(self: UploadSocket) -> Acknowledgement:
        return replace(read(self), error="")

    assert execute(resources, "upload", BEGIN, ATTACH, mistake).checks_by_requirement[requirement]
    monkeypatch.setattr(UploadSocket, "receive_acknowledgement", no_reason)
    assert violated_requirement(resources, "upload", BEGIN, ATTACH, mistake) == requirement


def test_progress_that_is_no_object_is_attributed_to_progress(
    resources: ResourceFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers_changed(monkeypatch, lambda _, path, answer: replace(answer, body=b"[]") if "progress" in path else answer)
    assert violated_requirement(resources, "upload", BEGIN, {"action": "progress", "upload": 0}) == "PROG-1"


@pytest.mark.parametrize("role", ["file", "label"])
def test_a_chunk_behind_a_refusal_that_counts_is_seen(
    resources: ResourceFactory, monkeypatch: pytest.MonkeyPatch, role: str
) -> None:
    expect_rejected = FirstMessageExecutor._expect_rejected

    def counts(self: FirstMessageExecutor, *arguments: Any, **more: Any) -> None:
        expect_rejected(self, *arguments, **more)
        socket = self.upload.reattach("label" if role == "label" else "input")
        socket.write(0, bytes(SIZE))
        socket.close()

    assert execute(resources, "first", {**BAD, "uuid": [role]}).checks_by_requirement["ATT-7"] == 1
    assert execute(resources, "first", {**BAD, "uuid": [role], "chunk": 0}).checks_by_requirement["ATT-7"] == 0
    monkeypatch.setattr(FirstMessageExecutor, "_expect_rejected", counts)
    assert violated_requirement(resources, "first", {**BAD, "uuid": [role]}) == "ATT-7"


CODEC = Codec.for_schema("brick")
NO_SIGNALS = {
    "the end of training": CODEC.encode_io("", [0.0], is_last=True, process_type=ProcessType.TRAIN),
    "an acknowledgement": CODEC.encode_io("", [0.0], is_last=False, process_type=ProcessType.TRAIN),
    "an acknowledgement of a request": CODEC.encode_io("", [0.0], is_last=False),
    "an acknowledgement with a name": CODEC.encode_io("test_input", [], is_last=False),
    "an output": CODEC.encode_io("test_output", [0.5, 0.5], is_last=True),
}
SIGNALS = {
    "an error in words": b'{"error": "no such brick"}',
    "a message that names no brick": CODEC.encode_io("error", [], is_last=True),
}


class OneAnswer:
    """A websocket on which one message comes."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def receive_or_close(self, awaited: str) -> Message:  # noqa: ARG002
        return Message(False, self._data)


def expect_error_signal(resources: ResourceFactory, data: bytes) -> None:
    shape = ClusterShape({"test_input": 2}, {"test_output": 2}, hidden=2)
    ClusterSocket(OneAnswer(data), resources.target.dialect.codec, shape, {}).expect_error_signal("a mistake")  # type: ignore[arg-type]


@pytest.mark.parametrize("answer", NO_SIGNALS.values(), ids=NO_SIGNALS)
def test_answers_to_valid_messages_are_no_error_signals(resources: ResourceFactory, answer: bytes) -> None:
    with pytest.raises(Violation, match="a mistake not to be processed"):
        expect_error_signal(resources, answer)


@pytest.mark.parametrize("answer", SIGNALS.values(), ids=SIGNALS)
def test_other_answers_are_signals(resources: ResourceFactory, answer: bytes) -> None:
    expect_error_signal(resources, answer)


def test_a_table_has_no_label_file(resources: ResourceFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    def with_label(method: str, path: str, answer: RestResponse) -> RestResponse:
        if method != "POST" or not path.endswith("csv/dataset") or answer.status != 200:
            return answer
        parsed = answer.object()
        return replace(answer, body=json.dumps({**parsed, "uuid_label_file": parsed["uuid_input_file"]}).encode())

    answers_changed(monkeypatch, with_label)
    assert violated_requirement(resources, "call", INIT) == "INIT-2"


@pytest.mark.parametrize(
    ("step", "requirement"),
    [
        ({**INIT, "more": {"x": 1}}, "INIT-5"),
        ({"action": "token", "operation": "csv.init", "token": ["damaged 0"], "by": 1}, "INIT-6"),
    ],
)
def test_a_refusal_that_makes_something_all_the_same_is_seen(
    resources: ResourceFactory, monkeypatch: pytest.MonkeyPatch, step: dict[str, Any], requirement: str
) -> None:
    request = RestClient.request

    def makes(self: RestClient, method: str, path: str, **more: Any) -> RestResponse:
        answer = request(self, method, path, **more)
        if method == "POST" and path.endswith("csv/dataset") and answer.rejected:
            names.append(json.loads(more["content"])["name"])
        return replace(answer, body=" ".join(names).encode()) if path.endswith("dataset/all") else answer

    names: list[str] = []

    monkeypatch.setattr(RestClient, "request", makes)
    assert violated_requirement(resources, "call", step) == requirement


def test_nothing_is_made_under_a_name_that_is_not_ours(
    resources: ResourceFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths: list[str] = []

    def noted(method: str, path: str, answer: RestResponse) -> RestResponse:
        if method == "POST" and answer.status == 200:
            paths.append(json.dumps(path))
        return answer

    answers_changed(monkeypatch, noted)
    execute(resources, "call", {**INIT, "name": ["value", "null"]})
    assert len(paths) == 1  # the upload that no call may change


def test_the_content_is_asked_for_by_whom_it_belongs_to(resources: ResourceFactory) -> None:
    execute(resources, "upload", {**BEGIN, "user": 1}, ATTACH, FILL)
    assert resources.target._serves_content is True
    assert current_case().checks_by_requirement["FIN-2"]


def test_a_drifting_cluster_is_not_attributed_to_a_lost_socket(
    resources: ResourceFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    outputs = ClusterSocket.receive_outputs
    drift = iter(range(1_000_000))

    def drifting(self: ClusterSocket) -> dict[str, Any]:
        return {name: values + np.float32(next(drift)) for name, values in outputs(self).items()}

    monkeypatch.setattr(ClusterSocket, "receive_outputs", drifting)
    assert violated_requirement(resources, "direct", CLUSTER, DROP, REQUEST, REQUEST) == "DIO-7"
    assert violated_requirement(resources, "direct", CLUSTER, REQUEST, DROP, REQUEST) == "DIO-11"


def test_an_event_is_suspected_for_answers_known_before_it() -> None:
    model = ClusterModel()
    model.remember(b"a", {})
    model.note_event("DIO-11")
    assert (model.requirement_for_mismatch(b"a"), model.requirement_for_mismatch(b"b")) == ("DIO-11", "DIO-11")
    model.remember(b"b", {})
    assert (
        model.requirement_for_mismatch(b"a"),
        model.requirement_for_mismatch(b"b"),
        model.requirement_for_mismatch(b"c"),
    ) == ("DIO-11", "DIO-7", "DIO-7")
    model.note_event_elsewhere("DIO-10")
    assert (
        model.requirement_for_mismatch(b"a"),
        model.requirement_for_mismatch(b"b"),
        model.requirement_for_mismatch(b"c"),
    ) == ("DIO-11", "DIO-10", "DIO-10")
    model.confirm()
    assert {model.requirement_for_mismatch(key) for key in (b"a", b"b", b"c")} == {"DIO-7"}


def test_special_values_are_asked_for_again(resources: ResourceFactory) -> None:
    once = execute(resources, "direct", CLUSTER, {**REQUEST, "values": 5}).checks_by_requirement["DIO-7"]
    assert once > execute(resources, "direct", CLUSTER).checks_by_requirement["DIO-7"]


def listed_for_ever(texts: list[str]) -> Callable[[str, str, RestResponse], RestResponse]:
    """A server whose lists of datasets hold what once was."""

    def change(_method: str, path: str, answer: RestResponse) -> RestResponse:
        return replace(answer, body=" ".join(texts).encode()) if path.endswith("dataset/all") else answer

    return change


def test_a_deleted_upload_that_is_listed_is_seen(resources: ResourceFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    texts: list[str] = []
    delete = Upload.delete

    def remembered(self: Upload) -> RestResponse:
        texts.append(self.name)
        return delete(self)

    monkeypatch.setattr(Upload, "delete", remembered)
    answers_changed(monkeypatch, listed_for_ever(texts))
    assert violated_requirement(resources, "upload", BEGIN, DELETE) == "DEL-1"


def test_a_deleted_cluster_that_is_there_is_seen(resources: ResourceFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = {"action": "delete", "cluster": 0}
    assert execute(resources, "direct", CLUSTER, gone).checks_by_requirement["DIO-14"] > 1

    def still_there(_method: str, path: str, answer: RestResponse) -> RestResponse:
        return replace(answer, status=200) if "/cluster?" in path or answer.status == 404 else answer

    answers_changed(monkeypatch, still_there)
    assert violated_requirement(resources, "direct", CLUSTER, gone) == "DIO-14"


@pytest.mark.parametrize(("what", "status", "requirement"), [(0, 404, "PROG-4"), (5, 200, "GEN-3")])
def test_others_are_answered_as_they_must_be(
    resources: ResourceFactory, monkeypatch: pytest.MonkeyPatch, what: int, status: int, requirement: str
) -> None:
    bob = resources.target.other_account
    assert bob is not None
    call = type(bob).call

    def changed(self: Any, operation: str, **more: Any) -> RestResponse:
        answer = call(self, operation, **more)
        return replace(answer, status=403) if self is bob and answer.status == status else answer

    step = {"action": "other_user", "upload": 0, "what": what}
    assert execute(resources, "upload", BEGIN, step).checks_by_requirement[requirement]
    monkeypatch.setattr(type(bob), "call", changed)
    assert violated_requirement(resources, "upload", BEGIN, step) == requirement


def test_replay_distinguishes_the_same_failure_from_another() -> None:
    sequence = StepSequence("upload", (), requirement="DATA-4", expected="bytes")
    assert is_same(sequence, Violation("x", "y", "DATA-4"))
    assert is_same(sequence, Violation("bytes", "y"))
    assert not is_same(sequence, Violation("x", "y", "FIN-1"))
    with pytest.raises(Violation) as caught:
        require(False, expected="a", actual="b", requirement="GEN-1")
    assert is_same(StepSequence("upload", ()), caught.value)


def every_put_fails(method: str, _path: str, answer: RestResponse) -> RestResponse:
    return replace(answer, status=409, body=b"no") if method == "PUT" else answer


@pytest.mark.parametrize("kind", ["call", "content"])
def test_a_sequence_without_steps_is_no_input_that_blocks_the_server(
    resources: ResourceFactory, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    answers_changed(monkeypatch, every_put_fails)
    assert violated_requirement(resources, kind) == "FIN-1"


def test_a_first_socket_that_fails_is_no_effect_of_first_messages(
    resources: ResourceFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    def drop(_self: UploadSocket) -> Acknowledgement:
        raise ConnectionClosed("an answer to a chunk", "the end of the connection")

    monkeypatch.setattr(UploadSocket, "receive_acknowledgement", drop)
    assert violated_requirement(resources, "first") == "DATA-1"
    assert violated_requirement(resources, "first", {**BAD, "uuid": ["file"], "chunk": 0}) == "GEN-2"
