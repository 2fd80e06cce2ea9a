"""A result as Markdown, for the summary of a CI job or a pull request: short, and inert whatever the target said."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from hanami_reports.common.markdown import COMMAND_LIMIT, LIMIT, Page, code, escape, link
from hanami_reports.conformance.compare import Change, Comparison, Trend
from hanami_reports.conformance.reproduce_commands import again
from hanami_reports.model.conformance import CaseResult, ExitStatus, Outcome, RequirementResult, RunResult, Verdict
from hanami_reports.model.known_failures import KnownFailuresReport, Problem

CASES_SHOWN = 20
KNOWN_SHOWN = 50

# The worst first. PASS is not told, and what the protocol leaves open has a table of its own.
_TOLD = (Verdict.FAIL, Verdict.LOST, Verdict.NOT_RUN, Verdict.VACUOUS, Verdict.KNOWN, Verdict.UNSUPPORTED)
_BAD_OUTCOMES = (Outcome.FAILED, Outcome.LOST, Outcome.ERROR, Outcome.VACUOUS, Outcome.BLOCKED)


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
        result: of a run.
        links: name to address of what else there is to see.
        comparison: with an earlier result, where there is one.
        red: why the job fails, where the verdict does not tell; empty for nothing.
        limit: characters that it may have; from 5,000 on it is kept.
    """
    page = Page(limit)
    page.lines(_head(result))
    page.lines([f"**The job fails**: {code(red)}"] if red else [])
    page.lines(_links(links or {}))
    if comparison is not None:
        page.section(_compared(comparison), _CHANGES, [_change(one) for one in _worst_first(comparison)])
    told = [one for verdict in _TOLD for one in _selected(result) if one.verdict is verdict]
    page.section("", _REQUIREMENTS, [_requirement(one) for one in told])
    failed = [case for outcome in _BAD_OUTCOMES for case in result.cases if case.outcome is outcome]
    page.section("", _CASES, [_case(case, result) for case in failed[:CASES_SHOWN]], fold="cases", of=len(failed))
    if result.known is not None:
        rows = _known(result.known)
        page.section(_known_title(result.known), _KNOWN, rows[:KNOWN_SHOWN], of=len(rows))
    page.section("", _SEEN, _seen(result), fold="observations")
    return page.text()


def nothing_markdown(headline: str, reason: str) -> str:
    """Return what to say of a run that left no result.

    Args:
        headline: what became of it.
        reason: why, one line.
    """
    return f"## Hanami conformance: {escape(headline)}\n\n{code(reason)}\n"


_REQUIREMENTS = ("requirement", "level", "verdict", "what it asks for, and why it does not pass")
_CASES = ("case", "outcome", "expected and actual", "again")
_KNOWN = ("known failure", "cases", "why", "link")
_SEEN = ("observed", "value")
_CHANGES = ("trend", "what", "before", "after", "why")


def _selected(result: RunResult) -> list[RequirementResult]:
    return [one for one in result.requirements if one.selected]


def _head(result: RunResult) -> Iterable[str]:
    mark = "\N{WHITE HEAVY CHECK MARK}" if result.exit_status == ExitStatus.CONFORMANT else "\N{CROSS MARK}"
    yield f"## {mark} Hanami conformance: {result.headline}"
    if result.reason:
        yield code(result.reason)
    summary = result.summary()
    verdicts = ", ".join(f"{number} {verdict}" for verdict, number in summary["requirements"].items())
    outcomes = ", ".join(f"{number} {outcome}" for outcome, number in summary["cases"].items())
    level = ", judged by MUST alone" if result.manifest.get("options", {}).get("level") == "must" else ""
    yield f"**{_count(summary['requirements_selected'], 'requirement')}**: {verdicts or 'none judged'}{level}"
    duration = result.manifest.get("duration", 0.0)
    seconds = f" in {duration:.1f} s" if isinstance(duration, int | float) else ""
    yield f"**{_count(len(result.cases), 'case')}**: {outcomes or 'none'}; {summary['exchanges']} exchanges{seconds}"
    yield " · ".join(_facts(result.manifest))
    for left in result.leftovers[:CASES_SHOWN]:
        yield f"left over on the target: {code(left)}"


