"""Runs the suite against a server that lies, once for each lie it knows: is each noticed, and by the right test?"""

from __future__ import annotations

import argparse
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Lock

from hanami_conformance import __version__
from hanami_conformance.common.signals import acknowledge_interrupt, handle_signals
from hanami_conformance.server.reference import LARGEST_FILE
from hanami_reference_backend.faults import Fault, UnknownFaultError, catalogue, select_faults
from hanami_reports.model.conformance import ExitStatus, Level, RunResult
from tools.kill_matrix.matrix import Matrix, Row, honest_lacks, row_of, test_of
from tools.kill_matrix.page import page
from tools.process import BenchError, StoppedError, finished, result_in, running_server

WAIT = 2.0  # seconds that the suite waits for an answer: faults that are silent cost one wait each
SEQUENCES = "_sequences.py::"  # in the ids of cases that tell sequences
SEQUENCES_EVERY = (
    8  # faults: to one of so many sequences are told though examples noticed it, so that they prove themselves
)
INTERRUPTED = 130  # as shells have it
SHOWN = 100  # characters of a line that says what a row found
MOST_LINES = 40  # about what is lacking


@dataclass(frozen=True)
class Plan:
    """How the suite is run.

    Attributes:
        whole: whether all cases are run against all faults, and not only those that name what a fault breaks.
        jobs: runs at the same time.
        deadline: seconds that one may take.
        stop: set when no more shall be run.
    """

    whole: bool
    jobs: int
    deadline: float
    stop: Event


def run_suite(plan: Plan, faults: Sequence[Fault], options: Sequence[str]) -> tuple[RunResult | None, int | None]:
    """Run the gate once against a server of its own.

    Args:
        plan: how.
        faults: that the server tells, none for the honest one.
        options: more options of the suite.

    Returns:
        What the run left, and its exit status, None where it did not end in time.

    Raises:
        StoppedError: it was stopped.
    """
    lies = [word for fault in faults for word in ("--fault", fault.name)]
    server = ["-m", "hanami_reference_backend", "--port", "0", "--announce", "json", "--stop-with-stdin", *lies]
    server += ["--max-file-size", LARGEST_FILE, "--max-storage", LARGEST_FILE]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HANAMI_", "PYTEST_"))}
    with (
        tempfile.TemporaryDirectory(prefix="hanami-kill-") as folder,
        running_server("the reference backend", server) as announced,
    ):
        command = [
            sys.executable,
            "-m",
            "hanami_conformance.cli.main",
            "run",
            "--allow-destructive",
            "--target",
            announced["url"],
        ]
        command += ["--user", "alice", "--second-user", "bob", "--max-connections", "8", "--deadline", f"{WAIT:g}"]
        command += ["--database", "none", "--shrink", "0", "--report-dir", folder, *options]
        secrets = {
            "HANAMI_PASSWORD": "alice-password",
            "HANAMI_SECOND_PASSWORD": "bob-password",
            "HANAMI_EXPIRED_TOKEN": announced["expired_tokens"]["alice"],
        }
        status = finished(command, subprocess.DEVNULL, {**kept, **secrets}, None, plan.deadline, plan.stop)
        return result_in(Path(folder)), status


@dataclass(frozen=True)
class Part:
    """Cases that are run against a fault in one go: options of the suite, and how many cases they select."""

    options: tuple[str, ...]
    planned: int


def parts_for(plan: Plan, fault: Fault, honest: RunResult) -> tuple[Part, Part]:
    """Return the examples and the sequences that are run against a fault: those that name what it breaks, or all."""
    chosen = () if plan.whole else tuple(word for name in fault.violates for word in ("--requirement", name))
    naming = [case for case in honest.cases if plan.whole or set(case.requirements) & set(fault.violates)]
    sequences = sum(SEQUENCES in case.id for case in naming)
    return Part((*chosen, "-k", "not sequences"), len(naming) - sequences), Part(
        (*chosen, "-k", "sequences"), sequences
    )


def rows(plan: Plan, faults: Sequence[Fault], honest: RunResult, tell: Callable[[Row], None]) -> list[Row]:
    """Run the suite against every fault.

    Args:
        plan: how.
        faults: one for each run.
        honest: a whole run against the honest server.
        tell: is called with each row as it comes.

    Raises:
        StoppedError: it was stopped.
    """

    def row(number: int, fault: Fault) -> Row:
        examples, sequences = parts_for(plan, fault, honest)
        found = try_part(plan, fault, examples, None)
        if sequences.planned and (plan.whole or not found.rightly or number % SEQUENCES_EVERY == 0):
            found = try_part(plan, fault, sequences, found)
        tell(found)
        return found

    with ThreadPoolExecutor(plan.jobs) as pool:
        futures = [pool.submit(row, number, fault) for number, fault in enumerate(faults)]
        try:
            return [future.result() for future in futures]
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                acknowledge_interrupt()
            plan.stop.set()
            for future in futures:
                future.cancel()
            raise


def try_part(plan: Plan, fault: Fault, part: Part, before: Row | None) -> Row:
    """Run a part against a fault, and add what it found to what was found before."""
    if not part.planned:
        return before or row_of(fault, None, ExitStatus.CONFORMANT, 0.0, 0)
    began = time.monotonic()
    result, status = run_suite(plan, [fault], part.options)
    found = row_of(fault, result, status, time.monotonic() - began, part.planned)
    return found if before is None else before.joined(found)


