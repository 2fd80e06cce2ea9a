"""``hanami-conformance replay``: replay a stored sequence and report whether it still fails."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hanami_conformance.cases.failures import (
    PreconditionFailed,
    TargetDown,
    TargetRejectedConfiguration,
    Unsupported,
    Violation,
)
from hanami_conformance.cases.recording import begin_case, end_case
from hanami_conformance.cases.sequence import StepSequence
from hanami_conformance.cases.step import SequenceError
from hanami_conformance.common.redact import SECRETS
from hanami_conformance.common.shortage import MachineShortage
from hanami_conformance.common.text import MAX_LINE, printable_line
from hanami_conformance.options.run import resolve
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.server.open import temporary_target
from hanami_conformance.stateful.execute import execute
from hanami_conformance.stateful.pytest_export import to_pytest
from hanami_conformance.target.target import Target
from hanami_proto.dialect import DEFAULT_DIALECT
from hanami_reports.common.text import pluralise
from hanami_reports.model.conformance import ExitStatus

EVENTS_SHOWN = 30


def replay(path: Path, given: Mapping[str, Any], times: int = 1) -> int:
    """Replay the sequence of a file against a target, and print whether it still fails.

    Args:
        path: Path of the file.
        given: Options of the target, as :func:`resolve` takes them; the default dialect is that of the sequence.
        times: Largest number of replays; the first failure ends them.

    Returns:
        0 if it is fixed, 1 if it still fails, in the same way or differently, 2 if it was interrupted, 3 if it could
        not be replayed to its end, or this machine lacks what that needs, 4 if the file or an option is invalid, 6 if
        the target is down.
    """
    try:
        sequence = read(path)
        options = resolve(given, dialect=sequence.dialect or DEFAULT_DIALECT)
        with temporary_target(options) as target:
            return _replay_times(sequence, target, times)
    except (ValueError, TargetRejectedConfiguration) as error:
        return _say(ExitStatus.USAGE, f"ERROR: {error}")
    except TargetDown as error:
        return _say(ExitStatus.TARGET_LOST, f"target down: {error}")
    except MachineShortage as shortage:
        return _say(ExitStatus.SUITE_FAULT, f"cannot be replayed: {shortage}")
    except KeyboardInterrupt:
        return _say(ExitStatus.INTERRUPTED, "interrupted")


def print_as_pytest(path: Path) -> int:
    """Print the sequence of a file as a small pytest file, without a target.

    Returns:
        0, or 4 if the file is invalid.
    """
    try:
        sys.stdout.write(to_pytest(read(path)))
    except ValueError as error:
        return _say(ExitStatus.USAGE, f"ERROR: {error}")
    return ExitStatus.CONFORMANT


def read(path: Path) -> StepSequence:
    """Read a sequence.

    Raises:
        SequenceError: If the file cannot be read or is not a valid sequence; the message is one line.
    """
    try:
        return StepSequence.from_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SequenceError(f"cannot read {path}: {error.strerror or error}") from error
    except ValueError as error:
        raise SequenceError(f"{path}: {error}") from error


def _replay_times(sequence: StepSequence, target: Target, times: int) -> int:
    for number in range(1, times + 1):
        status = _replay_once(sequence, target, f" in replay {number}" if number > 1 else "")
        if status != ExitStatus.CONFORMANT:
            return status
    repeated = f", {times} times" if times > 1 else ""
    return _say(
        ExitStatus.CONFORMANT, f"fixed: {pluralise(len(sequence.steps), 'step')} agreed with the model{repeated}"
    )


def _replay_once(sequence: StepSequence, target: Target, when: str) -> int:
    case = begin_case("replay")
    resources = ResourceFactory(target, secrets.token_hex(4))
    try:
        execute(sequence, resources)
    except (Violation, PreconditionFailed, TargetDown) as error:
        events = case.exchange()
        if not target.is_alive():
            return _say(ExitStatus.TARGET_LOST, f"target down: {printable_line(str(error))}")
        for event in events[-EVENTS_SHOWN:]:
            sys.stdout.write(f"{event.line()}\n")
        again = "still failing" if is_same(sequence, error) else "fails differently"
        return _say(ExitStatus.NOT_CONFORMANT, f"{again}{when}: {printable_line(str(error), MAX_LINE)}")
    except Unsupported as error:
        return _say(ExitStatus.SUITE_FAULT, f"cannot be replayed: {error}")
    finally:
        end_case()
        for left in resources.leftovers:
            _say(ExitStatus.CONFORMANT, f"left over on the target: {left}")
    return ExitStatus.CONFORMANT


def is_same(sequence: StepSequence, error: Violation | PreconditionFailed | TargetDown) -> bool:
    """Return whether a sequence failed as in its file: with the same violated requirement or the same expectation."""
    if not sequence.requirement:
        return True  # it was written by hand, or checked nothing
    if not isinstance(error, Violation):
        return False
    return error.requirement == sequence.requirement or printable_line(error.expected, MAX_LINE) == sequence.expected


def _say(status: int, line: str) -> int:
    (sys.stderr if status == ExitStatus.USAGE else sys.stdout).write(SECRETS.text(line) + "\n")
    return status
