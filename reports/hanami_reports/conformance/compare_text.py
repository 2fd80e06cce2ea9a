"""A comparison on the terminal: findings, what became worse and better, what else changed, the verdict."""

from __future__ import annotations

import io
from collections.abc import Collection, Iterable, Sequence

from rich import box
from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from hanami_reports.common.text import pluralise
from hanami_reports.conformance.compare import Change, Comparison, ExchangeCount, ObservationChange, RunSummary, Trend
from hanami_reports.conformance.finding_changes import FindingChange, Presence, count_text
from hanami_reports.conformance.terminal import PLAIN_WIDTH, new_console

MOST_FINDINGS = 20  # of each presence
MOST_LASTING = 10
MOST_CASES = 20  # of each trend
MOST_NAMES = 12
MOST_OBSERVATIONS = 30

_PRESENCE_STYLES = {
    Presence.NEW: "bold red",
    Presence.GONE: "green",
    Presence.NOT_JUDGED: "magenta",
    Presence.LASTING: "yellow",
}
_STYLES = {Trend.WORSE: "bold red", Trend.BETTER: "green", Trend.CHANGED: "yellow"}


def render_comparison(comparison: Comparison, *, color: bool, width: int | None = None, verbose: bool = False) -> str:
    """Return the comparison as text.

    Args:
        comparison: Comparison of two results.
        color: Whether escape sequences for colours may be used.
        width: Width of the terminal, characters.
        verbose: Whether to print every case that changed, the reasons of requirements that belong to findings, and the
            numbers of exchanges.
    """
    buffer = io.StringIO()
    console = new_console(buffer, color=color or None, width=width or PLAIN_WIDTH)
    for part in _parts(comparison, verbose=verbose):
        console.print(part, soft_wrap=isinstance(part, Text))
    return buffer.getvalue()


def _parts(comparison: Comparison, *, verbose: bool) -> Iterable[RenderableType]:
    yield _run("before", comparison.before)
    yield _run("after ", comparison.after)
    yield from (Text(note, style="yellow") for note in comparison.notes)
    yield from _findings(comparison.findings, verbose=verbose)
    if comparison.requirements:
        changes = [change for trend in Trend for change in _with_trend(comparison.requirements, trend)]
        yield Text("")
        explained = {name for change in comparison.findings for name in change.requirements}
        yield _change_table("requirement", changes, brief=() if verbose else explained)
    cases = comparison.cases if verbose else _cases_of_no_finding(comparison)
    if cases:
        first = [change for trend in Trend for change in _with_trend(cases, trend)[:MOST_CASES]]
        first = list(cases) if verbose else first
        yield Text("")
        yield _change_table("case", first)
        if len(first) < len(cases):
            yield Text(f"... and {pluralise(len(cases) - len(first), 'more case')}; -v prints all")
    if len(cases) < len(comparison.cases):
        yield Text(f"\n{pluralise(len(comparison.cases) - len(cases), 'case')} of findings changed; -v prints them")
    if comparison.observations:
        yield Text("")
        yield _observation_table(comparison.observations[:MOST_OBSERVATIONS])
        if len(comparison.observations) > MOST_OBSERVATIONS:
            yield Text(
                f"... and {len(comparison.observations) - MOST_OBSERVATIONS} more observations; --json lists all"
            )
    yield from _names("only before", comparison.removed)
    yield from _names("only after", comparison.added)
    if verbose:
        yield from _exchanges(comparison.exchanges)
    yield _verdict(comparison)


def _findings(changes: Sequence[FindingChange], *, verbose: bool) -> Iterable[RenderableType]:
    """Yield a line for each finding, and for a new one the failure that shows it."""
    for presence in Presence:
        own = [change for change in changes if change.presence is presence]
        if own:
            yield Text(f"\n{count_text(own)}", style=_PRESENCE_STYLES[presence])
        most = MOST_LASTING if presence is Presence.LASTING else MOST_FINDINGS
        for change in own if verbose else own[:most]:
            yield _finding(change)
            if verbose or presence is Presence.NEW:
                yield _indented(Text(change.reason, style="yellow"), 6)
        if len(own) > most and not verbose:
            yield Text(f"  ... and {len(own) - most} more; -v prints all")


def _finding(change: FindingChange) -> RenderableType:
    first, *others = change.requirements or ("",)
    more = f" and {len(others)} more" if others else ""
    counts = dict.fromkeys(len(ids) for ids in (change.before, change.after) if ids)
    cases = f"{' -> '.join(map(str, counts))} {'case' if [*counts][-1] == 1 else 'cases'}"
    text = Text.assemble((f"{change.level} {first}{more}", "bold"), (f"  {cases}", "dim"))
    text.append(f", {change.note}" if change.note else "", style="yellow")
    return _indented(text.append(f"  {change.title}"), 2)


