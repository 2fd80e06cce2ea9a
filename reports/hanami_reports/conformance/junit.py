"""JUnit XML of a result: a suite for each test, with requirement ids and observations as its properties.

Only suites have properties: the schema that CI systems check a report against (``junit-10.xsd`` of the xUnit plugin of
Jenkins) allows them nowhere else, and the plugin rejects a file with others.

A known failure is ``skipped``, as pytest writes an expected failure (``xfail``): CI systems show the message of a
skipped test without turning red. An entry of the list that must be changed is a ``failure`` of its own, since no case
reports it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from xml.etree import ElementTree

from hanami_reports.common.junit import case_element, document, suite_element
from hanami_reports.model.conformance import CaseResult, ExitStatus, Outcome, RunResult
from hanami_reports.model.known_failures import EntryResult, KnownFailuresReport, strip_parameters

_KINDS: Mapping[Outcome, str] = {
    Outcome.PASSED: "",
    Outcome.FAILED: "failure",
    Outcome.BLOCKED: "error",
    Outcome.VACUOUS: "error",
    Outcome.LOST: "error",
    Outcome.ERROR: "error",
    Outcome.UNSUPPORTED: "skipped",
    Outcome.SKIPPED: "skipped",
    Outcome.NOT_RUN: "skipped",
    Outcome.KNOWN: "skipped",
}
_LIST = "known failures"


def junit_xml(result: RunResult) -> str:
    """Return the result as JUnit XML."""
    groups: dict[str, list[CaseResult]] = {}
    for case in result.cases:
        groups.setdefault(strip_parameters(case.id), []).append(case)
    started = str(result.manifest.get("started", "")).split("+", maxsplit=1)[0]
    suites = [_suite(test, cases, started) for test, cases in groups.items()]
    if result.known is not None and result.known.wrong:
        suites.append(suite_element({"name": _LIST}, [_wrong_entry(result.known, one) for one in result.known.wrong]))
    red = any(suite.get(kind) != "0" for suite in suites for kind in ("failures", "errors"))
    if result.exit_status != ExitStatus.CONFORMANT and not red:
        # A run that judged nothing must not look like a success.
        suites.append(suite_element({"name": "run"}, [_run(result)]))
    return document("hanami-conformance", suites, result.manifest.get("duration", 0.0))


def _suite(test: str, cases: Sequence[CaseResult], started: str) -> ElementTree.Element:
    seconds = sum(case.duration for case in cases)
    attributes = {"name": test, "timestamp": started, "hostname": "localhost", "time": f"{seconds:.3f}"}
    requirements = dict.fromkeys(name for case in cases for name in case.requirements)
    observations = {(name, value) for case in cases for name, value in case.observations.items()}
    properties = [("requirement", requirement) for requirement in requirements]
    properties += [(f"observed: {name}", value) for name, value in sorted(observations)]
    return suite_element(attributes, [_case(case) for case in cases], properties)


def _run(result: RunResult) -> ElementTree.Element:
    reason = result.reason or result.headline
    attributes = {"classname": "run", "name": "run", "time": "0.000"}
    return case_element(attributes, "error", {"type": result.headline, "message": reason}, reason)


def _wrong_entry(known: KnownFailuresReport, one: EntryResult) -> ElementTree.Element:
    name = f"{known.place(one.entry)} {one.entry.subject}"
    message = f"{one.entry.subject} {one.explanation}"
    problem = one.problem.value if one.problem is not None else ""
    attributes = {"classname": _LIST, "name": name, "time": "0.000"}
    return case_element(attributes, "failure", {"type": problem, "message": message}, message)


def _case(case: CaseResult) -> ElementTree.Element:
    file, _, name = case.id.partition("::")
    attributes = {"classname": file.removesuffix(".py"), "name": name, "time": f"{case.duration:.3f}"}
    kind = _KINDS[case.outcome]
    reason = f"known failure, {case.known}: {case.reason}" if case.outcome is Outcome.KNOWN else case.reason
    details = {"type": case.outcome.value, "message": reason}
    if kind == "skipped":
        return case_element(attributes, kind, details)
    text = f"{', '.join(case.violated or case.requirements)}: {case.title}\n{case.reason}"
    if kind == "error" and case.server_log:
        text += f"\nend of the server's log:\n{case.server_log}"
    return case_element(attributes, kind, details, text)
