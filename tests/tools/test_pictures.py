"""The pictures of terminals show what the commands print today."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from rich.text import Text

from hanami_reports.common.normalise import stable_parts
from support.paths import ROOT
from tools.pictures.terminal import PICTURES, Picture, draw, run

SVG = "{http://www.w3.org/2000/svg}"
# What differs from run to run besides addresses, ids and times: version, shortened ids; and what each new case changes.
NUMBERS = re.compile(
    r"(?<=Hanami conformance )[\d.]+|\b[0-9a-f]{8}(?=…)"
    r"|\b[\d,]+(?= (?:case|exchange|check)s?\b)|\b\d+(?= passed)|(?<=PASS  )\d+(?: of \d+)?"
)
BY_NAME = {picture.name: picture for picture in PICTURES}


def comparable(text: str) -> list[list[str]]:
    """The lines of a text without what differs from run to run, the distances of columns included."""
    lines = [re.sub(r" {2,}", "  ", line.rstrip()) for line in text.strip().splitlines()]
    return [stable_parts(NUMBERS.sub("", line)) for line in lines]


def drawn(file: Path) -> str:
    """The characters of a picture, without blanks."""
    root = ElementTree.fromstring(file.read_text(encoding="utf-8"))
    texts = [text for group in root.iter(f"{SVG}g") for text in group.findall(f"{SVG}text")]
    return re.sub(r"\s", "", "".join("".join(text.itertext()) for text in texts))


def expect_current(picture: Picture) -> None:
    """Compare the text of a picture with what the command prints."""
    assert comparable(run(picture).plain) == comparable(picture.text.read_text(encoding="utf-8")), (
        f"{picture.text.name} and {picture.drawing.name} are out of date: make pictures"
    )


def test_the_failing_command_prints_what_its_picture_shows() -> None:
    expect_current(BY_NAME["failure"])


@pytest.mark.slow
def test_the_passing_command_prints_what_its_picture_shows() -> None:
    expect_current(BY_NAME["success"])


@pytest.mark.parametrize("picture", PICTURES, ids=BY_NAME)
def test_a_picture_has_the_lines_of_its_text(picture: Picture) -> None:
    text = re.sub(r"\s", "", picture.text.read_text(encoding="utf-8"))
    assert text in drawn(picture.drawing)
    assert all(line.isprintable() for line in picture.text.read_text(encoding="utf-8").splitlines())


def test_a_changed_line_is_a_difference() -> None:
    text = BY_NAME["failure"].text.read_text(encoding="utf-8")
    assert comparable(text) == comparable(re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:1", text))
    for old, new in (("actual    complete", "actual    finished"), ("1 finding", "2 findings"), ("\nreports ", "\n")):
        assert old in text
        assert comparable(text) != comparable(text.replace(old, new, 1))


def test_every_picture_of_the_documentation_is_shown_somewhere() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    shown = {name for page in pages for name in re.findall(r"[\w-]+\.(?:svg|png)", page.read_text(encoding="utf-8"))}
    made = {path.name for suffix in ("svg", "png") for path in (ROOT / "docs").glob(f"*.{suffix}")}
    assert made - {"favicon.svg"} <= shown  # the icon of the site is named in its settings


def test_a_picture_asks_for_nothing_from_elsewhere() -> None:
    drawing = draw(Text("x"))
    assert "@font-face" not in drawing
    assert not re.search(r"href|src=|url\(['\"]?http|@import", drawing)
