"""A comparison on the terminal: the table, notes, the verdict last."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from hanami_reports.common.text import one_line, pluralise
from hanami_reports.load.compare.comparison import LoadComparison
from hanami_reports.load.compare.statistics import Verdict

_STYLES = {Verdict.WORSE: "bold red", Verdict.BETTER: "green", Verdict.FEW_RUNS: "yellow", Verdict.FEW_SAMPLES: "dim"}
MOST_NOTES = 20
TYPE_LIMIT = 80  # characters of the name of a message type


def print_comparison(comparison: LoadComparison, console: Console) -> None:
    """Print a comparison."""
    console.print(_table(comparison))
    if comparison.few:
        console.print(Text(f"{pluralise(len(comparison.few), 'metric')} left out: too few samples in a run", "dim"))
    for note in comparison.notes[:MOST_NOTES]:
        console.print(Text(one_line(note)), soft_wrap=True)
    if len(comparison.notes) > MOST_NOTES:
        console.print(Text(f"and {len(comparison.notes) - MOST_NOTES} more notes, on the page"))
    verdict = comparison.verdict
    style = _STYLES.get(verdict, "bold")
    line = Text.assemble((verdict.value.upper(), style), f"  {one_line(comparison.headline)}")
    console.print(line, soft_wrap=True)


def _table(comparison: LoadComparison) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for title in ("message", "metric"):
        table.add_column(title)
    base, new = len(comparison.base.used), len(comparison.new.used)
    for title in (f"BASE ({base})", f"NEW ({new})", "NEW / BASE", "95 % interval"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column(f"tolerance {comparison.tolerance:.3g}", no_wrap=True)
    for row in comparison.judged:
        verdict = Text(row.verdict.value, _STYLES.get(row.verdict, ""))
        table.add_row(Text(one_line(row.type, TYPE_LIMIT)), row.metric.name, *row.cells, verdict)
    return table
