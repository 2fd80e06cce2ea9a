"""Branches that suspend or kill a real server: what was declared is judged behind it, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from hanami_conformance.cases.failures import TargetDown, Violation
from hanami_conformance.cases.recording import begin_case, current_case, end_case
from hanami_conformance.options.run import resolve
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.server.open import open_target
from support.controlled_server import started
from support.sequences import execute, violated_requirement

UPLOAD = {"action": "upload", "kind": "csv", "size": 80, "count": 1, "received": 4, "user": 0}
CLUSTER = {"action": "cluster", "inputs": 4, "outputs": 3, "user": 0}
PUT = {"action": "finalize", "upload": 0}
LIST = {"action": "list"}
KILL = {"action": "kill", "branch": 3}
SUSPEND = {"action": "suspend", "milliseconds": 60, "branch": 3}


def beside(branch: int, step: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {**step, "branch": branch, **more}


@pytest.fixture(scope="module")
def real() -> Iterator[ResourceFactory]:
    """Resources of a server that the suite starts, which keeps nothing over a restart, and declares so."""
    begin_case("test")
    with open_target(resolve({"target": "reference"}, {}), run_id="aaaa1111") as opened:
        yield ResourceFactory(opened.target, "aaaa1111")
        opened.target.close_connections()
    end_case()


def test_a_suspended_server_finds_everything_at_once(real: ResourceFactory) -> None:
    case = execute(real, "overlap", UPLOAD, beside(1, PUT), beside(2, PUT), SUSPEND, beside(4, LIST))
    assert case.checks_by_requirement["FIN-5"] == 1
    assert case.checks_by_requirement["GEN-1"] == 1


@pytest.mark.parametrize("delay", [0, 2000])
def test_a_killed_server_need_not_answer_and_is_there_again(real: ResourceFactory, delay: int) -> None:
    kill = {**KILL, "delay_us": delay}
    progress = {"action": "progress", "upload": 0}
    case = execute(real, "overlap", UPLOAD, beside(1, PUT), beside(2, LIST), kill, *[beside(2, progress)] * 3)
    assert case.checks_by_requirement["GEN-1"] == 1
    cycle = {"action": "cycle", "cluster": 0, "values": 1}
    execute(real, "overlap", CLUSTER, beside(1, cycle), beside(2, cycle), kill, beside(4, cycle))
    assert real.target.is_alive()


def test_what_is_declared_and_lost_in_the_kill_fails(real: ResourceFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    lists = [beside(1, LIST), beside(2, LIST), KILL]
    monkeypatch.setattr(real.target, "durable", "datasets")
    execute(real, "overlap", UPLOAD, *lists)  # an upload is no dataset
    assert violated_requirement(real, "overlap", UPLOAD, PUT, *lists) == "FIN-1"
    monkeypatch.setattr(real.target, "durable", "all")
    with pytest.raises(Violation):
        execute(real, "overlap", UPLOAD, *lists)


def test_a_server_that_ended_by_itself_was_not_killed(
    resources: ResourceFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = started(resources)
    monkeypatch.setattr(server, "ended", lambda: "its process ended with exit status 9")
    with pytest.raises(TargetDown, match="exit status 9"):
        execute(resources, "overlap", UPLOAD, beside(1, PUT), KILL)
    assert server.log == []


def test_what_is_kept_by_accident_conforms_too(resources: ResourceFactory) -> None:
    server = started(resources)
    resources.target.connection_limit.limit = 4
    chunk = {"action": "chunk", "upload": 0, "file": 0, "block": 1, "variant": 1}
    for durable in ("none", "datasets", "all"):
        resources.target.durable = durable
        delete = {"action": "delete", "upload": 0}
        execute(resources, "overlap", UPLOAD, beside(1, chunk), beside(2, PUT), KILL, beside(4, delete))
        execute(resources, "overlap", CLUSTER, beside(1, {"action": "train", "cluster": 0, "values": 1}), KILL)
    assert server.log == ["killed", "restarted"] * 6
    assert current_case().checks_by_requirement["GEN-1"] == 1
