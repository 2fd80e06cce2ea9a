"""The HTML page of the matrix: one file that loads nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from hanami_reports.common import page as shared
from tools.kill_matrix.matrix import Matrix
from tools.kill_matrix.row import Row

FOLDER = Path(__file__).parent


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
    groups = [(name, list(tests)) for name, tests in groupby(matrix.tests, key=_title_of_file)]
    values = {
        "matrix": matrix,
        "groups": groups,
        "cells": {row.fault: _cells(row, matrix.tests) for row in matrix.rows},
        "detections": {test: sum(test in row.detected_by for row in matrix.rows) for test in matrix.tests},
        "title_of_test": _title_of_test,
    }
    return shared.render_page(
        "page.html.j2", values, styles=("base.css", "page.css"), scripts=("theme.js",), folder=FOLDER
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
    if "::" not in test:  # a scenario, which begins with its workflow
        return test.partition("-")[0]
    return test.split("::", maxsplit=1)[0].removeprefix("test_").removesuffix(".py").replace("_", " ")


def _title_of_test(test: str) -> str:
    if "::" not in test:
        return test.partition("-")[2].replace("-", " ")
    return test.rsplit("::", maxsplit=1)[-1].removeprefix("test_").replace("_", " ")
