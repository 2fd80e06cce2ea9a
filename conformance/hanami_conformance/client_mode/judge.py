"""The verdicts on one scenario: every check becomes a case of the result."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from hanami_conformance.cases.failures import Violation
from hanami_conformance.catalogue import client_catalogue
from hanami_conformance.client_mode.checks import checks
from hanami_conformance.client_mode.failure_checks import describe_exit
from hanami_conformance.client_mode.record import CLUSTER, NEVER, Record
from hanami_conformance.client_mode.scenario import WORKFLOWS, Scenario
from hanami_conformance.client_mode.situation import Situation
from hanami_conformance.common.text import printable_line
from hanami_reports.model.conformance import CLIENT_CASES, CaseResult, Level, Outcome

# First step of each workflow, for people.
FIRST_STEPS = {
    "mnist": "POST for MNIST",
    "csv": "POST for CSV",
    "direct": "set_mode, and opened no websocket of a cluster",
}
EVERY_CALL = "Every call"  # heading of the requirements in the catalogue that no workflow is needed for
FAILED_WORKFLOW = "CLI-24"  # violated only where no other MUST requirement explains the failure
MAX_LINE = 500  # characters of an explanation
MAX_PRINTED = 160  # characters of the last line that the client printed


def case_id(scenario: Scenario, requirement: str) -> str:
    """Return the id of the case that judges a requirement in a scenario."""
    return f"{CLIENT_CASES}{scenario.name}::{requirement}"


def title(scenario: Scenario, requirement: str) -> str:
    """Return the title of a case: what the server does, and what the client must do."""
    return f"{scenario.title}: {client_catalogue()[requirement].text}"


def requirements_for(scenario: Scenario) -> tuple[str, ...]:
    """Return the requirements that a scenario of its workflow can judge."""
    other = set(WORKFLOWS.values()) - {WORKFLOWS[scenario.workflow]}
    return tuple(name for name, entry in client_catalogue().items() if entry.workflow not in other)


def judge(situation: Situation) -> Iterator[CaseResult]:
    """Yield a case for each requirement about which the scenario says something."""
    record, scenario = situation.record, situation.scenario
    reason = undone(situation)
    sent, seconds = record.recording.sent, record.seconds  # of the scenario: counted once, with its first case
    causes: set[str] = set()  # violated requirements that explain why the workflow failed
    for name, check in checks().items():
        if name not in requirements_for(scenario) or (reason and client_catalogue()[name].workflow != EVERY_CALL):
            continue
        violation: Violation | None = None
        count = 1
        try:
            count = check(situation)
        except Violation as found:
            violation = found
        if violation is not None and client_catalogue()[name].level is Level.MUST:
            if name == FAILED_WORKFLOW and causes:
                continue
            causes.add(name)
        # A client that did not begin its workflow proves nothing right, but what it sent may be wrong: that is why.
        if violation is not None or (count and not reason):
            yield _case(situation, name, violation, count, sent, seconds)
            sent, seconds = 0, 0.0
    if reason:
        yield unjudged(scenario, Outcome.NOT_RUN if _gave_up(situation) else Outcome.UNSUPPORTED, reason)


def unjudged(scenario: Scenario, outcome: Outcome, reason: str) -> CaseResult:
    """Return the one case of a scenario that judges nothing."""
    return CaseResult(
        f"{CLIENT_CASES}{scenario.name}", scenario.title, requirements_for(scenario), outcome, reason=reason
    )


def undone(situation: Situation) -> str:
    """Return why a scenario judges nothing, if the client did not begin its workflow; else empty."""
    record, scenario = situation.record, situation.scenario
    if record.disturbed != NEVER or (begins(record, scenario.workflow) and not scenario.rules):
        return ""
    if begins(record, scenario.workflow):
        return f"the client did not reach a step at which the server would misbehave: {_steps_of(scenario)}"
    lines = record.output.strip().splitlines()
    printed = f", and printed: {printable_line(lines[-1], MAX_PRINTED)}" if lines else ""
    how = f"({describe_exit(record.exit_status)}){printed}"
    if not record.sent_anything:  # the same in each workflow: one reason for all of them
        return f"the client sent nothing {how}"
    return (
        f"the client did not begin the workflow {scenario.workflow}: it sent no {FIRST_STEPS[scenario.workflow]} {how}"
    )


def never_begins(situation: Situation) -> bool:
    """Return whether the client did not begin its workflow although the server did its part: it would nowhere else."""
    record = situation.record
    return record.disturbed == NEVER and not begins(record, situation.scenario.workflow)


def _gave_up(situation: Situation) -> bool:
    """Return whether a client that was given its workflow failed before it began: that is no missing feature."""
    record = situation.record
    failed = record.exit_status != 0 and not record.by_hand
    return situation.takes_workflow and failed and not begins(record, situation.scenario.workflow)


def _steps_of(scenario: Scenario) -> str:
    return ", ".join(dict.fromkeys(rule.at for rule in scenario.rules))


def begins(record: Record, workflow: str) -> bool:
    """Return whether a client did the first step of a workflow."""
    if workflow == "direct":
        return bool(record.of("cluster.set_mode") or record.sockets_of(CLUSTER))
    return bool(record.of(f"{workflow}.init"))


def _case(
    situation: Situation, name: str, violation: Violation | None, count: int, sent: int, seconds: float
) -> CaseResult:
    record, scenario = situation.record, situation.scenario
    common = CaseResult(
        id=case_id(scenario, name),
        title=title(scenario, name),
        requirements=(name,),
        outcome=Outcome.PASSED,
        duration=round(seconds, 6),
        exchanges=sent,
        checks=count,
        checks_by_requirement={name: count},
        started=record.recording.started,
    )
    if violation is None:
        return common
    expected, actual = printable_line(violation.expected, MAX_LINE), printable_line(violation.actual, MAX_LINE)
    return replace(
        common,
        outcome=Outcome.FAILED,
        violated=(name,),
        reason=f"expected {expected}; actual {actual}",
        expected=expected,
        actual=actual,
        exchange=record.recording.exchange(),
        failed_at=violation.event,
    )
