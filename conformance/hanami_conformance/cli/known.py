"""``hanami-conformance known``: check a list of known failures, or update it after a run."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from hanami_conformance.cli.collect import collected_cases
from hanami_conformance.cli.errors import run_command
from hanami_conformance.known_failures.file import ListError, parse_list, read_list, read_text
from hanami_conformance.known_failures.update import TODO, empty_list, update_list
from hanami_proto.files import write_file
from hanami_proto.toml import is_file_path
from hanami_reports.common.file_names import DEFAULT_RESULT
from hanami_reports.common.text import pluralise
from hanami_reports.model.conformance import ExitStatus, read_result
from hanami_reports.model.known_failure_matching import SuiteCase, unknown_failures, unknown_subject_message
from hanami_reports.model.known_failures import Entry

DESCRIPTION = """\
Checks a list of known failures, or updates it after a run: new failures are added, with a reason to be filled in, and
stale entries are removed; everything else stays as it is written.
"""
EPILOG = """\
exit status:
  0  the list is right
  1  entries match no test, have expired, or have no reason yet
  4  wrong file or options; nothing is written
"""


def add_parser(commands: Any, name: str, text: str) -> None:
    """Add the command to the others, with its help in a line."""
    form = argparse.RawDescriptionHelpFormatter
    known = commands.add_parser(
        name,
        help=text,
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=form,
    )
    what = known.add_mutually_exclusive_group(required=True)
    what.add_argument("--update", type=Path, metavar="FILE", help="update this list; created if missing")
    what.add_argument("--check", type=Path, metavar="FILE", help="check this list, or a bundled one, without a run")
    known.add_argument(
        "--from",
        type=Path,
        dest="result",
        metavar="RESULT",
        help=f"result of the run, for --update [default: {DEFAULT_RESULT}]",
    )
    known.add_argument(
        "--expires",
        metavar="DATE",
        help="last day of new and of expired entries, such as 2027-03-31, for --update",
    )
    known.set_defaults(act=partial(run_command, run))


def run(arguments: argparse.Namespace) -> int:
    """Check or update the list; return the exit status.

    Raises:
        ValueError: If a file or an option is wrong.
        CollectError: If the suite cannot be collected.
    """
    # Days are those of the user's time zone.
    today = date.today()  # noqa: DTZ011
    if arguments.check is None:
        return update(arguments.update, arguments.result or DEFAULT_RESULT, today, _day(arguments.expires, today))
    if arguments.result is not None or arguments.expires is not None:
        raise ListError("--from and --expires are for --update")
    return check(arguments.check, today)


def check(path: Path, today: date) -> int:
    """Check a list without a run.

    Returns:
        0, or 1 if entries match no test, have expired, or have no reason yet.

    Raises:
        ListError: If the file is no valid list.
    """
    known = read_list(path)
    suite = collected_cases() if known.entries else {}
    problems = {entry: _problems(entry, suite, today) for entry in known.entries}
    places = {entry: f"{known.file}:{entry.line}" if entry.line else known.file for entry in known.entries}
    _say([f"{places[entry]} {line}" for entry, lines in problems.items() for line in lines])
    wrong = sum(bool(lines) for lines in problems.values())
    sys.stdout.write(f"{known.file}: {pluralise(len(known.entries), 'entry', 'entries')}, {wrong} wrong\n")
    return ExitStatus.NOT_CONFORMANT if wrong else ExitStatus.CONFORMANT


def _problems(entry: Entry, suite: Mapping[str, SuiteCase], today: date) -> list[str]:
    """Return what is wrong with an entry, a line each."""
    if unknown := unknown_failures(entry, suite):
        return [f"{failure.subject}: {unknown_subject_message(failure, suite)}" for failure in unknown]
    if entry.has_expired(today):
        return [f"{entry.subject}: expired on {entry.expires}"]
    if entry.reason.startswith(TODO):
        return [f"{entry.subject}: has no reason yet: replace {entry.reason!r}"]
    return []


def update(path: Path, result_path: Path, today: date, expires: date | None) -> int:
    """Update a list.

    Returns:
        0, or 1 if there are expired entries that only a person can decide on.

    Raises:
        ValueError: If a file is wrong or cannot be written; nothing was changed.
    """
    if not is_file_path(str(path)):
        raise ListError(f"--update needs the path of a .toml file, and not {str(path)!r}")
    result = read_result(result_path)
    dialect = str(result.manifest.get("dialect", ""))
    text = read_text(path) if path.exists() else empty_list(dialect)
    known = parse_list(text, str(path))
    known.check_dialect(dialect)
    done = update_list(text, known, result, collected_cases(), today=today, expires=expires)
    if done.text != text or (done.changes and not path.exists()):
        write(path, done.text)
    _say(done.changes)
    _say([f"undecided: {line}" for line in done.undecided])
    counts = [f"{sum(line[0] == sign for line in done.changes)} {word}" for sign, word in _SIGNS]
    sys.stdout.write(f"{path}: {', '.join(counts)}\n")
    return ExitStatus.NOT_CONFORMANT if done.undecided else ExitStatus.CONFORMANT


_SIGNS = (("+", "added"), ("-", "removed"), ("~", "changed"))


def write(path: Path, text: str) -> None:
    """Write the list.

    Raises:
        ListError: If it cannot be written.
    """
    try:
        write_file(path, text)
    except OSError as error:
        raise ListError(f"cannot write {path}: {error.strerror or error}") from error


def _day(text: str | None, today: date) -> date | None:
    if text is None:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise ListError(f"--expires {text!r}: give a date such as 2027-03-31") from error
    if day < today:
        raise ListError(f"--expires {text}: that day is over")
    return day


def _say(lines: Sequence[str]) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))
