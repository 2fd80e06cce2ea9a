"""Several results side by side: cases and requirements in rows, results in columns."""

from __future__ import annotations

import io
from dataclasses import replace

from rich.console import Console

from hanami_reports.conformance.case_grid import ABSENT, OUTCOME_MARKS, CaseGrid
from hanami_reports.conformance.servers_text import print_servers
from hanami_reports.model.conformance import ExitStatus, Outcome
from support.conformance_results import HOSTILE, case, run_of

PASSED, FAILED, LOST = Outcome.PASSED, Outcome.FAILED, Outcome.LOST


def test_cases_of_a_test_with_the_same_outcomes_share_a_row() -> None:
    first = run_of([case(n, outcome, "A-1") for n, outcome in enumerate((PASSED, PASSED, FAILED, PASSED, PASSED))])
    second = run_of([case(n, outcome, "A-1") for n, outcome in enumerate((PASSED, PASSED, FAILED, LOST))])
    rows = CaseGrid([first, second]).rows("A-1")
    assert [([name.rpartition("[")[2][:-1] for name in row.cases], row.outcomes) for row in rows] == [
        (["3"], ("passed", "lost")),
        (["2"], ("failed", "failed")),
        (["0", "1"], ("passed", "passed")),
        (["4"], ("passed", ABSENT)),
    ]
    assert {row.test for row in rows} == {"test_x.py::test_of_a_1"}
    assert [row.differs for row in rows] == [True, False, False, False]


def test_no_case_is_counted_for_a_requirement_that_a_result_does_not_have() -> None:
    grid = CaseGrid([run_of([case(0, PASSED, "A-1")]), run_of([case(1, FAILED, "B-2")])])
    assert [row.outcomes for row in grid.rows("A-1")] == [("passed", ABSENT)]
    assert [row.outcomes for row in grid.rows("B-2")] == [(ABSENT, "failed")]
    assert grid.rows("C-3") == []


def test_every_outcome_has_a_mark_of_its_own() -> None:
    assert set(OUTCOME_MARKS) == {*Outcome, ABSENT}
    assert len(set(OUTCOME_MARKS.values())) == len(OUTCOME_MARKS)


def printed(width: int, servers: int) -> list[str]:
    good = run_of([case(0, PASSED, "A-1"), case(1, PASSED, "B-2")], status=ExitStatus.CONFORMANT)
    bad = run_of([case(0, PASSED, "A-1"), case(1, FAILED, "B-2")])
    hostile = replace(bad.requirements[1], text=HOSTILE * 10)
    bad = replace(bad, requirements=(bad.requirements[0], hostile))
    output = io.StringIO()
    console = Console(file=output, width=width)
    results = {"bad" * 30: bad} | {f"good{number}": good for number in range(servers - 1)}
    print_servers(console, results, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    return output.getvalue().splitlines()


def test_the_terminal_shows_the_requirements_that_differ() -> None:
    lines = printed(80, 12)
    assert lines[0] == f"A  {('bad' * 30)[:37]}...  NOT CONFORMANT"
    assert lines[1].split() == ["B", "good0", "CONFORMANT"]
    assert "1 requirement of 2 differs" in lines
    assert "✗ FAIL  ✓ PASS" in lines
    header = next(line for line in lines if line.split() == list("ABCDEFGHIJKL"))
    [row] = [line for line in lines if line.startswith(("A-1", "B-2"))]
    assert row.startswith("B-2 ")
    marks = {letter: row[header.index(letter)] for letter in "ABCDEFGHIJKL"}
    assert marks == {letter: "✗" if letter == "A" else "✓" for letter in "ABCDEFGHIJKL"}
    for width in (40, 80, 120):
        assert all(len(line) <= width and line.isprintable() for line in printed(width, 12))


def test_the_terminal_says_that_nothing_differs() -> None:
    output = io.StringIO()
    same = run_of([case(0, PASSED, "A-1")])
    print_servers(Console(file=output, width=80), {"a": same, "b": same}, "AB")
    assert output.getvalue().rstrip().endswith("0 requirements of 1 differ")
