"""Run the gate repeatedly while other programs keep the cores busy, and compare the outcomes."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from hanami_conformance.common.child_process import ChildProcess
from hanami_conformance.common.temporary import temporary_folder
from hanami_proto.options import whole_number
from hanami_reports.model.conformance import CaseResult, ExitStatus, RunResult
from tools.command_options import add_deadline, add_report_dir
from tools.process import BURN, INTERRUPTED, last_line, result_in, run_command
from tools.reference import RUN_SUITE, clean_environment

GRACE = 10.0  # seconds that a run gets to clean up when it is stopped
OVERLAP = "test_overlap"  # begin of the ids of cases whose number of comparisons depends on which operation is first
OURS = ("--target", "--report-dir", "--database")  # options of the runs that only this program may give


@dataclass(frozen=True)
class Said:
    """Facts of a run.

    Attributes:
        facts: Facts that must be equal in every run, by subject: the run, each requirement, each case.
        reasons: Reasons of the outcomes that are not passed, by subject; their wording may differ from run to run.
    """

    facts: Mapping[str, str]
    reasons: Mapping[str, str] = field(default_factory=dict)

    @property
    def conformant(self) -> bool:
        """Whether the run ended well and was not a run of nothing."""
        return self.facts["exit status"] == str(ExitStatus.CONFORMANT) and self.facts["headline"] == "CONFORMANT"


def said(status: int | None, result: RunResult | None, ending: str) -> Said:
    """Return the facts of a run.

    Args:
        status: Exit status of the run; None if it was stopped.
        result: Result of the run; None if it left none.
        ending: Last line of the output of a run without a result.
    """
    if result is None:
        return Said({"exit status": str(status), "headline": ending, "cases": "0"})
    entries = [(one.id, one.verdict.value, one.reason) for one in result.requirements if one.selected]
    entries += [(one.id, _done(one), one.reason) for one in result.cases]
    facts = {"exit status": str(status), "headline": result.headline, "cases": str(len(result.cases))}
    facts |= {name: text for name, text, _ in entries}
    return Said(facts, {name: reason for name, _, reason in entries if reason} | {"headline": result.reason})


def _done(case: CaseResult) -> str:
    """Return the outcome of a case and its number of sequences and comparisons; exchanges depend on timing."""
    sequences = f", {case.sequences} sequences" if case.sequences else ""
    checks = "" if case.id.startswith(OVERLAP) else f", {case.checks} checks"
    return f"{case.outcome.value}{checks}{sequences}"


@dataclass(frozen=True)
class Difference:
    """A subject that runs disagree about.

    Attributes:
        what: The exit status, the headline, the number of cases, a requirement or a case.
        usual: Most frequent fact; the earliest of several.
        others: Deviating fact and its reason, by the number of the run from 1.
    """

    what: str
    usual: str
    others: Mapping[int, str]

    def __str__(self) -> str:
        return "; ".join(
            [f"{self.what}: {self.usual}", *(f"run {number}: {text}" for number, text in self.others.items())]
        )


def differences(runs: Sequence[Said]) -> list[Difference]:
    """Return the differences between the runs, in the order of their facts."""
    found = []
    for what in dict.fromkeys(name for run in runs for name in run.facts):
        texts = [run.facts.get(what, "nothing") for run in runs]
        usual = Counter(texts).most_common(1)[0][0]  # the first of those that are as frequent
        others = {
            number: f"{text} ({reason})" if (reason := run.reasons.get(what)) else text
            for number, (run, text) in enumerate(zip(runs, texts, strict=True), start=1)
            if text != usual
        }
        if others:
            found.append(Difference(what, usual, others))
    return found


@dataclass(frozen=True)
class Plan:
    """Settings of the command.

    Attributes:
        runs: Number of runs.
        load: Number of busy processes beside them.
        deadline: Longest time of a run in seconds.
        report_dir: Folder for the reports of deviating runs.
        arguments: Further options of every run.
    """

    runs: int
    load: int
    deadline: float
    report_dir: Path
    arguments: tuple[str, ...]


def start(command: Sequence[str], output: IO[bytes] | int) -> ChildProcess:
    """Start a program with no settings of the suite in its environment."""
    return ChildProcess(command, stdout=output, stderr=output, environment=clean_environment(), grace=GRACE)


def run_once(plan: Plan, folder: Path) -> Said:
    """Run the gate once; its reports and its output go into the folder."""
    folder.mkdir()
    command = [sys.executable, *RUN_SUITE, "--target=reference", "--database=none"]
    command += [f"--report-dir={folder / 'report'}", *plan.arguments]
    with (folder / "output.txt").open("w+b") as log, start(command, log) as process:
        status = process.wait(plan.deadline)
        if status is None:
            return said(None, None, f"it did not end within {plan.deadline:g} s")
        ending = last_line(log)
    return said(status, result_in(folder / "report"), ending)


def repeat(plan: Plan, output: Callable[[str], None]) -> int:
    """Run, compare and report.

    Returns:
        0 when every run was conformant and all said the same, 1 when not, 2 when the options of the runs are wrong,
        130 when interrupted.
    """
    runs: list[Said] = []
    interrupted = False
    with ExitStack() as stack:
        folder = stack.enter_context(temporary_folder("hanami-repeatability-"))
        try:
            for _ in range(plan.load):
                stack.enter_context(start([sys.executable, "-c", BURN, str(os.getpid())], subprocess.DEVNULL))
            for number in range(1, plan.runs + 1):
                began = time.monotonic()
                runs.append(run_once(plan, folder / f"run-{number}"))
                facts = runs[-1].facts
                if number == 1 and facts["exit status"] == str(ExitStatus.USAGE):
                    output(facts["headline"])
                    return 2
                took = time.monotonic() - began
                output(
                    f"run {number:>3} of {plan.runs}  {took:6.1f} s"
                    f"  exit status {facts['exit status']}  {facts['headline']}"
                )
        except KeyboardInterrupt:
            interrupted = True
            output(f"interrupted in run {len(runs) + 1} of {plan.runs}")
        good = not runs or conclude(plan, runs, folder, output)
    if interrupted:
        return INTERRUPTED
    return 0 if good else 1


def conclude(plan: Plan, runs: Sequence[Said], folder: Path, output: Callable[[str], None]) -> bool:
    """Print the differences between the runs, and keep the reports of the deviating ones.

    Returns:
        Whether all runs were conformant and alike.
    """
    found = differences(runs)
    for difference in found:
        output(str(difference))
    worth = {number for difference in found for number in difference.others}
    worth |= {number for number, run in enumerate(runs, start=1) if not run.conformant} if worth else set()
    if not worth and not runs[0].conformant:
        worth = {1}  # all are alike, so one is enough
    for one in sorted(worth):
        kept = plan.report_dir / f"run-{one}"
        shutil.rmtree(kept, ignore_errors=True)
        shutil.copytree(folder / f"run-{one}", kept)
        output(f"reports of run {one}: {kept}")
    alike = "ALIKE" if not found else f"NOT ALIKE in {len(found)} things"
    headlines = ", ".join(dict.fromkeys(run.facts["headline"] for run in runs))
    output(f"{alike}: {len(runs)} runs of {runs[0].facts['cases']} cases, {headlines}")
    return not worth


def parse_options(argv: Sequence[str] | None = None) -> Plan:
    """Read the command line; end the program with status 2 and one line if it is invalid."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.repeatability",
        description=__doc__,
        epilog="Exit status: 0 all runs were conformant and alike; 1 they were not; 2 wrong options; 130 interrupted.",
    )
    parser.add_argument(
        "--runs", type=whole_number(1, 10_000), default=30, metavar="N", help="number of runs (default: %(default)s)"
    )
    parser.add_argument(
        "--load",
        type=whole_number(0, 1000),
        default=os.cpu_count() or 1,
        metavar="N",
        help="number of busy processes beside the runs (default: one a core, %(default)s)",
    )
    add_deadline(parser, "longest time of a run", 600.0)
    add_report_dir(parser, "folder for the reports of deviating runs", "repeatability")
    parser.add_argument("rest", nargs="*", metavar="OPTION", help="further options of the runs, after --")
    options = parser.parse_args(argv)
    if options.report_dir.exists() and not options.report_dir.is_dir():
        parser.error(f"--report-dir: {str(options.report_dir)!r} is no folder")
    for given in options.rest:
        if given.partition("=")[0] in OURS:
            parser.error(f"{given}: the runs get {', '.join(OURS)} from here")
    return Plan(options.runs, options.load, options.deadline, options.report_dir, tuple(options.rest))


def main() -> int:
    """Run the command line, and return the exit status."""
    plan = parse_options()
    return run_command(lambda: repeat(plan, lambda line: print(line, flush=True)))


if __name__ == "__main__":
    sys.exit(main())
