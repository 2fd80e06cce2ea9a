"""The page on the architecture lists every folder in its order, and its paths exist."""

from __future__ import annotations

import re

import pytest

from protocol.test_layers import BELOW, FOLDERS, ROOMS
from support.paths import ROOT

PAGE = (ROOT / "docs" / "explanation" / "architecture.md").read_text(encoding="utf-8")
ROWS = 25  # of the table "I look for ..."


def section(heading: str) -> str:
    return re.split(r"^## ", PAGE.partition(f"## {heading}\n")[2], flags=re.MULTILINE)[0]


@pytest.mark.parametrize("package", [name for name in BELOW if name not in ("hanami_proto", "tools")])
def test_the_folders_stand_in_the_order_of_their_imports(package: str) -> None:
    table = section("The folders, in the order of the flow").partition(f"{package}/`\n")[2].partition("\n`")[0]
    listed = [
        name for cell in re.findall(r"^\| (`[^|]*`) \|", table, flags=re.MULTILINE) for name in cell.split("`, `")
    ]
    rooms = [name for names in ROOMS[package] for name in names.split() if name != "__main__"]
    places = {name: place for place, names in enumerate(ROOMS[package]) for name in names.split()}
    names = [name.strip("`") for name in listed]
    assert sorted(names) == sorted(rooms)
    assert [places[name] for name in names] == sorted(places[name] for name in names)


def test_every_path_of_the_page_exists() -> None:
    paths = re.findall(r"`((?:conformance|reports|loadtests|proto|reference_backend|tests|tools|docs)/[^`]*)`", PAGE)
    assert len(paths) > ROWS
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_modules_in_the_text_exist_in_some_package() -> None:
    folders = [FOLDERS[name].parent for name in BELOW if name != "tools"] + [FOLDERS["tools"]]
    modules = re.findall(r"`((?!conformance/|reports/|loadtests/|proto/|reference_backend/|tests/)[a-z_/]+\.py)`", PAGE)
    assert modules
    assert [name for name in modules if not any(list(folder.rglob(name)) for folder in folders)] == []


def test_a_stranger_finds_many_things() -> None:
    rows = re.findall(r"^\| (?!what \||---)[^|]+ \| `", section("I look for ..."), flags=re.MULTILINE)
    assert len(rows) >= ROWS