def _indented(text: Text, columns: int) -> RenderableType:
    """Return a text on one line, cut at the width of the terminal."""
    text.no_wrap, text.overflow = True, "ellipsis"
    return Padding(text, (0, 0, 0, columns))


def _cases_of_no_finding(comparison: Comparison) -> list[Change]:
    """Return the cases that changed and are not part of a finding that is printed."""
    printed = {name for change in comparison.findings for name in (*change.before, *change.after)}
    return [change for change in comparison.cases if change.id not in printed]


def _run(when: str, run: RunSummary) -> Text:
    words = [run.target, f"dialect {run.dialect}", f"profile {run.profile}", f"suite {run.suite}", run.started]
    facts = " · ".join(word for word in words if word.strip())
    return Text.assemble((f"{when}  ", "dim"), (run.headline, "bold"), f"  {run.file} · {facts}")


def _with_trend(changes: Sequence[Change], trend: Trend) -> list[Change]:
    return [change for change in changes if change.trend is trend]


def _change_table(noun: str, changes: Sequence[Change], brief: Collection[str] = ()) -> Table:
    """Return a table of changes; those whose ids are ``brief`` take a line each."""
    of_requirements = noun == "requirement"
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, expand=True)
    table.add_column("", no_wrap=True)
    table.add_column(noun, no_wrap=of_requirements, ratio=None if of_requirements else 1, overflow="fold")
    table.add_column("before", no_wrap=True)
    table.add_column("after", no_wrap=True)
    table.add_column("text" if of_requirements else "reason", ratio=1)
    for change in changes:
        text = Text(change.text.replace("`", "") if of_requirements else ", ".join(change.requirements))
        if change.id in brief:
            text.no_wrap, text.overflow = True, "ellipsis"
        else:
            for reason in _reasons(change):
                text.append(f"\n{reason}", style="yellow")
        trend = Text(change.trend.value, style=_STYLES[change.trend])
        table.add_row(trend, Text(change.id), change.before, change.after, text)
    return table


def _reasons(change: Change) -> Iterable[str]:
    """Return why it does not pass now, and the earlier reason if it is another."""
    if change.reason_before and change.reason_before != change.reason_after:
        yield f"before: {change.reason_before}"
    if change.reason_after:
        yield change.reason_after


def _observation_table(changes: Sequence[ObservationChange]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, expand=True)
    table.add_column("observed", ratio=2)
    table.add_column("before", ratio=1)
    table.add_column("after", ratio=1)
    for one in changes:
        name = Text(f"{one.name}\n").append(one.case, style="dim")
        table.add_row(name, Text(one.before or "nothing"), Text(one.after or "nothing", style="cyan"))
    return table


def _names(when: str, names: Sequence[str]) -> Iterable[Text]:
    if not names:
        return
    yield Text(f"\n{pluralise(len(names), 'case')} {when}:", style="bold")
    yield from (Text(f"  {name}") for name in names[:MOST_NAMES])
    if len(names) > MOST_NAMES:
        yield Text(f"  ... and {len(names) - MOST_NAMES} more; --json lists all")


def _exchanges(changed: Sequence[ExchangeCount]) -> Iterable[Text]:
    if not changed:
        return
    largest = sorted(changed, key=lambda one: abs(one.after - one.before), reverse=True)
    cases = pluralise(len(changed), "case")
    yield Text(f"\n{cases} with the same outcome and more or fewer exchanges, the largest changes first:", style="bold")
    yield from (Text(f"  {one.before:,} -> {one.after:,}  {one.case}") for one in largest[:MOST_NAMES])


def _verdict(comparison: Comparison) -> Text:
    before, after = comparison.before, comparison.after
    head = ("REGRESSIONS", "bold red") if comparison.regressed else ("NO REGRESSIONS", "bold green")
    counts = [count_text(comparison.findings)] if comparison.findings else []
    for trend in Trend:
        requirements, cases = (len(_with_trend(one, trend)) for one in (comparison.requirements, comparison.cases))
        if requirements or cases:
            counts.append(f"{trend.value}: {pluralise(requirements, 'requirement')}, {pluralise(cases, 'case')}")
    if comparison.worse_exit:
        counts.append(f"worse exit status: {before.exit_status} -> {after.exit_status}")
    text = Text.assemble("\n", head, f"  {'; '.join(counts) or 'nothing changed'}")
    text.append(f"\n{before.cases:,} -> {pluralise(after.cases, 'case')}, ")
    text.append(f"{before.exchanges:,} -> {pluralise(after.exchanges, 'exchange')}, ")
    text.append(f"{before.duration:.1f} -> {after.duration:.1f} s")
    return text
