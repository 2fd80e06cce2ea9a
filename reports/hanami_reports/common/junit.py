"""JUnit XML: a document of suites, and text that XML can hold."""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree import ElementTree

# What XML 1.0 cannot hold.
_FORBIDDEN = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def document(name: str, suites: Sequence[ElementTree.Element], seconds: float) -> str:
    """Return a whole file.

    Args:
        name: of all suites together.
        suites: with their numbers, see :func:`totals`.
        seconds: that they took.
    """
    root = ElementTree.Element("testsuites", {"name": name})
    for kind in ("tests", "failures", "errors"):
        root.set(kind, str(sum(int(suite.get(kind, "0")) for suite in suites)))
    root.set("time", f"{seconds:.3f}")
    root.extend(suites)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def totals(suite: ElementTree.Element, entries: Sequence[ElementTree.Element]) -> ElementTree.Element:
    """Return the suite with these test cases, and their numbers."""
    suite.set("tests", str(len(entries)))
    for number, kind in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(number, str(sum(entry.find(kind) is not None for entry in entries)))
    suite.extend(entries)
    return suite


def clean(text: str) -> str:
    """Return the text without what XML cannot hold."""
    return _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)
