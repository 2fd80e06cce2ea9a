"""A capacity search on the terminal: a line for each point, the curve, the verdict last."""

from __future__ import annotations

from pathlib import Path

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from hanami_reports.common.file_names import PEAK_PAGE
from hanami_reports.common.format import NOTHING, format_percent, format_rate, format_span, format_time
from hanami_reports.load.terminal import COLOURS
from hanami_reports.model.load import RunState
from hanami_reports.model.peak import LoadUnit, PeakPoint, PeakResult
from hanami_reports.model.sample_size import supported

WORDS = {RunState.PASS: "holds", RunState.FAIL: "fails", RunState.INVALID: "inconclusive"}
COLUMNS = ("point", "load", "", "answers/s", "p50", "p95", "p99", "unsent", "measured")


def point_line(point: PeakPoint, unit: LoadUnit) -> str:
    """Return the line of a point that was just measured, as markup."""
    times = "  ".join(f"p{percent} {format_percentile(point, percent)}" for percent in (50, 95, 99))
    why = f"  {escape(point.reasons[0])}" if point.reasons else ""
    return f"{point.number:3d}  {unit.quantity(point.load):>10}  {_word(point.state)}  {times}[dim]{why}[/]"


def print_peak(result: PeakResult, folder: Path, console: Console) -> None:
    """Print a result.

    Args:
        result: Result of a capacity search.
        folder: Folder of its reports.
        console: Console to print on.
    """
    if result.points:
        console.print(_table(result))
        if any(one.samples and not supported(99, one.samples) for one in result.points):
            console.print("~ low sample count", style="dim")
    if result.knee is not None:
        text = "the most answers per response time"
        console.print(f"knee: {result.unit.quantity(result.knee)} ({text})", highlight=False)
    if (first := result.broken_first) is not None:
        where = f"{first.points} of {first.of} failing points, from {result.unit.quantity(first.load)} on"
        console.print(f"broke first: {escape(first.limit)}: {escape(first.explanation)} ({where})", highlight=False)
    for line in fit_lines(result):
        console.print(line, highlight=False)
    colour = COLOURS.get(result.state, "red")
    console.print(f"[bold {colour}]{result.state.value}[/]  peak: {escape(result.headline)}", highlight=False)
    for reason in result.reasons:
        console.print(f"  {escape(reason)}", highlight=False)
    if (folder / PEAK_PAGE).is_file():  # else it could not be written, and that was an error
        console.print(f"reports in {escape(str(folder))}", highlight=False)


def fit_lines(result: PeakResult) -> list[str]:
    """Return the fit of the Universal Scalability Law in words; empty without one."""
    fit = result.fit
    if fit is None:
        return []
    best = f"; greatest throughput at {fit.best:.0f} users" if fit.best is not None else ""
    costs = f"contention {format_percent(fit.contention)}, coherency {format_percent(fit.coherency)}"
    error = f"error of the fit {format_percent(fit.error)}"
    return [f"Universal Scalability Law: {fit.rate:.4g}/s of one user, {costs}{best}; {error}"]


def _table(result: PeakResult) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for title in COLUMNS:
        table.add_column(title, justify="right", no_wrap=True)
    for point in sorted(result.points, key=lambda one: (one.load, one.number)):
        table.add_row(
            str(point.number),
            result.unit.quantity(point.load),
            _word(point.state),
            format_rate(point.rate),
            *(format_percentile(point, percent) for percent in (50, 95, 99)),
            format_percent(point.unsent) if point.unsent else NOTHING,
            format_span(point.seconds),
        )
    return table


def _word(state: RunState) -> str:
    return f"[{COLOURS.get(state, 'red')}]{WORDS.get(state, state.value)}[/]"


def format_percentile(point: PeakPoint, percent: int) -> str:
    """Return p50, p95 or p99 of a point; ``~`` for too few samples."""
    seconds = {50: point.p50, 95: point.p95, 99: point.p99}[percent]
    if seconds is None:
        return NOTHING
    return f"{'' if supported(percent, point.samples) else '~'}{format_time(seconds)}"
