"""Text for people: the width of its lines."""

from __future__ import annotations

import subprocess
import sys

import pytest

from hanami_conformance.common.text import line_width
from tools.reference import clean_environment


@pytest.mark.parametrize(("columns", "width"), [("72", 72), ("300", 100), ("7", 40)])
def test_lines_are_as_wide_as_the_terminal_within_limits(
    monkeypatch: pytest.MonkeyPatch, columns: str, width: int
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert line_width(100) == width


@pytest.mark.parametrize("longest", [100, 110])
def test_lines_without_a_terminal_have_the_longest_width(longest: int) -> None:
    program = f"from hanami_conformance.common.text import line_width; print(line_width({longest}))"
    environment = {name: value for name, value in clean_environment().items() if name != "COLUMNS"}
    run = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert run.stdout == f"{longest}\n"
