"""The page of several results: a grid of requirements, each of which opens to its cases, and servers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hanami_reports.common.file_names import DEFAULT_FOLDER, RESULT
from hanami_reports.common.page import render_page
from hanami_reports.conformance.case_grid import ABSENT, OUTCOME_MARKS, CaseGrid, CaseRow
from hanami_reports.conformance.html.page import (
    CASE_BYTES,
    EXCHANGE_BYTES,
    SCRIPTS,
    STYLES,
    render_within_limit,
    run_details,
    target_name,
    verdict_counts,
    verdict_style,
)
from hanami_reports.conformance.html.requirements import MARKS, OUTCOME_STYLES, RequirementView, requirement_views
from hanami_reports.conformance.html.selection import SelectedCases, SpaceBudget, select_cases
from hanami_reports.model.conformance import RequirementResult, RunResult, Verdict

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
MOST = len(LETTERS)  # results on a page
UNSELECTED = "not selected"
MOST_ROWS = 400  # of cases, of a requirement
MOST_NAMES = 100  # of cases, of a row
_STYLES: Mapping[str, str] = dict(OUTCOME_STYLES) | {ABSENT: "none"}


@dataclass(frozen=True)
class Server:
    """A column.

    Attributes:
        letter: Letter that marks its cells.
        file: Name of its result file.
        target: Name of its target.
        style: CSS class of its headline.
        result: Result of its run.
        details: Names and values of target, options and versions.
        counts: Number of requirements by verdict.
        page: Address of the page of its run, relative to this one; empty for none.
    """

    letter: str
    file: str
    target: str
    style: str
    result: RunResult
    details: Mapping[str, str]
    counts: Mapping[str, int]
    page: str


@dataclass(frozen=True)
class Cell:
    """One requirement of one server; without a view if its run did not select the requirement."""

    server: Server
    view: RequirementView | None

    @property
    def verdict(self) -> str:
        """Verdict, or that the requirement was not selected."""
        return self.view.requirement.verdict.value if self.view is not None else UNSELECTED


@dataclass(frozen=True)
class CaseCell:
    """The outcome of the cases of a row on one server.

    Attributes:
        letter: Letter of the server.
        outcome: Outcome, or that its result does not have the cases.
        mark: Mark of the outcome.
        style: CSS class of the outcome.
        anchor: Anchor of the first of the cases that is shown; empty for none.
    """

    letter: str
    outcome: str
    mark: str
    style: str
    anchor: str


@dataclass(frozen=True)
class CaseRowView:
    """The cases of one test that have the same outcomes.

    Attributes:
        row: The cases.
        parameters: Parameters of the cases.
        more: Number of cases whose parameters are left out.
        cells: One cell for each server.
    """

    row: CaseRow
    parameters: Sequence[str]
    more: int
    cells: Sequence[CaseCell]


@dataclass(frozen=True)
class Row:
    """A requirement.

    Attributes:
        requirement: Requirement as the first result has it.
        anchor: Anchor that links to it.
        cells: One cell for each server.
        differs: Whether the runs that selected it have different verdicts.
        cases: Its cases.
        omitted: Number of rows of cases that are left out.
    """

    requirement: RequirementResult
    anchor: str
    cells: Sequence[Cell]
    differs: bool
    cases: Sequence[CaseRowView]
    omitted: int


def servers_page(results: Mapping[str, RunResult], pages: Mapping[str, str] | None = None) -> str:
    """Return the page, HTML.

    Args:
        results: Results by file name in the order of the columns, at least two and at most :data:`MOST`.
        pages: Address of the page of each run that has one, relative to this page, by file name.

    Raises:
        ValueError: If there are too many results, or not even their numbers fit on a page.
    """
    if len(results) > MOST:
        raise ValueError(f"{len(results)} results: a page has room for {MOST}")
    return render_within_limit(lambda divisor: _page(results, pages or {}, divisor))


def _page(results: Mapping[str, RunResult], pages: Mapping[str, str], divisor: int) -> str:
    servers: list[Server] = []
    views: list[Mapping[str, RequirementView]] = []
    selections: list[SelectedCases] = []
    exchange_bytes, case_bytes = EXCHANGE_BYTES // divisor, CASE_BYTES // divisor
    for letter, (file, result) in zip(LETTERS, results.items(), strict=False):
        # Each result may use its share of what is left, so that the last one is shown as fully as the first.
        left = len(results) - len(servers)
        budget = SpaceBudget(exchange_bytes // left, case_bytes // left)
        exchange_bytes -= budget.exchanges
        case_bytes -= budget.cases
        prefix = f"{letter.lower()}-"
        selected = select_cases(result, DEFAULT_FOLDER, budget, prefix)
        # The bytes that it did not use are left for the others.
        exchange_bytes += budget.exchanges
        case_bytes += budget.cases
        style, details = verdict_style(result), run_details(result)
        counts, page = verdict_counts(result), pages.get(file, "")
        servers.append(Server(letter, file, target_name(result), style, result, details, counts, page))
        selections.append(selected)
        own = requirement_views(result, selected, most_parameters=0, prefix=prefix)
        views.append({view.requirement.id: view for view in own})
    rows = _rows(servers, views, selections, divisor)
    differing = sum(row.differs for row in rows)
    verdicts = [(verdict.value, sum(_has(row, verdict) for row in rows)) for verdict in Verdict]
    values = {
        "servers": servers,
        "rows": rows,
        "differing": differing,
        "agreement": [("differs", differing), ("agrees", len(rows) - differing)],
        "verdicts": [(verdict, count) for verdict, count in verdicts if count],
        "marks": dict(MARKS) | {UNSELECTED: (" ", "none")},
        "outcome_styles": OUTCOME_STYLES,
        "legend": _legend(rows),
    }
    return render_page("servers.html.j2", values, styles=(*STYLES, "servers.css"), scripts=SCRIPTS)


def _rows(
    servers: Sequence[Server],
    views: Sequence[Mapping[str, RequirementView]],
    selections: Sequence[SelectedCases],
    divisor: int,
) -> list[Row]:
    grid = CaseGrid([server.result for server in servers])
    most_rows, most_names = MOST_ROWS // divisor, MOST_NAMES // divisor
    names = dict.fromkeys(name for own in views for name in own)
    rows = []
    for number, name in enumerate(names, start=1):
        cells = [Cell(server, own.get(name)) for server, own in zip(servers, views, strict=True)]
        selected = [cell.view.requirement for cell in cells if cell.view is not None]
        differs = len({requirement.verdict for requirement in selected}) > 1
        own = grid.rows(name)
        case_rows = [_case_row(row, servers, selections, most_names) for row in own[:most_rows]]
        rows.append(Row(selected[0], f"s{number}", cells, differs, case_rows, len(own) - len(case_rows)))
    return rows


def _case_row(
    row: CaseRow, servers: Sequence[Server], selections: Sequence[SelectedCases], most_names: int
) -> CaseRowView:
    cells = []
    for server, selected, outcome in zip(servers, selections, row.outcomes, strict=True):
        anchor = next((selected.places[name][1] for name in row.cases if name in selected.places), "")
        cells.append(CaseCell(server.letter, outcome, OUTCOME_MARKS[outcome], _STYLES[outcome], anchor))
    parameters = [name.removeprefix(row.test)[1:-1] for name in row.cases if name != row.test]
    return CaseRowView(row, parameters[:most_names], max(0, len(parameters) - most_names), cells)


def _legend(rows: Sequence[Row]) -> list[tuple[str, str, str]]:
    """Return mark, CSS class and name of each outcome on the page."""
    outcomes = {cell.outcome for row in rows for case in row.cases for cell in case.cells}
    return [(mark, _STYLES[one], str(one)) for one, mark in OUTCOME_MARKS.items() if one in outcomes]


def _has(row: Row, verdict: Verdict) -> bool:
    return any(cell.verdict == verdict for cell in row.cells)


def short_names(files: Sequence[Path]) -> list[str]:
    """Return short names of files, all of them different if the files are."""
    names = [file.parent.name or file.stem if file.name == RESULT else file.stem for file in files]
    return [name if names.count(name) == 1 else str(file) for name, file in zip(names, files, strict=True)]
