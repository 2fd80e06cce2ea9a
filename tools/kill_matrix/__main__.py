"""Run the suite against each fault of the reference backend: does it detect the fault, and for the right reason?"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from threading import Event, Lock

from hanami_conformance import __version__
from hanami_conformance.common.child_process import ProcessError
from hanami_conformance.common.signals import handle_signals
from hanami_proto.options import number, whole_number
from hanami_reference_backend.faults import Fault, UnknownFaultError, catalogue, select_faults
from hanami_reports.model.conformance import Level
from tools.kill_matrix.matrix import Matrix, Row, baseline_problems
from tools.kill_matrix.page import render_page
from tools.kill_matrix.runs import (
    Plan,
    requirement_options,
    requirements_by_test,
    run_baseline,
    run_rows,
    try_idle_tests,
)
from tools.process import StoppedError

INTERRUPTED = 130  # as shells have it
LINE_LENGTH = 100  # characters of the outcome in the line of a row
MAX_PROBLEMS = 40  # printed ones


def parse_options(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line; wrong options end the program with status 2 and one line."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.kill_matrix",
        description=__doc__,
        epilog="Exit status: 0 passed; 1 there are problems; 2 wrong options; 3 not possible to run; 130 interrupted",
    )
    parser.add_argument("--fault", action="append", default=[], metavar="NAME", help="only this fault; repeatable")
    parser.add_argument(
        "--every",
        type=whole_number(1),
        default=1,
        metavar="N",
        help="only every Nth of the faults, as a sample (default: %(default)s)",
    )
    parser.add_argument(
        "--all-cases",
        action="store_true",
        help="run all cases against every fault, not only those of the requirements that it violates (hours)",
    )
    parser.add_argument(
        "--jobs",
        type=whole_number(1, 64),
        default=os.cpu_count() or 1,
        metavar="N",
        help="number of concurrent runs (default: %(default)s)",
    )
    parser.add_argument(
        "--deadline",
        type=number(0, above=True),
        default=300.0,
        metavar="SECONDS",
        help="time limit of a run (default: %(default)g)",
    )
    parser.add_argument(
        "--report-dir",
        type=Path,
        default=Path("reports") / "kill-matrix",
        metavar="DIR",
        help="folder for matrix.json and matrix.html (default: %(default)s)",
    )
    options = parser.parse_args(argv)
    try:
        faults = select_faults(options.fault) or tuple(catalogue().values())
        options.faults = faults[:: options.every]
    except UnknownFaultError as error:
        parser.error(f"--fault: {error}")
    try:
        options.report_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        parser.error(f"--report-dir: {options.report_dir} is not a writable folder: {error.strerror}")
    return options


class RowPrinter:
    """Prints a line for each finished row.

    Args:
        total: Number of rows.
    """

    def __init__(self, total: int) -> None:
        self._total = total
        self._done = 0
        self._lock = Lock()

    def __call__(self, row: Row) -> None:
        """Print the line of a row."""
        if row.correctly_attributed:
            outcome = f"killed by {len(row.correctly_attributed)}"
        elif row.detected_by:
            outcome = f"detected under the wrong requirement: {', '.join(row.other_requirements)}"
        else:
            outcome = "SURVIVED"
        with self._lock:
            self._done += 1
            progress = f"{self._done:>4} of {self._total}  {row.seconds:5.1f} s"
            print(f"{progress}  {row.fault:<44} {row.violates[0]:<8} {outcome[:LINE_LENGTH]}", flush=True)


def run(options: argparse.Namespace, stop: Event) -> Matrix:
    """Run the suite against the unmodified server, then against every fault."""
    plan = Plan(options.all_cases, options.jobs, options.deadline, stop)
    faults: tuple[Fault, ...] = options.faults
    complete = len(faults) == len(catalogue())
    began = time.monotonic()
    print("the unmodified server first ...", flush=True)
    # For a few faults the cases of their requirements suffice as a baseline.
    violated = dict.fromkeys(name for fault in faults for name in fault.violates)
    selection = () if options.all_cases or complete else requirement_options(violated)
    baseline, status = run_baseline(plan, selection)
    problems = baseline_problems(baseline, status)
    if baseline is None or problems:
        return Matrix((), {}, frozenset(), {}, problems, complete=False)
    rows = run_rows(plan, faults, baseline, RowPrinter(len(faults)))
    if complete and not options.all_cases:
        rows = try_idle_tests(plan, rows, faults, baseline)
    tests = requirements_by_test(baseline)
    levels = {requirement.id: requirement.level for requirement in baseline.requirements}
    return Matrix(
        rows=tuple(rows),
        tests=tests,
        observing=frozenset(
            test for test, ids in tests.items() if ids and all(levels[name] is Level.OBSERVE for name in ids)
        ),
        levels={requirement.id: requirement.level for requirement in baseline.requirements if requirement.selected},
        baseline_problems=problems,
        complete=complete,
        manifest={"suite": __version__, "seconds": round(time.monotonic() - began, 1), "jobs": plan.jobs},
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
        print(f"{what} a fault: {figures}")
    print(
        f"{'FAIL' if problems else 'PASS'}  {matrix.killed} of {len(matrix.rows)} faults killed for the right reason, "
        f"{len(matrix.tests)} tests, {matrix.manifest.get('seconds', 0)} s"
    )
    print(f"matrix  {folder / 'matrix.html'}, {folder / 'matrix.json'}")
    return 1 if problems else 0


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command."""
    options = parse_options(argv)
    stop = Event()
    try:
        with handle_signals():
            return write_matrix(run(options, stop), options.report_dir)
    except ProcessError as error:
        print(f"tools.kill_matrix: {error}", file=sys.stderr)
        return 3
    except (KeyboardInterrupt, StoppedError):
        print("interrupted: no matrix was written")
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
