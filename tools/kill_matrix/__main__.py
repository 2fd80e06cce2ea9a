"""Run the suite against each fault of the reference backend: does it detect the fault, and for the right reason?"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from threading import Event

from hanami_conformance import __version__
from hanami_proto.options import whole_number
from hanami_reference_backend.faults import Fault, UnknownFaultError, catalogue, select_faults
from hanami_reports.model.conformance import Level
from tools.command_options import add_deadline, add_jobs, add_report_dir
from tools.kill_matrix.matrix import Matrix, baseline_problems
from tools.kill_matrix.output import RowPrinter, run_matrix
from tools.kill_matrix.plan import Plan
from tools.kill_matrix.runs import (
    requirement_options,
    requirements_by_test,
    run_baseline,
    run_rows,
    try_idle_tests,
)


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
    add_jobs(parser, "number of concurrent runs")
    add_deadline(parser, "time limit of a run", 300.0)
    add_report_dir(parser, "folder for matrix.json and matrix.html", "kill-matrix")
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


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command."""
    options = parse_options(argv)
    return run_matrix(lambda stop: run(options, stop), options.report_dir)


if __name__ == "__main__":
    sys.exit(main())
