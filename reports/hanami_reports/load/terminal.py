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
from hanami_reports.load.faults import FAULT_COLUMNS, fault_rows
from hanami_reports.load.overlap_section import overlap_lines
from hanami_reports.load.server_section import usage_line
from hanami_reports.load.stages import STAGE_COLUMNS, stage_rows
from hanami_reports.load.tables import folded_types, overload_lines
from hanami_reports.model.histogram import MICROSECONDS, Histogram
from hanami_reports.model.load import ErrorClass, LoadResult, RunState
from hanami_reports.model.sample_size import samples_for
from hanami_reports.model.series import Series, total

COLOURS = {RunState.PASS: "green", RunState.FAIL: "red", RunState.INVALID: "yellow"}
STATISTICS = ("p50", "p90", "p95", "p99")
COUNTS, TIMES = ("sent", "valid", "errors", "unsent", "1/s", "MB/s"), (*STATISTICS, "max")  # columns of the table
TOTAL = "all messages"
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
    _print_messages(result, console)
    for line in (*_limits(result), *_errors(result.errors, folder), *_leftovers(result)):
        console.print(line, highlight=False)
    if workers := result.manifest.get("server_workers"):
        limit = f"{most} at the same time" if (most := result.configuration.get("sockets")) else "no limit"
        console.print(f"sockets: {limit}; workers of the server: {escape(str(workers))}", highlight=False)
    console.print(usage_line(result), markup=False, highlight=False)
    for line in overlap_lines(result):
        console.print(line, markup=False, highlight=False)
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


def _print_messages(result: LoadResult, console: Console) -> None:
    if any(one.sent or one.unsent for one in result.series.values()):
        for table in _series_tables(result, console):
            console.print(table)
        for line in filter(None, ("~ low sample count", result.maximum_note, *_folded(result))):
            console.print(line, style="dim", markup=False, highlight=False)
    if result.stages:
        console.print(_stage_table(result))
    if result.faults:
        console.print(_fault_table(result))
        for row in fault_rows(result):
            if row.note:
                console.print(f"fault {row.name}: {row.note}", markup=False, highlight=False)
    if cancelled := sum(one.cancelled for one in result.series.values()):
        console.print(f"{cancelled} cancelled at shutdown, excluded from the counts", style="dim")
    for line in overload_lines(result):
        console.print(line, markup=False, highlight=False)


def _series_tables(result: LoadResult, console: Console) -> list[Table]:
    """Return one table of counts and times, or one of each where the console is too narrow for both."""
    folded = folded_types(result)
    rows = {name: _row(one, result.duration) for name, one in result.series.items() if name not in folded}
    rows |= {TOTAL: _row(total(result.series), result.duration)}
    whole = _table((*COUNTS, *TIMES), rows)
    unlimited = console.options.update(max_width=WIDEST)
    if console.measure(whole, options=unlimited).maximum <= console.width:
        return [whole]
    counts = {name: cells[: len(COUNTS)] for name, cells in rows.items()}
    times = {name: cells[len(COUNTS) :] for name, cells in rows.items()}
    return [_table(COUNTS, counts), _table(TIMES, times)]


def _stage_table(result: LoadResult) -> Table:
    table = _columns("stage", STAGE_COLUMNS)
    for row in stage_rows(result):
        table.add_row(escape(row.name), *row.cells, f"[{COLOURS[row.state]}]{row.verdict}[/]" if row.verdict else "")
    return table


def _fault_table(result: LoadResult) -> Table:
    table = _columns("fault", FAULT_COLUMNS)
    for row in fault_rows(result):
        colour = COLOURS[RunState.PASS if row.has_recovered else RunState.FAIL]
        cells = list(row.cells)
        place = FAULT_COLUMNS.index("recovery")
        cells[place] = f"[{colour}]{cells[place]}[/]"
        table.add_row(escape(row.name), *cells)
    return table


def _columns(name: str, titles: Sequence[str]) -> Table:
    """Return a table without rows: names, and a column of values for each title."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column(name, overflow="fold")
    for title in titles:
        table.add_column(title, justify="right", no_wrap=True)
    return table


def _table(titles: Sequence[str], rows: Mapping[str, Sequence[str]]) -> Table:
    table = _columns("message", titles)
    for name, cells in rows.items():
        if name == TOTAL:
            table.add_section()
        table.add_row(escape(name), *cells)
    return table


def _folded(result: LoadResult) -> list[str]:
    """Return a line for the types of message that have no row of their own."""
    folded = {name: one.succeeded for name, one in result.series.items() if name in folded_types(result)}
    if not folded:
        return []
    names = ", ".join(f"{name} {count}" for name, count in folded.items())
    return [f"too few answers for a median, no errors: {names}"]


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
        lines.append(
            f"{error.count} x {escape(error.series)}: {error.kind}{_in_faults(error)}: {escape(error.message)}"
        )
        if error.exchange:
            path = folder / EXCHANGES / error.exchange
            if path.is_file():
                lines.append(f"    hanami-conformance replay {escape(str(path))} --times 50 --target URL --user USER")
    if len(errors) > MOST_ERRORS:
        lines.append(f"and {len(errors) - MOST_ERRORS} more kinds of failures in the reports")
    return lines


def _in_faults(error: ErrorClass) -> str:
    if not error.in_faults:
        return ""
    return " (in faults)" if error.in_faults == error.count else f" ({error.in_faults} in faults)"


def _leftovers(result: LoadResult) -> list[str]:
    lines = [f"left over on the target: {escape(leftover)}" for leftover in result.leftovers[:MOST_LEFTOVERS]]
    if len(result.leftovers) > MOST_LEFTOVERS:
        lines.append(f"left over on the target: {len(result.leftovers) - MOST_LEFTOVERS} more, see the reports")
    return lines
