"""One defect is one entry: it lists its failures and no more than these, and loses no word of people."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from hanami_conformance.known_failures.file import ListError, parse_list
from hanami_conformance.known_failures.update import Update, empty_list, update_list
from hanami_reports.model.conformance import (
    UNCONFIRMED,
    CaseResult,
    Level,
    Outcome,
    RequirementResult,
    RunResult,
    Verdict,
)
from hanami_reports.model.known_failure_matching import SuiteCase, entry_results, find_entry, match_entries
from hanami_reports.model.known_failures import ListedFailure, Problem

TODAY = date(2026, 11, 25)
SEGV = "its process was ended by signal 11 (SIGSEGV)"
SUITE = {
    "test_x.py::test_a[1]": SuiteCase(("PROG-2",)),
    "test_x.py::test_a[2]": SuiteCase(("PROG-2",)),
    "test_x.py::test_b": SuiteCase(("PROG-3",)),
    "test_y.py::test_c": SuiteCase(("PROG-2", "FIN-3")),
    "test_y.py::test_d": SuiteCase(("FIN-3",)),
}
A1, A2, B, C, D = SUITE
LIST = """\
dialect = "documented"

# about segments
[[known]]
reason = "progress counts segments"  # says Alice
owner = "alice"

# too early
[[known.failure]]
requirement = ["PROG-2", "FIN-3"]  # both
message = "complete = true"

# too late
[[known.failure]]
case = [
    "test_x.py::test_b",  # alone
    "test_y.py::test_d",
]
message = "complete = false"

