"""JUnit XML documents, and text that XML can hold."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from xml.etree import ElementTree

# Characters that XML 1.0 cannot hold.
_FORBIDDEN = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def document(name: str, suites: Sequence[ElementTree.Element], seconds: float) -> str:
    """Return a whole file.

    Args:
        name: Name of the document.
        suites: Suites with their totals, see :func:`suite_element`.
        seconds: Duration of all suites.
    """
    root = ElementTree.Element("testsuites", {"name": name})
    for kind in ("tests", "failures", "errors"):
        root.set(kind, str(sum(int(suite.get(kind, "0")) for suite in suites)))
    root.set("time", f"{seconds:.3f}")
    root.extend(suites)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def suite_element(
    attributes: Mapping[str, str],
    cases: Sequence[ElementTree.Element],
    properties: Sequence[tuple[str, str]] | None = None,
) -> ElementTree.Element:
    """Return a suite of test cases, with its totals.

    Args:
        attributes: Attributes of the suite, its name among them.
        cases: Test cases.
        properties: Names and values; None for a suite without properties.
    """
    suite = ElementTree.Element("testsuite", {name: clean(value) for name, value in attributes.items()})
    if properties is not None:
        parent = ElementTree.SubElement(suite, "properties")
        for name, value in properties:
            ElementTree.SubElement(parent, "property", {"name": clean(name), "value": clean(value)})
    suite.set("tests", str(len(cases)))
    for number, kind in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(number, str(sum(case.find(kind) is not None for case in cases)))
    suite.extend(cases)
    return suite


def case_element(
    attributes: Mapping[str, str], kind: str = "", details: Mapping[str, str] | None = None, text: str | None = None
) -> ElementTree.Element:
    """Return a test case.

    Args:
        attributes: Class name, name and time.
        kind: ``failure``, ``error`` or ``skipped``; empty for a case that passed.
        details: Type and message of the failure.
        text: Text of the failure, None for none.
    """
    case = ElementTree.Element("testcase", {name: clean(value) for name, value in attributes.items()})
    if kind:
        child = ElementTree.SubElement(case, kind, {name: clean(value) for name, value in (details or {}).items()})
        child.text = None if text is None else clean(text)
    return case


def clean(text: str) -> str:
    """Return the text with a replacement character for each character that XML cannot hold."""
    return _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)
