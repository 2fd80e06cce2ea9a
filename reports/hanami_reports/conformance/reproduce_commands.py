"""Command lines that run a case again, or replay its sequence."""

from __future__ import annotations

import shlex
from pathlib import Path

from hanami_reports.common.file_names import EXCHANGES, sequence_name
from hanami_reports.model.conformance import CaseResult, RunResult


def again(case: CaseResult, result: RunResult) -> str:
    """Return the line that runs one case again."""
    return f"hanami-conformance run {target_options(result)} --case {shlex.quote(case.id)}"


def replay(case: CaseResult, result: RunResult, folder: Path) -> str:
    """Return the line that replays the sequence of a case; empty where it has none.

    Args:
        case: that went wrong.
        result: of its run.
        folder: where the reports are.
    """
    if not case.sequence:
        return ""
    sequence = shlex.quote(str(folder / EXCHANGES / sequence_name(case.id)))
    return f"hanami-conformance replay {sequence} {target_options(result)}"


def target_options(result: RunResult) -> str:
    """Return the options that name the target of a run; what is secret comes from the environment."""
    target = result.manifest.get("target", {})
    address = "reference" if target.get("reference") else str(target.get("url") or "http://HOST:PORT")
    dialect = str(result.manifest.get("dialect", "documented"))
    shown = "" if dialect == "documented" else f" --dialect {shlex.quote(dialect)}"
    command = result.manifest.get("options", {}).get("server_command")
    if command:
        shown += f" --server-command {shlex.quote(str(command))}"
    for option in ("user", "second_user"):
        if target.get(option):
            shown += f" --{option.replace('_', '-')} {shlex.quote(str(target[option]))}"
    return f"--target {shlex.quote(address)}{shown}"
