"""The table of all runs: a row for each server, both generators side by side."""

from __future__ import annotations

from collections.abc import Mapping

from tools.clocks.runs import OURS, STOCK, TOLERANCE, Cell, Measured
from tools.clocks.truth import STATISTICS

HEAD = ("beside", "model", "server", "true p99", OURS, "", "CPU wait", STOCK, "")
WIDTHS = (17, 6, 17, 8, 39, 7, 8, 39, 5)
SUBHEAD = ("", "", "", "", f"error of {', '.join(STATISTICS)}", "", "", "likewise", "")


def head() -> list[str]:
    """Return the lines above the rows, in Markdown."""
    return [_line(HEAD), "|" + "|".join("-" * (width + 2) for width in WIDTHS) + "|", _line(SUBHEAD)]


def row(cell: Cell, outcomes: Mapping[str, Measured]) -> str:
    """Return the row of a cell.

    Args:
        cell: What was measured.
        outcomes: Name of a generator to the outcome of its run.
    """
    ours = outcomes.get(OURS)
    true = "" if ours is None else f"{max(one.true['p99'] for one in ours.comparisons) * 1000:.0f} ms"
    columns = [_beside(cell), cell.model, cell.pathology, true]
    for name in (OURS, STOCK):
        one = outcomes.get(name)
        columns += ["", ""] if one is None else [_errors(one), verdict(one)]
        if name == OURS:
            columns.append("" if one is None or one.cpu_wait is None else f"{one.cpu_wait:.0%}")
    return _line(columns)


def verdict(one: Measured) -> str:
    """Return whether a generator can be trusted in a run, in a word."""
    if one.is_right:
        return "right"
    if one.is_doubted:
        return "INVALID"
    return "max ?" if one.holds else "WRONG"


def explain(one: Measured) -> str:
    """Return the reported and the true values of a run that are not the same, one line."""
    found = [
        f"{compared.series} {name} {compared.reported[name] * 1000:.1f} ms, true {compared.true[name] * 1000:.1f} ms"
        for compared in one.comparisons
        for name, error in compared.errors.items()
        if abs(error) > TOLERANCE
    ]
    found += [
        f"{compared.series}: {compared.failures} failures, {compared.lost} lost"
        for compared in one.comparisons
        if compared.failures != compared.lost
    ]
    return f"{one.cell.pathology}, {one.cell.model}, beside {_beside(one.cell)}: {'; '.join(found)}"


def _errors(one: Measured) -> str:
    errors = "  ".join(f"{error:+.0%}" for error in one.errors.values())
    failures, lost = (sum(getattr(found, name) for found in one.comparisons) for name in ("failures", "lost"))
    return f"{errors}  {failures} of {lost} lost" if failures or lost else errors


def _beside(cell: Cell) -> str:
    text = f"{cell.busy} busy processes" if cell.busy else "nothing"
    return f"{text}, nice {cell.niceness}" if cell.niceness else text


def _line(columns: list[str] | tuple[str, ...]) -> str:
    return "| " + " | ".join(text.ljust(width) for text, width in zip(columns, WIDTHS, strict=True)) + " |"
