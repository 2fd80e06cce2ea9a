"""Steps that suspend, kill and restart the server: what must be kept is judged, and the rest gets clean answers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hypothesis.strategies import SearchStrategy

from hanami_conformance.cases.failures import Unsupported
from hanami_conformance.cases.step import Step
from hanami_conformance.clients.rest_response import RestResponse
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.stateful.server_steps import MOST_RESTARTS
from hanami_conformance.stateful.strategies import direct_io, uploads
from support.controlled_server import started
from support.draws import sample
from support.sequences import answers_changed, execute, violated_requirement

UPLOAD = {"action": "begin", "kind": "csv", "size": 40, "count": 1, "user": 0}
ATTACH = {"action": "attach", "file": 0}
FILL = {"action": "fill", "socket": 0, "chunk": 30, "order": "ascending", "variant": 0}
PART = {"action": "write", "socket": 0, "position": 0, "length": 20, "variant": 0}
FINALIZE = {"action": "finalize", "upload": 0}
KILL, RESTART = {"action": "kill"}, {"action": "restart"}
CLUSTER = {"action": "cluster", "inputs": [3], "outputs": [2], "user": 0}
REQUEST = {"action": "request", "cluster": 0, "values": 1, "order": 0}


def test_a_server_is_killed_or_restarted_a_few_times(resources: ResourceFactory) -> None:
    server = started(resources)
    execute(resources, "upload", KILL, UPLOAD, RESTART, KILL, KILL)
    assert server.log == ["killed", "restarted", "restarted"]
    assert server.log.count("restarted") == MOST_RESTARTS


@pytest.mark.parametrize("durable", ["none", "datasets", "all"])
def test_a_server_that_keeps_everything_conforms_whatever_it_declares(resources: ResourceFactory, durable: str) -> None:
    started(resources, durable)
    deleted = {"action": "delete", "upload": 2}
    case = execute(resources, "upload", UPLOAD, ATTACH, FILL, FINALIZE, UPLOAD, ATTACH, PART, UPLOAD, deleted, KILL)
    assert ("DATA-7" in case.checks_by_requirement) == (durable == "all"), "the partly sent upload goes on"
    training = {"action": "open", "cluster": 0, "values": 1, "trains": 1}
    case = execute(resources, "direct", CLUSTER, REQUEST, training, RESTART, CLUSTER, REQUEST)
    assert case.checks_by_requirement["GEN-1"] == (0 if durable == "all" else 1)


@pytest.mark.parametrize(
    ("steps", "requirement"),
    [((UPLOAD, ATTACH, FILL, FINALIZE, KILL), "FIN-1"), ((UPLOAD, ATTACH, PART, KILL), "DATA-7")],
)
def test_what_is_declared_and_lost_fails(
    resources: ResourceFactory, steps: tuple[dict[str, Any], ...], requirement: str
) -> None:
    account = resources.target.account

    def lose() -> None:
        for uuid in list(resources._created):
            account.call("dataset.delete", params={"uuid": uuid})

    started(resources, "none", lose)
    execute(resources, "upload", *steps)  # nothing is declared
    started(resources, "all", lose)
    assert violated_requirement(resources, "upload", *steps) == requirement


@pytest.mark.parametrize(("kind", "first"), [("upload", (UPLOAD, ATTACH, PART)), ("direct", (CLUSTER,))])
def test_no_request_for_what_need_not_be_kept_gets_a_server_error(
    resources: ResourceFactory, monkeypatch: pytest.MonkeyPatch, kind: str, first: tuple[dict[str, Any], ...]
) -> None:
    server = started(resources)

    def broken(method: str, _path: str, answer: RestResponse) -> RestResponse:
        fails = method == "PUT" and server.log
        return RestResponse(answer.request, 500, b"", "") if fails else answer

    answers_changed(monkeypatch, broken)
    assert violated_requirement(resources, kind, *first, RESTART) == "GEN-1"


def test_messages_to_a_suspended_server_are_answered_when_it_goes_on(resources: ResourceFactory) -> None:
    server = started(resources)
    chunk = {"action": "suspend", "socket": 0, "position": 5, "length": 10, "variant": 0, "milliseconds": 1}
    execute(resources, "upload", UPLOAD, ATTACH, chunk)
    assert server.sent == 1
    request = {"action": "suspend", "cluster": 0, "values": 1, "milliseconds": 1}
    execute(resources, "direct", {**CLUSTER, "inputs": [3, 2]}, request)
    assert server.sent == 3, "a chunk, and both messages of a request"


@pytest.mark.parametrize("step", [KILL, RESTART])
def test_a_server_that_the_suite_does_not_start_is_not_ended(resources: ResourceFactory, step: dict[str, Any]) -> None:
    resources.target.server = None
    for kind in ("upload", "direct"):
        with pytest.raises(Unsupported, match="needs a server that the suite may restart"):
            execute(resources, kind, step)


@pytest.mark.parametrize("steps", [direct_io.server_steps, uploads.server_steps], ids=["direct", "upload"])
def test_servers_are_suspended_often_and_restarted_seldom(steps: SearchStrategy[Step]) -> None:
    drawn = [step.action for step in sample(steps)]
    assert set(drawn) == {"suspend", "kill", "restart"}
    assert drawn.count("suspend") > 2 * (len(drawn) - drawn.count("suspend"))


@pytest.mark.parametrize(
    "strategy",
    [partial(direct_io.direct_sequences, 40), partial(uploads.upload_sequences, 40, 1000)],
    ids=["direct", "upload"],
)
def test_servers_are_suspended_only_where_that_is_possible(
    strategy: Callable[..., SearchStrategy[list[Step]]],
) -> None:
    for possible in (True, False):
        drawn = {step.action for steps in sample(strategy(restarts=possible), 100, 1) for step in steps}
        assert ("suspend" in drawn) == possible
