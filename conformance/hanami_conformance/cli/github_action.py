"""The program of the GitHub Action: run the suite, write a summary and outputs, decide whether the job fails.

It is run as ``python -I -m hanami_conformance.cli.github_action``. All input is in the environment: the inputs of the
action as ``INPUT_...``, the facts of the runner as ``GITHUB_...``. The run gets its options as ``HANAMI_...``, so no
secret is on a command line.
"""

from __future__ import annotations

import os
import re
import secrets
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from hanami_conformance.options.definitions import DEFAULT_REPORT_DIR, OPTIONS
from hanami_proto.command_line import run_guarded
from hanami_proto.files import write_file
from hanami_reports.common.file_names import RESULT, SUMMARY
from hanami_reports.common.report_folder import ReportFolderError
from hanami_reports.common.text import pluralise
from hanami_reports.conformance.compare import Comparison, compare
from hanami_reports.conformance.compare_text import render_comparison
from hanami_reports.conformance.finding_changes import Presence
from hanami_reports.conformance.markdown import nothing_markdown, result_markdown
from hanami_reports.conformance.report_folder import ConformanceReportFolder
from hanami_reports.conformance.reproduce_commands import rerun_command
from hanami_reports.model.conformance import HEADLINES, ExitStatus, RunResult, read_result
from hanami_reports.model.findings import find, part_of

# Inputs that are options of the run.
PASSED_ON = (
    "target",
    "user",
    "password",
    "token",
    "second-user",
    "second-password",
    "dialect",
    "profile",
    "known",
    "level",
    "report-dir",
)
# Inputs of this program.
OWN = ("mode", "command", "baseline", "arguments")
SERVER, CLIENT = "server", "client"  # modes
OF_CLIENTS = ("dialect", "report-dir")  # inputs that are options of a run that judges a client
# Exit statuses of runs that reached their end; for these a comparison with the baseline decides.
_COMPARABLE = (ExitStatus.CONFORMANT, ExitStatus.NOT_CONFORMANT, ExitStatus.NOTHING_RAN)
MOST_ANNOTATIONS = 9  # of a step GitHub shows ten errors; the last is the verdict
MOST_OF_A_LINE = 4096  # characters that are read at once
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class InputError(Exception):
    """An input of the action is invalid; the message is one line."""


@dataclass(frozen=True)
class JobSettings:
    """Settings of a job.

    Attributes:
        command: Command line that runs the suite.
        environment: Environment of that command, with the options of the run.
        folder: Report folder of the run.
        baseline: Earlier result that the run must not be worse than; None for none.
        baseline_file: Path of the baseline as given.
    """

    command: tuple[str, ...]
    environment: Mapping[str, str]
    folder: Path
    baseline: RunResult | None = None
    baseline_file: str = ""


@dataclass(frozen=True)
class JobOutcome:
    """Outcome of a job.

    Attributes:
        status: Exit status of the job.
        verdict: Headline of the run.
        run_status: Exit status of the run.
        result: Path of the result file, empty where there is none.
        reason: Reason why the job fails, one line; empty where it passes.
        markdown: Summary of the job as Markdown.
        findings: Title and text of each finding, for annotations.
    """

    status: int
    verdict: str
    run_status: int
    result: str
    reason: str
    markdown: str
    findings: tuple[tuple[str, str], ...] = ()


def main() -> int:
    """Run the suite for a job, and return the exit status of the job."""
    try:
        settings = read_inputs(os.environ)
    except InputError as error:
        return _write_outcome(_without_result(ExitStatus.USAGE, str(error)))
    with _no_commands():
        status, last_error = _run(settings)
        outcome = job_outcome(settings, status, last_error)
    return _write_outcome(outcome)


def input_variable(name: str) -> str:
    """Return the name of the variable of an input."""
    return f"INPUT_{name.replace('-', '_').upper()}"


def read_inputs(environment: Mapping[str, str]) -> JobSettings:
    """Return the settings of the job. An empty input counts as not given, so that a settings file may apply.

    Raises:
        InputError: If an input is invalid.
    """
    given = {name: environment.get(input_variable(name), "") for name in (*PASSED_ON, *OWN)}
    options = {option.name: option for option in OPTIONS}
    passed = {name: value for name, value in environment.items() if not name.startswith("INPUT_")}
    passed |= {options[name].environment: given[name] for name in PASSED_ON if given[name]}
    folder = Path(passed.setdefault(options["report-dir"].environment, str(DEFAULT_REPORT_DIR)))
    # -I: no module in the workspace is imported, whatever its name.
    command = (sys.executable, "-I", "-m", "hanami_conformance.cli.main", *_command_words(given, folder))
    if not given["baseline"]:
        return JobSettings(command, passed, folder)
    # Read before the run, which may write to the same folder.
    try:
        baseline = read_result(Path(given["baseline"]))
    except ValueError as error:
        raise InputError(f"baseline: {error}") from error
    return JobSettings(command, passed, folder, baseline, given["baseline"])


