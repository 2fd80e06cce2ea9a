"""Run the Autobahn test suite against the websockets of the reference backend."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hanami_conformance.common.child_process import ChildProcess, ProcessError, log_tail
from tools.autobahn.fuzzing_client import FuzzingClient, MissingClientError, find_client
from tools.command_options import add_deadline, add_report_dir
from tools.process import run_command, running_server
from tools.reference import clean_environment

AGENT = "hanami"
ECHO_SERVER = ("-m", "tools.autobahn.echo_server")
COMPRESSION = ("12.*", "13.*")  # sections about an extension that the server does not offer
# NON-STRICT: right, though not the best of the permitted behaviours. INFORMATIONAL: not judged.
GOOD = frozenset({"OK", "NON-STRICT", "INFORMATIONAL"})
POLL = 0.2
LOG_HEAD = 1 << 16  # bytes
NO_CASE = b"will run 0 test cases"  # after which the client waits for ever
INTERNAL_ERROR = 3


@dataclass(frozen=True)
class Plan:
    """Settings of the command.

    Attributes:
        cases: Patterns of the cases.
        deadline: Longest time of the run in seconds.
        report_dir: Folder for the pages of the test suite.
        client_dir: Folder in which the test suite is installed.
    """

    cases: tuple[str, ...]
    deadline: float
    report_dir: Path
    client_dir: Path


def run(plan: Plan, output: Callable[[str], None]) -> int:
    """Run the cases and report.

    Returns:
        0 when all were passed, or there is no fuzzing client here; 1 when not; 3 when the run did not end.
    """
    try:
        client = find_client(plan.client_dir.resolve(), output)
    except MissingClientError as error:
        output(f"SKIPPED  there is no Autobahn test suite here: {error}")
        return 0
    output(f"{client.name}; pages in {plan.report_dir}")
    try:
        index = run_client(plan, client)
    except ProcessError as error:
        output(f"ERROR  {error}")
        return INTERNAL_ERROR
    return conclude(index, plan.report_dir, output)


def run_client(plan: Plan, client: FuzzingClient) -> Mapping[str, Mapping[str, object]]:
    """Run the fuzzing client against an echo server, and return its results by case.

    Raises:
        ProcessError: If the server does not start, or the client does not end or leaves no result.
    """
    folder = plan.report_dir.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    index, specification = folder / "index.json", folder / "specification.json"
    index.unlink(missing_ok=True)  # that of an earlier run
    with running_server("the echo server", ECHO_SERVER) as server, tempfile.TemporaryFile() as log:
        content = {
            "outdir": str(folder),
            "servers": [{"agent": AGENT, "url": server["url"].replace("http://", "ws://")}],
            "cases": list(plan.cases),
            "exclude-cases": list(COMPRESSION),
            "exclude-agent-cases": {},
        }
        specification.write_text(json.dumps(content, indent=2), encoding="utf-8")
        environment = clean_environment({"PYTHONUNBUFFERED": "1"})
        until = time.monotonic() + plan.deadline
        with ChildProcess(client.command(specification), stdout=log, stderr=log, environment=environment) as process:
            while process.wait(POLL) is None:
                if NO_CASE in os.pread(log.fileno(), LOG_HEAD, 0):  # without moving where the client writes
                    return {}
                if time.monotonic() >= until:
                    raise ProcessError(f"the fuzzing client did not end within {plan.deadline:g} s")
        try:
            results: Mapping[str, Mapping[str, object]] = json.loads(index.read_text(encoding="utf-8"))[AGENT]
        except (OSError, ValueError, KeyError) as error:
            raise ProcessError(f"the fuzzing client left no result{log_tail(log)}") from error
    return results


def conclude(index: Mapping[str, Mapping[str, object]], report_dir: Path, output: Callable[[str], None]) -> int:
    """Print the cases that failed and the sums; return 0 if all were passed and there are any, otherwise 1."""
    sums: Counter[object] = Counter()
    failed = 0
    for case, result in index.items():
        sums[result["behavior"]] += 1
        if not {result["behavior"], result["behaviorClose"]} <= GOOD:
            failed += 1
            page = report_dir / str(result["reportfile"]).replace(".json", ".html")
            close = f"{result['behaviorClose']} {result['remoteCloseCode']}"
            output(f"case {case}: {result['behavior']}, its close {close}: {page}")
    passed = bool(index) and not failed
    counts = ", ".join(f"{count} {behavior}" for behavior, count in sums.most_common()) or "there is no such case"
    output(f"{'PASS' if passed else 'FAIL'}  {len(index) - failed} of {len(index)} cases: {counts}")
    return 0 if passed else 1


def parse_options(argv: Sequence[str] | None = None) -> Plan:
    """Read the command line; end the program with status 2 and one line if it is invalid."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.autobahn",
        description=__doc__,
        epilog="Exit status: 0 all cases were passed, or skipped since the test suite cannot be had here;"
        " 1 a case failed; 2 wrong options; 3 the run did not end; 130 interrupted.",
    )
    parser.add_argument(
        "--case",
        action="append",
        metavar="PATTERN",
        help="run only these cases, 7.1.5 or 7.* for example; repeatable (default: all but those of compression)",
    )
    add_deadline(parser, "longest time of the run", 300.0)
    add_report_dir(parser, "folder for the pages of the test suite", "autobahn")
    parser.add_argument(
        "--client-dir",
        type=Path,
        default=Path(".venv") / "autobahn",
        metavar="DIR",
        help="folder in which the test suite is installed (default: %(default)s)",
    )
    options = parser.parse_args(argv)
    return Plan(tuple(options.case or ["*"]), options.deadline, options.report_dir, options.client_dir)


def main() -> int:
    """Run the command line, and return the exit status."""
    plan = parse_options()
    return run_command(lambda: run(plan, lambda line: print(line, flush=True)))


if __name__ == "__main__":
    sys.exit(main())
