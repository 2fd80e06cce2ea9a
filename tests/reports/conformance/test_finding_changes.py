"""Findings of two results: new, gone, and lasting ones, though cases, uuids, ports and numbers differ."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import pytest

from hanami_reports.conformance.compare import compare
from hanami_reports.conformance.compare_text import render_comparison
from hanami_reports.conformance.finding_changes import FindingChange, Presence, count_text, finding_changes
from hanami_reports.conformance.markdown import result_markdown
from hanami_reports.model.conformance import CaseResult, Level, Outcome, RequirementResult, RunResult, Verdict

EARLY = "complete = true after {} of {} bytes of {}"
UUIDS = ("e3c46eb1-062b-4675-8a3e-0d3a2f1b9c11", "bf380fa4-357e-4628-9f0e-5a1c7d2e4b22")
LEVELS = {"PROG-2": Level.MUST, "DATA-2": Level.MUST, "GEN-2": Level.SHOULD, "FIN-3": Level.SHOULD}


def case(
    name: str, violated: str = "", actual: str = "", expected: str = "the right answer", **fields: object
) -> CaseResult:
    outcome = Outcome.FAILED if violated else Outcome.PASSED
    reason = f"expected {expected}; actual {actual}" if violated else ""
    given = CaseResult(
        f"test_x.py::test_{name}", "t", (violated or "PROG-2",), outcome, (violated,) if violated else ()
    )
    failed = dataclasses.replace(given, expected=expected, actual=actual, reason=reason) if violated else given
    return dataclasses.replace(failed, **fields)  # type: ignore[arg-type]


def lost(name: str, loss: str) -> CaseResult:
    return case(name, "GEN-2", outcome=Outcome.LOST, loss=loss, reason=f"the target no longer answers: {loss}")


def run(*cases: CaseResult) -> RunResult:
    requirements = tuple(
        RequirementResult(name, level, "w", "s", f"text of {name}", Verdict.FAIL, violation=f"{name} is violated")
        for name, level in LEVELS.items()
    )
    return RunResult({"target": {"url": "http://h:1"}}, 1, "", requirements, cases)


def presences(changes: Sequence[FindingChange]) -> list[tuple[str, str, int, int]]:
    return [(one.presence.value, one.requirements[0], len(one.before), len(one.after)) for one in changes]


def test_a_defect_that_comes_and_one_that_goes_are_one_line_each() -> None:
    early = [case(f"early_{number}", "PROG-2", EARLY.format(number, 9, UUIDS[0])) for number in range(5)]
    finalized = [case(f"final_{number}", "FIN-3", "200 OK to a wrong PUT") for number in range(3)]
    passed = [dataclasses.replace(one, outcome=Outcome.PASSED, violated=()) for one in (*early, *finalized)]
    changes = finding_changes(run(*finalized, *passed[:5]), run(*early, *passed[5:]))
    assert presences(changes) == [("new", "PROG-2", 0, 5), ("gone", "FIN-3", 3, 0)]
    assert [one.title for one in changes] == ["PROG-2 is violated", "FIN-3 is violated"]
    assert count_text(changes) == "1 new finding, 1 gone"


def test_a_finding_lasts_though_cases_uuids_and_numbers_differ() -> None:
    before = run(case("a", "PROG-2", EARLY.format(3, 700, UUIDS[0])), case("b"))
    after = run(case("a"), *(case(name, "PROG-2", EARLY.format(65536, 70_001, UUIDS[1])) for name in "bcd"))
    assert presences(finding_changes(before, after)) == [("lasting", "PROG-2", 1, 3)]


@pytest.mark.parametrize(
    ("before", "after", "presence"),
    [
        ("its process was ended by signal 11 (SIGSEGV)", "its process was ended by signal 11 (SIGSEGV)", "lasting"),
        ("one of 4 workers is silent (127.0.0.1:4711)", "one of 4 workers is silent (127.0.0.1:4812)", "lasting"),
        ("its process was ended by signal 11 (SIGSEGV)", "it takes connections and is silent", "new"),
    ],
)
def test_a_loss_lasts_if_the_target_is_lost_alike(before: str, after: str, presence: str) -> None:
    assert finding_changes(run(lost("a", before)), run(lost("b", after)))[0].presence == presence


def test_another_symptom_of_the_same_requirement_is_new() -> None:
    known = case("a", "PROG-2", EARLY.format(3, 700, UUIDS[0]))
    changes = finding_changes(run(known, case("b")), run(known, case("b", "PROG-2", "500 Internal Server Error here")))
    assert presences(changes) == [("new", "PROG-2", 0, 1), ("lasting", "PROG-2", 1, 1)]
    assert "500 Internal Server Error" in changes[0].reason
    back = finding_changes(run(known, case("b", "PROG-2", "500 Internal Server Error here")), run(known, case("b")))
    assert presences(back) == [("gone", "PROG-2", 1, 0), ("lasting", "PROG-2", 1, 1)]


def test_a_case_that_fails_in_another_way_does_not_make_a_lasting_finding_new() -> None:
    first = case("a", "PROG-2", EARLY.format(3, 700, UUIDS[0]))
    before = run(first, case("b", "PROG-2", "200 null and nothing else"))
    after = run(first, case("b", "PROG-2", "200 [] and not anything"))
    assert presences(finding_changes(before, after)) == [("lasting", "PROG-2", 2, 2)]


def test_must_comes_first() -> None:
    after = run(case("a", "FIN-3", "200 OK to a wrong PUT"), case("b", "DATA-2", "other bytes at the end"))
    assert [one.requirements[0] for one in finding_changes(run(), after)] == ["DATA-2", "FIN-3"]


def test_what_was_not_judged_is_not_gone() -> None:
    failed = case("a", "PROG-2", EARLY.format(3, 700, UUIDS[0]))
    blocked = dataclasses.replace(failed, outcome=Outcome.BLOCKED, violated=())
    for after in (run(blocked), run()):
        assert presences(finding_changes(run(failed), after)) == [("not judged", "PROG-2", 1, 0)]
    (new,) = finding_changes(run(), run(failed))
    assert (new.presence, new.note) == (Presence.NEW, "not judged before")


def test_known_failures_of_the_other_result_are_named() -> None:
    failed = case("a", "PROG-2", EARLY.format(3, 700, UUIDS[0]))
    known = dataclasses.replace(failed, outcome=Outcome.KNOWN, known="counts segments")
    for before, after, presence, note in (
        (failed, known, Presence.GONE, "known now"),
        (known, failed, Presence.NEW, "known before"),
    ):
        (change,) = finding_changes(run(before), run(after))
        assert (change.presence, change.note) == (presence, note)
    crash = lost("b", "its process was ended by signal 11 (SIGSEGV)")
    (change,) = finding_changes(run(dataclasses.replace(crash, outcome=Outcome.KNOWN)), run(crash))
    assert change.note == "known before"


def test_the_terminal_prints_a_line_for_each_finding_and_its_cases_on_request() -> None:
    early = [case(f"early_{number}", "PROG-2", EARLY.format(number, 9, UUIDS[0])) for number in range(30)]
    passed = [case(f"early_{number}") for number in range(30)]
    comparison = compare(run(*passed), run(*early), ("a.json", "b.json"))
    text = render_comparison(comparison, color=False, width=80)
    assert "1 new finding\n  MUST PROG-2  30 cases  PROG-2 is violated" in text
    assert "30 cases of findings changed; -v prints them" in text
    assert "test_x.py::test_early_7" not in text
    assert len(text.splitlines()) < 20
    assert max(map(len, text.splitlines()[2:])) <= 80
    assert "REGRESSIONS  1 new finding; worse: 0 requirements, 30 cases" in text
    full = render_comparison(comparison, color=False, verbose=True, width=120)
    assert all(f"test_x.py::test_early_{number}" in full for number in range(30))
    assert "30 -> 31 cases" not in full


def test_markdown_begins_the_comparison_with_findings() -> None:
    failed = case("a", "PROG-2", "complete = true | <b>")
    after = run(failed, case("b"))
    text = result_markdown(after, comparison=compare(run(case("a"), case("b")), after, ("a.json", "b.json")))
    assert "1 new finding" in text
    assert "| **new** | PROG&#45;2 is violated<br>PROG&#45;2 |  | 1 case |" in text.replace("PROG-2", "PROG&#45;2")
    assert "<b>" not in text
    assert text.index("**new**") < text.index("**worse**")


def test_the_requirement_of_a_finding_takes_a_line_and_others_their_reason() -> None:
    before = run(case("a"), case("b"))
    passed = tuple(dataclasses.replace(one, verdict=Verdict.PASS) for one in before.requirements)
    after = run(case("a", "PROG-2", "complete = true at once"), case("b"))
    reasons = {"PROG-2": (Verdict.FAIL, "complete = true at once"), "FIN-3": (Verdict.NOT_RUN, "no case could run")}
    judged = [
        dataclasses.replace(one, verdict=reasons[one.id][0], reason=reasons[one.id][1]) if one.id in reasons else other
        for one, other in zip(after.requirements, passed, strict=True)
    ]
    comparison = compare(
        dataclasses.replace(before, requirements=passed),
        dataclasses.replace(after, requirements=tuple(judged)),
        ("a.json", "b.json"),
    )
    text = render_comparison(comparison, color=False)
    assert text.count("complete = true at once") == 1  # below the finding
    assert "no case could run" in text
    assert render_comparison(comparison, color=False, verbose=True).count("complete = true at once") > 1
