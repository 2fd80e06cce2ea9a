"""Several results side by side on the terminal: the requirements that differ, a column for each result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.text import Text

from hanami_reports.common.text import one_line, pluralise
from hanami_reports.conformance.html.requirements import MARKS
from hanami_reports.conformance.terminal import VERDICT_STYLES
from hanami_reports.model.conformance import Level, RequirementResult, RunResult

MOST_ROWS = 60  # requirements
LONGEST_NAME = 40  # characters of the name of a result
LONGEST_ID = 12  # characters of the id of a requirement
LEVEL_WIDTH = max(map(len, Level))


def print_servers(console: Console, results: Mapping[str, RunResult], letters: Sequence[str]) -> None:
    """Print the results, and the requirements on which they differ.

    Args:
        console: Console to print on.
        results: Results by name in the order of the columns.
        letters: Letters of the columns.
    """
    names = [_fitting(name, LONGEST_NAME) for name in results]
    width = max(map(len, names))
    for letter, name, result in zip(letters, names, results.values(), strict=False):
        _print(console, Text(f"{letter}  {name:<{width}}  {result.headline}"))
    by_id = [{one.id: one for one in result.requirements if one.selected} for result in results.values()]
    every = dict.fromkeys(name for own in by_id for name in own)
    rows = [[own.get(name) for own in by_id] for name in every]
    rows = [cells for cells in rows if len({cell.verdict for cell in cells if cell is not None}) > 1]
    differ = "differs" if len(rows) == 1 else "differ"
    console.print(f"\n{pluralise(len(rows), 'requirement')} of {len(every)} {differ}")
    if rows:
        _print_rows(console, rows, letters)


def _print_rows(console: Console, rows: Sequence[Sequence[RequirementResult | None]], letters: Sequence[str]) -> None:
    used = dict.fromkeys(cell.verdict for cells in rows for cell in cells if cell is not None)
    console.print("  ".join(f"{MARKS[verdict][0]} {verdict.value}" for verdict in used), style="dim")
    ids = [next(_fitting(cell.id, LONGEST_ID) for cell in cells if cell is not None) for cells in rows]
    width = max(map(len, ids))
    columns = " ".join(letters[: len(rows[0])])
    _print(console, Text(f"{'':<{width + LEVEL_WIDTH + 3}}{columns}", style="bold"))
    for name, cells in zip(ids[:MOST_ROWS], rows, strict=False):
        first = next(cell for cell in cells if cell is not None)
        line = Text(f"{name:<{width}} {first.level.value:<{LEVEL_WIDTH}}  ")
        for cell in cells:
            line.append(f"{_mark(cell)} ", style=VERDICT_STYLES[cell.verdict] if cell is not None else "")
        _print(console, line.append(f" {one_line(first.text)}"))
    if len(rows) > MOST_ROWS:
        console.print(f"... and {len(rows) - MOST_ROWS} more, all on the page")
    console.print()


def _mark(cell: RequirementResult | None) -> str:
    return MARKS[cell.verdict][0] if cell is not None else " "


def _print(console: Console, line: Text) -> None:
    """Print a text on one line, cut at the width of the terminal."""
    line.truncate(console.width, overflow="ellipsis")
    line.rstrip()
    console.print(line, soft_wrap=True)


def _fitting(text: str, width: int) -> str:
    """Return a printable text of at most this many characters."""
    line = one_line(text)
    return line if len(line) <= width else f"{line[: width - 3]}..."
