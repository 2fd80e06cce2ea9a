"""The page of several results: servers side by side, requirement by requirement, with what differs marked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hanami_reports.common.file_names import DEFAULT_FOLDER, RESULT
from hanami_reports.common.page import draw
from hanami_reports.conformance.html.page import (
    CASES_ROOM,
    EXCHANGES_ROOM,
    SCRIPTS,
    STYLES,
    about,
    address_of,
    smallest,
    verdict_style,
)
from hanami_reports.conformance.html.requirements import MARKS, OUTCOME_STYLES, RequirementView, requirement_views
from hanami_reports.conformance.html.selection import SpaceBudget, tell
from hanami_reports.model.conformance import RequirementResult, RunResult, Verdict

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
MOST = len(LETTERS)  # results on a page
UNASKED = "not asked for"


@dataclass(frozen=True)
class Server:
    """A column.

    Attributes:
        letter: by which its cells are told apart.
        file: of its result.
        address: of its target, for people.
        style: of its headline.
        result: of its run.
        about: what ran against what.
    """

    letter: str
    file: str
    address: str
    style: str
    result: RunResult
    about: Mapping[str, str]


@dataclass(frozen=True)
class Cell:
    """What one server has to do with one requirement; no view where the requirement was not asked for."""

    server: Server
    view: RequirementView | None

    @property
    def verdict(self) -> str:
        """The verdict, or that there is none."""
        return self.view.requirement.verdict.value if self.view is not None else UNASKED


@dataclass(frozen=True)
class Row:
    """A requirement.

    Attributes:
        requirement: as the first result that has it has it.
        anchor: by which it is linked to.
        cells: one for each server.
        differs: whether those servers that were asked do not all have the same verdict.
    """

    requirement: RequirementResult
    anchor: str
    cells: Sequence[Cell]
    differs: bool


def servers_page(results: Mapping[str, RunResult]) -> str:
    """Return the page, HTML.

    Args:
        results: name of the file to the result, two at least and :data:`MOST` at most, in the order of the columns.

    Raises:
        ValueError: these are too many, or not even the numbers fit on a page.
    """
    if len(results) > MOST:
        raise ValueError(f"{len(results)} results: a page has room for {MOST}")
    return smallest(lambda part: _page(results, part))


def _page(results: Mapping[str, RunResult], part: int) -> str:
    room = SpaceBudget(EXCHANGES_ROOM // part, CASES_ROOM // part)
    servers: list[Server] = []
    views: list[Mapping[str, RequirementView]] = []
    for letter, (file, result) in zip(LETTERS, results.items(), strict=False):
        # Each may use its share of what is left, so that the last is told as fully as the first.
        left = len(results) - len(servers)
        share = SpaceBudget(room.exchanges // left, room.cases // left)
        begun = SpaceBudget(share.exchanges, share.cases)
        prefix = f"{letter.lower()}-"
        told = tell(result, DEFAULT_FOLDER, share, prefix)
        room.exchanges -= begun.exchanges - share.exchanges
        room.cases -= begun.cases - share.cases
        servers.append(Server(letter, file, address_of(result), verdict_style(result), result, about(result)))
        views.append(
            {one.requirement.id: one for one in requirement_views(result, told, parameters_shown=0, prefix=prefix)}
        )
    rows = _rows(servers, views)
    differing = sum(row.differs for row in rows)
    found = [cell.verdict for row in rows for cell in row.cells]
    values = {
        "servers": servers,
        "rows": rows,
        "differing": differing,
        "agreement": [("differs", differing), ("agrees", len(rows) - differing)],
        "verdicts": [(one.value, sum(_has(row, one) for row in rows)) for one in Verdict if one.value in found],
        "marks": dict(MARKS) | {UNASKED: (" ", "none")},
        "outcome_styles": OUTCOME_STYLES,
        "counts": {
            one.letter: {verdict.value: one.result.count(verdict) for verdict in Verdict if one.result.count(verdict)}
            for one in servers
        },
    }
    return draw("servers.html.j2", values, styles=(*STYLES, "servers.css"), scripts=SCRIPTS)


def _rows(servers: Sequence[Server], views: Sequence[Mapping[str, RequirementView]]) -> list[Row]:
    names = dict.fromkeys(name for own in views for name in own)
    rows = []
    for index, name in enumerate(names):
        cells = [Cell(server, own.get(name)) for server, own in zip(servers, views, strict=True)]
        asked = {cell.verdict for cell in cells if cell.view is not None}
        requirement = next(cell.view.requirement for cell in cells if cell.view is not None)
        rows.append(Row(requirement, f"s{index + 1}", cells, len(asked) > 1))
    return rows


def _has(row: Row, verdict: Verdict) -> bool:
    return any(cell.verdict == verdict for cell in row.cells)


def names_of(files: Sequence[Path]) -> list[str]:
    """Short names of files, all of them different where the files are."""
    names = [file.parent.name or file.stem if file.name == RESULT else file.stem for file in files]
    return [name if names.count(name) == 1 else str(file) for name, file in zip(names, files, strict=True)]
