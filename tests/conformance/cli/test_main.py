"""The command lines of the programs with commands: what is said where no command is given."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import hanami_conformance.cli.main
import hanami_loadtests.cli
from support.suite_runs import COMMAND
from tools.reference import TIMEOUT, clean_environment

ENCODINGS = ["ascii", "latin-1", "cp1252"]
ENTRIES = ["hanami_conformance.cli.entry", "hanami_reports.cli.main", "hanami_loadtests.entry"]
MAINS = [hanami_conformance.cli.main.main, hanami_loadtests.cli.main]


@pytest.mark.parametrize("main", MAINS)
@pytest.mark.parametrize("given", [["--target", "http://127.0.0.1:1"], ["--password=very-secret"], ["-k", "x", "run"]])
def test_options_before_the_command_are_explained(
    main: Callable[[list[str]], int], given: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(given) == 4
    said = capsys.readouterr().err
    assert said.splitlines()[-1].endswith(f"run {given[0].partition('=')[0]} ..."), said
    assert "very-secret" not in said


@pytest.mark.parametrize("main", MAINS)
@pytest.mark.parametrize("given", ["--version", "--help", "-h", "--vers"])
def test_options_of_the_program_need_no_command(
    main: Callable[[list[str]], int], given: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([given]) == 0
    assert capsys.readouterr().out


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_an_output_without_a_character_does_not_change_the_exit_status(tmp_path: Path, encoding: str) -> None:
    options = ("--target", "reference", "--requirement", "PROG-1", "--profile", "smoke")
    run = subprocess.run(
        [*COMMAND, *options],
        cwd=tmp_path,
        env=clean_environment({"PYTHONIOENCODING": encoding}),
        capture_output=True,
        encoding=encoding,
        timeout=TIMEOUT,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "CONFORMANT  1 requirement: 1 PASS" in run.stdout


@pytest.mark.parametrize(
    "module", ["hanami_conformance.cli.entry", "hanami_reports.cli.main", "hanami_loadtests.entry"]
)
@pytest.mark.parametrize("redirection", [">&-", "2>&-", ">&- 2>&-"])
def test_a_closed_output_does_not_change_the_exit_status(tmp_path: Path, module: str, redirection: str) -> None:
    program = f"import sys; from {module} import main; sys.exit(main())"
    run = subprocess.run(
        ["bash", "-c", f'"$0" -c "$1" --help {redirection}', sys.executable, program],
        cwd=tmp_path,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert "Traceback" not in run.stderr


def test_a_run_with_a_closed_output_writes_its_reports(tmp_path: Path) -> None:
    options = ("--target", "reference", "--requirement", "PROG-1", "--profile", "smoke")
    run = subprocess.run(
        ["bash", "-c", '"$0" "$@" >&-', *COMMAND, *options],
        cwd=tmp_path,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert (run.returncode, run.stderr) == (0, "")
    assert (tmp_path / "reports" / "latest" / "result.json").is_file()
