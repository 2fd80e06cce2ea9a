"""Run the suite against each fault of the reference backend: does it detect the fault, and for the right reason?"""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event, Lock

from hanami_conformance import __version__
from hanami_conformance.common.child_process import ProcessError
from hanami_conformance.common.signals import acknowledge_interrupt, handle_signals
from hanami_loadtests.ports import free_port
from hanami_proto.options import number, whole_number
from hanami_reference_backend.faults import Fault, UnknownFaultError, catalogue, select_faults
from hanami_reports.model.conformance import ExitStatus, Level, RunResult
from tools.kill_matrix.matrix import Matrix, Row, baseline_problems, row_from, test_of
from tools.kill_matrix.page import render_page
from tools.process import StoppedError, result_in, run_to_end, running_server
from tools.reference import BACKEND, LARGE_FILES, RUN_SUITE, clean_environment

DEADLINE = 2.0  # seconds that the suite waits for an answer: each silence of a fault costs one wait
SEQUENCE_FILES = "_sequences.py::"  # in the ids of cases that execute generated sequences
SEQUENCES_EVERY = 8  # the sequences run against each eighth fault although examples detected it, to prove themselves
RESTART = "restart"  # in the names of cases that restart the server, and of faults that only these can detect
INTERRUPTED = 130  # as shells have it
LINE_LENGTH = 100  # characters of the outcome in the line of a row
MAX_PROBLEMS = 40  # printed ones


@dataclass(frozen=True)
class Plan:
    """Settings of the runs.

    Attributes:
        all_cases: Whether all cases run against each fault, not only those of the requirements that it violates.
        jobs: Number of concurrent runs.
        deadline: Time limit of a run in seconds.
        stop: Event that ends all runs.
    """

    all_cases: bool
    jobs: int
    deadline: float
    stop: Event


@dataclass(frozen=True)
class Part:
    """Cases that run against a fault together.

    Attributes:
        options: Options of the suite that select the cases.
        planned: Number of the cases.
    """

    options: tuple[str, ...]
    planned: int


def run_suite(
    plan: Plan, faults: Iterable[Fault], options: Iterable[str], *, restartable: bool = False
) -> tuple[RunResult | None, int | None]:
    """Run the suite once against a server of its own.

    Args:
        plan: Time limit and event that ends the run.
        faults: Faults of the server, none for the unmodified server.
        options: Further options of the suite.
        restartable: Whether the suite starts the server, so that it can restart it. Cases that need an expired token
            are unsupported then.

    Returns:
        The result, if the run left one, and the exit status, None if the run did not end in time.

    Raises:
        StoppedError: If the run was stopped.
    """
    injected = [word for fault in faults for word in ("--fault", fault.name)]
    with (
        tempfile.TemporaryDirectory(prefix="hanami-kill-") as folder,
        (_restartable_server if restartable else _server)([*LARGE_FILES, *injected]) as (reached, secrets),
    ):
        command = [sys.executable, *RUN_SUITE, "--allow-destructive"]
        command += [*reached, "--user", "alice", "--second-user", "bob"]
        command += ["--max-connections", "8", "--deadline", f"{DEADLINE:g}"]
        command += ["--database", "none", "--shrink", "0", "--report-dir", folder, *options]
        passwords = {"HANAMI_PASSWORD": "alice-password", "HANAMI_SECOND_PASSWORD": "bob-password"}
        environment = clean_environment({**passwords, **secrets})
        status = run_to_end(command, subprocess.DEVNULL, environment, None, plan.deadline, plan.stop)
        return result_in(Path(folder)), status


Reached = tuple[list[str], dict[str, str]]  # options of the suite, and variables of its environment


@contextmanager
def _server(options: Sequence[str]) -> Iterator[Reached]:
    with running_server("the reference backend", [*BACKEND, *options]) as announced:
        yield ["--target", announced["url"]], {"HANAMI_EXPIRED_TOKEN": announced["expired_tokens"]["alice"]}


