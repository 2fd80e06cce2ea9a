"""A history on the terminal: runs, flaky cases, series, what is worse; the verdict last."""

from __future__ import annotations

from collections.abc import Iterable

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from hanami_reports.common.text import format_moment, one_line, pluralise
from hanami_reports.history.history import ConformanceHistory, History, HistoryExit, LoadHistory, flake_text
from hanami_reports.history.runs import ConformanceRun, started
from hanami_reports.history.verdicts import Marks

MOST_ROWS = 20
MOST_RUNS = 60  # marks of a row, the newest
MARKS = {True: "+", False: "-", None: "."}
_STYLES = {HistoryExit.STEADY: "bold green", HistoryExit.WORSE: "bold red", HistoryExit.TOO_FEW: "bold yellow"}


def print_history(history: History, console: Console) -> None:
    """Print a history."""
    for one in history.conformance:
        _print_conformance(one, console)
    for other in (*history.load, *history.peaks):
        _print_load(other, console)
    for note in _shortened(history.notes, "note"):
        console.print(Text(note, "dim"), soft_wrap=True)
    for found in history.worsenings[:MOST_ROWS]:
        console.print(Text.assemble(("worse  ", "red"), f"{found.what}: {found.how}"), soft_wrap=True)
        since = f"       first bad run {found.first_bad}"
        since += f", last good {found.last_good}" if found.last_good else ""
        console.print(Text(since + (f" ({found.note})" if found.note else ""), "dim"), soft_wrap=True)
    more = len(history.worsenings) - MOST_ROWS
    if more > 0:
        console.print(f"and {more} more, on the page")
    style = _STYLES[history.exit_status]
    console.print(Text.assemble((history.verdict, style), f"  {one_line(history.headline)}"), soft_wrap=True)


def mark_text(marks: Marks) -> str:
    """Return a sign for each run: ``+`` good, ``-`` bad, ``.`` no verdict; the newest is the last."""
    return "".join(MARKS[mark] for mark in marks[-MOST_RUNS:])


def _print_conformance(one: ConformanceHistory, console: Console) -> None:
    console.print(Text(f"{one.title}: {_span(one)}", "bold"), soft_wrap=True)
    console.print(Text(f"runs  {mark_text(one.verdict.marks)}  {one.runs[-1].headline}"), soft_wrap=True)
    flaky = one.flaky
    stable = len(one.cases) - len(flaky)
    console.print(f"{pluralise(stable, 'case')} without flakes, {len(flaky)} flaky", highlight=False)
    if not one.changed:
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("case", overflow="fold")
    table.add_column("runs", no_wrap=True)
    table.add_column("changes on equal input", no_wrap=True)
    table.add_column("now", no_wrap=True)
    for case in one.changed[:MOST_ROWS]:
        now = "flaky" if case.is_flaky else "failing" if case.first_bad is not None else "passing"
        table.add_row(Text(one_line(case.name)), mark_text(case.marks), flake_text(case), now)
    console.print(table)
    if len(one.changed) > MOST_ROWS:
        console.print(f"and {len(one.changed) - MOST_ROWS} more cases that changed, on the page")


def _span(one: ConformanceHistory | LoadHistory) -> str:
    times = [run.started if isinstance(run, ConformanceRun) else started(run) for run in (one.runs[0], one.runs[-1])]
    count = pluralise(len(one.runs), "run")
    return f"{count}, {' to '.join(map(format_moment, times))}" if all(times) else count


def _print_load(one: LoadHistory, console: Console) -> None:
    console.print(Text(f"{one.title}: {_span(one)}", "bold"), soft_wrap=True)
    console.print(Text(f"runs  {mark_text(one.verdict.marks)}  {one.runs[-1].result.state.value}"))
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for title in ("message", "metric"):
        table.add_column(title)
    for title in ("median", "newest", "changes"):
        table.add_column(title, justify="right", no_wrap=True)
    for series in one.shown[:MOST_ROWS]:
        table.add_row(Text(one_line(series.type)), series.metric.name, *series.texts)
    console.print(table)


def _shortened(lines: Iterable[str], noun: str) -> list[str]:
    found = [one_line(line) for line in lines]
    more = len(found) - MOST_ROWS
    return found if more <= 0 else [*found[:MOST_ROWS], f"and {pluralise(more, 'more ' + noun)}"]
