"""Rows of an input model: a failing one is reduced to its cause, attributed, stored, and hides no other one."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hanami_conformance.cases.failures import ConnectionClosed, PreconditionFailed, Unsupported, Violation
from hanami_conformance.cases.recording import begin_case, current_case, end_case
from hanami_conformance.cases.sequence import StepSequence
from hanami_conformance.clients.rest_response import RestResponse
from hanami_conformance.combinations.coverage import CoverageLog
from hanami_conformance.combinations.input_model import load_model
from hanami_conformance.options.profiles import GATE
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.stateful import row_runner
from hanami_conformance.stateful.executors.row import attribute_to_values
from hanami_conformance.stateful.row_runner import MANY_FAILURES, NO_TIME, RowRunner
from hanami_conformance.stateful.search_settings import SearchSettings
from hanami_conformance.target.formed_account import FormedAccount
from support.sequences import answers_changed
from support.sequences import execute as execute_steps
from support.suite_runs import faulty_backend, result_of, run_suite
from tools.reference import ALICE, TIMEOUT, clean_environment

Row = dict[str, str]
React = Callable[[Row], None]
MODEL = load_model("table")
PARTS = 6


@pytest.fixture(autouse=True)
def case() -> Iterator[None]:
    begin_case("rows")
    yield
    end_case()


def runner(monkeypatch: pytest.MonkeyPatch, react: React, **profile: Any) -> RowRunner:
    """A runner whose rows are only looked at: a function fails for those that it wants to."""

    def execute(sequence: StepSequence, _resources: Any) -> None:
        with attribute_to_values(MODEL, sequence.steps):
            react(MODEL.row(sequence.steps))

    monkeypatch.setattr(row_runner, "execute", execute)
    monkeypatch.setattr(row_runner, "unmet_reason", lambda *_, **__: "")
    target = SimpleNamespace(is_alive=lambda: True, disconnect_reason=lambda _: "")
    settings = SearchSettings(replace(GATE, **profile), seed=0, seconds=0.0, database=None)
    resources: Any = SimpleNamespace(target=target)
    return RowRunner(settings, resources, CoverageLog())


def failing_if(requirement: str | None = None, **values: str) -> React:
    def react(row: Row) -> None:
        if all(row[name.replace("_", " ")] == value for name, value in values.items()):
            raise Violation("200 to POST", "400", requirement)

    return react


def failure_of(run: RowRunner) -> Violation:
    """The failure of the first case of the model that fails."""
    for part in range(1, PARTS + 1):
        try:
            run("table", part, PARTS)
        except Violation as violation:
            return violation
    raise AssertionError("no case fails")


def steps_of_the_case() -> list[tuple[str, str]]:
    sequence = current_case().sequence
    assert sequence is not None
    assert sequence.kind == "table"
    return [(step.action, step.arguments["value"]) for step in sequence.steps]


def test_a_row_is_reduced_to_the_values_that_cause_the_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    failure = failure_of(runner(monkeypatch, failing_if("INIT-2", body="one chunk", json="escaped")))
    assert failure.expected == (
        "200 to POST, as in the plain form: it fails with body = one chunk and json = escaped, all else plain"
    )
    assert (failure.actual, failure.requirement) == ("400", "INIT-2")
    assert steps_of_the_case() == [("body", "one chunk"), ("json", "escaped")]


@pytest.mark.parametrize(
    ("values", "named", "requirement"),
    [
        ({"order": "descending"}, "FIN-2", "DATA-2"),
        ({"order": "descending", "json": "escaped"}, None, "DATA-2"),
        ({"order": "descending", "repetition": "each twice"}, None, "DATA-2"),
        ({"order": "descending", "repetition": "each twice"}, "DATA-4", "DATA-4"),
        ({"connection": "kept, after another user"}, "ATT-2", "GEN-3"),
        ({"json": "escaped"}, "FIN-1", "FIN-1"),
    ],
)
def test_a_failure_belongs_to_the_values_that_cause_it(
    monkeypatch: pytest.MonkeyPatch, values: Row, named: str | None, requirement: str
) -> None:
    assert failure_of(runner(monkeypatch, failing_if(named, **values))).requirement == requirement


def test_simpler_values_take_the_place_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def react(row: Row) -> None:
        if row["body"] != "sized":
            raise Violation("200 to POST", "400", "INIT-2")

    failure_of(runner(monkeypatch, react))
    assert steps_of_the_case() == [("body", "one chunk")]


def test_another_failure_is_not_taken_for_the_same_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def react(row: Row) -> None:
        if row["body"] == "one chunk":
            requirement = "FIN-1" if row["json"] == "escaped" else "INIT-2"
            raise Violation("200", "400", requirement)

    run = runner(monkeypatch, react)
    for part in range(1, PARTS + 1):
        with contextlib.suppress(Violation):
            run("table", part, PARTS)
    causes = {str(cause.failure.requirement): [s.action for s in cause.steps] for cause in run.log.causes["table"]}  # type: ignore[attr-defined]
    assert causes["INIT-2"] == ["body"]


def test_a_failure_of_the_plain_row_belongs_to_its_check(monkeypatch: pytest.MonkeyPatch) -> None:
    failure = failure_of(runner(monkeypatch, failing_if("FIN-1")))
    assert (failure.expected, failure.requirement, failure.failure_key) == ("200 to POST", "FIN-1", "")
    assert steps_of_the_case() == []


def test_a_failed_precondition_of_the_plain_row_stays_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def react(_row: Row) -> None:
        raise PreconditionFailed("beginning") from Violation("200", "500")

    with pytest.raises(PreconditionFailed):
        runner(monkeypatch, react)("table", 2, PARTS)


def test_a_failed_precondition_in_another_form_alone_is_a_violation(monkeypatch: pytest.MonkeyPatch) -> None:
    def react(row: Row) -> None:
        if row["order"] == "shuffled":
            raise PreconditionFailed("beginning") from Violation("200", "500", "INIT-2")

    failure = failure_of(runner(monkeypatch, react))
    assert (failure.actual, failure.requirement) == ("500", "DATA-2")


def test_one_cause_hides_no_other_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def react(row: Row) -> None:
        if row["order"] == "descending":
            raise Violation("a file", "another one", "DATA-2")
        if row["first frames"] == "pings between":
            raise Violation("an answer", "none", "ATT-2")

    run = runner(monkeypatch, react)
    raised = []
    for part in range(1, PARTS + 1):
        with pytest.raises(Violation) as caught:
            run("table", part, PARTS)
        raised.append(caught.value.requirement)
    assert {"DATA-2", "ATT-2"} == set(raised)
    assert len(run.log.causes["table"]) == 2
    (coverage,) = run.log.coverage({"rows"})
    assert (coverage.covered, coverage.missing) != (0, ())
    assert all(
        "order = descending" in (entry.value, *entry.others)
        or "first frames = pings between" in (entry.value, *entry.others)
        for entry in coverage.missing
    )


def test_a_failure_that_does_not_recur_belongs_to_its_check(monkeypatch: pytest.MonkeyPatch) -> None:
    failures = iter([Violation("a file", "another one", "FIN-2")])

    def react(row: Row) -> None:
        if row["order"] == "descending" and (failure := next(failures, None)) is not None:
            raise failure

    failure = failure_of(runner(monkeypatch, react))
    assert failure.requirement == "FIN-2"
    assert failure.actual == "another one (not reproducible: the replay passed)"


def test_rows_that_cannot_be_executed_are_not_covered(monkeypatch: pytest.MonkeyPatch) -> None:
    def react(row: Row) -> None:
        if (row["order"], row["frames"]) == ("descending", "one"):
            raise Unsupported("needs an order")

    run = runner(monkeypatch, react)
    for part in range(1, PARTS + 1):
        run("table", part, PARTS)
    (coverage,) = run.log.coverage({"rows"})
    assert {entry.reason for entry in coverage.missing} == {"needs an order"}
    pairs = [pair for entry in coverage.missing for pair in entry.pairs()]
    assert {"order = descending", "frames = one"} in [set(pair.split(" and ")) for pair in pairs]
    assert all("order = descending" in pair for pair in pairs)


def test_rows_behind_the_time_of_the_profile_are_not_covered(monkeypatch: pytest.MonkeyPatch) -> None:
    run = runner(monkeypatch, lambda _row: None, row_seconds=-1.0)
    run("table", 1, 1)
    (coverage,) = run.log.coverage({"rows"})
    assert coverage.rows == 1
    assert {entry.reason for entry in coverage.missing} == {NO_TIME}


def test_a_target_that_fails_everywhere_is_left_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    executed = []

    def react(row: Row) -> None:
        executed.append(row)
        for name, value in row.items():
            if value != MODEL.dimension(name).plain.name:
                raise Violation("200", "400", "GEN-1" if name < "i" else "GEN-2")

    run = runner(monkeypatch, react)
    with pytest.raises(Violation):
        run("table", 1, 1)
    (coverage,) = run.log.coverage({"rows"})
    assert MANY_FAILURES in {entry.reason for entry in coverage.missing}
    assert len(executed) < 500


def test_rows_are_evidence_for_the_requirements_of_their_values(monkeypatch: pytest.MonkeyPatch) -> None:
    run = runner(monkeypatch, lambda _row: None)
    run("table", 1, 1)
    counted = current_case().checks_by_requirement
    assert {one.requirement for one in MODEL.dimensions if one.requirement} <= counted.keys()
    assert current_case().sequences == len(run.log.plans["table"].rows)


@pytest.mark.parametrize(
    ("kind", "method", "step", "requirement"),
    [
        ("table", "PUT", ("other user", "PUT"), "GEN-3"),
        ("table", "PUT", ("early PUT", "before the first chunk"), "FIN-3"),
        ("images", "PUT", ("order", "descending"), "FIN-1"),
        ("listing", "DELETE", ("deleted", "the first"), "DEL-1"),
    ],
)
def test_a_call_of_a_row_without_an_answer_has_its_requirement(
    resources: ResourceFactory,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    method: str,
    step: tuple[str, str],
    requirement: str,
) -> None:
    def lost(actual_method: str, _path: str, answer: RestResponse) -> RestResponse:
        if actual_method == method:
            raise ConnectionClosed("an answer", "the end of the connection")
        return answer

    def lost_form(self: FormedAccount, operation: str, **more: Any) -> RestResponse:
        return lost(self.target.route(operation).method, operation, call(self, operation, **more))

    call = FormedAccount.call
    answers_changed(monkeypatch, lost)
    monkeypatch.setattr(FormedAccount, "call", lost_form)
    action, value = step
    with pytest.raises(Violation) as caught:
        execute_steps(resources, kind, {"action": action, "value": value})
    assert caught.value.requirement_if_lost == requirement


LISTS = "test_combinations.py::test_lists_after_any_combination_of_calls"


@pytest.mark.slow
def test_a_fault_of_two_values_is_found_stored_and_replayed(tmp_path: Path) -> None:
    with faulty_backend("kept-connections-delete-one-dataset") as url:
        run = run_suite("--target", url, *ALICE, "--case", LISTS, cwd=tmp_path)
        assert run.returncode == 1, run.stdout + run.stderr
        result = result_of(tmp_path)
        failed = [case for case in result["cases"] if case["outcome"] == "failed"]
        assert {tuple(case["violated"]) for case in failed} == {("DEL-1",)}
        assert len(result["findings"]) == 1
        sequence = json.loads(failed[0]["sequence"])
        assert {(step["action"], step["value"]) for step in sequence["steps"]} == {
            ("connection", "kept"),
            ("datasets", "a few"),
            ("deleted", "all"),
        }
        path = next((tmp_path / "reports" / "latest" / "exchanges").glob("*.json"))
        still = replay(path, url, tmp_path)
    assert still.returncode == 1, still.stdout + still.stderr
    assert "still failing: expected a list without the deleted" in still.stdout
    with faulty_backend() as url:
        fixed = replay(path, url, tmp_path)
    assert fixed.returncode == 0, fixed.stdout
    listed = subprocess.run(
        [sys.executable, "-m", "hanami_conformance.cli.main", "coverage", "reports/latest", "--model", "listing"],
        cwd=tmp_path,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert "excluded: owner = other user, " in listed.stdout
    assert "needs a user of another project (--second-user and --second-password)" in listed.stdout


def replay(path: Path, url: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "hanami_conformance.cli.main", "replay", str(path), "--target", url, *ALICE],
        cwd=folder,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