[[flaky]]
case = "test_x.py"
message = "cause not confirmed"
reason = "memory is written beyond its end"
"""


def case(
    name: str, actual: str = "", violated: str = "", *, outcome: Outcome = Outcome.FAILED, loss: str = ""
) -> CaseResult:
    requirements = SUITE[name].requirements
    if not actual:
        return CaseResult(name, "t", requirements, Outcome.PASSED)
    reason = f"expected this; actual {actual}"
    names = (violated or requirements[0],)
    return CaseResult(name, "t", requirements, outcome, names, reason, "this", actual, loss=loss)


def crash(name: str, what: str) -> CaseResult:
    reason = f"{what}: the target no longer answers: {SEGV}"
    return replace(
        case(name, "nothing", "GEN-2", outcome=Outcome.LOST, loss=SEGV), reason=reason, expected="", actual=""
    )


def result(*cases: CaseResult) -> RunResult:
    requirements = tuple(
        RequirementResult(name, Level.MUST, "w", "s", f"text of {name}", Verdict.PASS, violation=f"{name} is violated")
        for name in ("PROG-2", "PROG-3", "FIN-3", "GEN-2")
    )
    return RunResult({"dialect": "documented"}, 1, "", requirements, cases)


def after(text: str, *cases: CaseResult, expires: date | None = None, today: date = TODAY) -> Update:
    return update_list(text, parse_list(text, "k.toml"), result(*cases), SUITE, today=today, expires=expires)


def is_known(text: str, failed: CaseResult) -> bool:
    texts = (failed.reason, failed.expected, failed.actual)
    return find_entry(parse_list(text, "k.toml").entries, failed.id, failed.violated, texts, TODAY) is not None


def test_an_entry_has_several_failures() -> None:
    defect, unstable = parse_list(LIST, "k.toml").entries
    assert (defect.reason, defect.owner, defect.line) == ("progress counts segments", "alice", 4)
    assert defect.failures == (
        ListedFailure(requirement="PROG-2", message="complete = true"),
        ListedFailure(requirement="FIN-3", message="complete = true"),
        ListedFailure(case=B, message="complete = false"),
        ListedFailure(case=D, message="complete = false"),
    )
    assert defect.subject == "PROG-2 and 3 more"
    assert (unstable.case, unstable.also, unstable.flaky) == ("test_x.py", (), True)


@pytest.mark.parametrize(
    ("failed", "known"),
    [
        (case(A1, "complete = true"), True),
        (case(C, "complete = true", "FIN-3"), True),
        (case(B, "complete = false"), True),
        (case(A1, "500"), False),  # another symptom of a listed requirement
        (case(A1, "complete = false"), False),  # the symptom of another failure of the same entry
        (case(B, "complete = true"), False),
        (case(D, "complete = false", "PROG-3"), True),
        (crash(A2, f"{UNCONFIRMED}, not when it ran again alone"), True),
        (crash(A2, "again when it ran alone"), False),  # that crash is no after-effect of earlier ones
        (crash(C, f"{UNCONFIRMED}, not when it ran again alone"), False),  # another step of the protocol
    ],
)
def test_an_entry_lists_its_failures_and_no_others(failed: CaseResult, known: bool) -> None:
    assert is_known(LIST, failed) is known
    added = [line for line in after(LIST, failed).changes if line.startswith("+")]
    assert len(added) == (0 if known else 1)


@pytest.mark.parametrize(
    ("message", "text", "contained"),
    [
        ('200 {"uuid":"...","complete":1}', 'actual 200 {"uuid":"0b7f","complete":1}', True),
        ('200 {"uuid":"...","complete":1}', 'actual 200 {"uuid":"0b7f","complete":"1"}', False),
        ("first ... second", "second first", False),
        ("first ... first", "first", False),
        ("[0, 0, ... 17 values]", "answers [0, 0, ... 17 values]", True),
        ("a....b", "a....b", True),
    ],
)
def test_three_dots_stand_for_any_text(message: str, text: str, contained: bool) -> None:
    assert ListedFailure(case=A1, message=message).lists(A1, (), [text]) is contained


def test_a_finding_becomes_one_entry() -> None:
    text = empty_list("documented")
    failed = [case(A1, "complete = true"), case(C, "complete = true"), case(A2, "404 not found"), case(B), case(D)]
    done = after(text, *failed)
    assert done.text == text + (
        "\n# MUST PROG-2: PROG-2 is violated\n[[known]]\n"
        'reason = "TODO: why"\n\n'
        '[[known.failure]]\ncase = "test_x.py::test_a[2]"\nmessage = "actual 404 not found"\n\n'
        '[[known.failure]]\nrequirement = "PROG-2"\nmessage = "actual complete = true"\n'
    )
    assert done.changes == ("+ test_x.py::test_a[2] 'actual 404 not found' and 1 more",)
    assert all(is_known(done.text, one) for one in failed if one.actual)
    assert after(done.text, *failed) == Update(done.text, (), ())
    with_reason = done.text.replace("TODO: why", "counts segments")
    assert after(with_reason, *failed) == Update(with_reason, (), ())


def test_cases_with_one_message_are_one_table() -> None:
    done = after(empty_list(""), crash(A1, "again"), crash(C, "again"), crash(D, "again"), case(A2), case(B))
    assert done.text.endswith(
        "\n[[known]]\ncase = [\n"
        '    "test_x.py::test_a[1]",\n    "test_y.py::test_c",\n    "test_y.py::test_d",\n]\n'
        f'message = "{SEGV}"\nreason = "TODO: why"\n'
    )
    assert len(parse_list(done.text, "k.toml").entries) == 1


def test_two_findings_are_two_entries() -> None:
    done = after(empty_list(""), case(A1, "complete = true"), case(D, "200 to a PUT too early"))
    assert [entry.subject for entry in parse_list(done.text, "k.toml").entries] == [A1, D]


def test_the_title_of_an_entry_stays_a_comment() -> None:
    failed = replace(crash(A1, "again"), loss="gone\n[[known]]\x07" + "x" * 500)
    done = after(empty_list(""), failed)
    (title,) = [line for line in done.text.splitlines() if line.startswith("# MUST")]
    assert title.startswith(r"# MUST GEN-2: the target is lost: gone\n[[known]]\x07xxx")
    assert len(title) < 200
    assert len(parse_list(done.text, "k.toml").entries) == 1


def test_a_failure_that_is_gone_leaves_an_entry_that_keeps_the_words_of_people() -> None:
    cases = [case(A1, "complete = true"), case(A2), case(B), case(C), case(D, "complete = false")]
    done = after(LIST, *cases)
    defect = parse_list(done.text, "k.toml").entries[0]
    assert [failure.subject for failure in defect.failures] == ["PROG-2", D]
    assert done.changes == (
        "~ PROG-2 'complete = true' and 3 more: without FIN-3 'complete = true': nothing fails like this any more",
        f"~ PROG-2 'complete = true' and 3 more: without {B} 'complete = false': nothing fails like this any more",
    )
    for words in ("# about segments\n[[known]]", "# says Alice", "# too early", "# both", "# too late"):
        assert words in done.text
    assert done.text.endswith(LIST[LIST.index("\n[[flaky]]") :])
    assert after(done.text, *cases) == Update(done.text, (), ())


@pytest.mark.parametrize(
    ("failing", "subjects"),
    [
        ([case(B, "complete = false"), case(D, "complete = false")], [B, D]),
        ([case(A1, "complete = true")], ["PROG-2"]),
        ([], []),
    ],
)
def test_a_table_without_failures_is_removed(failing: list[CaseResult], subjects: list[str]) -> None:
    names = {one.id for one in failing}
    done = after(LIST, *failing, *(case(name) for name in SUITE if name not in names))
    entries = [entry for entry in parse_list(done.text, "k.toml").entries if not entry.flaky]
    assert [failure.subject for entry in entries for failure in entry.failures] == subjects
    assert done.text.count("[[known.failure]]") == bool(subjects)


def test_an_entry_in_short_and_with_tables_loses_either() -> None:
    text = (
        '[[known]]\nrequirement = "PROG-3"\nmessage = "late"\nreason = "r"\n'
        '[[known.failure]]\ncase = "test_y.py::test_d"\nmessage = "early"\n'
    )
    done = after(text, case(D, "early"), case(B))
    assert done.text == ('[[known]]\nreason = "r"\n[[known.failure]]\ncase = "test_y.py::test_d"\nmessage = "early"\n')
    other = after(text, case(D), case(B, "late"))
    assert other.text == '[[known]]\nrequirement = "PROG-3"\nmessage = "late"\nreason = "r"\n'


def test_the_last_day_is_set_above_the_failures() -> None:
    text = LIST.replace('owner = "alice"\n', 'owner = "alice"\nexpires = 2020-01-01\n')
    failing = [case(A1, "complete = true")]
    assert "expires = 2027-01-01" in after(text, *failing, expires=date(2027, 1, 1)).text
    done = after(empty_list(""), case(A1, "complete = true"), case(A2, "404 not found"), expires=date(2027, 1, 1))
    assert 'reason = "TODO: why"\nexpires = 2027-01-01\n\n[[known.failure]]' in done.text
    later = after(done.text, *failing, case(A2, "404 not found"), expires=date(2028, 1, 1), today=date(2027, 6, 1))
    assert "expires = 2028-01-01\n\n[[known.failure]]" in later.text


def test_an_entry_is_stale_for_each_of_its_failures() -> None:
    entries = parse_list(LIST, "k.toml").entries
    cases = [case(A1, "complete = true"), case(A2), case(B), case(C), case(D)]
    (defect, unstable) = entry_results(match_entries(entries, cases, SUITE, None), SUITE, TODAY)
    assert (defect.problem, defect.cases) == (Problem.STALE, (A1,))
    assert defect.explanation == "lists FIN-3 'complete = true' and 2 more, but nothing fails like this any more"
    assert unstable.problem is None


def test_a_whole_file_says_nothing_of_its_other_failures() -> None:
    entries = [entry for entry in parse_list(LIST, "k.toml").entries if entry.flaky]
    (unstable,) = entry_results(match_entries(entries, [case(A1, "500")], SUITE, None), SUITE, TODAY)
    assert unstable.problem is None
    (wrong,) = entry_results(match_entries([replace(entries[0], case="test_z.py")], [], SUITE, None), SUITE, TODAY)
    assert wrong.problem is Problem.UNKNOWN_SUBJECT
    assert wrong.explanation.startswith("there is no such file in the suite, did you mean test_")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"complete = true"', '" "', "k.toml:11: known.failure.message: must not be empty"),
        ('message = "complete = false"\n', "", "k.toml:14: known.failure: message is missing"),
        ('["PROG-2", "FIN-3"]', "[]", "k.toml:10: known.failure.requirement: must be a text or a list of texts"),
        ('["PROG-2", "FIN-3"]', "[5]", "k.toml:10: known.failure.requirement: must be a text or a list of texts"),
        ('"FIN-3"]', '"PROG-2"]', "k.toml:4: PROG-2 is listed twice with the same message"),
        ('"test_x.py::test_b"', '"test b"', "known.failure.case: 'test b' is no id"),
        ('"test_x.py::test_b"', '"test_x.py"', "k.toml:4: test_x.py: a whole file may only be [[flaky]], with"),
        ('"cause not confirmed"', '"actual 500"', "k.toml:21: test_x.py: a whole file may only be [[flaky]], with"),
        ("owner", "ower", "k.toml:6: known: unknown key 'ower', did you mean 'owner'?"),
        (
            'message = "complete = true"',
            'text = "x"',
            "k.toml:11: known.failure: unknown key 'text', known are message",
        ),
    ],
)
def test_a_wrong_list_is_one_line(old: str, new: str, message: str) -> None:
    assert old in LIST
    with pytest.raises(ListError) as caught:
        parse_list(LIST.replace(old, new), "k.toml")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_line_of_a_mistake_counts_the_failures_of_its_entry() -> None:
    text = LIST + "\n" + LIST[LIST.index("# about") : LIST.index("\n[[flaky]]")].replace('"test_y.py::test_d"', "7")
    with pytest.raises(ListError, match=r"^k.toml:(\d+): known.failure.case: must be a text") as caught:
        parse_list(text, "k.toml")
    line = int(str(caught.value).split(":")[1])
    assert text.splitlines()[line - 1] == "case = ["
    assert line > 30
