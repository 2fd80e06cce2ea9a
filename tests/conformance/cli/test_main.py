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
@pytest.mark.parametrize("given", ["--version", "--help", "-h"])
def test_options_of_the_program_need_no_command(
    main: Callable[[list[str]], int], given: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([given]) == 0
    assert capsys.readouterr().out


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


def test_the_list_of_requirements_loads_no_client_and_no_pytest() -> None:
    program = (
        "import sys\n"
        "from hanami_conformance.cli.entry import main\n"
        "sys.argv[1:] = ['requirements']\n"
        "status = main()\n"
        "heavy = {'httpx', 'hypothesis', 'jinja2', 'pytest', 'websockets'}\n"
        "print(*sorted(heavy & sys.modules.keys()), file=sys.stderr)\n"
        "sys.exit(status)\n"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert ran.stdout.startswith("ATT-1 ")
    assert ran.stderr == "\n"


def test_every_command_has_its_own_options_and_its_help() -> None:
    for name in hanami_conformance.cli.main.COMMANDS:
        alone = hanami_conformance.cli.main.parser([name])
        whole = hanami_conformance.cli.main.parser()
        assert alone.format_help() == whole.format_help()
