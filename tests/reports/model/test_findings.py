"""Failed cases of one cause are one finding, and those of several causes are several."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

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
from hanami_reports.model.findings import Finding, find, result_json, violating_event

LEVELS = {
    **dict.fromkeys(("ATT-2", "PROG-2"), Level.MUST),
    **dict.fromkeys(("DATA-5", "FIN-3", "GEN-2"), Level.SHOULD),
}


def failed(name: str, violated: str, expected: str, actual: str, events: int = 0) -> CaseResult:
    exchange = tuple(Event(0.1 * n, "ws-1", "received", "text", f"event {n}") for n in range(events))
    reason = f"expected {expected}; actual {actual}"
    return CaseResult(name, "", (violated,), Outcome.FAILED, (violated,), reason, expected, actual, exchange=exchange)


def lost(name: str, violated: tuple[str, ...], loss: str, sent: str) -> CaseResult:
    exchange = (Event(0.0, "rest-1", "sent", "http", sent),)
    return CaseResult(name, "", violated[-1:], Outcome.LOST, violated, "gone", exchange=exchange, loss=loss)


def findings(*cases: CaseResult) -> tuple[Finding, ...]:
    requirements = tuple(
        RequirementResult(name, level, "w", "s", f"text of {name}", Verdict.FAIL, violation=f"{name} is violated")
        for name, level in LEVELS.items()
    )
    return find(RunResult({}, ExitStatus.NOT_CONFORMANT, "", requirements, cases))


def grouped(*cases: CaseResult) -> list[list[str]]:
    return [sorted(case.id for case in finding.cases) for finding in findings(*cases)]


def test_cases_of_one_requirement_are_one_finding() -> None:
    one = failed("a", "PROG-2", "complete = false after 1 of 3 parts", "complete = true")
    other = failed("b", "PROG-2", "no dataset yet", "a dataset")
    assert grouped(one, other) == [["a", "b"]]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            ("401: the token is tampered", "200 {}"),
            ("a rejection: the token is tampered", 'text {"success": 1}'),
        ),
        (
            ("a websocket at ws://h:1/", "connection closed: the handshake was rejected with 404"),
            ("one after another", "connection closed: the handshake was rejected with 503"),
        ),
        (("a binary message", 'text {"success": 1}'), ("a binary message", 'text {"success": 1}')),
        (
            ("the server to go on", "attaching: expected a binary message; actual text 1"),
            ("a binary message", "text 1"),
        ),
        (
            ("200", "500 Internal Server Error to PUT /v1/cluster/set_mode"),
            ("400", "500 Internal Server Error"),
        ),
    ],
    ids=["the same condition", "the same answer", "the same difference", "quoted by another check", "the operation"],
)
def test_one_cause_behind_several_requirements_is_one_finding(one: tuple[str, str], other: tuple[str, str]) -> None:
    assert grouped(failed("a", "ATT-2", *one), failed("b", "DATA-5", *other)) == [["a", "b"]]


def test_short_answers_alone_are_no_common_cause() -> None:
    assert grouped(failed("a", "ATT-2", "200", "404"), failed("b", "DATA-5", "401", "404")) == [["a"], ["b"]]


def test_a_third_case_connects_two() -> None:
    first = failed("a", "ATT-2", "x", "nothing at all here")
    second = failed("b", "DATA-5", "y", "something else arrived instead")
    both = failed("c", "DATA-5", "x", "nothing at all here")
    assert grouped(first, second) == [["a"], ["b"]]
    assert grouped(first, second, both) == [["a", "b", "c"]]


def test_losses_are_distinguished_by_the_message_before_them() -> None:
    signal = "its process ended with signal 11"
    one = lost("a", ("GEN-2", "DATA-5"), signal, "POST /v1/csv/dataset {}")
    other = lost("b", ("GEN-2", "FIN-3"), signal, 'POST /v1/csv/dataset {"name": 1}')
    third = lost("c", ("GEN-2", "FIN-3"), signal, "DELETE /v1/dataset?uuid=7")
    assert grouped(one, other, third) == [["a", "b"], ["c"]]
    assert findings(third)[0].title == f"the target is lost: {signal}, after DELETE /v1/dataset"


def test_must_comes_first_and_names_the_finding() -> None:
    cases = [
        failed("a", "DATA-5", "x", "y"),
        failed("b", "FIN-3", "the same three words", "this answer is common"),
        failed("c", "PROG-2", "other", "this answer is common"),
    ]
    first, second = findings(*cases)
    assert [one.id for one in first.requirements] == ["PROG-2", "FIN-3"]
    assert (first.title, first.level, first.count("FIN-3")) == ("PROG-2 is violated", Level.MUST, 1)
    assert first.example.id == "c"
    assert (second.title, second.level) == ("DATA-5 is violated", Level.SHOULD)


def test_the_requirement_of_most_cases_names_the_finding() -> None:
    why = "500 internal error in the merge"
    few = failed("a", "ATT-2", "200 to the PUT of the file as it was sent", why)
    many = [failed(name, "PROG-2", "200 to the PUT of this file", why) for name in "bc"]
    (finding,) = findings(few, *many)
    assert [one.id for one in finding.requirements] == ["PROG-2", "ATT-2"]
    assert finding.title == "PROG-2 is violated"
    assert finding.example.id == "b"


def test_a_row_of_values_names_them() -> None:
    expected = "992 values, as in the plain form: it fails with body = chunked and json = escaped, all else plain"
    (finding,) = findings(failed("a", "ATT-2", expected, "3 of them differ"))
    assert finding.title == "ATT-2 is violated, only with body = chunked and json = escaped"


def test_the_example_has_the_shortest_exchange() -> None:
    cases = [failed(name, "PROG-2", "x", "y", events) for name, events in (("a", 9), ("b", 0), ("c", 3))]
    assert [case.id for case in findings(*cases)[0].cases] == ["c", "a", "b"]


def test_what_passed_or_is_known_is_no_finding() -> None:
    known = replace(failed("a", "PROG-2", "x", "y"), outcome=Outcome.KNOWN)
    assert findings(known, replace(known, outcome=Outcome.PASSED)) == ()


@pytest.mark.parametrize(
    ("failed_at", "actual", "index"),
    [
        (-1, "something", 4),
        (2, "something", 2),
        (3, "404 no such dataset", 1),
        (1, "404 no such dataset", 1),
        (9, "x", 4),
    ],
)
def test_the_violating_event(failed_at: int, actual: str, index: int) -> None:
    summaries = ["-> GET /x", "404 no such dataset", "200 {}", "-> PUT /x", "204"]
    directions = ["sent", "received", "received", "sent", "received"]
    exchange = tuple(
        Event(0.1 * n, "rest-1", direction, "http", summary)
        for n, (direction, summary) in enumerate(zip(directions, summaries, strict=True))
    )
    case = replace(failed("a", "PROG-2", "x", actual), exchange=exchange, failed_at=failed_at)
    assert violating_event(case) == index
    assert violating_event(replace(case, exchange=())) == -1


def test_the_file_names_the_findings() -> None:
    case = failed("a", "PROG-2", "x", "y")
    requirement = RequirementResult("PROG-2", Level.MUST, "w", "s", "text", Verdict.FAIL, violation="it is early")
    result = RunResult({}, ExitStatus.NOT_CONFORMANT, "", (requirement,), (case,))
    expected = [{"title": "it is early", "requirements": ["PROG-2"], "cases": ["a"]}]
    assert json.loads(result_json(result))["findings"] == expected
