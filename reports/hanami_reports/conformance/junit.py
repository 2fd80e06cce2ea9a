"""JUnit XML of a result: failures, errors and skipped cases kept apart, requirement ids as properties.

A suite for each test, with what it is about as its properties: the schema that CI systems hold a report against
(``junit-10.xsd`` of the xUnit plugin of Jenkins) has properties of suites
alone, and the plugin refuses a file with others.

A known failure is ``skipped``, as pytest writes what is expected to fail (``xfail``): the schema has no word for it, CI
systems show the message of a skipped test without turning red, and a silent success would hide it. An entry of the list
that must be mended is a ``failure`` of its own, since no case tells it.
"""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree

from hanami_reports.common.junit import clean, document, totals
from hanami_reports.model.conformance import CaseResult, ExitStatus, Outcome, RunResult
from hanami_reports.model.known_failures import EntryResult, KnownFailuresReport, test_of

_FAILURES = {Outcome.FAILED}
_ERRORS = {Outcome.BLOCKED, Outcome.VACUOUS, Outcome.LOST, Outcome.ERROR}
_SKIPPED = {Outcome.UNSUPPORTED, Outcome.NOT_RUN, Outcome.KNOWN}
_LIST = "known failures"


def junit_xml(result: RunResult) -> str:
    """Return the result as JUnit XML, a suite for each test."""
    groups: dict[str, list[CaseResult]] = {}
    for case in result.cases:
        groups.setdefault(test_of(case.id), []).append(case)
    started = str(result.manifest.get("started", "")).split("+", maxsplit=1)[0]
    suites = [_suite(test, cases, started) for test, cases in groups.items()]
    if result.known is not None and result.known.wrong:
        entries = [_wrong_entry(result.known, one) for one in result.known.wrong]
        suites.append(totals(ElementTree.Element("testsuite", {"name": _LIST}), entries))
    red = any(suite.get(kind) != "0" for suite in suites for kind in ("failures", "errors"))
    if result.exit_status != ExitStatus.CONFORMANT and not red:
        # A run that judged nothing must not look like a success.
        suites.append(totals(ElementTree.Element("testsuite", {"name": "run"}), [_run(result)]))
    return document("hanami-conformance", suites, result.manifest.get("duration", 0.0))


def _suite(test: str, cases: Sequence[CaseResult], started: str) -> ElementTree.Element:
    suite = ElementTree.Element(
        "testsuite", {"name": clean(test), "timestamp": clean(started), "hostname": "localhost"}
    )
    requirements = dict.fromkeys(name for case in cases for name in case.requirements)
    seen = {(what, value) for case in cases for what, value in case.observations.items()}
    properties = ElementTree.SubElement(suite, "properties")
    for requirement in requirements:
        ElementTree.SubElement(properties, "property", {"name": "requirement", "value": clean(requirement)})
    for what, value in sorted(seen):
        ElementTree.SubElement(properties, "property", {"name": f"observed: {clean(what)}", "value": clean(value)})
    suite.set("time", f"{sum(case.duration for case in cases):.3f}")
    return totals(suite, [_case(case) for case in cases])


def _run(result: RunResult) -> ElementTree.Element:
    entry = ElementTree.Element("testcase", {"classname": "run", "name": "run", "time": "0.000"})
    reason = clean(result.reason or result.headline)
    ElementTree.SubElement(entry, "error", {"type": result.headline, "message": reason}).text = reason
    return entry


def _wrong_entry(known: KnownFailuresReport, one: EntryResult) -> ElementTree.Element:
    name = clean(f"{known.place(one.entry)} {one.entry.subject}")
    element = ElementTree.Element("testcase", {"classname": _LIST, "name": name, "time": "0.000"})
    message = clean(f"{one.entry.subject} {one.explanation}")
    problem = one.problem.value if one.problem is not None else ""
    ElementTree.SubElement(element, "failure", {"type": problem, "message": message}).text = message
    return element


def _case(case: CaseResult) -> ElementTree.Element:
    file, _, name = case.id.partition("::")
    attributes = {"classname": clean(file.removesuffix(".py")), "name": clean(name), "time": f"{case.duration:.3f}"}
    element = ElementTree.Element("testcase", attributes)
    reason = f"known failure, {case.known}: {case.reason}" if case.outcome is Outcome.KNOWN else case.reason
    details = {"type": case.outcome.value, "message": clean(reason)}
    text = clean(f"{', '.join(case.violated or case.requirements)}: {case.title}\n{case.reason}")
    if case.outcome in _FAILURES:
        ElementTree.SubElement(element, "failure", details).text = text
    elif case.outcome in _ERRORS:
        log = clean(f"\nthe end of the server's log:\n{case.server_log}") if case.server_log else ""
        ElementTree.SubElement(element, "error", details).text = text + log
    elif case.outcome in _SKIPPED:
        ElementTree.SubElement(element, "skipped", details)
    return element
