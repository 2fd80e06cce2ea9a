"""Runs with a list of known failures, against a reference backend with a fault, and an unmodified one."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hanami_conformance.cases.failures import PreconditionFailed, TargetDown, Violation
from hanami_conformance.cases.recording import CaseRecording
from hanami_conformance.cli.main import main
from hanami_conformance.known_failures.file import read_list
from hanami_conformance.session.classifier import CaseClassifier
from hanami_reports.model.conformance import Outcome
from hanami_reports.model.known_failures import Entry
from support.suite_runs import faulty_backend, in_pytest, result_of, run_suite
from tools.reference import ALICE, TIMEOUT, backend, clean_environment

FAULT = "complete-from-the-beginning"
FAULTY_ALICE = ("--user", "alice", "--password", "alice-password")
TINY = "test_upload_progress.py::test_many_tiny_chunks_are_not_complete"
CHUNKS = "test_upload_progress.py::test_as_many_chunks_as_segments_are_not_complete"
REPORT = Path("reports") / "latest"


def entry(subject: str, message: str = "complete = true", *, kind: str = "known", more: str = "") -> str:
    key = "case" if "::" in subject else "requirement"
    return f'\n[[{kind}]]\n{key} = "{subject}"\nmessage = "{message}"\nreason = "it does not count"\n{more}'


@pytest.fixture(scope="module")
def faulty() -> Iterator[str]:
    with backend("--fault", FAULT) as url:
        yield url


def run_with(
    listed: str, *options: str, cwd: Path, url: str = "reference", by_environment: bool = False
) -> subprocess.CompletedProcess[str]:
    """A run with a list, against the bundled backend or a faulty one."""
    (cwd / "k.toml").write_text(listed)
    who = () if url == "reference" else FAULTY_ALICE
    environment = {"HANAMI_KNOWN": "k.toml"} if by_environment else {}
    given = () if by_environment else ("--known", "k.toml")
    return run_suite("--target", url, *who, *given, *options, cwd=cwd, environment=environment)


def verdicts(folder: Path) -> dict[str, str]:
    return {one["id"]: one["verdict"] for one in result_of(folder)["requirements"] if one["selected"]}


@pytest.mark.parametrize("by_environment", [False, True])
def test_a_failure_that_is_listed_is_green(tmp_path: Path, faulty: str, by_environment: bool) -> None:
    run = run_with(entry("PROG-2"), "--case", TINY, cwd=tmp_path, url=faulty, by_environment=by_environment)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "NO NEW FAILURES  1 requirement known to fail, 1 of them a MUST  1 requirement: 1 KNOWN" in run.stdout
    assert "  known     PROG-2  1 case: it does not count" in run.stdout
    result = result_of(tmp_path)
    assert result["format_version"] == 4
    assert verdicts(tmp_path) == {"PROG-2": "KNOWN"}
    assert [(case["outcome"], case["known"]) for case in result["cases"]] == [("known", "it does not count")]
    assert result["known"]["entries"][0]["cases"] == [TINY]
    assert result["manifest"]["options"]["known"] == "k.toml"
    assert '<skipped type="known"' in (tmp_path / REPORT / "junit.xml").read_text()
    assert list((tmp_path / REPORT / "exchanges").iterdir())


def test_a_failure_in_other_words_is_red(tmp_path: Path, faulty: str) -> None:
    run = run_with(entry(TINY, "complete = maybe"), "--case", TINY, cwd=tmp_path, url=faulty)
    assert run.returncode == 1, run.stdout + run.stderr
    assert f"  wrong     k.toml:2 {TINY} {TINY} fails differently: expected complete = false" in run.stdout
    assert "  fix       hanami-conformance known --update k.toml --from reports/latest/result.json" in run.stdout
    assert verdicts(tmp_path) == {"PROG-2": "FAIL"}


def test_an_expired_entry_excuses_nothing(tmp_path: Path, faulty: str) -> None:
    run = run_with(entry(TINY, more="expires = 2020-01-01\n"), "--case", TINY, cwd=tmp_path, url=faulty)
    assert run.returncode == 1, run.stdout + run.stderr
    assert f"k.toml:2 {TINY} expired on 2020-01-01, 1 case still failing" in run.stdout
    assert "--expires YYYY-MM-DD" in run.stdout
    assert verdicts(tmp_path) == {"PROG-2": "FAIL"}


def test_a_stale_list_is_red_and_is_fixed_by_the_printed_command(tmp_path: Path) -> None:
    listed = f"# ours\n{entry(TINY)}{entry(CHUNKS, kind='flaky')}{entry('PROG-99')}"
    run = run_with(listed, "-k", "tiny_chunks or as_many_chunks", cwd=tmp_path)
    assert run.returncode == 1, run.stdout + run.stderr
    said = "NOT CONFORMANT  known failures: 1 entry is stale, 1 entry matches no test  1 requirement: 1 PASS"
    assert said in run.stdout
    assert f"k.toml:3 {TINY} is listed, but nothing fails like this any more" in run.stdout
    assert "k.toml:13 PROG-99 there is no such requirement in the suite, did you mean" in run.stdout
    junit = (tmp_path / REPORT / "junit.xml").read_text()
    assert '<testsuite name="known failures" tests="2" failures="2"' in junit
    (command,) = [line.split() for line in run.stdout.splitlines() if line.startswith("  fix ")]
    updated = subprocess.run(
        [sys.executable, "-m", "hanami_conformance.cli.main", *command[2:]],
        cwd=tmp_path,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert updated.returncode == 0, updated.stdout + updated.stderr
    left = (tmp_path / "k.toml").read_text()
    assert left == f"# ours\n{entry(CHUNKS, kind='flaky')}"
    again = run_with(left, "-k", "tiny_chunks or as_many_chunks", cwd=tmp_path)
    assert again.returncode == 0, again.stdout + again.stderr


@pytest.mark.slow
def test_another_defect_of_a_known_requirement_is_new(tmp_path: Path) -> None:
    options = ("--requirement", "PROG-1", "-k", "progress")
    with backend("--fault", "complete-is-a-number") as url:
        assert run_with('dialect = "documented"\n', *options, cwd=tmp_path, url=url).returncode == 1
        assert main(["known", "--update", str(tmp_path / "k.toml"), "--from", str(tmp_path / REPORT)]) == 0
        listed = (tmp_path / "k.toml").read_text().replace("TODO: why", "counts in numbers")
        assert listed.count("[[known]]") == listed.count("counts in numbers") == 1
        known = run_with(listed, *options, cwd=tmp_path, url=url)
        assert known.returncode == 0, known.stdout + known.stderr
        assert "NO NEW FAILURES" in known.stdout
    with backend("--fault", "complete-is-a-text") as url:
        other = run_with(listed, *options, cwd=tmp_path, url=url)
    assert other.returncode == 1, other.stdout + other.stderr
    assert "1 finding in " in other.stdout
    assert verdicts(tmp_path)["PROG-1"] == "FAIL"
    assert main(["known", "--update", str(tmp_path / "k.toml"), "--from", str(tmp_path / REPORT)]) == 0
    (entry,) = read_list(tmp_path / "k.toml").entries
    assert entry.reason == "TODO: why"


def test_a_narrow_run_ignores_entries_of_omitted_cases(tmp_path: Path) -> None:
    listed = entry("PROG-2") + entry(CHUNKS) + entry("FIN-3", more="expires = 2020-01-01\n")
    run = run_with(listed, "-k", "tiny_chunks", cwd=tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "wrong" not in run.stdout


def test_an_unknown_case_fails_a_narrow_run_too(tmp_path: Path) -> None:
    run = run_with(entry(f"{TINY}[5]"), "--case", CHUNKS, cwd=tmp_path)
    assert run.returncode == 1, run.stdout + run.stderr
    assert f"there is no such case in the suite, did you mean {TINY}?" in run.stdout


@pytest.mark.slow
def test_a_lost_target_is_never_excused(tmp_path: Path) -> None:
    (tmp_path / "k.toml").write_text(entry("GEN-2", "the target no longer answers") + entry("DATA-5", "e"))
    with faulty_backend("dies-of-large-positions") as url:
        options = ("--deadline", "2", "--requirement", "DATA-5", "--known", "k.toml", "--allow-destructive")
        run = run_suite("--target", url, *ALICE, *options, cwd=tmp_path)
    assert run.returncode == 6, run.stdout + run.stderr
    assert verdicts(tmp_path)["GEN-2"] == "FAIL"


@pytest.mark.parametrize(
    ("listed", "message"),
    [
        (
            f'dialect = "hanami-0.4"\n{entry("PROG-2")}',
            "this list is for the dialect hanami-0.4, and not for documented",
        ),
        ("[[known", "k.toml:1: not TOML"),
    ],
)
def test_a_wrong_list_is_a_usage_error(tmp_path: Path, listed: str, message: str) -> None:
    run = run_with(listed, cwd=tmp_path)
    assert run.returncode == 4, run.stdout + run.stderr
    assert message in run.stderr
    assert len(run.stderr.split("\n\n")[0].splitlines()) == 1
    assert run.stdout == ""


def test_a_list_for_another_dialect_is_refused_also_where_the_server_is_asked_for_its_own(tmp_path: Path) -> None:
    old = tmp_path / REPORT / "result.json"
    old.parent.mkdir(parents=True)
    old.write_text('{"format": "hanami-conformance-result"}')
    run = run_with(f'dialect = "hanami-0.4"\n{entry("PROG-2")}', "--dialect", "auto", "--case", TINY, cwd=tmp_path)
    assert run.returncode == 4, run.stdout + run.stderr
    assert "this list is for the dialect hanami-0.4, and not for documented" in run.stderr
    assert old.read_text() == '{"format": "hanami-conformance-result"}'


def test_in_plain_pytest_a_known_failure_is_expected(tmp_path: Path, faulty: str) -> None:
    (tmp_path / "k.toml").write_text(entry("PROG-2"))
    words = ("--pyargs", "hanami_conformance", *in_pytest("--target", faulty, *FAULTY_ALICE, "--known", "k.toml"))
    run = subprocess.run(
        [sys.executable, "-m", "pytest", *words, "-k", "tiny_chunks"],
        cwd=tmp_path,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "1 xfailed" in run.stdout


def test_two_runs_are_compared(tmp_path: Path, faulty: str) -> None:
    good = run_suite("--target", "reference", "--case", TINY, "--report-dir", "a", cwd=tmp_path)
    bad = run_suite("--target", faulty, *FAULTY_ALICE, "--case", TINY, "--report-dir", "b", cwd=tmp_path)
    assert (good.returncode, bad.returncode) == (0, 1)
    compared = subprocess.run(
        [sys.executable, "-m", "hanami_conformance.cli.main", "compare", "a/result.json", "b/result.json"],
        cwd=tmp_path,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert compared.returncode == 1, compared.stdout + compared.stderr
    assert "REGRESSIONS  1 new finding; worse: 1 requirement, 1 case; worse exit status: 0 -> 1" in compared.stdout


# What comes behind a known failure, when its test is over.


class Target:
    """As much of a target as the judge asks for."""

    endpoint = SimpleNamespace(place=("127.0.0.1", 1))

    def __init__(self, *, alive: bool) -> None:
        self.alive = alive
        self.asked = 0

    def close_connections(self) -> None:
        """Nothing is open."""

    def machine_shortage(self) -> str:
        """Nothing is lacking."""
        return ""

    def disconnect_reason(self, failure: str) -> str:  # noqa: ARG002 - as asked
        """No socket ended."""
        return ""

    def downtime_reason(self) -> str:
        """Report the process as alive during the test, and then as the parameter says."""
        self.asked += 1
        return "" if self.alive or self.asked == 1 else "it is silent"


@pytest.mark.parametrize(
    ("alive", "error", "outcome"),
    [
        (True, None, Outcome.KNOWN),
        (True, PreconditionFailed("cannot delete"), Outcome.KNOWN),
        (False, TargetDown("gone"), Outcome.LOST),
        (True, KeyError("a mistake of the suite"), Outcome.ERROR),
    ],
)
def test_outcomes_after_a_known_failure(alive: bool, error: Exception | None, outcome: Outcome) -> None:
    known = Entry(requirement="PROG-2", message="x", reason="why")
    target: Any = Target(alive=alive)
    judge = CaseClassifier(target, lambda *_: known)
    judge.begin(CaseRecording("f::t"), "title", ("PROG-2",))
    for when, raised in (("call", Violation("a", "x")), ("teardown", error)):
        call: Any = SimpleNamespace(when=when, excinfo=None if raised is None else SimpleNamespace(value=raised))
        report: Any = SimpleNamespace(outcome="failed", longrepr="")
        judge.phase(call, report)
    result = judge.end()
    assert result is not None
    assert result.outcome is outcome
    assert bool(result.known) is (outcome is Outcome.KNOWN)
    violated = {Outcome.KNOWN: ("PROG-2",), Outcome.LOST: ("GEN-2",)}
    assert result.violated == violated.get(outcome, ())
