"""``hanami-conformance sweep``: delete what runs left on a target that could not clean up, such as killed ones."""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from hanami_conformance.cases.failures import TargetDown, TargetRejectedConfiguration, Unsupported, Violation
from hanami_conformance.cli.arguments import add_options, target_values
from hanami_conformance.common.redact import SECRETS
from hanami_conformance.common.shortage import MachineShortage
from hanami_conformance.options.definitions import TARGET_OPTIONS
from hanami_conformance.options.run import RunOptions, resolve
from hanami_conformance.resources.cleanup import describe
from hanami_conformance.resources.factory import NAME_PREFIX, Leftover, delete
from hanami_conformance.resources.listing import KINDS, listed
from hanami_conformance.server.open import temporary_target
from hanami_conformance.target.target import Target
from hanami_reports.common.text import pluralise
from hanami_reports.model.conformance import ExitStatus

DESCRIPTION = f"""\
Deletes what runs left on a target that could not clean up, such as killed ones: datasets and clusters of its users with
names that begin with {NAME_PREFIX}_ and the id of a run. Lists them by run, and asks before it deletes. A run that is
still going on loses what it uses. Exit status: nothing is left, or the answer was no (0), something cannot be deleted
(1), interrupted (2), wrong options or credentials, or nobody to ask (4), not reachable (6).
"""
OWN_NAME = re.compile(rf"{NAME_PREFIX}_(?:load_)?([0-9a-f]{{8}})_")  # of a run of the suite, and of a load run


def add_parser(commands: Any, name: str, text: str) -> None:
    """Add the command to the others, with its help in a line."""
    parser = commands.add_parser(name, help=text, description=DESCRIPTION)
    parser.add_argument(
        "--run", metavar="ID", help="only what this run left; the id stands in names and in result.json"
    )
    parser.add_argument("--yes", action="store_true", help="delete without a question, for scripts")
    add_options(parser, TARGET_OPTIONS)
    parser.set_defaults(act=_run)


def _run(arguments: argparse.Namespace) -> int:
    return sweep(target_values(arguments), arguments.run, yes=arguments.yes)


def sweep(given: Mapping[str, Any], run: str | None, *, yes: bool) -> int:
    """Delete the resources of earlier runs.

    Args:
        given: Options of the target, as :func:`resolve` takes them.
        run: Id of the only run whose resources are deleted, None for those of all runs.
        yes: Whether nobody is asked.

    Returns:
        0 if nothing is left or the answer was no, 1 if something cannot be deleted, 2 if it was interrupted, 3 if this
        machine lacks what that needs, 4 if options or credentials are wrong or nobody can be asked, 6 if the target
        cannot be reached.
    """
    try:
        options = _options(given)
        with temporary_target(options, protects=False) as target:
            return _sweep(target, run, yes=yes)
    except (TargetRejectedConfiguration, ValueError) as error:
        return _fail(ExitStatus.USAGE, f"ERROR: {error}")
    except TargetDown as error:
        return _fail(ExitStatus.TARGET_LOST, f"target down: {error}")
    except MachineShortage as shortage:
        return _fail(ExitStatus.SUITE_FAULT, f"ERROR: {shortage}")
    except KeyboardInterrupt:
        return _fail(ExitStatus.INTERRUPTED, "interrupted: the rest was not deleted")


def _options(given: Mapping[str, Any]) -> RunOptions:
    options = resolve(given)
    if options.reference:
        raise ValueError("the bundled reference backend keeps nothing after a run: name another target")
    return options


def _sweep(target: Target, run: str | None, *, yes: bool) -> int:
    by_run = _resources_by_run(target, run)
    total = sum(map(len, by_run.values()))
    if not total:
        _say(f"nothing is left over{'' if run is None else f' from run {run}'}")
        return ExitStatus.CONFORMANT
    for name, resources in by_run.items():
        _say(f"run {name}: {_counted(resources)}, such as {resources[0].name}")
    if not yes:
        if not sys.stdin.isatty():
            return _fail(ExitStatus.USAGE, "ERROR: nothing was deleted, since nobody can be asked: give --yes")
        sys.stdout.write(f"delete {pluralise(total, 'resource')} of {pluralise(len(by_run), 'run')}? [y/N] ")
        sys.stdout.flush()
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            _say("nothing was deleted")
            return ExitStatus.CONFORMANT
    return _delete([left for resources in by_run.values() for left in resources])


def _resources_by_run(target: Target, run: str | None) -> dict[str, list[Leftover]]:
    """Return the resources of runs by the ids of the runs; the users of a project may see the same ones."""
    found: dict[str, dict[tuple[str, str], Leftover]] = {}
    for account in target.accounts:
        for kind in KINDS:
            try:
                rows = list(listed(account, kind))
            except (Violation, Unsupported) as error:
                raise TargetDown(f"the {kind}s of the {account.name} cannot be listed: {error}") from error
            for row in rows:
                name, owner = next(
                    ((text, match[1]) for text in row.texts if (match := OWN_NAME.match(text))), ("", "")
                )
                if name and run in (None, owner):
                    found.setdefault(owner, {}).setdefault((kind, row.uuid), Leftover(account, kind, row.uuid, name))
    return {owner: list(resources.values()) for owner, resources in found.items()}


def _counted(resources: Sequence[Leftover]) -> str:
    counts = Counter(left.kind for left in resources)
    return " and ".join(pluralise(count, kind) for kind, count in counts.items())


def _delete(resources: Sequence[Leftover]) -> int:
    remaining = []
    for resource in resources:
        try:
            left = delete(resource)
        except Unsupported as error:  # the cluster that the options name
            left = resource.with_reason(str(error))
        if left is not None:
            remaining.append(left)
    _say(f"{pluralise(len(resources) - len(remaining), 'resource')} deleted")
    for line in describe(remaining):
        _say(f"left over on the target: {line}")
    return ExitStatus.NOT_CONFORMANT if remaining else ExitStatus.CONFORMANT


def _say(line: str) -> None:
    sys.stdout.write(SECRETS.text(line) + "\n")


def _fail(status: int, line: str) -> int:
    sys.stderr.write(SECRETS.text(line) + "\n")
    return status
