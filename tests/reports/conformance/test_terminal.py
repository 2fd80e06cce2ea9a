"""The result on the terminal: findings first, a screen at most, and nothing cut away that differs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from hanami_reports.conformance.terminal import MOST_FINDINGS, render_result
from hanami_reports.model.conformance import (
    CaseResult,
    Event,
    ExitStatus,
    Level,
    Outcome,
    RequirementResult,
    RunResult,
    Verdict,
)

FOLDER = Path("reports/latest")
UUID = "6f0c7ac2-3d8c-4d8e-9f49-3b1c7f0c7ac2"
LONG = '200 {"uuid":"' + UUID + '","name":"' + "n" * 90 + '","complete":true}'
SCREEN = 42  # lines


def case(number: int, requirement: str, actual: str, events: int = 12) -> CaseResult:
    exchange = [Event(0.1 * n, "rest-1", "sent", "http", f"GET /progress?uuid={UUID}") for n in range(events - 1)]
    exchange.append(Event(1.0, "rest-1", "received", "http", LONG))
    return CaseResult(
        f"test_upload.py::test_of_{requirement}[{number}]",
        "",
        (requirement,),
        Outcome.FAILED,
        (requirement,),
        f"expected complete = false; actual {actual}",
        "complete = false",
        actual,
        exchange=tuple(exchange),
        failed_at=events - 1,
    )


def requirement(name: str, cases: tuple[CaseResult, ...], level: Level, verdict: Verdict) -> RequirementResult:
    own = tuple(one.id for one in cases if name in one.requirements)
    return RequirementResult(
        name, level, "Upload", "step 4", f"text of {name}", verdict, "", own, True, f"{name} fails"
    )


def result(*cases: CaseResult) -> RunResult:
    names = dict.fromkeys(name for one in cases for name in one.violated)
    requirements = [requirement(name, cases, Level.SHOULD, Verdict.FAIL) for name in names]
    fulfilled = [requirement(f"OK-{n}", (), Level.MUST, Verdict.PASS) for n in range(40)]
    unjudged = requirement("NR-1", (), Level.MUST, Verdict.NOT_RUN)
    manifest = {"duration": 1.0, "target": {"url": "http://h:1", "user": "alice"}, "dialect": "documented"}
    return RunResult(manifest, ExitStatus.NOT_CONFORMANT, "", (*requirements, *fulfilled, unjudged), cases)


def text(run: RunResult, width: int = 80, *, verbose: bool = False) -> str:
    return render_result(run, FOLDER, color=False, width=width, verbose=verbose)


TWO_FAULTS = result(*[case(n, "PROG-2", "complete = true") for n in range(65)], case(1, "DATA-5", "success = true"))


@pytest.mark.parametrize("width", [80, 120])
def test_a_typical_failing_run_fits_on_a_screen(width: int) -> None:
    printed = text(TWO_FAULTS, width)
    assert printed.count("\n") <= SCREEN
    assert "2 findings in 66 failed cases" in printed
    assert " 1  SHOULD PROG-2  PROG-2 fails  (65 cases)" in printed
    rerun = "hanami-conformance run --target http://h:1 --user alice --report-dir reports/rerun"
    rerun += " --case 'test_upload.py::test_of_PROG-2[0]'"
    assert f"    rerun     {rerun}\n" in printed
    assert "65 of 65 failed" in printed
    assert "OK-7" not in printed
    assert "not judged  NR-1" in printed
    if width > 80:
        assert max(map(len, printed.splitlines()[:12])) <= width


def test_the_next_step_is_named_once() -> None:
    lines = text(TWO_FAULTS).splitlines()
    (place,) = [number for number, line in enumerate(lines) if "hanami-conformance explain" in line]
    assert lines[place] == "next        hanami-conformance explain PROG-2 DATA-5"
    many = result(*[case(n, f"A-{n}", f"answer {'x' * n} of its own") for n in range(1, 9)])
    others = "            the exchanges of the other findings: -v, or the page"
    assert f"next        hanami-conformance explain A-1 A-2\n{others}\n" in text(many)
    assert others not in text(TWO_FAULTS)
    assert others not in text(many, verbose=True)
    assert "hanami-conformance explain" not in text(result())


def test_the_whole_table_is_printed_on_request_and_where_nothing_fails() -> None:
    assert "OK-7" in text(TWO_FAULTS, verbose=True)
    passing = result()
    passed = (CaseResult("test_x.py::test_a", "", ("OK-1",), Outcome.PASSED),)
    assert "OK-7" in text(replace(passing, exit_status=ExitStatus.CONFORMANT, cases=passed))


def test_what_differs_is_never_cut_away() -> None:
    printed = text(TWO_FAULTS)
    marked = printed[printed.index("> ") :]
    assert '"complete":true}' in marked.replace("\n", "").replace(" ", "").split("events")[0]
    assert UUID not in marked.splitlines()[0]
    assert "events 8 to 12 of 12" in printed


def test_further_findings_are_listed_and_counted() -> None:
    many = result(*[case(n, f"A-{n}", f"answer {'x' * n} of its own") for n in range(1, MOST_FINDINGS + 4)])
    printed = text(many, 120)
    assert f"{MOST_FINDINGS:>2}  SHOULD A-{MOST_FINDINGS}" in printed
    assert "... and 3 more findings, all in reports/latest/conformance.html" in printed
    assert "more finding" not in text(many, verbose=True)


def test_findings_without_details_take_a_line_each() -> None:
    many = result(*[case(n, f"A-{n}", f"answer {'x' * n} of its own") for n in range(1, 6)])
    lines = text(many, 120).splitlines()
    places = [lines.index(f" {n}  SHOULD A-{n}  A-{n} fails  (1 case)") for n in range(3, 6)]
    assert places == [places[0], places[0] + 1, places[0] + 2]