def _command_words(given: Mapping[str, str], folder: Path) -> list[str]:
    """Return the words of the command that judges a server, or a client.

    Raises:
        InputError: If an input is invalid, or not one of the mode.
    """
    mode = given["mode"] or SERVER
    if mode not in (SERVER, CLIENT):
        raise InputError(f"mode: {mode!r} is neither {SERVER} nor {CLIENT}")
    words = _words(given["arguments"])
    if mode == SERVER:
        if given["command"]:
            raise InputError(f"command: only with mode: {CLIENT}")
        return ["run", *words]
    for name in PASSED_ON:
        if given[name] and name not in OF_CLIENTS:
            raise InputError(f"{name}: not with mode: {CLIENT}, which starts a server of its own")
    try:
        client = shlex.split(given["command"])
    except ValueError as error:
        raise InputError(f"command: {error}") from error
    if not client:
        raise InputError(f"command: mode: {CLIENT} needs the command that runs the client")
    dialect = ["--dialect", given["dialect"]] if given["dialect"] else []
    return ["client", *words, *dialect, "--report-dir", str(folder), "--", *client]


def _words(arguments: str) -> list[str]:
    """Split arguments like a shell, without expanding anything.

    Raises:
        InputError: If they cannot be split, hold a secret, or move the reports away.
    """
    try:
        words = shlex.split(arguments)
    except ValueError as error:
        raise InputError(f"arguments: {error}") from error
    names = {option.flag for option in OPTIONS}
    barred = {option.flag: option.environment for option in OPTIONS if option.secret or option.name == "report-dir"}
    for word in words:
        head = word.partition("=")[0]
        for flag, variable in barred.items():
            # argparse accepts abbreviated options.
            if flag == head or (head not in names and len(head) > len("--") and flag.startswith(head)):
                raise InputError(f"arguments: {head} cannot be given here; give an input, or {variable} in env")
    return words


@contextmanager
def _no_commands() -> Iterator[None]:
    """Keep the runner from executing commands in printed text: a target may answer ``::add-mask::``."""
    if os.environ.get("GITHUB_ACTIONS") != "true":
        yield
        return
    token = secrets.token_hex(16)
    _print(f"::stop-commands::{token}")
    try:
        yield
    finally:
        _print(f"\n::{token}::")