def tests_of(honest: RunResult) -> dict[str, tuple[str, ...]]:
    """Every test and the requirements that it names."""
    found: dict[str, tuple[str, ...]] = {}
    for case in honest.cases:
        found[test_of(case.id)] = tuple(dict.fromkeys((*found.get(test_of(case.id), ()), *case.requirements)))
    return found


def parse_options(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line; ends the program with status 2 and one line that says what is wrong with it."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.kill_matrix",
        description=__doc__,
        epilog="Exit status: 0 nothing is lacking; 1 something is; 2 wrong options; 3 no run at all; 130 interrupted",
    )
    parser.add_argument(
        "--fault", action="append", default=[], metavar="NAME", help="only this one; repeat it for more"
    )
    parser.add_argument(
        "--whole",
        action="store_true",
        help="run all cases against every fault, not only those that name what it breaks (hours)",
    )
    parser.add_argument(
        "--jobs",
        type=int,
        default=os.cpu_count() or 1,
        metavar="N",
        help="runs at the same time (default: %(default)s)",
    )
    parser.add_argument(
        "--deadline", type=float, default=300.0, metavar="SECONDS", help="that a run may take (default: %(default)g)"
    )
    parser.add_argument(
        "--report-dir",
        type=Path,
        default=Path("reports") / "kill-matrix",
        metavar="DIR",
        help="where matrix.json and matrix.html go (default: %(default)s)",
    )
    options = parser.parse_args(argv)
    if not 1 <= options.jobs <= 64 or not 0 < options.deadline < math.inf:
        parser.error("give 1 to 64 jobs, and a deadline above 0 seconds")
    try:
        options.faults = select_faults(options.fault) or tuple(catalogue().values())
    except UnknownFaultError as error:
        parser.error(f"--fault: {error}")
    try:
        options.report_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        parser.error(f"--report-dir: {options.report_dir} is no folder that can be written: {error.strerror}")
    return options


class RowPrinter:
    """Says what a row found, as it comes.

    Args:
        total: how many there will be.
    """

    def __init__(self, total: int) -> None:
        self._total = total
        self._done = 0
        self._lock = Lock()

    def __call__(self, row: Row) -> None:
        """Say it, on one line."""
        said = f"noticed by {len(row.rightly)}" if row.rightly else "NOT NOTICED"
        if row.noticed and not row.rightly:
            said = f"MISTAKEN for {', '.join(row.besides)}"[:SHOWN]
        with self._lock:
            self._done += 1
            line = (
                f"{self._done:>4} of {self._total}  {row.seconds:5.1f} s  {row.fault:<44} {row.violates[0]:<8} {said}"
            )
            print(line, flush=True)


def run(options: argparse.Namespace, stop: Event) -> Matrix:
    """Run everything."""
    plan = Plan(options.whole, options.jobs, options.deadline, stop)
    faults: tuple[Fault, ...] = options.faults
    began = time.monotonic()
    print("the honest server first ...", flush=True)
    asked = () if options.whole or not options.fault else dict.fromkeys(name for one in faults for name in one.violates)
    honest, status = run_suite(plan, [], [word for name in asked for word in ("--requirement", name)])
    lacks = honest_lacks(honest, status)
    if honest is None or lacks:
        return Matrix((), {}, frozenset(), {}, lacks, whole=False)
    found = rows(plan, faults, honest, RowPrinter(len(faults)))
    tests = tests_of(honest)
    all_levels = {one.id: one.level for one in honest.requirements}
    observing = {name for name, ids in tests.items() if ids and all(all_levels[one] is Level.OBSERVE for one in ids)}
    levels = {one.id: one.level for one in honest.requirements if one.selected}
    manifest = {"suite": __version__, "seconds": round(time.monotonic() - began, 1), "jobs": plan.jobs}
    whole = not options.fault
    return Matrix(tuple(found), tests, frozenset(observing), levels, lacks, whole, manifest)


def conclude(matrix: Matrix, folder: Path) -> int:
    """Write the matrix, and say what is lacking."""
    (folder / "matrix.json").write_text(matrix.to_json(), encoding="utf-8")
    (folder / "matrix.html").write_text(page(matrix), encoding="utf-8")
    lacking = matrix.lacking
    for line in lacking[:MOST_LINES]:
        print(f"lacking: {line}")
    if len(lacking) > MOST_LINES:
        print(f"lacking: {len(lacking) - MOST_LINES} more things, see the matrix")
    noticed = sum(bool(row.rightly) for row in matrix.rows)
    print(
        f"{'RED' if lacking else 'GREEN'}  {noticed} of {len(matrix.rows)} faults noticed as what they break, "
        f"{len(matrix.tests)} tests, {matrix.manifest.get('seconds', 0)} s"
    )
    print(f"matrix  {folder / 'matrix.html'}, {folder / 'matrix.json'}")
    return 1 if lacking else 0


def main(argv: Sequence[str] | None = None) -> int:
    """Return the command line."""
    options = parse_options(argv)
    stop = Event()
    try:
        with handle_signals():
            return conclude(run(options, stop), options.report_dir)
    except BenchError as error:
        print(f"tools.kill_matrix: {error}", file=sys.stderr)
        return 3
    except (KeyboardInterrupt, StoppedError):
        print("interrupted: no matrix was written")
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
