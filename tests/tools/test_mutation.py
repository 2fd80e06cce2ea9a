"""The report on mutants follows from the output of the tool and the list of justified ones."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from support.paths import ROOT
from tools import mutation
from tools.mutation import (
    JUSTIFIED,
    MODELS,
    Mutant,
    MutationError,
    compare,
    parse_diff,
    parse_results,
    read_justified,
)
from tools.reference import TIMEOUT, clean_environment

ONE = Mutant("file.FileModel.fits", "return a <= b", "return a < b")
OTHER = Mutant("cluster.same", "return a == b", "return a != b")


def test_every_survivor_must_be_justified_and_every_justification_needed() -> None:
    assert compare([], {}).passed
    assert compare([ONE], {ONE: "why"}).passed
    assert compare([ONE], {ONE: "why"}).justified == {ONE: "why"}
    assert compare([ONE, OTHER], {ONE: "why"}).unexplained == (OTHER,)
    assert compare([ONE], {ONE: "why", OTHER: "why"}).stale == (OTHER,)
    assert not compare([OTHER], {}).passed
    assert not compare([], {OTHER: "why"}).passed


def test_results_are_read() -> None:
    name = "hanami_conformance.models.file.x_a__mutmut"
    text = f"    {name}_1: killed\n    {name}_2: no tests\n"
    assert parse_results(text) == {
        "hanami_conformance.models.file.x_a__mutmut_1": "killed",
        "hanami_conformance.models.file.x_a__mutmut_2": "no tests",
    }
    assert parse_results("") == {}


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("file.x\u01c1FileModel\u01c1__init____mutmut_4", "file.FileModel.__init__"),
        ("dataset.x_is_one_hot__mutmut_1", "dataset.is_one_hot"),
        ("cluster.x__far_from__mutmut_12", "cluster._far_from"),
    ],
)
def test_mutants_are_named_by_their_change(name: str, place: str) -> None:
    diff = "# it: survived\n--- a.py\n+++ a.py\n@@ -1,3 +1,3 @@\n def f():\n-    return 1\n+    return 2\n"
    assert parse_diff(MODELS + name, diff) == Mutant(place, "return 1", "return 2")


def test_the_list_of_justified_mutants_is_right() -> None:
    reasons = read_justified(JUSTIFIED)
    for mutant in reasons:
        module = ROOT / "conformance" / MODELS.replace(".", "/") / (mutant.place.partition(".")[0] + ".py")
        assert mutant.before.splitlines()[0] in module.read_text(encoding="utf-8"), mutant


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "[[mutant]]\nplace = 'a'\nbefore = 'b'\nafter = 'c'\n",
            "1 must have the strings place, before, after, reason",
        ),
        ("[[mutant]]\nplace = 'a'\nbefore = 'b'\nafter = 'c'\nreason = ' '\n", "entry 1 must have"),
        ("[[mutant]]\nplace = 'a'\nbefore = 'b'\nafter = 'c'\nreason = 1\n", "entry 1 must have"),
        ("[[mutant]]\nplace = 'a'\nbefore = 'b'\nafter = 'c'\nreason = 'd'\n" * 2, "entry 2 is a duplicate"),
        ("[[mutant]", "mutants.toml: "),
    ],
)
def test_an_invalid_list_is_reported(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "mutants.toml"
    path.write_text(text)
    with pytest.raises(MutationError, match=message):
        read_justified(path)


def test_a_missing_tool_is_reported_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(mutation, "TOOL", "no_such_tool")
    monkeypatch.setattr(sys, "argv", ["mutation.py"])
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    assert mutation.main() == 1
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("no_such_tool is not installed: run make mutation")
    assert output.err.count("\n") == 1


def test_an_interrupt_prints_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    tool = tmp_path / "mutmut.py"  # that never ends, in place of the real one
    tool.write_text("import pathlib, time\npathlib.Path(__file__).with_name('began').touch()\ntime.sleep(600)\n")
    folder = tmp_path / "temporary"
    folder.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "tools.mutation"],
        env=clean_environment({"PYTHONPATH": f"{tmp_path}:{ROOT}", "TMPDIR": str(folder)}),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    until = time.monotonic() + TIMEOUT
    while not (tmp_path / "began").exists() and time.monotonic() < until:
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGINT)
    assert process.communicate(timeout=TIMEOUT)[1] == "interrupted\n"
    assert process.returncode == 130
    assert list(folder.iterdir()) == []