def _run(settings: JobSettings) -> tuple[int, str]:
    """Run the suite; pass signals on, and wait for the reports.

    Returns:
        Its exit status, and the last line of its standard error, which is in the log as well; empty for none.
    """
    try:
        # The result of an earlier run must not be taken for that of this one.
        folder = ConformanceReportFolder(settings.folder)
        folder.prepare()
        folder.clear()
    except (ReportFolderError, OSError) as error:
        return ExitStatus.USAGE, f"cannot remove old reports: {error}"
    # In a process group of its own, so that it gets each signal only once: from here.
    with subprocess.Popen(  # noqa: S603 - the suite itself; no shell sees its arguments
        settings.command,
        env=settings.environment,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="backslashreplace",
        process_group=0,
    ) as process:

        def pass_on(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - as signal calls it
            process.send_signal(number)

        before = {number: signal.signal(number, pass_on) for number in _SIGNALS}
        assert process.stderr is not None
        last = ""
        try:
            while line := process.stderr.readline(MOST_OF_A_LINE):
                sys.stderr.write(line)
                sys.stderr.flush()
                last = line.strip() or last
            status = process.wait()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
    return status if status in HEADLINES else ExitStatus.SUITE_FAULT, last


def job_outcome(settings: JobSettings, status: int, last_error: str = "") -> JobOutcome:
    """Return the outcome of a job.

    Args:
        settings: Settings of the job.
        status: Exit status of the run.
        last_error: Last line of its standard error, the reason where it left no result.
    """
    file = settings.folder / RESULT
    if not file.is_file():
        return _without_result(status, last_error or "the run ended without a result; see its output")
    try:
        result = read_result(file)
    except ValueError as error:
        return _without_result(ExitStatus.SUITE_FAULT, str(error))
    comparison = None
    reason = "" if status == ExitStatus.CONFORMANT else _one_line(f"{result.headline}  {result.reason}")
    final = status
    if settings.baseline is not None:
        comparison = compare(settings.baseline, result, (settings.baseline_file, str(file)))
        _print(render_comparison(comparison, color=False))
        final, reason = _against(settings.baseline, result, comparison, status, reason)
    why = reason if settings.baseline is not None else ""
    markdown = result_markdown(result, links=_links(), comparison=comparison, red=why)
    annotations = tuple(_annotations(result, comparison))
    return JobOutcome(final, result.headline, status, str(file), reason, markdown, annotations)


def _annotations(result: RunResult, comparison: Comparison | None) -> Iterator[tuple[str, str]]:
    """Yield title and text of an annotation for each finding, the most important first; new ones alone, if any are."""
    findings = find(result)
    if comparison is not None:
        new = {name for change in comparison.findings if change.presence is Presence.NEW for name in change.after}
        parts = [(one, [case for case in one.cases if case.id in new]) for one in findings]
        findings = tuple(part_of(one, cases) for one, cases in parts if cases) or findings
    for finding in findings[:MOST_ANNOTATIONS]:
        violated = ", ".join(f"{one.level.value} {one.id}" for one in finding.requirements)
        example = finding.example
        text = f"{finding.title}\n{example.reason}\n{pluralise(len(finding.cases), 'case')}, such as {example.id}"
        yield violated, f"{text}\nrerun: {rerun_command(example, result)}"


def _against(
    baseline: RunResult, result: RunResult, comparison: Comparison, status: int, reason: str
) -> tuple[int, str]:
    """Return exit status and reason where a baseline decides."""
    checked = any(case.violated or case.checks for case in result.cases)
    if status not in _COMPARABLE or not checked:
        return status or ExitStatus.NOTHING_RAN, reason or "nothing was checked"
    if not {case.id for case in baseline.cases} & {case.id for case in result.cases}:
        return ExitStatus.USAGE, "the baseline has no case in common with this run"
    if comparison.regressed:
        return ExitStatus.NOT_CONFORMANT, "worse than the baseline"
    return ExitStatus.CONFORMANT, ""


def _without_result(status: int, reason: str) -> JobOutcome:
    status = status or ExitStatus.SUITE_FAULT
    headline = "TARGET NOT REACHABLE" if status == ExitStatus.TARGET_LOST else HEADLINES[status]
    return JobOutcome(status, headline, status, "", _one_line(reason), nothing_markdown(headline, reason))


def _links() -> dict[str, str]:
    server, repository, run = (os.environ.get(f"GITHUB_{name}", "") for name in ("SERVER_URL", "REPOSITORY", "RUN_ID"))
    return {"run and reports": f"{server}/{repository}/actions/runs/{run}"} if server and repository and run else {}


def _write_outcome(outcome: JobOutcome) -> int:
    """Write summary, outputs and annotation, and return the exit status of the job."""
    _append("GITHUB_STEP_SUMMARY", outcome.markdown)
    folder = Path(outcome.result).parent
    if outcome.result:
        write_file(folder / SUMMARY, outcome.markdown)
    outputs = {
        "verdict": outcome.verdict,
        "exit-status": str(outcome.run_status),
        "result": outcome.result,
        "reports": str(folder) if outcome.result else "",
    }
    _append("GITHUB_OUTPUT", "".join(_output(name, value) for name, value in outputs.items()))
    for title, text in outcome.findings if outcome.reason else ():
        _print(f"::error title={_command_property(title)}::{_command_data(text)}")
    if outcome.reason:
        _print(f"::error title=Hanami conformance::{_command_data(outcome.reason)}")
    return outcome.status


def _append(variable: str, text: str) -> None:
    if os.environ.get(variable):
        with Path(os.environ[variable]).open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)


def _output(name: str, value: str) -> str:
    """Return an output in the format of the runner, with a random end marker."""
    end = f"end-{secrets.token_hex(16)}"
    return f"{name}<<{end}\n{value}\n{end}\n"


def _command_data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _command_property(text: str) -> str:
    return _command_data(text).replace(":", "%3A").replace(",", "%2C")


def _one_line(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


def _print(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - the log of the job


if __name__ == "__main__":
    sys.exit(run_guarded(main))
