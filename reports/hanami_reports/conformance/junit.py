"""JUnit XML of a result: a suite for each step of the protocol, with requirement ids and observations as properties.

The message of a failure names the requirement, the finding that it belongs to, and what differs; its text has the
command that reruns the case.

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
from hanami_reports.conformance.reproduce_commands import rerun_command
from hanami_reports.model.conformance import CaseResult, ExitStatus, Outcome, RunResult
from hanami_reports.model.findings import Finding, find
from hanami_reports.model.known_failures import EntryResult, KnownFailuresReport

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
OTHER = "other cases"  # a suite of cases without a step


def junit_xml(result: RunResult) -> str:
    """Return the result as JUnit XML."""
    steps = {one.id: f"{one.workflow}: {one.step}" if one.step else one.workflow for one in result.requirements}
    groups: dict[str, list[CaseResult]] = {}
    for case in result.cases:
        step = next((steps[name] for name in case.requirements if name in steps), OTHER)
        groups.setdefault(step, []).append(case)
    findings = find(result)
    finding_of = {case.id: (number, one) for number, one in enumerate(findings, 1) for case in one.cases}
    failures = {
        case.id: _failure_of(case, result, *finding_of.get(case.id, (0, None))) for case in result.cases if case.reason
    }
    started = str(result.manifest.get("started", "")).split("+", maxsplit=1)[0]
    suites = [_suite(step, cases, started, failures) for step, cases in groups.items()]
    if result.known is not None and result.known.wrong:
        suites.append(suite_element({"name": _LIST}, [_wrong_entry(result.known, one) for one in result.known.wrong]))
    red = any(suite.get(kind) != "0" for suite in suites for kind in ("failures", "errors"))
    if result.exit_status != ExitStatus.CONFORMANT and not red:
        # A run that judged nothing must not look like a success.
        suites.append(suite_element({"name": "run"}, [_run(result)]))
    return document("hanami-conformance", suites, result.manifest.get("duration", 0.0))


def _failure_of(case: CaseResult, result: RunResult, number: int, finding: Finding | None) -> tuple[str, str]:
    """Return message and text of a case that did not pass.

    Args:
        case: Case that did not pass.
        result: Result of its run.
        number: Number of its finding.
        finding: Finding that it belongs to, None for none.
    """
    reason = f"known failure, {case.known}: {case.reason}" if case.outcome is Outcome.KNOWN else case.reason
    if finding is not None:
        reason = f"{', '.join(case.violated)}: {finding.title} (finding {number}): {reason}"
    text = f"{', '.join(case.violated or case.requirements)}: {case.title}\n{case.reason}"
    if case.server_log:
        text += f"\nend of the server's log:\n{case.server_log}"
    if "target" in result.manifest:
        text += f"\nrerun: {rerun_command(case, result)}"
    return reason, text


def _suite(
    step: str, cases: Sequence[CaseResult], started: str, failures: Mapping[str, tuple[str, str]]
) -> ElementTree.Element:
    seconds = sum(case.duration for case in cases)
    attributes = {"name": step, "timestamp": started, "hostname": "localhost", "time": f"{seconds:.3f}"}
    requirements = dict.fromkeys(name for case in cases for name in case.requirements)
    observations = {(name, value) for case in cases for name, value in case.observations.items()}
    properties = [("requirement", requirement) for requirement in requirements]
    properties += [(f"observed: {name}", value) for name, value in sorted(observations)]
    elements = [_case(case, *failures.get(case.id, (case.reason, ""))) for case in cases]
    return suite_element(attributes, elements, properties)


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


def _case(case: CaseResult, message: str, text: str) -> ElementTree.Element:
    file, _, name = case.id.partition("::")
    attributes = {"classname": file.removesuffix(".py"), "name": name, "time": f"{case.duration:.3f}"}
    kind = _KINDS[case.outcome]
    details = {"type": case.outcome.value, "message": message}
    return case_element(attributes, kind, details, None if kind in ("", "skipped") else text)
