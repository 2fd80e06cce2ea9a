"""Links of the pages that are read in the repository lead to files and headings that exist; the site checks its own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.paths import ROOT

PAGES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")
LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]*))?\)")


def anchors(page: Path) -> set[str]:
    """The anchors of the headings of a page, as GitHub and the site make them."""
    headings = re.findall(r"^#+ +(.*)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


def dead_links(page: Path) -> Iterator[str]:
    for match in LINK.finditer(page.read_text(encoding="utf-8")):
        target = (page.parent / match[1]) if match[1] else page
        if not target.exists() or (match[2] and match[2] not in anchors(target)):
            yield match[0]


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_somewhere(name: str) -> None:
    assert list(dead_links(ROOT / name)) == []


def test_dead_links_and_anchors_are_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# A heading: with `code`\n[a](#a-heading-with-code) [b](page.md#b) [c](c.md) [d](#d) ![e](e.png)")
    assert list(dead_links(page)) == ["](page.md#b)", "](c.md)", "](#d)", "](e.png)"]
