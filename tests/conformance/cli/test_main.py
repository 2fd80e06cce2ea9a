"""The command lines of the programs with commands: what is said where no command is given."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import hanami_conformance.cli.main
import hanami_loadtests.cli

MAINS = [hanami_conformance.cli.main.main, hanami_loadtests.cli.main]


@pytest.mark.parametrize("main", MAINS)
@pytest.mark.parametrize("given", [["--target", "http://127.0.0.1:1"], ["--password=very-secret"], ["-k", "x", "run"]])
def test_options_before_the_command_are_told_in_words(
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
