"""Run Schemathesis against the reference backend: do its answers keep what its API page promises?"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from hanami_conformance.common.child_process import ChildProcess, ProcessError
from hanami_proto.dialect import dialect_names, load_dialect
from hanami_proto.options import whole_number
from tools.command_options import add_report_dir
from tools.process import run_command
from tools.reference import USERS, backend, clean_environment

SETTINGS = Path(__file__).with_suffix(".toml")
# Without a tight limit of uploads and clusters, which would answer most requests with 409.
LIMITS = ("--max-uploads", "100000", "--max-clusters", "100000", "--max-file-size", "1000000")
GRACE = 120.0  # seconds on top of the time of a run, for its start and its report
INTERNAL_ERROR = 3


@dataclass(frozen=True)
class Plan:
    """Settings of the command.

    Attributes:
        dialects: Dialects of the reference backend, one after the other.
        seconds: Time for each dialect.
        examples: Largest number of requests of each operation in each phase.
        seed: Seed of the requests, None for a new one.
        report_dir: Folder for the output of Schemathesis.
        program: Program of Schemathesis.
    """

    dialects: tuple[str, ...]
    seconds: int
    examples: int
    seed: int | None
    report_dir: Path
    program: Path


@dataclass(frozen=True)
class Outcome:
    """Outcome of a run in one dialect.

    Attributes:
        requests: Number of generated requests.
        problems: Title and number of each kind of failure or error.
        phases: Statuses of the phases by name.
    """

    requests: int
    problems: tuple[str, ...]
    phases: Mapping[str, str]

    @property
    def passed(self) -> bool:
        """Whether requests were sent, and no answer broke a promise; the time may not reach the last phases."""
        return not self.problems and self.requests > 0 and set(self.phases.values()) <= {"success", "skip"}

    def __str__(self) -> str:
        other = [f"{name}: {status}" for name, status in self.phases.items() if status != "success"]
        return ", ".join([f"{self.requests} requests", *self.problems, *other])


def outcome_from(report: Mapping[str, Any]) -> Outcome:
    """Read a JSON report of Schemathesis."""
    problems = [f"{failure['title']}: {failure['count']}" for failure in report["failures"]]
    problems += [f"{error.get('title') or error.get('type')}" for error in report["errors"]]
    phases = {name: str(phase["status"]) for name, phase in report["phases"].items()}
    return Outcome(report["test_cases"]["generated"], tuple(problems), phases)


def run(plan: Plan, output: Callable[[str], None]) -> int:
    """Run in every dialect and report.

    Returns:
        0 when no answer broke a promise, 1 when one did, 3 when Schemathesis is missing or did not end.
    """
    if not plan.program.exists():
        output(f"there is no {plan.program}: run make schemathesis, which installs it")
        return INTERNAL_ERROR
    plan.report_dir.mkdir(parents=True, exist_ok=True)
    passed = True
    for name in plan.dialects:
        began = time.monotonic()
        try:
            outcome = run_dialect(plan, name)
        except ProcessError as error:
            output(f"ERROR  {name}: {error}")
            return INTERNAL_ERROR
        passed &= outcome.passed
        took = time.monotonic() - began
        output(f"{'PASS' if outcome.passed else 'FAIL'}  {name:<15} {took:6.1f} s  {outcome}")
        if not outcome.passed:
            output(f"      see {plan.report_dir / f'{name}.txt'}")
    return 0 if passed else 1


def run_dialect(plan: Plan, name: str) -> Outcome:
    """Run against a reference backend of one dialect.

    Raises:
        ProcessError: If Schemathesis does not end in time, or leaves no report.
    """
    folder = plan.report_dir.resolve()
    report = folder / f"{name}.json"
    report.unlink(missing_ok=True)  # that of an earlier run
    dialect = load_dialect(name)
    with backend("--dialect", name, *USERS, *LIMITS) as url, (folder / f"{name}.txt").open("wb") as log:
        login = dialect.login("alice", USERS[1].split(":")[1])
        path = dialect.route("token.create").path
        token = httpx.post(url + path, json=login, trust_env=False).json()["token"]
        command = [str(plan.program.absolute()), "--config-file", str(SETTINGS), "--no-color", "run"]
        command += [f"{url}/openapi.json", "--header", f"X-Auth-Token: {token}", "--continue-on-failure"]
        command += ["--max-time", str(plan.seconds), "--max-examples", str(plan.examples), "--request-timeout", "20"]
        command += ["--report-json-path", str(report), *([] if plan.seed is None else ["--seed", str(plan.seed)])]
        with ChildProcess(
            command, stdout=log, stderr=subprocess.STDOUT, folder=folder, environment=clean_environment()
        ) as process:
            status = process.wait(plan.seconds + GRACE)
    if status is None:
        raise ProcessError(f"Schemathesis did not end within {plan.seconds + GRACE:g} s")
    try:
        return outcome_from(json.loads(report.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError) as error:
        raise ProcessError(f"Schemathesis left no report: see {folder / f'{name}.txt'}") from error


def parse_options(argv: Sequence[str] | None = None) -> Plan:
    """Read the command line; end the program with status 2 and one line if it is invalid."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.schemathesis",
        description=__doc__,
        epilog="Exit status: 0 no answer broke a promise; 1 one did; 2 wrong options; 3 Schemathesis is missing or did"
        " not end; 130 interrupted.",
    )
    parser.add_argument(
        "--dialect",
        action="append",
        choices=dialect_names(),
        help="dialect of the reference backend; repeatable (default: all)",
    )
    parser.add_argument(
        "--seconds", type=whole_number(1, 86_400), default=60, metavar="N", help="time for each dialect (default: 60)"
    )
    parser.add_argument(
        "--examples",
        type=whole_number(1, 1_000_000),
        default=1000,
        metavar="N",
        help="largest number of requests of each operation in each phase (default: %(default)s)",
    )
    parser.add_argument("--seed", type=whole_number(0, 2**128), metavar="N", help="seed of the requests (default: new)")
    add_report_dir(parser, "folder for the output of Schemathesis", "schemathesis")
    parser.add_argument(
        "--program",
        type=Path,
        default=Path(".venv") / "schemathesis" / ("Scripts" if os.name == "nt" else "bin") / "schemathesis",
        metavar="FILE",
        help="program of Schemathesis (default: %(default)s)",
    )
    options = parser.parse_args(argv)
    dialects = tuple(options.dialect or dialect_names())
    return Plan(dialects, options.seconds, options.examples, options.seed, options.report_dir, options.program)


def main() -> int:
    """Run the command line, and return the exit status."""
    plan = parse_options()
    return run_command(lambda: run(plan, lambda line: print(line, flush=True)))


if __name__ == "__main__":
    sys.exit(main())
