"""The runs of the kill matrix: the suite against a server with one fault, or with none."""

from __future__ import annotations

import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from hanami_conformance.common.temporary import temporary_folder
from hanami_loadtests.ports import free_port
from hanami_reports.model.conformance import ExitStatus, RunResult
from tools.kill_matrix.plan import Plan
from tools.kill_matrix.row import FaultInfo, Row, row_from, test_of
from tools.process import result_in, run_to_end, running_server
from tools.reference import BACKEND, LARGE_FILES, RUN_SUITE, clean_environment

DEADLINE = 2.0  # seconds that the suite waits for an answer: each silence of a fault costs one wait
SEQUENCE_FILES = "_sequences.py::"  # in the ids of cases that execute generated sequences
RESTART = "restart"  # in the ids of cases that restart, kill or suspend the server
ONLY_AFTER = (RESTART, "suspended-server")  # in the names of faults that only these can detect


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
    plan: Plan, faults: Iterable[FaultInfo], options: Iterable[str], *, restartable: bool = False
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
        temporary_folder("hanami-kill-") as folder,
        (_restartable_server if restartable else _server)([*LARGE_FILES, *injected]) as (reached, secrets),
    ):
        command = [sys.executable, *RUN_SUITE, "--allow-destructive"]
        command += [*reached, "--user", "alice", "--second-user", "bob"]
        command += ["--max-connections", "8", "--deadline", f"{DEADLINE:g}"]
        command += ["--database", "none", "--shrink", "0", "--report-dir", str(folder), *options]
        passwords = {"HANAMI_PASSWORD": "alice-password", "HANAMI_SECOND_PASSWORD": "bob-password"}
        environment = clean_environment({**passwords, **secrets})
        status = run_to_end(command, subprocess.DEVNULL, environment, None, plan.deadline, plan.stop)
        return result_in(folder), status


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
    if restart_status == ExitStatus.NOTHING_RAN:  # the selection has no such case that runs
        restart_status = ExitStatus.CONFORMANT
    return replace(result, cases=cases), status or restart_status


def requirement_options(requirements: Iterable[str]) -> tuple[str, ...]:
    """Return the options of the suite that select the cases of these requirements."""
    return tuple(word for requirement in requirements for word in ("--requirement", requirement))


def parts_for(plan: Plan, fault: FaultInfo, baseline: RunResult) -> tuple[Part, Part]:
    """Return the examples to run against a fault, and the sequences to run if the examples do not detect it."""
    selection = () if plan.all_cases else requirement_options(fault.violates)
    cases = [case for case in baseline.cases if plan.all_cases or set(case.requirements) & set(fault.violates)]
    sequences = sum(SEQUENCE_FILES in case.id for case in cases)
    examples = len(cases) - sequences
    return Part((*selection, "-k", "not sequences"), examples), Part((*selection, "-k", "sequences"), sequences)


def run_rows(plan: Plan, faults: Sequence[FaultInfo], baseline: RunResult, on_row: Callable[[Row], None]) -> list[Row]:
    """Run the suite against every fault.

    Args:
        plan: How the suite runs.
        faults: Faults, one for each row.
        baseline: Result of a full run against the unmodified server.
        on_row: Callback for each finished row.

    Raises:
        StoppedError: If the runs were stopped.
    """

    def run_row(fault: FaultInfo) -> Row:
        examples, sequences = parts_for(plan, fault, baseline)
        row = run_part(plan, fault, examples)
        if sequences.planned and (plan.all_cases or not row.correctly_attributed):
            row = row.merge(run_part(plan, fault, sequences))
        return row

    return plan.rows(faults, run_row, on_row)


def try_idle_tests(plan: Plan, rows: Sequence[Row], faults: Sequence[FaultInfo], baseline: RunResult) -> list[Row]:
    """Run each test of sequences that has detected no fault against those of its requirements, until it detects one.

    Sequences run only where the examples detect nothing, so most of them have met no fault of their requirements yet.

    Returns:
        The rows, with what these runs detected.

    Raises:
        StoppedError: If the runs were stopped.
    """
    found = list(rows)
    detecting = {test for row in rows for test in row.detected_by}
    for test, requirements in requirements_by_test(baseline).items():
        if SEQUENCE_FILES not in test or test in detecting:
            continue
        part = Part(("--case", test), sum(test_of(case) == test for case in baseline.cases))
        for index, fault in enumerate(faults):
            if test in found[index].tests or not set(fault.violates) & set(requirements):
                continue
            found[index] = found[index].merge(run_part(plan, fault, part))
            if test in found[index].detected_by:
                print(f"{test} detects {fault.name}", flush=True)
                break
    return found


def run_part(plan: Plan, fault: FaultInfo, part: Part) -> Row:
    """Run a part of the cases against a fault."""
    if not part.planned:
        return row_from(fault, None, ExitStatus.CONFORMANT, 0.0, 0)
    began = time.monotonic()
    result, status = run_suite(
        plan, [fault], part.options, restartable=any(words in fault.name for words in ONLY_AFTER)
    )
    return row_from(fault, result, status, time.monotonic() - began, part.planned)


def requirements_by_test(result: RunResult) -> dict[str, tuple[str, ...]]:
    """Return every test of a run with the requirements that its cases name."""
    tests: dict[str, tuple[str, ...]] = {}
    for case in result.cases:
        test = test_of(case)
        tests[test] = tuple(dict.fromkeys((*tests.get(test, ()), *case.requirements)))
    return tests
