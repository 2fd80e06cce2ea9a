"""``hanami-conformance replay``: replay a stored sequence and report whether it still fails."""

from __future__ import annotations

import argparse
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
from hanami_conformance.cases.recurrence import SAMPLE
from hanami_conformance.cases.sequence import StepSequence
from hanami_conformance.cases.step import SequenceError
from hanami_conformance.cli.arguments import add_options, target_values
from hanami_conformance.common.redact import SECRETS
from hanami_conformance.common.shortage import MachineShortage
from hanami_conformance.common.text import MAX_LINE, printable_line
from hanami_conformance.options.definitions import TARGET_OPTIONS
from hanami_conformance.options.run import resolve
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.server.open import temporary_target
from hanami_conformance.stateful.execute import execute
from hanami_conformance.stateful.neighbours import MOST_NEIGHBOURS, neighbours
from hanami_conformance.stateful.property_runner import REPEATS
from hanami_conformance.stateful.pytest_export import to_pytest
from hanami_conformance.target.target import Target
from hanami_proto.dialect import DEFAULT_DIALECT
from hanami_proto.options import whole_number
from hanami_reports.common.text import pluralise
from hanami_reports.model.conformance import NOT_REPRODUCED, ExitStatus

EVENTS_SHOWN = 30
DESCRIPTION = """\
Replays a stored sequence, without Hypothesis, and reports whether it still fails: fixed (exit status 0), still failing
or failing otherwise (1), interrupted (2), internal error or lack of this machine (3), wrong file or options (4), target
not reachable (6), not reproduced alone (7): it passes, and so it did when it was repeated alone, or it was seen under
load only, which --beside repeats.
"""


def add_parser(commands: Any, name: str, text: str) -> None:
    """Add the command to the others, with its help in a line."""
    parser = commands.add_parser(name, help=text, description=DESCRIPTION)
    parser.add_argument("file", type=Path, help="file of the sequence, from the exchanges/ of a report")
    parser.add_argument(
        "--times",
        type=whole_number(1),
        default=None,
        metavar="N",
        help="replay it up to N times, until it fails: for intermittent failures "
        "[default: 1, or 10 for operations at the same time and with --beside]",
    )
    parser.add_argument(
        "--beside",
        type=whole_number(1, MOST_NEIGHBOURS),
        default=0,
        metavar="N",
        help=f"run N other clients meanwhile, 1 to {MOST_NEIGHBOURS}, with uploads and requests of their own; each"
        " takes one of --max-connections",
    )
    parser.add_argument("--as-pytest", action="store_true", help="print it as a pytest file, without a target")
    add_options(parser, TARGET_OPTIONS)
    parser.set_defaults(act=_run)


def _run(arguments: argparse.Namespace) -> int:
    if arguments.as_pytest:
        return print_as_pytest(arguments.file)
    return replay(arguments.file, target_values(arguments), arguments.times, arguments.beside)


def replay(path: Path, given: Mapping[str, Any], times: int | None = None, beside: int = 0) -> int:
    """Replay the sequence of a file against a target, and print whether it still fails.

    Args:
        path: Path of the file.
        given: Options of the target, as :func:`resolve` takes them; the default dialect is that of the sequence.
        times: Largest number of replays; the first failure ends them. None for one, or for several where a failure
            depends on how operations overlap.
        beside: Number of neighbours that keep the target busy meanwhile.

    Returns:
        0 if it is fixed, 1 if it still fails, in the same way or differently, 2 if it was interrupted, 3 if it could
        not be replayed to its end, or this machine lacks what that needs, 4 if the file or an option is invalid, 6 if
        the target is down, 7 if it passes, which says nothing because the failure never recurred alone.
    """
    try:
        sequence = read(path)
        options = resolve(given, dialect=sequence.dialect or DEFAULT_DIALECT)
        times = times or (SAMPLE if beside or sequence.kind in REPEATS else 1)
        with temporary_target(options) as target:
            return _replay_beside(sequence, target, times, beside) if beside else _replay_times(sequence, target, times)
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


def _replay_beside(sequence: StepSequence, target: Target, times: int, count: int) -> int:
    with neighbours(target, count) as others:
        status = _replay_times(sequence, target, times, count)
    rounds = pluralise(sum(other.rounds for other in others), "upload and request", "uploads and requests")
    failure = next((other.failure for other in others if other.failure), "")
    _say(ExitStatus.CONFORMANT, f"beside it: {rounds} of {pluralise(count, 'neighbour')}")
    if failure:
        _say(ExitStatus.CONFORMANT, f"a neighbour failed: {failure}")
    for left in (left for other in others for left in other.left):
        _say(ExitStatus.CONFORMANT, f"left over on the target: {left}")
    return status


def _replay_times(sequence: StepSequence, target: Target, times: int, beside: int = 0) -> int:
    company = f" beside {pluralise(beside, 'neighbour')}" if beside else ""
    for number in range(1, times + 1):
        status = _replay_once(sequence, target, f" in replay {number}" if number > 1 else "", company)
        if status != ExitStatus.CONFORMANT:
            return status
    repeated = f", {times} times" if times > 1 else ""
    once = "" if times > 1 else ", once; --times 20 repeats what depends on earlier requests"
    agreed = f"{pluralise(len(sequence.steps), 'step')} agreed with the model{repeated}{company}"
    if sequence.recurred_alone is not False:
        return _say(ExitStatus.CONFORMANT, f"fixed: {agreed}{once}")
    if beside:
        return _say(NOT_REPRODUCED, f"not reproduced: {agreed}; the failure never recurred alone, nor does it now")
    cure = "which may come from load or overlap: try --beside 1, or --times 50"
    return _say(NOT_REPRODUCED, f"not reproduced alone: {agreed}; neither did the failure recur before, {cure}")


def _replay_once(sequence: StepSequence, target: Target, when: str, company: str) -> int:
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
        return _say(ExitStatus.NOT_CONFORMANT, f"{again}{when}{company}: {printable_line(str(error), MAX_LINE)}")
    except Unsupported as error:
        return _say(ExitStatus.SUITE_FAULT, f"cannot be replayed{company}: {error}")
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
