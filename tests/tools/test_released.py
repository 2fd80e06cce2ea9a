"""The table of the defects of released servers, and what a run against their simulators is compared with."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hanami_conformance.catalogue import catalogue
from hanami_reference_backend.faults.released import SERVERS, defects_of
from hanami_reports.model.conformance import CaseResult, Outcome, RunResult
from tools.target_matrix.released import compare, expectations
from tools.target_matrix.targets import by_name

HANAMI = "hanami-0.4.1"
EMPTY = RunResult(manifest={}, exit_status=1, reason="", requirements=(), cases=())
CASE = CaseResult("test_a.py::test_a", "title", ("DEL-1",), Outcome.FAILED, ("DEL-1",))
CRASH = replace(
    CASE, id="test_b.py::test_b", violated=("GEN-2",), server_log="before\ncrash: unknown-datasets-crash\nafter"
)


def with_cases(*cases: CaseResult) -> RunResult:
    return replace(EMPTY, cases=cases)


def test_the_table_has_every_defect_once() -> None:
    names = {name for server in SERVERS for name in defects_of(server)}
    assert set(expectations()) == names


@pytest.mark.parametrize("server", SERVERS)
def test_the_table_fits_the_defects(server: str) -> None:
    known = set(catalogue())
    for name, defect in defects_of(server).items():
        expectation = expectations()[name]
        assert expectation.expected, name
        assert set(expectation.expected) <= set(defect.violates) <= known, name
        assert set(expectation.shown_on) <= set(defect.servers), name
        assert expectation.note or set(expectation.shown_on) == set(defect.servers), name


def test_a_released_server_is_a_target() -> None:
    assert {name for name, scenario in by_name().items() if scenario.has_defects} == set(SERVERS)


def test_a_run_without_findings_misses_all() -> None:
    comparison = compare(HANAMI, EMPTY, "")
    assert not comparison.shown
    assert len(comparison.missing) + len(comparison.out_of_reach) == len(defects_of(HANAMI))
    assert "missing: deleted-uploads-take-chunks (DEL-1)" in comparison.complaints


def test_a_failed_case_shows_the_defects_of_its_requirement() -> None:
    comparison = compare(HANAMI, with_cases(CASE), "")
    assert comparison.shown["deleted-uploads-take-chunks"] == CASE.id
    assert "incomplete-uploads-finalized" not in comparison.shown
    assert not compare(HANAMI, with_cases(replace(CASE, outcome=Outcome.PASSED)), "").shown
    assert not compare(HANAMI, with_cases(replace(CASE, violated=("DIO-3",))), "").shown.get(
        "deleted-uploads-take-chunks"
    )


def test_a_crash_is_shown_only_by_a_case_that_quotes_it() -> None:
    comparison = compare(HANAMI, with_cases(CRASH), CRASH.server_log)
    assert comparison.shown["unknown-datasets-crash"] == CRASH.id
    assert "images-without-pixels-crash" not in comparison.shown
    assert comparison.crashes["unknown-datasets-crash"] == 1


def test_a_crash_that_no_case_reports_is_missing() -> None:
    comparison = compare(HANAMI, EMPTY, CRASH.server_log)
    line = next(line for line in comparison.lines() if " unknown-datasets-crash " in line)
    assert line.startswith("missing ")
    assert line.endswith("although it crashed the server 1 time")


def test_a_requirement_that_no_defect_violates_is_false() -> None:
    comparison = compare(HANAMI, with_cases(replace(CASE, violated=("INIT-4",))), "")
    assert comparison.false == {"INIT-4": (CASE.id,)}
    assert f"false: INIT-4, by {CASE.id}" in comparison.complaints
    assert "1 requirement false" in comparison.headline
