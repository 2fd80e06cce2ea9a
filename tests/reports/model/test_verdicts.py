"""Verdicts and exit status follow from the cases."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace

import pytest

from hanami_reports.model.conformance import CaseResult, ExitStatus, Level, Outcome, RequirementResult, Verdict
from hanami_reports.model.verdicts import exit_status, judges, requirement_verdict


def case(outcome: Outcome, *, violated: Sequence[str] = (), requirements: Sequence[str] = ("X-1",)) -> CaseResult:
    return CaseResult("file::test", "title", tuple(requirements), outcome, tuple(violated), reason=f"it was {outcome}")


def requirement(level: Level, name: str = "X-1") -> RequirementResult:
    return RequirementResult(name, level, "Upload", "step", "text", Verdict.PASS)


@pytest.mark.parametrize(
    ("outcomes", "verdict"),
    [
        ([], Verdict.NOT_RUN),
        ([Outcome.PASSED], Verdict.PASS),
        ([Outcome.PASSED, Outcome.UNSUPPORTED], Verdict.PASS),
        ([Outcome.UNSUPPORTED], Verdict.UNSUPPORTED),
        ([Outcome.PASSED, Outcome.BLOCKED], Verdict.PASS),
        ([Outcome.PASSED, Outcome.NOT_RUN], Verdict.PASS),
        ([Outcome.PASSED, Outcome.LOST, Outcome.SKIPPED], Verdict.PASS),
        ([Outcome.LOST, Outcome.NOT_RUN, Outcome.UNSUPPORTED], Verdict.LOST),
        ([Outcome.SKIPPED], Verdict.NOT_RUN),
        ([Outcome.BLOCKED, Outcome.UNSUPPORTED], Verdict.NOT_RUN),
        ([Outcome.PASSED, Outcome.VACUOUS, Outcome.BLOCKED], Verdict.VACUOUS),
        ([Outcome.ERROR, Outcome.VACUOUS], Verdict.NOT_RUN),
        ([Outcome.LOST, Outcome.ERROR], Verdict.NOT_RUN),
    ],
)
def test_the_worst_outcome_decides(outcomes: list[Outcome], verdict: Verdict) -> None:
    for order in itertools.permutations(outcomes):
        assert requirement_verdict(Level.MUST, "X-1", [case(outcome) for outcome in order])[0] is verdict


def test_cases_that_could_not_run_are_counted() -> None:
    cases = [case(Outcome.PASSED), case(Outcome.LOST), case(Outcome.NOT_RUN)]
    verdict = requirement_verdict(Level.MUST, "X-1", cases)
    assert verdict == (Verdict.PASS, "2 of 3 cases could not run: it was lost")


def test_cases_that_violated_another_requirement_are_counted() -> None:
    cases = [case(Outcome.PASSED), case(Outcome.FAILED, violated=["Z-1"]), case(Outcome.KNOWN, violated=["Y-1"])]
    verdict = requirement_verdict(Level.MUST, "X-1", cases)
    assert verdict == (Verdict.PASS, "2 of 3 cases violated Y-1, Z-1 before it was reached")
    lost = requirement_verdict(Level.MUST, "X-1", [*cases, case(Outcome.LOST, violated=["GEN-2"])])
    reason = "1 of 4 cases could not run: it was lost; 2 of 4 cases violated Y-1, Z-1 before it was reached"
    assert lost == (Verdict.PASS, reason)


def test_a_case_judges_what_it_reached() -> None:
    sequences = replace(case(Outcome.PASSED), sequences=5, checks_by_requirement={"Y-1": 3})
    cases = [case(Outcome.PASSED), case(Outcome.FAILED, violated=["X-1"]), case(Outcome.LOST, violated=["X-1"])]
    assert [judges(one, "X-1") for one in cases] == [True, True, True]
    others = [case(Outcome.FAILED, violated=["Y-1"]), case(Outcome.KNOWN, violated=["Y-1"]), case(Outcome.BLOCKED)]
    assert [judges(one, "X-1") for one in (*others, sequences)] == [False] * 4
    assert judges(sequences, "Y-1")


def test_a_broken_requirement_fails_whatever_else_passed() -> None:
    cases = [case(Outcome.PASSED), case(Outcome.FAILED, violated=["X-1"]), case(Outcome.LOST)]
    assert requirement_verdict(Level.SHOULD, "X-1", cases) == (Verdict.FAIL, "it was failed")


def test_a_case_that_broke_another_requirement_says_nothing_of_this_one() -> None:
    verdict, reason = requirement_verdict(Level.MUST, "X-1", [case(Outcome.FAILED, violated=["Y-1"])])
    assert verdict is Verdict.NOT_RUN
    assert "another requirement" in reason
    both = [case(Outcome.FAILED, violated=["Y-1"]), case(Outcome.PASSED)]
    assert requirement_verdict(Level.MUST, "X-1", both)[0] is Verdict.PASS


@pytest.mark.parametrize("others", [(), (Outcome.UNSUPPORTED,), (Outcome.UNSUPPORTED, Outcome.UNSUPPORTED)])
def test_a_known_failure_of_another_requirement_hides_no_reason(others: tuple[Outcome, ...]) -> None:
    beside = [case(outcome) for outcome in others]
    verdicts = {
        outcome: requirement_verdict(Level.MUST, "X-1", [case(outcome, violated=["Y-1"]), *beside])
        for outcome in (Outcome.FAILED, Outcome.KNOWN)
    }
    if others:
        assert verdicts == dict.fromkeys(verdicts, (Verdict.UNSUPPORTED, "it was unsupported"))
    else:
        assert verdicts[Outcome.KNOWN] == (Verdict.KNOWN, "not judged: Y-1 is known to fail before it")


def test_open_behaviour_is_observed() -> None:
    assert requirement_verdict(Level.OBSERVE, "X-1", [case(Outcome.PASSED)])[0] is Verdict.OBSERVED


@pytest.mark.parametrize(
    ("outcomes", "status"),
    [
        ([Outcome.PASSED], ExitStatus.CONFORMANT),
        ([Outcome.PASSED, Outcome.UNSUPPORTED], ExitStatus.CONFORMANT),
        ([Outcome.UNSUPPORTED], ExitStatus.NOTHING_RAN),
        ([], ExitStatus.NOTHING_RAN),
        ([Outcome.PASSED, Outcome.NOT_RUN], ExitStatus.NOTHING_RAN),
        ([Outcome.PASSED, Outcome.BLOCKED], ExitStatus.NOT_CONFORMANT),
        ([Outcome.PASSED, Outcome.VACUOUS], ExitStatus.SUITE_FAULT),
        ([Outcome.PASSED, Outcome.ERROR], ExitStatus.SUITE_FAULT),
        ([Outcome.PASSED, Outcome.ERROR, Outcome.LOST], ExitStatus.TARGET_LOST),
    ],
)
def test_exit_status(outcomes: list[Outcome], status: int) -> None:
    cases = [case(outcome) for outcome in outcomes]
    assert exit_status([requirement(Level.MUST)], cases, least=Level.SHOULD) == status


def test_cases_of_other_requirements_do_not_improve_a_selected_one() -> None:
    asked = replace(requirement(Level.MUST), verdict=Verdict.UNSUPPORTED)
    other = replace(requirement(Level.MUST), selected=False)
    assert exit_status([asked, other], [case(Outcome.PASSED)], least=Level.SHOULD) == ExitStatus.NOTHING_RAN


@pytest.mark.parametrize("level", [Level.MUST, Level.SHOULD])
@pytest.mark.parametrize("least", [Level.MUST, Level.SHOULD])
@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.BLOCKED])
def test_a_should_counts_by_default(level: Level, least: Level, outcome: Outcome) -> None:
    broken = ["X-1"] if outcome is Outcome.FAILED else []
    cases = [case(Outcome.PASSED), case(outcome, violated=broken)]
    counts = level is Level.MUST or least is Level.SHOULD
    expected = ExitStatus.NOT_CONFORMANT if counts else ExitStatus.CONFORMANT
    assert exit_status([requirement(level)], cases, least=least) == expected
