"""What the GitHub Action does: run the suite, write a summary and outputs, decide whether the job is red.

``python -I -m hanami_conformance.cli.github_action``. Everything comes by the environment: the inputs of the action as
``INPUT_...``, what the runner tells as ``GITHUB_...``. The run gets its options as ``HANAMI_...``, so no secret is on a
command line.
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
from hanami_reports.common.file_names import RESULT, SUMMARY
from hanami_reports.conformance.compare import Comparison, compare
from hanami_reports.conformance.compare_text import render_comparison
from hanami_reports.conformance.markdown import nothing_markdown, result_markdown
from hanami_reports.conformance.report_folder import ConformanceReportFolder
from hanami_reports.model.conformance import HEADLINES, ExitStatus, RunResult, read_result

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
# Inputs that are told to this program.
OWN = ("baseline", "arguments")
# Where a comparison decides: the run came to its end, and the target is there.
_FORGIVEN = (ExitStatus.CONFORMANT, ExitStatus.NOT_CONFORMANT, ExitStatus.NOTHING_RAN)
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class InputError(Exception):
    """An input of the action is wrong; one line that says why."""


@dataclass(frozen=True)
class Gate:
    """What the job asks for.

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
class Judgement:
    """What is said of the job.

    Attributes:
        status: Exit status of the job.
        verdict: Headline of the run.
        run_status: Exit status of the run.
        result: Path of the result file, empty where there is none.
        reason: Reason why the job fails, one line; empty where it passes.
        markdown: Summary of the job as Markdown.
    """

    status: int
    verdict: str
    run_status: int
    result: str
    reason: str
    markdown: str


def main() -> int:
    """Do all of it; the exit status of the job."""
    try:
        gate = read_inputs(os.environ)
    except InputError as error:
        return _tell(_nothing(ExitStatus.USAGE, str(error)))
    with _no_commands():
        status = _run(gate)
        judgement = judge(gate, status)
    return _tell(judgement)


def input_variable(name: str) -> str:
    """Return the variable that holds an input."""
    return f"INPUT_{name.replace('-', '_').upper()}"


def read_inputs(environment: Mapping[str, str]) -> Gate:
    """Return what the job asks for. An empty input is none, so that a settings file may decide.

    Raises:
        InputError: If an input is invalid.
    """
    given = {name: environment.get(input_variable(name), "") for name in (*PASSED_ON, *OWN)}
    options = {option.name: option for option in OPTIONS}
    passed = {name: value for name, value in environment.items() if not name.startswith("INPUT_")}
    passed |= {options[name].environment: given[name] for name in PASSED_ON if given[name]}
    folder = Path(passed.setdefault(options["report-dir"].environment, str(DEFAULT_REPORT_DIR)))
    # -I: what lies in the workspace is not imported, whatever it is called.
    command = (sys.executable, "-I", "-m", "hanami_conformance.cli.main", "run", *_words(given["arguments"]))
    if not given["baseline"]:
        return Gate(command, passed, folder)
    # Read now: the run writes to the folder that it may be in.
    try:
        baseline = read_result(Path(given["baseline"]))
    except ValueError as error:
        raise InputError(f"baseline: {error}") from error
    return Gate(command, passed, folder, baseline, given["baseline"])


