"""The progress of a run on a terminal."""

from __future__ import annotations

import io
import re
from types import SimpleNamespace
from typing import Any, cast

import pytest
from rich.console import Console

from hanami_conformance.session import progress
from hanami_conformance.session.progress import TerminalConsole

TITLE = "Overlap: generated operations at the same time are explained by some order of them (hostile)"


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_long_title_leaves_the_bar_on_one_line(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    output = io.StringIO()
    terminal = Console(file=output, force_terminal=True, force_interactive=True, width=width, _environ={})
    monkeypatch.setattr(progress, "new_console", lambda _: terminal)
    monkeypatch.setattr(progress, "_step_title", lambda _: TITLE)
    console = TerminalConsole(io.StringIO())
    manifest = SimpleNamespace(reference=True, target_url="http://h:1", dialect="documented", profile="gate", header=())
    console.begin(cast("Any", manifest), {"one": cast("Any", None), "two": cast("Any", None)})
    assert console._progress is not None
    console._step = TITLE
    console.sequence(3600.0)
    console._progress.refresh()
    frame = output.getvalue().rpartition("\x1b[2K")[2]
    console._progress.stop()
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", frame)
    assert "\n" not in text
    assert text.startswith("Overlap: ")
    assert "━" in text
    assert "0/2" in text
    assert len(text) <= width
