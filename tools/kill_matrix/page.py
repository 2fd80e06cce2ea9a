"""The matrix as a page: one file, nothing loaded from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from tools.kill_matrix.matrix import Matrix, Row


@dataclass(frozen=True)
class Cell:
    """What a test said of a fault: ``right``, ``other``, ``silent`` or ``out`` for not run; and the words for it."""

    kind: str
    title: str


def page(matrix: Matrix) -> str:
    """Return the page, HTML."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    groups = [(name, list(tests)) for name, tests in groupby(matrix.tests, key=_file)]
    return environment.get_template("page.html.j2").render(
        matrix=matrix,
        lacking=matrix.lacking,
        groups=groups,
        cells={row.fault: _cells(row, matrix.tests) for row in matrix.rows},
        noticed=sum(bool(row.rightly) for row in matrix.rows),
        caught={test: sum(test in row.noticed for row in matrix.rows) for test in matrix.tests},
        short=_short,
    )


def _cells(row: Row, tests: Mapping[str, tuple[str, ...]]) -> list[Cell]:
    ran, rightly = set(row.tests), set(row.rightly)
    cells = []
    for test in tests:
        if test in rightly:
            kind = "right"
        elif test in row.noticed:
            kind = "other"
        else:
            kind = "silent" if test in ran else "out"
        blamed = ", ".join(row.noticed.get(test, ()))
        cells.append(Cell(kind, f"{row.fault} and {_short(test)}" + (f": {blamed}" if blamed else "")))
    return cells


def _file(test: str) -> str:
    return test.split("::", maxsplit=1)[0].removeprefix("test_").removesuffix(".py").replace("_", " ")


def _short(test: str) -> str:
    return test.rsplit("::", maxsplit=1)[-1].removeprefix("test_").replace("_", " ")
