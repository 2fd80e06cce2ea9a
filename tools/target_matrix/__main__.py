"""Runs the suite against targets that are hard to test: does it say of each what it must, in time?"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from hanami_conformance.common.signals import acknowledge_interrupt, handle_signals
from hanami_conformance.common.temporary import temporary_folder
from tools.command_options import add_jobs, add_report_dir
from tools.process import INTERRUPTED, StoppedError, last_line, result_in, run_to_end
from tools.reference import RUN_SUITE, clean_environment
from tools.target_matrix.targets import SCENARIOS, TargetScenario, by_name, complaints

SHOWN = 5  # complaints on the line of a scenario


@dataclass(frozen=True)
class Outcome:
    """Outcome of a scenario.

    Attributes:
        wrong: Deviations from the expected outcome.
        said: Result of the run in one line.
        seconds: Time in seconds, including the start and the stop of the server.
        table: Lines to print below that of the target.
    """

    wrong: Sequence[str]
    said: str
    seconds: float
    table: Sequence[str] = ()


def run_scenario(scenario: TargetScenario, folder: Path, stop: Event) -> Outcome:
    """Start a target, run the suite against it, and stop it.

    Args:
        scenario: Target, and what must be said of it.
        folder: Folder for the reports and the output.
        stop: Event that ends the run at once.

    Raises:
        StoppedError: If ``stop`` was set.
    """
    folder.mkdir(parents=True)
    report = folder / "report"
    began = time.monotonic()
    if stop.is_set():
        raise StoppedError
    with (folder / "output.txt").open("w+b") as log:
        with scenario.serve() as served:
            command = [sys.executable, *RUN_SUITE, "--database=none", f"--report-dir={report}"]
            command += [*served.options, *scenario.options]
            status = run_to_end(command, log, clean_environment(), folder, scenario.seconds, stop)
            result = result_in(report)
            wrong = [*complaints(scenario, status, result), *served.complaints(report)]
            table = served.table(report)
        said = result.headline if result is not None else last_line(log)
    passed = "" if result is None else f", {result.summary()['cases'].get('passed', 0)} cases passed"
    note = f" ({served.note})" if served.note else ""
    return Outcome(wrong, f"{said}{passed}{note}", time.monotonic() - began, table)


def run_all(scenarios: Sequence[TargetScenario], jobs: int, report_dir: Path) -> int:
    """Run the targets, and print a line for each as it ends.

    Returns:
        How many were not as expected.
    """
    stop = Event()
    width = max(len(scenario.name) for scenario in scenarios)

    def one(scenario: TargetScenario) -> bool:
        work = folder / scenario.name
        try:
            outcome = run_scenario(scenario, work, stop)
        except (OSError, RuntimeError, ValueError, subprocess.SubprocessError) as error:
            outcome = Outcome([f"{type(error).__name__}: {error}"], "not run", 0.0)
        kept = ""
        shutil.rmtree(report_dir / scenario.name, ignore_errors=True)  # of an earlier run
        if outcome.wrong:
            shutil.copytree(work, report_dir / scenario.name)
            more = f"; {len(outcome.wrong) - SHOWN} more" if len(outcome.wrong) > SHOWN else ""
            kept = f"; NOT AS EXPECTED: {'; '.join(outcome.wrong[:SHOWN])}{more}; see {report_dir / scenario.name}"
        verdict = "WRONG" if outcome.wrong else "ok"
        line = f"{verdict:<5} {outcome.seconds:6.1f} s  {scenario.name:<{width}}  {outcome.said}{kept}"
        print("\n".join((line, *(f"      {row}" for row in outcome.table))), flush=True)
        return bool(outcome.wrong)

    with temporary_folder("hanami-targets-") as folder, ThreadPoolExecutor(jobs) as pool:
        futures = [pool.submit(one, scenario) for scenario in scenarios]
        try:
            return sum(future.result() for future in futures)
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                acknowledge_interrupt()
            stop.set()
            for future in futures:
                future.cancel()
            raise


def parse_options(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line; ends the program with status 2 and one line that says what is wrong with it."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.target_matrix",
        description=__doc__,
        epilog="Exit status: 0 all targets are as expected; 1 some are not; 2 wrong options; 130 interrupted.",
    )
    parser.add_argument(
        "--target", action="append", default=[], metavar="NAME", help="only this one; repeat it for more"
    )
    parser.add_argument("--list", action="store_true", help="list the targets, and run none")
    parser.add_argument(
        "--released",
        action="store_true",
        help="only the simulated released servers, which take a quarter of an hour each; they are left out otherwise",
    )
    add_jobs(parser, "at the same time; more than cores make deadlines tight", 16)
    add_report_dir(parser, "where the reports of those go that are not as expected", "target-matrix")
    options = parser.parse_args(argv)
    known = by_name()
    for name in options.target:
        if name not in known:
            parser.error(f"--target: there is no {name!r}; there are {', '.join(known)}")
    if options.target:
        options.scenarios = [scenario for scenario in SCENARIOS if scenario.name in options.target]
    else:
        options.scenarios = [one for one in SCENARIOS if options.list or one.has_defects == options.released]
    if not options.list:
        try:
            options.report_dir.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=options.report_dir).close()
        except OSError as error:
            parser.error(f"--report-dir: {options.report_dir} is no folder that can be written: {error.strerror}")
    return options


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command."""
    options = parse_options(argv)
    if options.list:
        width = max(len(scenario.name) for scenario in options.scenarios)
        print("\n".join(f"{scenario.name:<{width}}  {scenario.title}" for scenario in options.scenarios))
        return 0
    began = time.monotonic()
    try:
        with handle_signals():
            wrong = run_all(options.scenarios, options.jobs, options.report_dir)
    except (KeyboardInterrupt, StoppedError):
        print("interrupted")
        return INTERRUPTED
    count, seconds = len(options.scenarios), time.monotonic() - began
    print(f"{'FAIL' if wrong else 'PASS'}  {count - wrong} of {count} targets as expected, {seconds:.0f} s")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
