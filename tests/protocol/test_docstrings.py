"""Entries of docstrings are full noun phrases or sentences: no fragment, no name that does not exist."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.paths import ROOT

INDENT = " " * 4
NAMED = ("Args:", "Attributes:", "Raises:")  # sections whose entries have a name
UNNAMED = ("Returns:", "Yields:")
ENTRY = re.compile(rf"{INDENT}(\S[^:]*): (.+)")
FEWEST_WORDS = 2

Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Entry:
    """An entry of a section.

    Attributes:
        section: Title of the section with its colon.
        name: Name of the parameter, attribute or exception; empty in a section without names.
        text: Text of the entry in one line.
    """

    section: str
    name: str
    text: str


def entries(docstring: str) -> list[Entry]:
    """Return the entries of all sections of a docstring."""
    found: list[Entry] = []
    section = ""
    for line in docstring.splitlines():
        begins_entry = section in NAMED or (section in UNNAMED and not (found and found[-1].section == section))
        if line and not line.startswith(" "):
            section = line if line in (*NAMED, *UNNAMED) else ""
        elif section and line.startswith(INDENT) and not line.startswith(INDENT + " ") and begins_entry:
            match = ENTRY.fullmatch(line) if section in NAMED else None
            found.append(Entry(section, match[1], match[2]) if match else Entry(section, "", line.strip()))
        elif section and line.strip():
            found[-1] = Entry(section, found[-1].name, f"{found[-1].text} {line.strip()}")
    return found


def mistake(entry: Entry) -> str:
    """Return what is wrong with an entry, empty if nothing is."""
    if entry.section in NAMED and not entry.name:
        return "has no name"
    if not re.match(r"[A-Z0-9`]", entry.text):
        return "begins with neither a capital letter nor a literal"
    if len(entry.text.split()) < FEWEST_WORDS:
        return "is a single word"
    return ""


def unknown_names(node: Documented, found: list[Entry]) -> list[str]:
    """Return the names of described parameters that a function does not have."""
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return []
    given = node.args
    names = {one.arg for one in (*given.posonlyargs, *given.args, *given.kwonlyargs)}
    names |= {one.arg for one in (given.vararg, given.kwarg) if one is not None}
    described = [name.strip(" *") for one in found if one.section == "Args:" for name in one.name.split(",")]
    return [name for name in described if name not in names]


def modules() -> list[Path]:
    """Return all Python modules that people wrote."""
    listed = subprocess.run(["git", "ls-files", "*.py"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in listed.splitlines() if not name.endswith("_pb2.py") and (ROOT / name).exists()]


def documented(path: Path) -> Iterator[tuple[Documented, list[Entry]]]:
    """Yield everything in a module that has a docstring with entries."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, Documented) and (docstring := ast.get_docstring(node)):
            yield node, entries(docstring)


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="no checkout: the files of an sdist are not listed")
def test_entries_of_docstrings_are_complete() -> None:
    wrong = []
    count = 0
    for path in modules():
        for node, found in documented(path):
            place = f"{path.relative_to(ROOT)}: {getattr(node, 'name', 'module')}"
            count += len(found)
            wrong += [f"{place}: {one.name or one.text} {why}" for one in found if (why := mistake(one))]
            wrong += [f"{place}: {name} is no parameter" for name in unknown_names(node, found)]
    assert count > 1000
    assert wrong == []


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("seed: Seed for Hypothesis.", ""),
        ("port: ``0`` lets the system choose.", ""),
        ("seed: that sequences are drawn from.", "begins with neither a capital letter nor a literal"),
        ("port: Port.", "is a single word"),
        ("Port of the server.", "has no name"),
    ],
)
def test_a_fragment_is_found(line: str, why: str) -> None:
    (entry,) = entries(f"Return something.\n\nArgs:\n    {line}")
    assert mistake(entry) == why


def test_continued_lines_and_following_sections_are_read() -> None:
    found = entries(
        "Do it.\n\nArgs:\n    one: First\n        and second.\n\nReturns:\n    A text\n    of two lines.\n\nNo entry."
    )
    assert found == [Entry("Args:", "one", "First and second."), Entry("Returns:", "", "A text of two lines.")]


def test_a_described_parameter_must_exist() -> None:
    (function,) = ast.parse("def read(path: str, *rest: str) -> None: ...").body
    assert isinstance(function, ast.FunctionDef)
    described = [Entry("Args:", name, "A path.") for name in ("path", "*rest", "folder")]
    assert unknown_names(function, described) == ["folder"]
