"""The exit status is that of the command, whatever becomes of its output, and never that of a mistake of ours."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

import hanami_conformance.cli.main
import hanami_loadtests.cli
import hanami_reference_backend.cli
import hanami_reports.cli.main
from hanami_conformance.cli import known
from hanami_proto.files import DiskError, write_file
from support.conformance_results import hostile, mixed
from support.full_disk import files_of_at_most
from support.suite_runs import run_suite
from support.targets import command
from tools.reference import TIMEOUT, clean_environment

Main = Callable[[Sequence[str]], int]
CONFORMANCE, REPORTS = hanami_conformance.cli.main.main, hanami_reports.cli.main.main
LOAD, BACKEND = hanami_loadtests.cli.main, hanami_reference_backend.cli.main
LIST = '[[known]]\nrequirement = "PROG-2"\nmessage = "m"\nreason = "TODO: \u4e2d\u6587"\n'
ENCODINGS = ("ascii", "latin-1", "cp1252")
# Commands, each with its exit status: all that print without a server.
COMMANDS: list[tuple[Main, list[str], int]] = [
    (CONFORMANCE, ["requirements"], 0),
    (CONFORMANCE, ["explain", "PROG-2"], 0),
    (CONFORMANCE, ["summary", "hostile.json"], 0),
    (CONFORMANCE, ["compare", "hostile.json", "mixed.json"], 0),
    (CONFORMANCE, ["compare", "mixed.json", "mixed.json", "--json"], 0),
    (CONFORMANCE, ["known", "--check", "\u4e2d\u6587.toml"], 1),
    (CONFORMANCE, ["init", "\u4e2d\u6587-settings.toml"], 0),
    (CONFORMANCE, ["--help"], 0),
    (REPORTS, ["compare", "mixed.json", "hostile.json"], 0),
    (REPORTS, ["render", "hostile.json", "--out", "\u4e2d\u6587"], 0),
    (REPORTS, ["--help"], 0),
    (LOAD, ["scenarios"], 0),
    (LOAD, ["limits", "\u4e2d\u6587-limits.toml"], 0),
    (LOAD, ["locustfile"], 0),
    (BACKEND, ["--list-faults"], 0),
    (BACKEND, ["--help"], 0),
]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("hostile.json").write_text(hostile().to_json(), encoding="utf-8", errors="backslashreplace")
    Path("mixed.json").write_text(mixed().to_json(), encoding="utf-8")
    Path("\u4e2d\u6587.toml").write_text(LIST, encoding="utf-8")
    return tmp_path


@contextmanager
def output_to(path: str, encoding: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Standard output as Python opens it: in an encoding, and strict."""
    with Path(path).open("w", encoding=encoding, errors="strict") as stream, monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", stream)
        yield


def name_of(value: object) -> str:
    return "-".join(value).replace("\u4e2d\u6587", "") if isinstance(value, list) else ""


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize(("main", "words", "status"), COMMANDS, ids=name_of)
def test_an_encoding_that_lacks_characters_changes_no_status(
    main: Main, words: list[str], status: int, encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with output_to("out", encoding, monkeypatch):
        assert main(words) == status
    assert Path("out").read_bytes()


@pytest.mark.parametrize(("main", "words", "status"), COMMANDS, ids=name_of)
def test_an_output_that_cannot_be_written_is_one_line_and_status_3(
    main: Main, words: list[str], status: int, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert status in (0, 1)
    with output_to("/dev/full", "utf-8", monkeypatch):
        assert main(words) == 3
    assert capfd.readouterr().err == "ERROR: the output cannot be written: No space left on device\n"


PROGRAMS = ["hanami_conformance.cli.entry", "hanami_loadtests.entry", "hanami_reference_backend.cli"]
PROGRAMS.append("hanami_reports.cli.main")


@pytest.mark.parametrize("module", PROGRAMS)
@pytest.mark.parametrize(
    ("redirection", "status"), [(">&-", 0), (">&- 2>&-", 0), (">/dev/full", 3), (">/dev/full 2>&1", 3)]
)
def test_the_programs_survive_every_output(module: str, redirection: str, status: int) -> None:
    program = f"import sys; from {module} import main; sys.exit(main())"
    run = subprocess.run(
        ["bash", "-c", f'"$0" -c "$1" --help {redirection}', sys.executable, program],
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert run.returncode == status, run.stderr
    assert "Traceback" not in run.stderr


def test_a_run_with_a_full_output_writes_its_reports() -> None:
    words = command("run", "--target", "reference", "--requirement", "PROG-1", "--profile", "smoke")
    run = subprocess.run(
        ["bash", "-c", '"$0" "$@" >/dev/full', *words],
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert (run.returncode, run.stderr) == (3, "ERROR: the output cannot be written: No space left on device\n")
    assert json.loads(Path("reports/latest/result.json").read_text())["verdict"] == "CONFORMANT"


def test_a_locale_without_characters_changes_no_status() -> None:
    environment = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    options = ("--target", "reference", "--requirement", "PROG-1", "--profile", "smoke")
    run = run_suite(*options, cwd=Path.cwd(), environment=environment)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "CONFORMANT  1 requirement: 1 PASS" in run.stdout


def test_a_mistake_of_ours_is_no_verdict(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def fail(*_: object) -> None:
        raise KeyError("of ours")

    monkeypatch.setattr("hanami_reports.cli.compare.compare", fail)
    for main in (CONFORMANCE, REPORTS):
        assert main(["compare", "mixed.json", "mixed.json"]) == 3
        said = capsys.readouterr().err
        assert said.startswith("ERROR: internal error: KeyError: 'of ours' (test_output.py, line "), said
        assert len(said.splitlines()) == 1


# Files.


@pytest.mark.parametrize("new", [True, False])
def test_a_file_that_cannot_be_stored_leaves_nothing(tmp_path: Path, new: bool) -> None:
    place = tmp_path / "a" / "file"
    place.parent.mkdir()
    if not new:
        place.write_text("before")
    with files_of_at_most(1000), pytest.raises(DiskError, match=r"cannot write .*/a/file: File too large; free some"):
        write_file(place, "x" * 2000, new=new)
    assert [path.read_text() for path in place.parent.iterdir()] == ([] if new else ["before"])


@pytest.mark.parametrize(
    ("main", "words"),
    [
        (CONFORMANCE, ["init", "s.toml"]),
        (LOAD, ["limits", "s.toml"]),
        (LOAD, ["locustfile", "s.toml"]),
        (REPORTS, ["render", "mixed.json", "--out", "s.toml"]),
        (REPORTS, ["render", "mixed.json", "hostile.json", "--out", "s.toml"]),
    ],
    ids=name_of,
)
def test_a_command_that_cannot_store_its_file_ends_with_3(
    main: Main, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with files_of_at_most(100):
        assert main(words) == 3
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("ERROR: cannot write ")
    assert len(said.err.splitlines()) == 1
    place = Path("s.toml")
    assert not place.exists() or not any(path.is_file() for path in place.rglob("*"))


def test_a_list_that_cannot_be_stored_stays_as_it_was() -> None:
    path = Path("\u4e2d\u6587.toml")
    with files_of_at_most(10), pytest.raises(DiskError):
        known.write(path, LIST * 2)
    assert path.read_text(encoding="utf-8") == LIST
