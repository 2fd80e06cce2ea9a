"""A result as Markdown, for a CI job or a pull request: short, and inert whatever the target answered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from hanami_reports.common.markdown import COMMAND_LIMIT, LIMIT, Page, code, escape, link
from hanami_reports.common.text import pluralise
from hanami_reports.conformance.compare import Change, Comparison, Trend
from hanami_reports.conformance.finding_changes import FindingChange, Presence, count_text
from hanami_reports.conformance.reproduce_commands import rerun_command
from hanami_reports.model.conformance import (
    NO_NEW_FAILURES,
    CaseResult,
    ExitStatus,
    Outcome,
    RequirementResult,
    RunResult,
    Verdict,
)
from hanami_reports.model.findings import Finding, find
from hanami_reports.model.known_failures import EntryResult, KnownFailuresReport, Problem

MOST_FINDINGS = 20
MOST_CASES = 20
MOST_ENTRIES = 50

# Verdicts in the table, the worst first. PASS is left out, and observations have a table of their own.
_LISTED_VERDICTS = (
    *(Verdict.FAIL, Verdict.LOST, Verdict.NOT_RUN, Verdict.VACUOUS, Verdict.KNOWN),
    Verdict.UNSUPPORTED,
)
_BAD_OUTCOMES = (Outcome.FAILED, Outcome.LOST, Outcome.ERROR, Outcome.VACUOUS, Outcome.BLOCKED)

_REQUIREMENT_COLUMNS = ("requirement", "level", "verdict", "text, and reason for the verdict")
_FINDING_COLUMNS = ("finding", "cases", "expected and actual", "rerun")
_CASE_COLUMNS = ("case", "outcome", "expected and actual", "rerun")
_KNOWN_COLUMNS = ("known failure", "cases", "reason", "link")
_OBSERVATION_COLUMNS = ("observed", "value")
_FINDING_CHANGE_COLUMNS = ("", "finding", "before", "after", "failure")
_CHANGE_COLUMNS = ("trend", "id", "before", "after", "reason")


def result_markdown(
    result: RunResult,
    *,
    links: Mapping[str, str] | None = None,
    comparison: Comparison | None = None,
    red: str = "",
    limit: int = LIMIT,
) -> str:
    """Return the result as Markdown.

    Args:
        result: Result of a run.
        links: Addresses of related pages, by name.
        comparison: Comparison with an earlier result, None for none.
        red: Reason why the job fails although the verdict does not say so; empty for none.
        limit: Greatest length in characters, at least 5,000.
    """
    page = Page(limit)
    page.lines(_head(result))
    if red:
        page.lines([f"**The job fails**: {code(red)}"])
    if links:
        page.lines([" · ".join(link(name, address) for name, address in links.items())])
    if comparison is not None:
        shown = [_finding_change(one) for one in comparison.findings if one.presence is not Presence.LASTING]
        page.section(_comparison_title(comparison), _FINDING_CHANGE_COLUMNS, shown[:MOST_FINDINGS], of=len(shown))
        changes = [change for trend in Trend for change in comparison.changes(trend)]
        page.section("", _CHANGE_COLUMNS, [_change(one) for one in changes], fold="changes")
    findings = find(result)
    shown = [_finding(number, one, result) for number, one in enumerate(findings[:MOST_FINDINGS], 1)]
    title = f"### {pluralise(len(findings), 'finding')}" if findings else ""
    page.section(title, _FINDING_COLUMNS, shown, of=len(findings))
    selected = [one for one in result.requirements if one.selected]
    listed = [one for verdict in _LISTED_VERDICTS for one in selected if one.verdict is verdict]
    page.section("", _REQUIREMENT_COLUMNS, [_requirement(one) for one in listed])
    failed = [case for outcome in _BAD_OUTCOMES for case in result.cases if case.outcome is outcome]
    rows = [_case(case, result) for case in failed[:MOST_CASES]]
    page.section("", _CASE_COLUMNS, rows, fold="cases", of=len(failed))
    if result.known is not None:
        rows = _known(result.known)
        page.section(_known_title(result.known), _KNOWN_COLUMNS, rows[:MOST_ENTRIES], of=len(rows))
    page.section("", _OBSERVATION_COLUMNS, _observations(result), fold="observations")
    return page.text()


def nothing_markdown(headline: str, reason: str) -> str:
    """Return the text for a run that left no result.

    Args:
        headline: Outcome of the run.
        reason: Reason, one line.
    """
    return f"## Hanami conformance: {escape(headline)}\n\n{code(reason)}\n"


def _head(result: RunResult) -> Iterable[str]:
    mark = "\N{WHITE HEAVY CHECK MARK}" if result.exit_status == ExitStatus.CONFORMANT else "\N{CROSS MARK}"
    if result.headline == NO_NEW_FAILURES:
        mark = "\N{WARNING SIGN}"
    yield f"## {mark} Hanami conformance: {result.headline}"
    if result.reason:
        yield code(result.reason)
    summary = result.summary()
    verdicts = ", ".join(f"{number} {verdict}" for verdict, number in summary["requirements"].items())
    outcomes = ", ".join(f"{number} {outcome}" for outcome, number in summary["cases"].items())
    level = ", judged by MUST alone" if result.manifest.get("options", {}).get("level") == "must" else ""
    yield f"**{pluralise(summary['requirements_selected'], 'requirement')}**: {verdicts or 'none judged'}{level}"
    seconds = f" in {result.manifest.get('duration', 0.0):.1f} s"
    yield f"**{pluralise(len(result.cases), 'case')}**: {outcomes or 'none'}; {summary['exchanges']} exchanges{seconds}"
    yield " · ".join(_facts(result))
    if result.certificate_note:
        yield result.certificate_note
    for leftover in result.leftovers[:MOST_CASES]:
        yield f"left over on the target: {code(leftover)}"


def _facts(result: RunResult) -> Iterable[str]:
    manifest = result.manifest
    target, options = manifest.get("target"), manifest.get("options")
    facts = {
        "client": result.client,
        "target": target.get("url") if isinstance(target, Mapping) and not result.client else "",
        "dialect": manifest.get("dialect"),
        "profile": options.get("profile") if isinstance(options, Mapping) else "",
        "suite": manifest.get("suite"),
        "started": manifest.get("started"),
    }
    yield from (f"{name} {code(str(value))}" for name, value in facts.items() if value)


def _requirement(one: RequirementResult) -> Sequence[str]:
    reason = f"<br>{code(one.reason)}" if one.reason else ""
    return code(one.id), one.level.value, f"**{one.verdict.value}**", code(one.text.replace("`", "")) + reason


def _finding(number: int, one: Finding, result: RunResult) -> Sequence[str]:
    violated = ", ".join(f"{requirement.level.value} {requirement.id}" for requirement in one.requirements)
    title = f"**{number}.** {escape(one.title)}<br>{escape(violated)}"
    _, _, failure, command = _case(one.example, result)
    return title, str(len(one.cases)), failure, command


def _case(case: CaseResult, result: RunResult) -> Sequence[str]:
    failure = f"expected {code(case.expected)}<br>actual {code(case.actual)}" if case.expected else code(case.reason)
    violated = f"<br>{escape(', '.join(case.violated))}" if case.violated else ""
    command = code(rerun_command(case, result), COMMAND_LIMIT) if "target" in result.manifest else ""
    return code(case.id) + violated, case.outcome.value, failure, command


def _known_title(known: KnownFailuresReport) -> str:
    wrong = f", {pluralise(len(known.wrong), 'entry', 'entries')} to fix" if known.wrong else ""
    return f"### Known failures{wrong}\n\n{code(known.file)}"


def _known(known: KnownFailuresReport) -> list[Sequence[str]]:
    """Return the entries that must be changed, then those that occurred; others are left out."""
    occurred = [one for one in known.entries if one.problem is None and one.cases]
    return [_entry(one) for one in (*known.wrong, *occurred)]


def _entry(one: EntryResult) -> Sequence[str]:
    flaky = "flaky " if one.entry.flaky else ""
    cases = str(len(one.cases))
    if one.problem is Problem.EXPIRED and one.cases:
        cases += ", counted as failures"
    problem = f"**wrong** {code(one.explanation)}<br>" if one.problem is not None else ""
    address = link("link", one.entry.link) if one.entry.link else ""
    return flaky + code(one.entry.subject), cases, problem + code(one.entry.reason), address


def _observations(result: RunResult) -> list[Sequence[str]]:
    return [
        (code(name), code(value)) for case in result.cases for name, value in case.observations.items() if name or value
    ]


def _comparison_title(comparison: Comparison) -> str:
    worse, better = len(comparison.changes(Trend.WORSE)), len(comparison.changes(Trend.BETTER))
    if comparison.worse_exit:
        worse += 1
    verdict = f"**{pluralise(worse, 'regression')}**" if comparison.regressed else "no regressions"
    more = f", {better} better" if better else ""
    lines = [f"### Compared with the baseline: {verdict}{more}", code(comparison.before.file)]
    lines += [count_text(comparison.findings)] if comparison.findings else []
    if comparison.worse_exit:
        lines.append(f"The verdict changed from {comparison.before.headline} to {comparison.after.headline}.")
    lines += [code(note) for note in comparison.notes]
    return "\n\n".join(lines)


def _finding_change(change: FindingChange) -> Sequence[str]:
    note = f"<br>{escape(change.note)}" if change.note else ""
    title = f"{escape(change.title)}<br>{escape(', '.join(change.requirements))}{note}"
    counts = [pluralise(len(ids), "case") if ids else "" for ids in (change.before, change.after)]
    return f"**{change.presence.value}**", title, *counts, code(change.reason)


def _change(change: Change) -> Sequence[str]:
    reason = code(change.reason_after) or (f"before: {code(change.reason_before)}" if change.reason_before else "")
    return f"**{change.trend.value}**", code(change.id), change.before, change.after, reason