def _facts(manifest: Mapping[str, object]) -> Iterable[str]:
    target, options = manifest.get("target", {}), manifest.get("options", {})
    url = target.get("url", "") if isinstance(target, dict) else ""
    profile = options.get("profile", "") if isinstance(options, dict) else ""
    facts = {"target": url, "dialect": manifest.get("dialect", ""), "profile": profile}
    facts |= {"suite": manifest.get("suite", ""), "began": manifest.get("started", "")}
    yield from (f"{name} {code(str(value))}" for name, value in facts.items() if value)


def _links(links: Mapping[str, str]) -> Iterable[str]:
    if links:
        yield " · ".join(link(name, address) for name, address in links.items())


def _requirement(one: RequirementResult) -> Sequence[str]:
    why = f"<br>{code(one.reason)}" if one.reason else ""
    return code(one.id), one.level.value, f"**{one.verdict.value}**", code(one.text.replace("`", "")) + why


def _case(case: CaseResult, result: RunResult) -> Sequence[str]:
    why = case.reason
    told = f"expected {code(case.expected)}<br>actual {code(case.actual)}" if case.expected else code(why)
    broken = f"<br>{escape(', '.join(case.violated))}" if case.violated else ""
    command = code(again(case, result), COMMAND_LIMIT) if "target" in result.manifest else ""
    return code(case.id) + broken, case.outcome.value, told, command


def _known_title(known: KnownFailuresReport) -> str:
    wrong = f", {_count(len(known.wrong), 'entry', 'entries')} to mend" if known.wrong else ""
    return f"### Known failures{wrong}\n\n{code(known.file)}"


def _known(known: KnownFailuresReport) -> list[Sequence[str]]:
    """Return what must be mended, then what held; entries that no case of this run was about are not told."""
    rows: list[Sequence[str]] = []
    for one in (*known.wrong, *(one for one in known.entries if one.problem is None and one.cases)):
        kind = "flaky " if one.entry.flaky else ""
        expired = one.problem is Problem.EXPIRED
        says = f"**wrong** {code(one.explanation)}<br>" if one.problem is not None else ""
        cases = f"{len(one.cases)}{', not excused' if expired and one.cases else ''}"
        where = link("link", one.entry.link) if one.entry.link else ""
        rows.append((kind + code(one.entry.subject), cases, says + code(one.entry.reason), where))
    return rows


def _seen(result: RunResult) -> list[Sequence[str]]:
    return [
        (code(what), code(value)) for case in result.cases for what, value in case.observations.items() if what or value
    ]


def _compared(comparison: Comparison) -> str:
    changes = (*comparison.requirements, *comparison.cases)
    worse = sum(change.trend is Trend.WORSE for change in changes) + comparison.worse_exit
    better = sum(change.trend is Trend.BETTER for change in changes)
    verdict = f"**{_count(worse, 'regression')}**" if comparison.regressed else "no regressions"
    more = f", {better} better" if better else ""
    lines = [f"### Compared with the baseline: {verdict}{more}", code(comparison.before.file)]
    if comparison.worse_exit:
        lines.append(f"It was {comparison.before.headline}, and is {comparison.after.headline}.")
    lines += [code(note) for note in comparison.notes]
    return "\n\n".join(lines)


def _worst_first(comparison: Comparison) -> list[Change]:
    changes = (*comparison.requirements, *comparison.cases)
    return [change for trend in Trend for change in changes if change.trend is trend]


def _change(change: Change) -> Sequence[str]:
    why = code(change.reason_after) or (f"before: {code(change.reason_before)}" if change.reason_before else "")
    return f"**{change.trend.value}**", code(change.id), change.before, change.after, why


def _count(number: int, noun: str, many: str = "") -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {many or noun + 's'}"