def _words(arguments: str) -> list[str]:
    """Return the arguments as a shell would split them; nothing in them is expanded.

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
            # argparse takes what an option begins with for the option.
            if flag == head or (head not in names and len(head) > len("--") and flag.startswith(head)):
                raise InputError(f"arguments: {head} cannot be given here; give an input, or {variable} in env")
    return words


@contextmanager
def _no_commands() -> Iterator[None]:
    """Lets the runner obey nothing that is printed in here: a target may say ``::add-mask::``."""
    if os.environ.get("GITHUB_ACTIONS") != "true":
        yield
        return
    token = secrets.token_hex(16)
    _print(f"::stop-commands::{token}")
    try:
        yield
    finally:
        _print(f"\n::{token}::")


def _run(gate: Gate) -> int:
    """Run the suite; its exit status. A signal to end is passed on, and the reports are waited for."""
    try:
        # The result of an earlier run must not pass for this one's.
        ConformanceReportFolder(gate.folder).clear()
    except OSError as error:
        _print(f"cannot remove old reports: {error}")
        return ExitStatus.USAGE
    # In a process group of its own, so that a signal reaches it once: from here.
    with subprocess.Popen(  # noqa: S603 - the suite itself; no shell sees its arguments
        gate.command, env=gate.environment, stdin=subprocess.DEVNULL, process_group=0
    ) as process:

        def pass_on(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - as signal calls it
            process.send_signal(number)

        before = {number: signal.signal(number, pass_on) for number in _SIGNALS}
        try:
            status = process.wait()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
    return status if status in HEADLINES else ExitStatus.SUITE_FAULT


def judge(gate: Gate, status: int) -> Judgement:
    """Return what to say of the job.

    Args:
        gate: Settings of the job.
        status: Exit status of the run.
    """
    file = gate.folder / RESULT
    if not file.is_file():
        return _nothing(status, "the run ended without a result, its output tells why")
    try:
        result = read_result(file)
    except ValueError as error:
        return _nothing(ExitStatus.SUITE_FAULT, str(error))
    comparison = None
    reason = "" if status == ExitStatus.CONFORMANT else _one_line(f"{result.headline}  {result.reason}")
    final = status
    if gate.baseline is not None:
        comparison = compare(gate.baseline, result, (gate.baseline_file, str(file)))
        _print(render_comparison(comparison, color=False))
        final, reason = _against(gate.baseline, result, comparison, status, reason)
    why = reason if gate.baseline is not None else ""
    markdown = result_markdown(result, links=_links(), comparison=comparison, red=why)
    return Judgement(final, result.headline, status, str(file), reason, markdown)


def _against(
    baseline: RunResult, result: RunResult, comparison: Comparison, status: int, reason: str
) -> tuple[int, str]:
    """Exit status and reason where a baseline decides."""
    checked = any(case.violated or case.checks for case in result.cases)
    if status not in _FORGIVEN or not checked:
        return status or ExitStatus.NOTHING_RAN, reason or "nothing was checked"
    if not {case.id for case in baseline.cases} & {case.id for case in result.cases}:
        return ExitStatus.USAGE, "the baseline has no case in common with this run"
    if comparison.regressed:
        return ExitStatus.NOT_CONFORMANT, "worse than the baseline"
    return ExitStatus.CONFORMANT, ""


def _nothing(status: int, reason: str) -> Judgement:
    status = status or ExitStatus.SUITE_FAULT
    headline = "TARGET NOT REACHABLE" if status == ExitStatus.TARGET_LOST else HEADLINES[status]
    return Judgement(status, headline, status, "", _one_line(reason), nothing_markdown(headline, reason))


def _links() -> dict[str, str]:
    server, repository, run = (os.environ.get(f"GITHUB_{name}", "") for name in ("SERVER_URL", "REPOSITORY", "RUN_ID"))
    return {"run and reports": f"{server}/{repository}/actions/runs/{run}"} if server and repository and run else {}


def _tell(judgement: Judgement) -> int:
    """Write summary, outputs and annotation; the exit status of the job."""
    _append("GITHUB_STEP_SUMMARY", judgement.markdown)
    folder = Path(judgement.result).parent
    if judgement.result:
        (folder / SUMMARY).write_text(judgement.markdown, encoding="utf-8")
    outputs = {
        "verdict": judgement.verdict,
        "exit-status": str(judgement.run_status),
        "result": judgement.result,
        "reports": str(folder) if judgement.result else "",
    }
    _append("GITHUB_OUTPUT", "".join(_output(name, value) for name, value in outputs.items()))
    if judgement.reason:
        _print(f"::error title=Hanami conformance::{_command_data(judgement.reason)}")
    return judgement.status


def _append(variable: str, text: str) -> None:
    if os.environ.get(variable):
        with Path(os.environ[variable]).open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)


def _output(name: str, value: str) -> str:
    """Return an output as the runner reads it; the end of the value is marked by what nobody can guess."""
    end = f"end-{secrets.token_hex(16)}"
    return f"{name}<<{end}\n{value}\n{end}\n"


def _command_data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _one_line(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


def _print(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - the log of the job


if __name__ == "__main__":
    sys.exit(main())
