"""The file of known failures: what it may say, and how it is brought up to date without losing a byte of the rest."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

from hanami_conformance.cli import known
from hanami_conformance.cli.main import main
from hanami_conformance.known_failures import toml_edit
from hanami_conformance.known_failures.file import ListError, parse_list, read_list
from hanami_conformance.known_failures.update import Update, empty_list, message_for, update_list
from hanami_proto.files import DiskError
from hanami_reports.model.conformance import CaseResult, Level, Outcome, RequirementResult, RunResult, Verdict
from hanami_reports.model.known_failure_matching import SuiteCase, failure_texts
from hanami_reports.model.known_failures import Entry, ListedFailure
from support.paths import ROOT
from support.text import replaced

TODAY = date(2026, 11, 25)
HEAD = 'dialect = "documented"\n'
LIST = """\
# Known failures of our server.
dialect = "documented"
server = "hanami 0.4.2"

# about the first
[[known]]
requirement = "PROG-2"   # the worst
message   = "complete = true"
reason = "counts nothing"
expires = 2027-03-31

# a remark that stands alone

[[flaky]]
case = "test_x.py::test_a[1]"
message = '''
first
'''
reason = "slow"
link = "https://example.org/1"
owner = "bob"

# about the last
[[known]]
case = "test_x.py::test_b"
message = "500"
reason = "crashes"
expires = "2027-01-01"
# the end
"""
SUITE = {
    "test_x.py::test_a[1]": SuiteCase(("PROG-2",)),
    "test_x.py::test_a[2]": SuiteCase(("PROG-2",)),
    "test_x.py::test_b": SuiteCase(("PROG-3",)),
}


def test_a_list_is_read() -> None:
    known = parse_list(LIST, "k.toml")
    assert (known.dialect, known.server) == ("documented", "hanami 0.4.2")
    assert known.entries == (
        Entry(requirement="PROG-2", message="complete = true", reason="counts nothing", expires="2027-03-31", line=6),
        Entry(case="test_x.py::test_b", message="500", reason="crashes", expires="2027-01-01", line=24),
        Entry(
            case="test_x.py::test_a[1]",
            message="first\n",
            reason="slow",
            link="https://example.org/1",
            owner="bob",
            flaky=True,
            line=14,
        ),
    )


ENTRY = '[[known]]\nrequirement = "PROG-2"\nmessage = "m"\nreason = "r"\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[known", "k.toml:1: not TOML"),
        ("x = 1", "unknown key 'x'"),
        ("dialect = 1", "k.toml:1: dialect: must be a text"),
        ('known = "PROG-2"', "k.toml:1: known: must be a list: write each entry as a table under [[known]]"),
        ("[known]\na = 1", "a table under [[known]]"),
        ('[[known]]\nmessage = "m"\nreason = "r"\n', "k.toml:1: known: an entry names either a requirement or a case"),
        (ENTRY + 'case = "test_x.py::a"\n', "either a requirement or a case"),
        (replaced(ENTRY, 'message = "m"\n', ""), "k.toml:1: known: message is missing"),
        (replaced(ENTRY, 'reason = "r"\n', ""), "known.reason: is missing"),
        (replaced(ENTRY, '"m"', '" "'), "k.toml:3: known.message: must not be empty"),
        (ENTRY + "colour = 1\n", "k.toml:5: known: unknown key 'colour', known are message, "),
        (ENTRY + 'expires = "soon"\n', "known.expires: must be a date such as 2027-03-31"),
        (ENTRY + "expires = 2027-03-31T10:00:00\n", "expires: must be a date"),
        (ENTRY + "expires = 5\n", "expires: must be a date"),
        (ENTRY + "\n" + ENTRY, "k.toml:1: PROG-2 is listed twice"),
        ('[[known]]\ncase = "a test"\nmessage = "m"\nreason = "r"\n', "is no id"),
    ],
)
def test_a_wrong_list_is_one_line(text: str, message: str) -> None:
    with pytest.raises(ListError) as caught:
        parse_list(text, "k.toml")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_list_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "latin").write_bytes(b"# \xe9")
    for path, message in ((tmp_path / "none", "cannot read"), (tmp_path, "cannot read"), (tmp_path / "latin", "UTF-8")):
        with pytest.raises(ListError, match=message):
            read_list(path)


def test_blocks_are_the_list_again() -> None:
    cut = toml_edit.split(LIST)
    assert [block.kind for block in cut] == ["", "known", "flaky", "known"]
    assert toml_edit.join(cut) == LIST
    crlf = LIST.replace("\n", "\r\n")
    assert toml_edit.join(toml_edit.split(crlf)) == crlf
    for text in ("", HEAD, ENTRY, ENTRY.rstrip("\n")):
        assert toml_edit.join(toml_edit.split(text)) == text
    commented = "# a comment\u2028[[known]]\n" + ENTRY
    assert [block.kind for block in toml_edit.split(commented)] == ["", "known"]


def case(name: str, outcome: Outcome = Outcome.PASSED, actual: str = "") -> CaseResult:
    requirements = SUITE[name].requirements
    reason = f"expected 200; actual {actual}" if actual else ""
    return CaseResult(
        name,
        "t",
        requirements,
        outcome,
        requirements[:1] if actual else (),
        reason,
        expected="200" if actual else "",
        actual=actual,
    )


def after(text: str, *cases: CaseResult, today: date = TODAY, expires: date | None = None) -> Update:
    requirements = tuple(
        RequirementResult(name, Level.MUST, "w", "s", "t", Verdict.PASS) for name in ("PROG-2", "PROG-3")
    )
    result = RunResult({"dialect": "documented"}, 1, "", requirements, cases)
    return update_list(text, parse_list(text, "k.toml"), result, SUITE, today=today, expires=expires)


A1, A2, B = SUITE
PASSING = [case(A1), case(A2), case(B)]


def test_a_list_that_holds_is_not_touched() -> None:
    cases = [case(A1), case(A2, Outcome.KNOWN, "complete = true"), case(B, Outcome.FAILED, "500")]
    assert after(LIST, *cases) == Update(LIST, (), ())
    assert after(LIST).text == LIST  # nothing ran, so nothing is known of it


def test_a_stale_entry_is_removed_with_the_comment_above_it() -> None:
    done = after(LIST, *PASSING)
    flaky = LIST[LIST.index("[[flaky]]") : LIST.index("\n# about the last")]
    head = LIST[: LIST.index("# about the first")]
    assert done.text == f"{head}# a remark that stands alone\n\n{flaky}\n# the end\n"
    assert done.changes == (
        "- PROG-2 'complete = true': nothing fails like this any more",
        "- test_x.py::test_b '500': nothing fails like this any more",
    )
    assert [entry.flaky for entry in parse_list(done.text, "k").entries] == [True]


def test_the_comment_at_the_top_is_about_the_list() -> None:
    done = after("# ours\n" + ENTRY, *PASSING)
    assert done.text == "# ours\n"


def test_line_ends_stay() -> None:
    text = LIST.replace("\n", "\r\n")
    done = after(text, case(A1), case(A2), case(B, Outcome.FAILED, "404"))
    assert "\n" not in done.text.replace("\r\n", "")


def test_new_failures_are_added_behind_the_others() -> None:
    known = HEAD + "\n" + replaced(ENTRY, '"m"', '"complete"')
    cases = [case(A1, Outcome.FAILED, "complete = true"), case(A2), case(B, Outcome.FAILED, "500")]
    done = after(known, *cases)
    assert done.text == known + (
        '\n# MUST PROG-3: t\n[[known]]\ncase = "test_x.py::test_b"\nmessage = "actual 500"\nreason = "TODO: why"\n'
    )
    assert done.changes == ("+ test_x.py::test_b 'actual 500'",)
    assert after(done.text, *cases) == Update(done.text, (), ())


def test_a_failure_in_other_words_is_another_one() -> None:
    text = HEAD + "\n" + replaced(ENTRY, '"m"', '"nothing"')
    done = after(text, case(A1, Outcome.FAILED, "404"), case(A2), case(B))
    assert done.changes == ("- PROG-2 'nothing': it fails differently now", f"+ {A1} 'actual 404'")
    # While another failure keeps the entry, it stays.
    both = after(text, case(A1, Outcome.FAILED, "404"), case(A2, Outcome.FAILED, "nothing"), case(B))
    assert both.changes == (f"+ {A1} 'actual 404'",)


@pytest.mark.parametrize(
    ("failing", "subjects"),
    [
        ([A1], [A1]),
        ([A1, A2], ["test_x.py::test_a"]),
    ],
)
def test_failures_alike_are_one_entry(failing: list[str], subjects: list[str]) -> None:
    done = after(HEAD, *(case(name, Outcome.FAILED if name in failing else Outcome.PASSED, "500") for name in SUITE))
    assert [entry.subject for entry in parse_list(done.text, "k").entries] == subjects


def test_failures_of_a_requirement_in_several_tests_are_one_entry() -> None:
    suite = {**SUITE, "test_y.py::test_c": SuiteCase(("PROG-2",))}
    cases = [
        CaseResult(name, "t", ("PROG-2",), Outcome.FAILED, ("PROG-2",), "expected a; actual b c", "a", "b c")
        for name in (A1, "test_y.py::test_c")
    ]
    text = empty_list("documented")
    result = RunResult({"dialect": "documented"}, 1, "", (), tuple(cases))
    done = update_list(text, parse_list(text, "k"), result, suite, today=TODAY)
    (entry,) = parse_list(done.text, "k").entries
    assert (entry.requirement, entry.message) == ("PROG-2", "actual b c")


def test_a_crash_is_listed_by_its_test() -> None:
    symptom = "its process was ended by signal 6 (SIGABRT)"
    suite = {**SUITE, "test_y.py::test_c": SuiteCase(("PROG-2",))}
    crashes = [
        CaseResult(
            name,
            "t",
            ("PROG-2",),
            Outcome.LOST,
            ("GEN-2", "PROG-2"),
            f"{how}: {symptom}; sent last: {name}",
            loss=symptom,
        )
        for name, how in (
            (A1, "again when it ran alone: the target no longer answers"),
            (A2, "as with another parameter: the target no longer answers"),
            ("test_y.py::test_c", "the target no longer answers after it"),
        )
    ]
    text = empty_list("documented")
    result = RunResult({"dialect": "documented"}, 1, "", (), tuple(crashes))
    done = update_list(text, parse_list(text, "k"), result, suite, today=TODAY)
    (entry,) = parse_list(done.text, "k").entries
    assert entry.failures == (
        ListedFailure(case="test_x.py::test_a", message=symptom),
        ListedFailure(case="test_y.py::test_c", message=symptom),
    )
    assert all(entry.lists(crash.id, crash.violated, failure_texts(crash)) for crash in crashes)


@pytest.mark.parametrize("outcome", [Outcome.ERROR, Outcome.VACUOUS, Outcome.BLOCKED, Outcome.NOT_RUN])
def test_failures_that_cannot_be_known_are_not_listed(outcome: Outcome) -> None:
    assert after(HEAD, case(A1, outcome, "gone")) == Update(HEAD, (), ())


def test_an_entry_that_matches_no_test_is_removed() -> None:
    done = after(HEAD + replaced(ENTRY, "PROG-2", "PROG-22"))
    assert done.text == HEAD
    assert done.changes[0].endswith("there is no such requirement in the suite, did you mean PROG-2?")


def test_an_expired_entry_is_left_undecided() -> None:
    late = date(2028, 1, 1)
    cases = [case(A1), case(A2, Outcome.FAILED, "complete = true"), case(B)]
    late_update = after(LIST, *cases, today=late)
    assert late_update.undecided == (
        "PROG-2 'complete = true': expired on 2027-03-31; fix the server, or give --expires YYYY-MM-DD",
    )
    assert "PROG-2" in late_update.text
    prolonged = after(LIST, *cases, today=late, expires=date(2028, 6, 1))
    assert "expires = 2028-06-01\n\n# a remark" in prolonged.text
    assert prolonged.undecided == ()
    assert prolonged.text.startswith(LIST[: LIST.index("expires")])


@pytest.mark.parametrize(
    "text",
    [
        'known = [{requirement = "PROG-2", message = "m", reason = "r"}]\n',
        replaced(ENTRY, '"m"', "'''\n[[known]]\n'''"),
    ],
    ids=["in one line", "with a header in a text"],
)
def test_a_list_that_cannot_be_cut_into_tables_is_checked_but_not_rewritten(text: str) -> None:
    assert parse_list(text, "k.toml").entries[0].line == 0
    with pytest.raises(ListError, match="each entry must be written under its own"):
        after(text, *PASSING)


@pytest.mark.parametrize(
    ("actual", "message"),
    [
        ("complete = true", "actual complete = true"),
        ("404: no dataset 0b7f3e0e-25b2-4c0e-9b52-0c1d9a3cd6c4 here", "actual 404: no dataset ... here"),
        ("hc_b0f8c470_csv_8d25ad is still listed", "actual ... is still listed"),
        ('200 {"uuid":"0b7f3e0e-25b2-4c0e-9b52-0c1d9a3cd6c4","complete":1}', 'actual 200 {"uuid":"...","complete":1}'),
        ("0.3455841839313507 instead of 0.18905338644981384 and more", "actual 0... instead of 0... and more"),
        ("word " * 60, ("actual " + "word " * 38).strip()),
        ("x" * 192 + "0b7f3e0e-25b2-4c0e-9b52-0c1d9a3cd6c4 and more", "actual " + "x" * 192),
        ("x" * 400, "actual " + "x" * 193),
        ("200 [1, 2... (1,562 characters)", "actual 200 [1, 2"),
        ("nothing... (cut: 1,200 characters, sha256 714dbb7a96b63cb6...) and silence", "actual nothing... and silence"),
        ("two rows are listed (not reproducible: the replay passed)", "actual two rows are listed"),
        ("two rows are listed (in 3 of 10 runs of the same steps after this one)", "actual two rows are listed"),
        ("one of 4 workers is silent on websockets (socket 3)", "actual one of 4 workers is silent on websockets"),
    ],
)
def test_a_message_holds_nothing_that_the_next_run_changes(actual: str, message: str) -> None:
    failure = case(A1, Outcome.FAILED, actual)
    assert message_for(failure) == message
    assert ListedFailure(case=A1, message=message).lists(A1, (), [failure.reason])


# The command, with the cases of the suite as they are.


@pytest.fixture
def result_file(tmp_path: Path) -> Path:
    path = tmp_path / "result.json"
    name = "test_upload_progress.py::test_many_tiny_chunks_are_not_complete"
    failing = CaseResult(name, "t", ("PROG-2",), Outcome.FAILED, ("PROG-2",), "expected a; actual b c", "a", "b c")
    path.write_text(RunResult({"dialect": "documented"}, 1, "", (), (failing,)).to_json(), encoding="utf-8")
    return path


def test_the_command_creates_and_updates_a_list(
    tmp_path: Path, result_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "k.toml"
    words = ["known", "--update", str(path), "--from", str(result_file), "--expires", "2999-01-01"]
    assert main(words) == 0
    (entry,) = read_list(path).entries
    assert (entry.reason, entry.expires) == ("TODO: why", "2999-01-01")
    assert f"{path}: 1 added, 0 removed, 0 changed" in capsys.readouterr().out
    assert main(words) == 0
    capsys.readouterr()
    assert main(["known", "--check", str(path)]) == 1
    assert capsys.readouterr().out.splitlines() == [
        f"{path}:5 {entry.subject}: has no reason yet: replace 'TODO: why'",
        f"{path}: 1 entry, 1 wrong",
    ]
    path.write_text(replaced(path.read_text(), "TODO: why", "counts segments"))
    assert main(["known", "--check", str(path)]) == 0
    assert f"{path}: 1 entry, 0 wrong" in capsys.readouterr().out


def test_the_command_checks_names_and_days(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "k.toml"
    wrong = replaced(ENTRY, "PROG-2", "PORG-2")
    path.write_text(ENTRY + "expires = 2020-01-01\n" + wrong)
    assert main(["known", "--check", str(path)]) == 1
    out = capsys.readouterr().out.splitlines()
    assert out == [
        f"{path}:1 PROG-2: expired on 2020-01-01",
        f"{path}:6 PORG-2: there is no such requirement in the suite, did you mean PROG-2?",
        f"{path}: 2 entries, 2 wrong",
    ]


def test_the_example_of_the_docs_is_a_list(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = (ROOT / "docs" / "how-to" / "known-failures.md").read_text(encoding="utf-8")
    path = tmp_path / "k.toml"
    path.write_text(re.sub(r"(?m)^expires.*$", "expires = 2999-01-01", page.split("```toml\n")[1].split("```")[0]))
    assert main(["known", "--check", str(path)]) == 0, capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("[[known", [], "not TOML"),
        ('dialect = "hanami-0.4"\n', [], "for the dialect hanami-0.4, and not for documented"),
        (HEAD, ["--expires", "soon"], "give a date such as"),
        (HEAD, ["--expires", "2020-01-01"], "that day is over"),
        (HEAD, ["--from", "no-such-file.json"], "cannot read no-such-file.json"),
        (HEAD, ["--from", "pyproject.toml"], "not a result of a run"),
    ],
)
def test_a_mistake_is_one_line_and_loses_nothing(
    tmp_path: Path, result_file: Path, capsys: pytest.CaptureFixture[str], text: str, options: list[str], message: str
) -> None:
    path = tmp_path / "k.toml"
    path.write_text(text)
    if options[:1] == ["--from"]:
        (tmp_path / "pyproject.toml").write_text("[x]\n")
        options = ["--from", options[1] if "no-such" in options[1] else str(tmp_path / options[1])]
    assert main(["known", "--update", str(path), "--from", str(result_file), *options]) == 4
    captured = capsys.readouterr()
    assert captured.out == ""
    assert len(captured.err.splitlines()) == 1
    assert message in captured.err
    assert path.read_text() == text


def test_a_list_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, link = tmp_path / "k.toml", tmp_path / "link.toml"
    path.write_text("old")
    path.chmod(0o600)
    link.symlink_to(path)
    known.write(link, "new")
    assert (path.read_text(), path.stat().st_mode & 0o777, link.is_symlink()) == ("new", 0o600, True)

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(DiskError, match="No space left"):
        known.write(path, "newer")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["k.toml", "link.toml"]
    assert path.read_text() == "new"
