"""The result of a load run on the terminal: the measurements, the problems, the verdict last."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from hanami_reports.common.file_names import EXCHANGES, LOAD_PAGE
from hanami_reports.common.format import MEGABYTE, format_time
from hanami_reports.conformance.terminal import new_console
from hanami_reports.model.histogram import MICROSECONDS, Histogram
from hanami_reports.model.load import ErrorClass, LoadResult, RunState
from hanami_reports.model.sample_size import samples_for
from hanami_reports.model.series import Series

COLOURS = {RunState.PASS: "green", RunState.FAIL: "red", RunState.INVALID: "yellow"}
STATISTICS = ("p50", "p90", "p99")
COUNTS, TIMES = ("sent", "valid", "errors", "unsent", "1/s", "MB/s"), (*STATISTICS, "max")  # columns of the table
MOST_ERRORS = 10
MOST_LEFTOVERS = 3
WIDEST = 1000  # characters, more than any table takes
PLAIN_WIDTH = 140  # characters, without a terminal


def load_console() -> Console:
    """Return standard output, wide enough for the tables if there is no terminal."""
    return new_console(sys.stdout, plain_width=PLAIN_WIDTH)


def print_result(result: LoadResult, folder: Path, console: Console) -> None:
    """Print a result.

    Args:
        result: Result of a load run.
        folder: Folder of its reports.
        console: Console to print on.
    """
    if any(one.sent or one.unsent for one in result.series.values()):
        for table in _series_tables(result, console):
            console.print(table)
        console.print("~ low sample count", style="dim")
    if cancelled := sum(one.cancelled for one in result.series.values()):
        console.print(f"{cancelled} cancelled at shutdown, excluded from the counts", style="dim")
    for line in (*_limits(result), *_errors(result.errors, folder), *_leftovers(result)):
        console.print(line, highlight=False)
    if workers := result.manifest.get("server_workers"):
        limit = f"{most} at the same time" if (most := result.configuration.get("sockets")) else "no limit"
        console.print(f"sockets: {limit}; workers of the server: {escape(str(workers))}", highlight=False)
    if result.certificate_note:
        console.print(f"[yellow]{result.certificate_note}[/]", highlight=False)
    colour = COLOURS.get(result.state, "red")
    users = sum(result.configuration.get("users", {}).values())
    run = f"{result.configuration.get('model')} model, {users} users, {result.duration:.0f} s measured"
    console.print(f"[bold {colour}]{result.state.value}[/]  {escape(run)}", highlight=False)
    for reason in result.reasons:
        console.print(f"  {escape(reason)}", highlight=False)
    if (folder / LOAD_PAGE).is_file():  # else it could not be written, and that was an error
        console.print(f"reports in {escape(str(folder))}", highlight=False)


def _series_tables(result: LoadResult, console: Console) -> list[Table]:
    """Return one table of counts and times, or one of each where the console is too narrow for both."""
    rows = {name: _row(one, result.duration) for name, one in result.series.items()}
    whole = _table((*COUNTS, *TIMES), rows)
    unlimited = console.options.update(max_width=WIDEST)
    if console.measure(whole, options=unlimited).maximum <= console.width:
        return [whole]
    counts = {name: cells[: len(COUNTS)] for name, cells in rows.items()}
    times = {name: cells[len(COUNTS) :] for name, cells in rows.items()}
    return [_table(COUNTS, counts), _table(TIMES, times)]


def _table(titles: Sequence[str], rows: Mapping[str, Sequence[str]]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("message", overflow="fold")
    for title in titles:
        table.add_column(title, justify="right", no_wrap=True)
    for name, cells in rows.items():
        table.add_row(escape(name), *cells)
    return table


def _row(one: Series, seconds: float) -> Sequence[str]:
    errors = one.failed + one.incorrect + one.unanswered
    rate, speed = one.rate(seconds), one.speed(seconds) / MEGABYTE
    times = [_percentile(one.response, statistic) for statistic in STATISTICS]
    longest = format_time(one.response.most / MICROSECONDS) if one.response.count else "-"
    counts = (str(one.sent), str(one.succeeded), f"[red]{errors}[/]" if errors else "0", str(one.unsent))
    return (*counts, f"{rate:.1f}", f"{speed:.2f}" if speed else "-", *times, longest)


def _percentile(times: Histogram, statistic: str) -> str:
    if not times.count:
        return "-"
    text = format_time(times.percentile(float(statistic[1:])))
    return text if times.count >= samples_for(statistic) else f"~{text}"


def _limits(result: LoadResult) -> list[str]:
    broken = [limit for limit in result.limits if limit.state is not RunState.PASS]
    lines = [f"limits: {len(result.limits) - len(broken)} of {len(result.limits)} hold"]
    for limit in broken:
        name = f"{limit.selector}: {limit.metric} {limit.statistic} {limit.bound}"
        colour = COLOURS.get(limit.state, "red")
        lines.append(f"  [{colour}]{limit.state.value}[/]  {escape(name)}: {escape(limit.explanation)}")
    return lines


def _errors(errors: Sequence[ErrorClass], folder: Path) -> list[str]:
    lines = []
    for error in errors[:MOST_ERRORS]:
        lines.append(f"{error.count} x {escape(error.series)}: {error.kind}: {escape(error.message)}")
        if error.exchange:
            path = folder / EXCHANGES / error.exchange
            if path.is_file():
                lines.append(f"    hanami-conformance replay {escape(str(path))} --times 50 --target URL --user USER")
    if len(errors) > MOST_ERRORS:
        lines.append(f"and {len(errors) - MOST_ERRORS} more kinds of failures in the reports")
    return lines


def _leftovers(result: LoadResult) -> list[str]:
    lines = [f"left over on the target: {escape(leftover)}" for leftover in result.leftovers[:MOST_LEFTOVERS]]
    if len(result.leftovers) > MOST_LEFTOVERS:
        lines.append(f"left over on the target: {len(result.leftovers) - MOST_LEFTOVERS} more, see the reports")
    return lines
