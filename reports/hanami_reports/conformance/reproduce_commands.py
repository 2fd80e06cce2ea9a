"""Commands that rerun a case or replay its sequence."""

from __future__ import annotations

import shlex
from pathlib import Path

from hanami_reports.common.file_names import EXCHANGES, RERUN_FOLDER, sequence_name
from hanami_reports.model.conformance import CaseResult, RunResult


def rerun_command(case: CaseResult, result: RunResult) -> str:
    """Return the command that reruns one case; its reports have a folder of their own, so those of the run stay."""
    folder = shlex.quote(str(RERUN_FOLDER))
    if case.judges_client:
        return _client_command(case, result, folder)
    return f"hanami-conformance run {_target_options(result)} --report-dir {folder} --case {shlex.quote(case.id)}"


def _client_command(case: CaseResult, result: RunResult, folder: str) -> str:
    """Return the command that runs a client again in the scenario of a case."""
    dialect = str(result.manifest.get("dialect", "documented"))
    options = ["--dialect", dialect, "--scenario", case.scenario]
    command = result.manifest.get("client")
    seconds = result.manifest.get("options", {}).get("timeout")
    if command and seconds:
        options += ["--timeout", f"{seconds:g}"]
    how = f"-- {command}" if command else "--server"
    return f"hanami-conformance client {shlex.join(options)} --report-dir {folder} {how}"


def replay_command(case: CaseResult, result: RunResult, folder: Path) -> str:
    """Return the command that replays the sequence of a case; empty without a sequence.

    Args:
        case: Case that did not pass.
        result: Result of its run.
        folder: Folder of the reports.
    """
    if not case.sequence:
        return ""
    sequence = shlex.quote(str(folder / EXCHANGES / sequence_name(case.id)))
    return f"hanami-conformance replay {sequence} {_target_options(result)}"


def _target_options(result: RunResult) -> str:
    """Return the options for the target of a run; secrets come from the environment."""
    target = result.manifest.get("target", {})
    address = "reference" if target.get("reference") else str(target.get("url") or "http://HOST:PORT")
    words = ["--target", address]
    dialect = str(result.manifest.get("dialect", "documented"))
    if dialect != "documented":
        words += ["--dialect", dialect]
    if command := result.manifest.get("options", {}).get("server_command"):
        words += ["--server-command", str(command)]
    for option, key in (("--user", "user"), ("--second-user", "second_user")):
        if target.get(key):
            words += [option, str(target[key])]
    return shlex.join(words)