@contextmanager
def _restartable_server(options: Sequence[str]) -> Iterator[Reached]:
    port = free_port()
    command = shlex.join([sys.executable, "-m", "hanami_reference_backend", "--port", str(port), *options])
    yield ["--target", f"http://127.0.0.1:{port}", "--server-command", command], {}


def run_baseline(plan: Plan, options: Sequence[str]) -> tuple[RunResult | None, int | None]:
    """Run the suite against the unmodified server, and the cases that restart it against one that it starts."""
    result, status = run_suite(plan, [], options)
    if result is None or not any(RESTART in case.id for case in result.cases):
        return result, status
    restarts, restart_status = run_suite(plan, [], (*options, "-k", RESTART), restartable=True)
    judged = {case.id: case for case in (restarts.cases if restarts is not None else ())}
    cases = tuple(judged.get(case.id, case) for case in result.cases)
    return replace(result, cases=cases), status or restart_status


def requirement_options(requirements: Iterable[str]) -> tuple[str, ...]:
    """Return the options of the suite that select the cases of these requirements."""
    return tuple(word for requirement in requirements for word in ("--requirement", requirement))


def parts_for(plan: Plan, fault: Fault, baseline: RunResult) -> tuple[Part, Part]:
    """Return the examples and the sequences to run against a fault."""
    selection = () if plan.all_cases else requirement_options(fault.violates)
    cases = [case for case in baseline.cases if plan.all_cases or set(case.requirements) & set(fault.violates)]
    sequences = sum(SEQUENCE_FILES in case.id for case in cases)
    examples = len(cases) - sequences
    return Part((*selection, "-k", "not sequences"), examples), Part((*selection, "-k", "sequences"), sequences)


def run_rows(plan: Plan, faults: Sequence[Fault], baseline: RunResult, on_row: Callable[[Row], None]) -> list[Row]:
    """Run the suite against every fault.

    Args:
        plan: How the suite runs.
        faults: Faults, one for each row.
        baseline: Result of a full run against the unmodified server.
        on_row: Callback for each finished row.

    Raises:
        StoppedError: If the runs were stopped.
    """

    def run_row(number: int, fault: Fault) -> Row:
        examples, sequences = parts_for(plan, fault, baseline)
        row = run_part(plan, fault, examples)
        if sequences.planned and (plan.all_cases or not row.correctly_attributed or number % SEQUENCES_EVERY == 0):
            row = row.merge(run_part(plan, fault, sequences))
        on_row(row)
        return row

    with ThreadPoolExecutor(plan.jobs) as pool:
        futures = [pool.submit(run_row, number, fault) for number, fault in enumerate(faults)]
        try:
            return [future.result() for future in futures]
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                acknowledge_interrupt()
            plan.stop.set()
            for future in futures:
                future.cancel()
            raise


def run_part(plan: Plan, fault: Fault, part: Part) -> Row:
    """Run a part of the cases against a fault."""
    if not part.planned:
        return row_from(fault, None, ExitStatus.CONFORMANT, 0.0, 0)
    began = time.monotonic()
    result, status = run_suite(plan, [fault], part.options, restartable=RESTART in fault.name)
    return row_from(fault, result, status, time.monotonic() - began, part.planned)


def requirements_by_test(result: RunResult) -> dict[str, tuple[str, ...]]:
    """Return every test of a run with the requirements that its cases name."""
    tests: dict[str, tuple[str, ...]] = {}
    for case in result.cases:
        test = test_of(case.id)
        tests[test] = tuple(dict.fromkeys((*tests.get(test, ()), *case.requirements)))
    return tests


def parse_options(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line; wrong options end the program with status 2 and one line."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.kill_matrix",
        description=__doc__,
        epilog="Exit status: 0 passed; 1 there are problems; 2 wrong options; 3 not possible to run; 130 interrupted",
    )
    parser.add_argument("--fault", action="append", default=[], metavar="NAME", help="only this fault; repeatable")
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
        options.faults = select_faults(options.fault) or tuple(catalogue().values())
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
    complete = not options.fault
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
