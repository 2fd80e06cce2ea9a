"""Sequences with branches against a server without faults, and against answers that no order explains."""

from __future__ import annotations

import math
from typing import Any

import pytest

from hanami_conformance.cases.failures import MissingAnswer, PreconditionFailed, ResponseTimeout, Unsupported, Violation
from hanami_conformance.clients.held_request import HeldRequest
from hanami_conformance.clients.rest_response import RestResponse
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.stateful.executors import overlapping_operations
from hanami_conformance.stateful.overlap.branches import Missing
from hanami_conformance.stateful.overlap.history import History, Operation
from hanami_conformance.stateful.overlap.judgement import missing_answer
from support.sequences import execute, resources_at, violated_requirement
from support.suite_runs import faulty_backend

UPLOAD = {"action": "upload", "kind": "mnist", "size": 120, "count": 3, "received": 4, "user": 0}
PUTS = [{"action": "finalize", "upload": 0, "branch": branch} for branch in (1, 2)]
CLUSTER = {"action": "cluster", "inputs": 4, "outputs": 3, "user": 0}


def test_pairs_that_overlap_are_counted_as_evidence(resources: ResourceFactory) -> None:
    assert execute(resources, "overlap", UPLOAD, *PUTS).checks_by_requirement["FIN-5"] == 1
    alone = [{**step, "branch": 1} for step in PUTS]
    assert execute(resources, "overlap", UPLOAD, *alone).checks_by_requirement["FIN-5"] == 0


def test_steps_without_anything_to_act_on_are_skipped(resources: ResourceFactory) -> None:
    steps: list[dict[str, Any]] = [
        *PUTS,
        {"action": "chunk", "upload": 0, "file": 0, "block": 0, "variant": 0, "branch": 2},
        {"action": "cycle", "cluster": 0, "values": 0, "branch": 3},
        {"action": "mode", "cluster": 0, "state": 0},
        {"action": "list", "branch": 4},
    ]
    assert execute(resources, "overlap", *steps).sent == 0


def test_one_connection_is_too_few(resources: ResourceFactory) -> None:
    resources.target.connection_limit.limit = 1
    with pytest.raises(Unsupported, match="needs 2 connections at the same time, the limit is 1"):
        execute(resources, "overlap", UPLOAD, *PUTS)


def test_more_branches_than_connections_are_joined(resources: ResourceFactory) -> None:
    resources.target.connection_limit.limit = 2
    puts = [{"action": "finalize", "upload": 0, "branch": branch} for branch in (1, 2, 3, 4)]
    case = execute(resources, "overlap", UPLOAD, *puts)
    assert 1 <= case.checks_by_requirement["FIN-5"] <= 4  # of the six pairs of four branches


def test_a_cluster_is_used_by_one_socket_and_works_after_a_switch(resources: ResourceFactory) -> None:
    resources.target.connection_limit.limit = 4
    cycles = [{"action": "cycle", "cluster": 0, "values": values, "branch": 1 + values} for values in (0, 1)]
    case = execute(resources, "overlap", CLUSTER, *cycles, {"action": "mode", "cluster": 0, "state": 0, "branch": 3})
    assert case.checks_by_requirement["MODE-1"] == 1


def test_a_new_upload_is_deleted_whatever_happens_after_its_answer(
    resources: ResourceFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer, created = HeldRequest.answer, []

    def noted(self: HeldRequest) -> RestResponse:
        actual = answer(self)
        if actual.request.startswith("POST"):
            created.append(actual.object()["uuid"])
        return actual

    def fail(*_: object) -> None:
        raise PreconditionFailed("reading: no answer")

    monkeypatch.setattr(HeldRequest, "answer", noted)
    monkeypatch.setattr(overlapping_operations, "look_at_upload", fail)
    new = {"action": "init", "kind": "csv", "size": 40, "count": 1, "branch": 1}
    with pytest.raises(PreconditionFailed):
        execute(resources, "overlap", UPLOAD, new, {"action": "progress", "upload": 0, "branch": 2})
    (uuid,) = created
    assert resources.target.account.call("dataset.progress", params={"uuid": uuid}).status == 404


def answers_changed(monkeypatch: pytest.MonkeyPatch, method: str, status: int) -> None:
    """Change the status of each answer to a held request with this method."""
    answer = HeldRequest.answer

    def changed(self: HeldRequest) -> RestResponse:
        actual = answer(self)
        if not actual.request.startswith(method):
            return actual
        return RestResponse(actual.request, status, actual.body, actual.content_type)

    monkeypatch.setattr(HeldRequest, "answer", changed)


def test_what_fails_one_after_the_other_as_well_is_not_because_of_overlap(
    resources: ResourceFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers_changed(monkeypatch, "PUT", 409)
    delete = {"action": "delete", "upload": 1, "branch": 2}
    assert violated_requirement(resources, "overlap", UPLOAD, UPLOAD, PUTS[0], delete) == "FIN-1"


def test_a_server_error_is_one_whatever_else_happened(
    resources: ResourceFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers_changed(monkeypatch, "PUT", 500)
    assert violated_requirement(resources, "overlap", UPLOAD, *PUTS) == "GEN-1"


def test_a_crash_belongs_to_the_operations_that_had_no_answer() -> None:
    switches = [{"action": "mode", "cluster": 0, "state": 0, "branch": branch} for branch in (1, 2)]
    more = {"action": "mode", "cluster": 0, "state": 1, "branch": 1}
    with faulty_backend("switches-at-once-end-the-server") as url, resources_at(url) as resources:
        with pytest.raises(MissingAnswer) as lost:
            execute(resources, "overlap", CLUSTER, *switches, more)
        assert not resources.target.is_alive()
    assert lost.value.requirement_if_lost == "MODE-1"


def test_of_different_operations_without_an_answer_none_is_known_to_crash_the_target() -> None:
    silence = ResponseTimeout("an answer", "nothing")
    history, missing = History(), []
    for branch, action in enumerate(("finalize", "progress"), start=1):
        operation = Operation(branch, action, f"upload {branch}", None, 0.0, math.inf)
        history.add(operation)
        missing.append(Missing(operation, silence))
    assert missing_answer(missing[:1], history).requirement_if_lost == "FIN-1"
    failure = missing_answer(missing, history)
    assert (failure.requirement, failure.requirement_if_lost) == ("FIN-1", None)
    assert failure.with_actual("nothing at all").requirement_if_lost is None


def test_an_unexplained_answer_is_named_with_what_overlapped(
    resources: ResourceFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers_changed(monkeypatch, "PUT", 200)
    with pytest.raises(
        Violation, match=r"which no order explains after: the PUT of upload 0 by branch [12]: 200"
    ) as found:
        execute(resources, "overlap", UPLOAD, *PUTS)
    assert found.value.requirement == "FIN-5"
