"""The result of a load run on the terminal: what was measured, what is wrong, the verdict last."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from hanami_reports.common.file_names import EXCHANGES
from hanami_reports.common.format import MEGABYTE, shown_time
from hanami_reports.model.histogram import Histogram
from hanami_reports.model.load import ErrorClass, LoadResult, RunState
from hanami_reports.model.sample_size import samples_for
from hanami_reports.model.series import Series

COLOURS = {RunState.PASS: "green", RunState.FAIL: "red", RunState.INVALID: "yellow"}
SHOWN = ("p50", "p90", "p99")
MOST_ERRORS = 10
MOST_LEFTOVERS = 3
WIDTH = 140  # columns where nobody knows how many there are


def console_of() -> Console:
    """Return standard output, wide enough for our tables where nobody knows how wide it is."""
    console = Console()
    return console if console.is_terminal else Console(width=WIDTH)


def print_result(result: LoadResult, folder: Path, console: Console) -> None:
    """Print a result.

    Args:
        result: of a run.
        folder: where its reports are.
        console: where to.
    """
    if any(one.sent or one.unsent for one in result.series.values()):
        console.print(_series(result))
        console.print("~ low sample count", style="dim")
    if cancelled := sum(one.cancelled for one in result.series.values()):
        console.print(f"{cancelled} cancelled at shutdown, excluded", style="dim")
    for line in _limits(result):
        console.print(line, highlight=False)
    for line in _errors(result.errors, folder):
        console.print(line, highlight=False)
    for line in result.leftovers[:MOST_LEFTOVERS]:
        console.print(f"left over on the target: {escape(line)}", highlight=False)
    if len(result.leftovers) > MOST_LEFTOVERS:
        console.print(f"left over on the target: {len(result.leftovers) - MOST_LEFTOVERS} more, see the reports")
    colour = COLOURS.get(result.state, "red")
    users = sum(result.configuration.get("users", {}).values())
    what = f"{result.configuration.get('model')} model, {users} users, {result.duration:.0f} s measured"
    console.print(f"[bold {colour}]{result.state.value}[/]  {escape(what)}", highlight=False)
    for reason in result.reasons:
        console.print(f"  {escape(reason)}", highlight=False)
    console.print(f"reports in {escape(str(folder))}", highlight=False)


def _series(result: LoadResult) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("message")
    for title in ("sent", "valid", "errors", "unsent", "1/s", "MB/s", *SHOWN, "max"):
        table.add_column(title, justify="right", no_wrap=True)
    for name, one in result.series.items():
        table.add_row(*_row(name, one, result.duration))
    return table


def _row(name: str, one: Series, seconds: float) -> Sequence[str]:
    errors = one.failed + one.incorrect + one.unanswered
    rate, speed = one.rate(seconds), one.speed(seconds) / MEGABYTE
    times = [_percentile(one.response, statistic) for statistic in SHOWN]
    most = shown_time(one.response.most / 1e6) if one.response.count else "-"
    counts = (str(one.sent), str(one.succeeded), f"[red]{errors}[/]" if errors else "0", str(one.unsent))
    return (escape(name), *counts, f"{rate:.1f}", f"{speed:.2f}" if speed else "-", *times, most)


def _percentile(times: Histogram, statistic: str) -> str:
    if not times.count:
        return "-"
    shown = shown_time(times.percentile(float(statistic[1:])))
    return shown if times.count >= samples_for(statistic) else f"~{shown}"


def _limits(result: LoadResult) -> list[str]:
    broken = [limit for limit in result.limits if limit.state is not RunState.PASS]
    held = len(result.limits) - len(broken)
    lines = [f"limits: {held} of {len(result.limits)} hold"]
    for limit in broken:
        what = f"{limit.selector}: {limit.metric} {limit.statistic} {limit.bound}"
        lines.append(
            f"  [{COLOURS.get(limit.state, 'red')}]{limit.state.value}[/]  {escape(what)}: {escape(limit.explanation)}"
        )
    return lines


def _errors(errors: Sequence[ErrorClass], folder: Path) -> list[str]:
    lines = []
    for error in errors[:MOST_ERRORS]:
        lines.append(f"{error.count} x {escape(error.series)}: {error.kind}: {escape(error.message)}")
        if error.exchange:
            path = folder / EXCHANGES / error.exchange
            lines.append(f"    hanami-conformance replay {escape(str(path))} --times 50 --target URL --user USER")
    if len(errors) > MOST_ERRORS:
        lines.append(f"and {len(errors) - MOST_ERRORS} more kinds of failures in the reports")
    return lines
