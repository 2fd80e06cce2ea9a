"""The HTML page of the matrix: one file that loads nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from tools.kill_matrix.matrix import Matrix, Row


@dataclass(frozen=True)
class Cell:
    """Result of a test against a fault.

    Attributes:
        kind: ``right`` and ``other`` for a detection under a violated and another requirement, ``silent`` for a test
            that passed, ``out`` for one that did not run.
        title: Text of the tooltip.
    """

    kind: str
    title: str


def render_page(matrix: Matrix) -> str:
    """Return the page as HTML."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    groups = [(name, list(tests)) for name, tests in groupby(matrix.tests, key=_title_of_file)]
    return environment.get_template("page.html.j2").render(
        matrix=matrix,
        groups=groups,
        cells={row.fault: _cells(row, matrix.tests) for row in matrix.rows},
        detections={test: sum(test in row.detected_by for row in matrix.rows) for test in matrix.tests},
        title_of_test=_title_of_test,
    )


def _cells(row: Row, tests: Mapping[str, tuple[str, ...]]) -> list[Cell]:
    ran, correct = set(row.tests), set(row.correctly_attributed)
    cells = []
    for test in tests:
        if test in correct:
            kind = "right"
        elif test in row.detected_by:
            kind = "other"
        else:
            kind = "silent" if test in ran else "out"
        title = f"{row.fault} and {_title_of_test(test)}"
        if test in row.detected_by:
            title += f": {', '.join(row.detected_by[test])}"
        cells.append(Cell(kind, title))
    return cells


def _title_of_file(test: str) -> str:
    return test.split("::", maxsplit=1)[0].removeprefix("test_").removesuffix(".py").replace("_", " ")


def _title_of_test(test: str) -> str:
    return test.rsplit("::", maxsplit=1)[-1].removeprefix("test_").replace("_", " ")
