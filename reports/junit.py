"""JUnit XML of a result: failures, errors and skipped cases kept apart, statement ids as properties.

A known failure is ``skipped``, as pytest writes what is expected to fail (``xfail``): the schema has no word for it, CI
systems show the message of a skipped test without turning red, and a silent success would hide it. An entry of the list
that must be mended is a ``failure`` of its own, since no case tells it.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree

from reports.known.entry import EntryResult, KnownUse
from reports.model import CaseResult, ExitStatus, Outcome, RunResult

# What XML 1.0 cannot hold.
_FORBIDDEN = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_FAILURES = {Outcome.FAILED}
_ERRORS = {Outcome.BLOCKED, Outcome.VACUOUS, Outcome.LOST, Outcome.ERROR}
_SKIPPED = {Outcome.UNSUPPORTED, Outcome.NOT_RUN, Outcome.KNOWN}
_LIST = "known failures"


def junit_xml(result: RunResult) -> str:
    """The result as JUnit XML, one suite."""
    wrong = result.known.wrong if result.known is not None else ()
    suite = ElementTree.Element(
        "testsuite",
        {
            "name": "hanami-conformance",
            "tests": str(len(result.cases) + len(wrong)),
            "failures": str(_count(result, _FAILURES) + len(wrong)),
            "errors": str(_count(result, _ERRORS)),
            "skipped": str(_count(result, _SKIPPED)),
            "time": f"{result.manifest.get('duration', 0.0):.3f}",
            "timestamp": str(result.manifest.get("started", "")).split("+", maxsplit=1)[0],
            "hostname": "localhost",
        },
    )
    for case in result.cases:
        suite.append(_case(case))
    if result.known is not None:
        suite.extend(_wrong_entry(result.known, one) for one in wrong)
    if result.exit_status != ExitStatus.CONFORMANT and suite.get("failures") == suite.get("errors") == "0":
        # A run that judged nothing must not look like a success.
        suite.set("tests", str(len(result.cases) + 1))
        suite.set("errors", "1")
        entry = ElementTree.SubElement(suite, "testcase", {"classname": "run", "name": "run", "time": "0.000"})
        reason = clean(result.reason or result.headline)
        ElementTree.SubElement(entry, "error", {"type": result.headline, "message": reason}).text = reason
    root = ElementTree.Element("testsuites")
    root.append(suite)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _count(result: RunResult, outcomes: set[Outcome]) -> int:
    return sum(1 for case in result.cases if case.outcome in outcomes)


def _wrong_entry(known: KnownUse, one: EntryResult) -> ElementTree.Element:
    name = clean(f"{known.place(one.entry)} {one.entry.subject}")
    element = ElementTree.Element("testcase", {"classname": _LIST, "name": name, "time": "0.000"})
    message = clean(f"{one.entry.subject} {one.says}")
    problem = one.problem.value if one.problem is not None else ""
    ElementTree.SubElement(element, "failure", {"type": problem, "message": message}).text = message
    return element


def _case(case: CaseResult) -> ElementTree.Element:
    file, _, name = case.id.partition("::")
    attributes = {"classname": file.removesuffix(".py"), "name": clean(name), "time": f"{case.duration:.3f}"}
    element = ElementTree.Element("testcase", attributes)
    properties = ElementTree.SubElement(element, "properties")
    for statement in case.statements:
        ElementTree.SubElement(properties, "property", {"name": "statement", "value": statement})
    for what, seen in case.observations.items():
        ElementTree.SubElement(properties, "property", {"name": f"observed: {clean(what)}", "value": clean(seen)})
    reason = f"known failure, {case.known}: {case.reason}" if case.outcome is Outcome.KNOWN else case.reason
    details = {"type": case.outcome.value, "message": clean(reason)}
    text = clean(f"{', '.join(case.broken or case.statements)}: {case.title}\n{case.reason}")
    if case.outcome in _FAILURES:
        ElementTree.SubElement(element, "failure", details).text = text
    elif case.outcome in _ERRORS:
        ElementTree.SubElement(element, "error", details).text = text
    elif case.outcome in _SKIPPED:
        ElementTree.SubElement(element, "skipped", details)
    return element


def clean(text: str) -> str:
    """The text without what XML cannot hold."""
    return _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)
