"""What a kill matrix prints and writes: a line for each row, the problems, the figures, and two files."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from threading import Event, Lock

from hanami_conformance.common.child_process import ProcessError
from hanami_conformance.common.signals import handle_signals
from tools.kill_matrix.matrix import SERVERS, Matrix, Subject
from tools.kill_matrix.page import render_page
from tools.kill_matrix.row import Row
from tools.process import INTERRUPTED, StoppedError

LINE_LENGTH = 100  # characters of the outcome in the line of a row
MAX_PROBLEMS = 40  # printed ones


class RowPrinter:
    """Prints a line for each finished row: a table with the number of requirements, cases and findings that fail.

    Args:
        total: Number of rows.
        subject: What a row is about.
    """

    def __init__(self, total: int, subject: Subject = SERVERS) -> None:
        self._total = total
        self._heading = f"{'':21}{subject.row:<44} {'violates':<8} {'failed':>6} {'cases':>5} {'findings':>8}"
        self._done = 0
        self._lock = Lock()

    def __call__(self, row: Row) -> None:
        """Print the line of a row."""
        with self._lock:
            self._done += 1
            if self._done == 1:
                print(self._heading, flush=True)
            progress = f"{self._done:>4} of {self._total:<4} {row.seconds:5.1f} s"
            figures = f"{len(row.failed_requirements):>6} {row.failed_cases:>5} {len(row.findings):>8}"
            print(
                f"{progress}  {row.fault:<44} {row.violates[0]:<8} {figures}  {row.outcome[:LINE_LENGTH]}",
                flush=True,
            )


def write_matrix(matrix: Matrix, folder: Path) -> int:
    """Write the matrix, print its problems, and return the exit status."""
    (folder / "matrix.json").write_text(matrix.to_json(), encoding="utf-8")
    (folder / "matrix.html").write_text(render_page(matrix), encoding="utf-8")
    problems = matrix.problems
    for line in problems[:MAX_PROBLEMS]:
        print(f"problem: {line}")
    if len(problems) > MAX_PROBLEMS:
        print(f"problem: {len(problems) - MAX_PROBLEMS} more, see the matrix")
    for what, figures in matrix.collateral.items():
        print(f"{what} a {matrix.subject.row}: {figures}")
    for line in (matrix.first_findings, *matrix.notes):
        print(line)
    subject, word = matrix.subject, "FAIL" if problems else "PASS"
    print(
        f"{word}  {matrix.killed} of {len(matrix.rows)} {subject.row}s killed for the right reason, "
        f"{len(matrix.tests)} {subject.column}s, {matrix.manifest.get('seconds', 0)} s"
    )
    print(f"matrix  {folder / 'matrix.html'}, {folder / 'matrix.json'}")
    return 1 if problems else 0


def run_matrix(make: Callable[[Event], Matrix], folder: Path) -> int:
    """Make a matrix and write it; return the exit status of the program.

    Args:
        make: Function that returns the matrix, and ends with StoppedError soon once its event is set.
        folder: Folder for the files.
    """
    try:
        with handle_signals():
            return write_matrix(make(Event()), folder)
    except ProcessError as error:
        print(f"the kill matrix cannot be made: {error}", file=sys.stderr)
        return 3
    except (KeyboardInterrupt, StoppedError):
        print("interrupted: no matrix was written")
        return INTERRUPTED
