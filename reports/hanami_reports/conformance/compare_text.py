"""A comparison on the terminal: what became worse and better, what else changed, the verdict."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence

from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from hanami_reports.conformance.compare import Change, Comparison, Exchanged, RunSummary, Seen, Trend
from hanami_reports.conformance.terminal import PLAIN_WIDTH, new_console

CASES_SHOWN = 20  # of each trend
NAMES_SHOWN = 12
SEEN_SHOWN = 30

_STYLES = {Trend.WORSE: "bold red", Trend.BETTER: "green", Trend.CHANGED: "yellow"}


def render_comparison(comparison: Comparison, *, color: bool, width: int | None = None) -> str:
    """Return the comparison as text.

    Args:
        comparison: of two results.
        color: whether escape sequences for colours may be used.
        width: of the terminal, characters.
    """
    buffer = io.StringIO()
    console = new_console(buffer, color=color or None, width=width or PLAIN_WIDTH)
    for part in _parts(comparison):
        console.print(part, soft_wrap=isinstance(part, Text))
    return buffer.getvalue()


def _parts(comparison: Comparison) -> Iterable[RenderableType]:
    yield _run("before", comparison.before)
    yield _run("after ", comparison.after)
    yield from (Text(note, style="yellow") for note in comparison.notes)
    if comparison.requirements:
        yield Text("")
        yield _changes("requirement", _worst_first(comparison.requirements))
    if comparison.cases:
        shown = [change for trend in Trend for change in _of(comparison.cases, trend)[:CASES_SHOWN]]
        yield Text("")
        yield _changes("case", shown)
        if len(shown) < len(comparison.cases):
            yield Text(f"... and {len(comparison.cases) - len(shown)} more cases; --json tells all")
    if comparison.observations:
        yield Text("")
        yield _observations(comparison.observations[:SEEN_SHOWN])
        if len(comparison.observations) > SEEN_SHOWN:
            yield Text(f"... and {len(comparison.observations) - SEEN_SHOWN} more observations; --json tells all")
    yield from _names("only before", comparison.removed)
    yield from _names("only after", comparison.added)
    yield from _exchanges(comparison.exchanges)
    yield _verdict(comparison)


def _run(when: str, run: RunSummary) -> Text:
    words = [run.target, f"dialect {run.dialect}", f"profile {run.profile}", f"suite {run.suite}", run.started]
    shown = " · ".join(word for word in words if word.strip())
    return Text.assemble((f"{when}  ", "dim"), (run.headline, "bold"), f"  {run.file} · {shown}")


def _of(changes: Sequence[Change], trend: Trend) -> list[Change]:
    return [change for change in changes if change.trend is trend]


def _worst_first(changes: Sequence[Change]) -> list[Change]:
    return [change for trend in Trend for change in _of(changes, trend)]


def _changes(what: str, changes: Sequence[Change]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, expand=True)
    table.add_column("", no_wrap=True)
    table.add_column(what, no_wrap=what == "requirement", ratio=None if what == "requirement" else 1, overflow="fold")
    table.add_column("before", no_wrap=True)
    table.add_column("after", no_wrap=True)
    table.add_column("sentence" if what == "requirement" else "why", ratio=1)
    for change in changes:
        why = Text(change.text.replace("`", "") if what == "requirement" else ", ".join(change.requirements))
        for reason in _reasons(change):
            why.append(f"\n{reason}", style="yellow")
        trend = Text(change.trend.value, style=_STYLES[change.trend])
        table.add_row(trend, Text(change.id), change.before, change.after, why)
    return table


def _reasons(change: Change) -> Iterable[str]:
    """Return what to say of a change: why it does not pass now, and why it did not before where both are failures."""
    if change.reason_after:
        if change.reason_before and change.reason_before != change.reason_after:
            yield f"before: {change.reason_before}"
        yield change.reason_after
    elif change.reason_before:
        yield f"before: {change.reason_before}"


def _observations(seen: Sequence[Seen]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, expand=True)
    table.add_column("observed", ratio=2)
    table.add_column("before", ratio=1)
    table.add_column("after", ratio=1)
    for one in seen:
        what = Text(f"{one.what}\n").append(one.case, style="dim")
        table.add_row(what, Text(one.before or "nothing"), Text(one.after or "nothing", style="cyan"))
    return table


def _names(when: str, names: Sequence[str]) -> Iterable[Text]:
    if not names:
        return
    yield Text(f"\n{_count(len(names), 'case')} {when}:", style="bold")
    yield from (Text(f"  {name}") for name in names[:NAMES_SHOWN])
    if len(names) > NAMES_SHOWN:
        yield Text(f"  ... and {len(names) - NAMES_SHOWN} more; --json tells all")


def _exchanges(changed: Sequence[Exchanged]) -> Iterable[Text]:
    if not changed:
        return
    most = sorted(changed, key=lambda one: abs(one.after - one.before), reverse=True)
    yield Text(f"\n{_count(len(changed), 'case')} ended alike with more or fewer exchanges, most of all:", style="bold")
    yield from (Text(f"  {one.before:,} -> {one.after:,}  {one.case}") for one in most[:NAMES_SHOWN])


def _verdict(comparison: Comparison) -> Text:
    before, after = comparison.before, comparison.after
    head = ("REGRESSIONS", "bold red") if comparison.regressed else ("NO REGRESSIONS", "bold green")
    counts = []
    for trend in Trend:
        requirements, cases = len(_of(comparison.requirements, trend)), len(_of(comparison.cases, trend))
        if requirements or cases:
            counts.append(f"{trend.value}: {_count(requirements, 'requirement')}, {_count(cases, 'case')}")
    if comparison.worse_exit:
        counts.append(f"worse exit status: {before.exit_status} -> {after.exit_status}")
    text = Text.assemble("\n", head, f"  {'; '.join(counts) or 'nothing changed'}")
    text.append(f"\n{before.cases:,} -> {_count(after.cases, 'case')}, ")
    text.append(f"{before.exchanges:,} -> {_count(after.exchanges, 'exchange')}, ")
    text.append(f"{before.duration:.1f} -> {after.duration:.1f} s")
    return text


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
