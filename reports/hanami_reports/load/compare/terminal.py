"""A comparison on the terminal: the table, what a reader must know, the verdict last."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from hanami_reports.common.format import count_words
from hanami_reports.common.text import one_line
from hanami_reports.load.compare.comparison import LoadComparison
from hanami_reports.load.compare.statistics import Verdict

_STYLES = {Verdict.WORSE: "bold red", Verdict.BETTER: "green", Verdict.FEW_RUNS: "yellow", Verdict.FEW_SAMPLES: "dim"}
MOST_NOTES = 20


def print_comparison(comparison: LoadComparison, console: Console) -> None:
    """Print it.

    Args:
        comparison: that was made.
        console: where to.
    """
    console.print(_table(comparison))
    if comparison.few:
        console.print(
            Text(
                f"{count_words(len(comparison.few), 'metric')} more with too few samples in a run to be compared", "dim"
            )
        )
    for note in comparison.notes[:MOST_NOTES]:
        console.print(Text(one_line(note)), soft_wrap=True)
    if len(comparison.notes) > MOST_NOTES:
        console.print(Text(f"and {len(comparison.notes) - MOST_NOTES} notes more, on the page"))
    verdict = comparison.verdict
    said = Text.assemble((verdict.value.upper(), _STYLES.get(verdict, "bold")), f"  {one_line(comparison.headline)}")
    console.print(said, soft_wrap=True)


def _table(comparison: LoadComparison) -> Table:
    base, new = (len(side.used) for side in (comparison.base, comparison.new))
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for title in ("message", "metric"):
        table.add_column(title)
    for title in (f"BASE ({base})", f"NEW ({new})", "NEW / BASE", "95 % of all"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column(f"tolerance {comparison.tolerance:.3g}", no_wrap=True)
    for row in comparison.judged:
        verdict = Text(row.verdict.value, _STYLES.get(row.verdict, ""))
        table.add_row(Text(one_line(row.type, 80)), row.metric.name, *row.cells, verdict)
    return table
