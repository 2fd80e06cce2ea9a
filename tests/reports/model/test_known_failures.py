"""What a list of known failures excuses, and when it is the list that is wrong."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from xml.etree import ElementTree

import pytest

from hanami_reports.conformance.junit import junit_xml
from hanami_reports.conformance.terminal import render_result
from hanami_reports.model.conformance import (
    CaseResult,
    ExitStatus,
    Level,
    Outcome,
    RequirementResult,
    RunResult,
    Verdict,
    parse_result,
)
from hanami_reports.model.known_failure_matching import SuiteCase, entry_results, find_entry, match_entries
from hanami_reports.model.known_failures import Entry, EntryResult, KnownFailuresReport, Problem
from hanami_reports.model.verdicts import exit_status, requirement_verdict

TODAY = date(2026, 11, 25)
ONE, TWO, OTHER = "test_x.py::test_a[1]", "test_x.py::test_a[2]", "test_x.py::test_b"
SUITE = {
    ONE: SuiteCase(("X-1", "X-2")),
    TWO: SuiteCase(("X-1",)),
    OTHER: SuiteCase(("X-2",), may_violate=("X-3",)),
    "test_x.py::test_c": SuiteCase(("X-3",)),
}


def failed(name: str, violated: str = "X-1", actual: str = "500", outcome: Outcome = Outcome.FAILED) -> CaseResult:
    reason = f"expected 200; actual {actual}"
    requirements = SUITE[name].requirements
    return CaseResult(
        name, "title", requirements, outcome, (violated,), reason, expected="200", actual=actual, known="why"
    )


def ended(name: str, outcome: Outcome = Outcome.PASSED) -> CaseResult:
    return CaseResult(name, "title", SUITE[name].requirements, outcome, reason="" if outcome is Outcome.PASSED else "r")


def entry(**fields: object) -> Entry:
    given: dict[str, object] = {"message": "500", "reason": "why", "line": 4, **fields}
    return Entry(**given)  # type: ignore[arg-type]


def problems(
    entries: Sequence[Entry], cases: Sequence[CaseResult], selected: set[str] | None = None
) -> list[Problem | None]:
    return [one.problem for one in entry_results(match_entries(entries, cases, SUITE, selected), SUITE, TODAY)]


def excused(one: Entry, case: CaseResult) -> bool:
    texts = (case.reason, case.expected, case.actual)
    return find_entry([one], case.id, case.violated, texts, TODAY) is one


@pytest.mark.parametrize(
    ("fields", "yes"),
    [
        ({"requirement": "X-1"}, True),
        ({"requirement": "X-2"}, False),  # named by the case, but not broken
        ({"case": ONE}, True),
        ({"case": TWO}, False),
        ({"case": "test_x.py::test_a"}, True),
        ({"case": "test_x.py::test"}, False),
        ({"requirement": "X-1", "message": "expected 200; actual"}, True),
        ({"requirement": "X-1", "message": "404"}, False),
        ({"requirement": "X-1", "expires": "2026-11-25"}, True),  # the last day counts
        ({"requirement": "X-1", "expires": "2026-11-24"}, False),
        ({"requirement": "X-1", "flaky": True}, True),
    ],
)
def test_which_failures_an_entry_matches(fields: dict[str, object], yes: bool) -> None:
    assert excused(entry(**fields), failed(ONE)) is yes


ALL = [ended(ONE), ended(TWO)]
HOLDS: list[tuple[str, dict[str, object], list[CaseResult], Problem | None]] = [
    ("fails as listed", {"requirement": "X-1"}, [failed(ONE), ended(TWO)], None),
    ("judged as known", {"requirement": "X-1"}, [failed(ONE, outcome=Outcome.KNOWN), ended(TWO)], None),
    ("passes", {"requirement": "X-1"}, ALL, Problem.STALE),
    ("passes, by its id", {"case": ONE}, [ended(ONE)], Problem.STALE),
    ("passes, by its test", {"case": "test_x.py::test_a"}, ALL, Problem.STALE),
    ("one case of the test is not in the run", {"case": "test_x.py::test_a"}, [ended(ONE)], None),
    ("one case of the requirement is not in the run", {"requirement": "X-1"}, [ended(TWO)], None),
    ("not in the run", {"case": ONE}, [ended(OTHER)], None),
    ("fails otherwise", {"case": ONE}, [failed(ONE, actual="404")], Problem.DIFFERENT_FAILURE),
    (
        "fails otherwise, by requirement",
        {"requirement": "X-1"},
        [failed(ONE, actual="404"), ended(TWO)],
        Problem.DIFFERENT_FAILURE,
    ),
    ("breaks another requirement", {"requirement": "X-1"}, [failed(ONE, violated="X-2"), ended(TWO)], None),
    ("may_violate", {"requirement": "X-3"}, [failed(OTHER, violated="X-3")], None),
    ("comes and goes", {"case": ONE, "flaky": True}, [ended(ONE)], None),
    ("comes", {"case": ONE, "flaky": True}, [failed(ONE)], None),
    ("comes otherwise", {"case": ONE, "flaky": True}, [failed(ONE, actual="404")], Problem.DIFFERENT_FAILURE),
    ("no such requirement", {"requirement": "X-9"}, ALL, Problem.UNKNOWN_SUBJECT),
    ("no such requirement, and nothing ran", {"requirement": "X-9"}, [], Problem.UNKNOWN_SUBJECT),
    ("no such case", {"case": "test_x.py::test_a[3]"}, ALL, Problem.UNKNOWN_SUBJECT),
    ("no such flaky case", {"case": "test_y.py::test_a", "flaky": True}, ALL, Problem.UNKNOWN_SUBJECT),
    ("expired", {"case": ONE, "expires": "2026-01-01"}, [failed(ONE)], Problem.EXPIRED),
    ("expired and fixed", {"case": ONE, "expires": "2026-01-01"}, [ended(ONE)], Problem.EXPIRED),
    ("expired, not in the run", {"case": ONE, "expires": "2026-01-01"}, [ended(TWO)], None),
    ("expired, flaky", {"case": ONE, "flaky": True, "expires": "2026-01-01"}, [ended(ONE)], Problem.EXPIRED),
]


@pytest.mark.parametrize(("fields", "cases", "problem"), [row[1:] for row in HOLDS], ids=[row[0] for row in HOLDS])
def test_whether_an_entry_holds(fields: dict[str, object], cases: list[CaseResult], problem: Problem | None) -> None:
    assert problems([entry(**fields)], cases) == [problem]


@pytest.mark.parametrize(
    "outcome",
    [Outcome.BLOCKED, Outcome.UNSUPPORTED, Outcome.VACUOUS, Outcome.LOST, Outcome.ERROR, Outcome.NOT_RUN],
)
def test_an_unjudged_case_decides_nothing_about_an_entry(outcome: Outcome) -> None:
    assert problems([entry(case=ONE)], [ended(ONE, outcome)]) == [None]


def test_a_sequence_that_did_not_come_to_a_requirement_says_nothing_of_it() -> None:
    sequence = dataclasses.replace(ended(ONE), sequences=3, checks_by_requirement={"X-2": 1})
    assert problems([entry(requirement="X-1")], [sequence, ended(TWO)]) == [None]
    judged = dataclasses.replace(sequence, checks_by_requirement={"X-1": 1})
    assert problems([entry(requirement="X-1")], [judged, ended(TWO)]) == [Problem.STALE]


def test_an_entry_of_a_requirement_that_was_not_asked_for_is_left_alone() -> None:
    late = entry(requirement="X-1", expires="2026-01-01")
    assert problems([late], ALL, selected={"X-2"}) == [None]
    assert problems([late], ALL, selected={"X-1"}) == [Problem.EXPIRED]


def test_a_failure_that_any_entry_matches_is_no_other_failure() -> None:
    two = [entry(case=ONE), entry(requirement="X-1", message="404")]
    assert problems(two, [failed(ONE, actual="404"), ended(TWO)]) == [Problem.STALE, None]


def test_the_nearest_name_is_offered() -> None:
    holdings = match_entries([entry(requirement="X-22"), entry(case="test_x.py::test_bb")], ALL, SUITE, None)
    says = [one.explanation for one in entry_results(holdings, SUITE, TODAY)]
    assert says == [
        "there is no such requirement in the suite, did you mean X-2?",
        "there is no such case in the suite, did you mean test_x.py::test_b?",
    ]


def test_a_requirement_is_known_when_all_its_failures_are() -> None:
    known, other = failed(ONE, outcome=Outcome.KNOWN), failed(TWO)
    assert requirement_verdict(Level.MUST, "X-1", [known, ended(TWO)]) == (
        Verdict.KNOWN,
        "why: expected 200; actual 500",
    )
    assert requirement_verdict(Level.MUST, "X-1", [known, other])[0] is Verdict.FAIL
    assert requirement_verdict(Level.MUST, "X-1", [other, known])[0] is Verdict.FAIL


@pytest.mark.parametrize(
    ("outcome", "verdict"),
    [
        (Outcome.LOST, Verdict.KNOWN),
        (Outcome.ERROR, Verdict.NOT_RUN),
        (Outcome.VACUOUS, Verdict.VACUOUS),
        (Outcome.BLOCKED, Verdict.KNOWN),
        (Outcome.NOT_RUN, Verdict.KNOWN),
    ],
)
def test_only_the_known_failure_is_excused(outcome: Outcome, verdict: Verdict) -> None:
    cases = [failed(ONE, outcome=Outcome.KNOWN), ended(TWO, outcome)]
    assert requirement_verdict(Level.MUST, "X-1", cases)[0] is verdict
    requirements = [RequirementResult(name, Level.MUST, "w", "s", "t", Verdict.KNOWN) for name in ("X-1", "X-2")]
    assert exit_status(requirements, cases, least=Level.SHOULD) != ExitStatus.CONFORMANT


def test_a_requirement_that_only_known_failures_left_unjudged_is_known() -> None:
    known = failed(ONE, outcome=Outcome.KNOWN)
    verdict, reason = requirement_verdict(Level.MUST, "X-2", [known])
    assert (verdict, reason) == (Verdict.KNOWN, "not judged: X-1 is known to fail before it")
    assert requirement_verdict(Level.MUST, "X-2", [known, ended(OTHER)])[0] is Verdict.PASS
    assert requirement_verdict(Level.MUST, "X-2", [known, failed(OTHER, violated="X-3")])[0] is Verdict.NOT_RUN


def test_known_failures_are_green() -> None:
    requirements = [RequirementResult(name, Level.MUST, "w", "s", "t", Verdict.KNOWN) for name in ("X-1", "X-2")]
    assert exit_status(requirements, [failed(ONE, outcome=Outcome.KNOWN)], least=Level.SHOULD) == ExitStatus.CONFORMANT
    mixed = [failed(ONE, outcome=Outcome.KNOWN), failed(TWO)]
    assert exit_status(requirements, mixed, least=Level.SHOULD) == ExitStatus.NOT_CONFORMANT


def run_result() -> RunResult:
    known = failed(ONE, outcome=Outcome.KNOWN)
    late = EntryResult(entry(case=TWO, expires="2026-01-01"), (TWO,), Problem.EXPIRED, "expired on 2026-01-01")
    use = KnownFailuresReport(
        "a list.toml",
        "hanami 0.4.2",
        (
            EntryResult(entry(requirement="X-1", link="https://example.org/1"), (ONE,)),
            EntryResult(
                entry(requirement="X-2", line=9), (), Problem.STALE, "is listed, but nothing fails so any more"
            ),
            late,
        ),
    )
    requirement = RequirementResult("X-1", Level.MUST, "Upload", "s", "text", Verdict.KNOWN, "why", (ONE,))
    manifest = {"target": {"url": "u"}, "dialect": "documented"}
    return RunResult(manifest, ExitStatus.NOT_CONFORMANT, use.summary(), (requirement,), (known,), (), use)


def test_the_headline_says_that_the_list_is_wrong() -> None:
    assert run_result().reason == "known failures: 1 entry is stale, 1 entry has expired"
    stale = run_result().known
    assert stale is not None
    twice = dataclasses.replace(stale, entries=stale.entries[1:2] * 2)
    assert twice.summary() == "known failures: 2 entries are stale"


def test_the_terminal_shows_the_list_and_the_command_that_fixes_it() -> None:
    lines = render_result(run_result(), Path("r"), color=False).splitlines()
    for line in (
        "known failures of hanami 0.4.2, a list.toml",
        "  known     X-1  1 case: why (https://example.org/1)",
        "  wrong     a list.toml:9 X-2 is listed, but nothing fails so any more",
        "  wrong     a list.toml:4 test_x.py::test_a[2] expired on 2026-01-01",
        "  fix       hanami-conformance known --update 'a list.toml' --from r/result.json --expires YYYY-MM-DD",
    ):
        assert line in lines
    assert any(line.startswith("NOT CONFORMANT  known failures: 1 entry is stale") for line in lines)
    assert any("1 KNOWN" in line for line in lines)
    assert not any("actual" in line and "red" in line for line in lines)


def test_junit_skips_known_failures_and_fails_for_the_list() -> None:
    root = ElementTree.fromstring(junit_xml(run_result()))
    assert [root.attrib[name] for name in ("tests", "failures", "errors")] == ["3", "2", "0"]
    skipped = root.find("./testsuite/testcase/skipped")
    assert skipped is not None
    assert skipped.attrib == {"type": "known", "message": "known failure, why: expected 200; actual 500"}
    failure = root.find("./testsuite[@name='known failures']/testcase/failure")
    assert failure is not None
    assert failure.attrib["message"] == "X-2 is listed, but nothing fails so any more"


def test_the_result_is_read_again() -> None:
    assert parse_result(run_result().to_json()) == run_result()
    assert json.loads(run_result().to_json())["summary"]["requirements"] == {"KNOWN": 1}


def test_an_older_result_is_read() -> None:
    data = json.loads(run_result().to_json())
    data["format_version"] = 1
    del data["known"]
    for case in data["cases"]:
        case["outcome"] = "failed"
        del case["known"]
    old = parse_result(json.dumps(data))
    assert old.known is None
    assert old.cases[0].known == ""
