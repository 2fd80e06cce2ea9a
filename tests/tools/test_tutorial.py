"""The tutorial says what happens: its commands are run, and print the lines that it shows."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from hanami_conformance.cli.main import parser
from support.paths import ROOT
from tools.reference import TIMEOUT, backend, clean_environment

PAGE = ROOT / "docs" / "tutorial" / "first-run.md"
ADDRESS = "http://127.0.0.1:11418"
SERVER = "hanami-reference-backend"
SUITE = "hanami-conformance"


@dataclass(frozen=True)
class Step:
    """A command of the tutorial, and the lines that it prints, some of many."""

    words: tuple[str, ...]
    shown: tuple[str, ...]


def steps() -> Iterator[Step]:
    """All commands of the tutorial in their order."""
    for block in re.findall(r"^```console\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
        for part in block.split("$ ")[1:]:
            command, *shown = part.splitlines()
            yield Step(tuple(shlex.split(command)), tuple(shown))


def plain(text: str) -> list[str]:
    """The lines of an output without blanks at their ends."""
    return [line.rstrip() for line in text.splitlines()]


def test_the_commands_are_those_that_exist() -> None:
    commands = [step.words for step in steps()]
    assert [words[0] for words in commands] == ["pipx", SERVER, "export", SUITE, SUITE, SERVER, SUITE, SUITE]
    for words in commands:
        if words[0] == SUITE:
            parser().parse_args(words[1:])
    assert all(step.shown for step in steps() if step.words[0] in (SUITE, SERVER))


@pytest.mark.slow
def test_the_commands_print_what_the_tutorial_shows(tmp_path: Path) -> None:
    environment = clean_environment({"COLUMNS": "120"})
    statuses = []
    with ExitStack() as server:
        for step in steps():
            program, *words = step.words
            if program == SERVER:
                server.close()  # as the reader stops the one before
                url = server.enter_context(backend(*words[2:]))
                assert words[:2] == ["--port", ADDRESS.rpartition(":")[2]]
                assert f"ready on {ADDRESS}" in step.shown[0]
            elif program == "export":
                name, _, value = words[0].partition("=")
                environment[name] = value
            elif program == SUITE:
                command = [sys.executable, "-m", "hanami_conformance.cli.main", *words]
                run = subprocess.run(
                    [word.replace(ADDRESS, url) for word in command],
                    cwd=tmp_path,
                    env=environment,
                    capture_output=True,
                    text=True,
                    timeout=TIMEOUT,
                    check=False,
                )
                statuses.append(run.returncode)
                printed = plain(run.stdout)
                assert [line for line in step.shown if line not in printed] == [], run.stdout + run.stderr
    assert statuses == [1, 0, 0, 0]
    assert (tmp_path / "reports" / "latest" / "conformance.html").is_file()
