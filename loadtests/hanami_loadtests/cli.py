"""The command ``hanami-load``: a load run with a verdict, without knowing Locust."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path

from rich.console import Console

from hanami_conformance import __version__
from hanami_conformance.cases.failures import TargetDown
from hanami_conformance.cli.support import need_command, output_that_may_close
from hanami_conformance.common.redact import SECRETS
from hanami_conformance.common.signals import handle_signals
from hanami_conformance.options.definitions import AUTO, REFERENCE
from hanami_conformance.options.target import Credentials, TargetOptions
from hanami_conformance.server.reference import ReferenceProcess
from hanami_loadtests.engine.schedule import OPEN
from hanami_loadtests.launch import LOG, Launch, run_locust
from hanami_loadtests.limits.file import read_limits
from hanami_loadtests.options import LOAD_OPTIONS
from hanami_loadtests.result import LoadFolder
from hanami_loadtests.scenarios.all import SCENARIOS
from hanami_loadtests.scenarios.scenario import check_sockets
from hanami_loadtests.settings import settings_of
from hanami_reports.common.report_folder import ReportFolderError
from hanami_reports.load.terminal import console_of, print_result
from hanami_reports.model.load import LOAD_RESULT, LoadExit, read_load_result

DESCRIPTION = "Load a Hanami backend with checked uploads and direct interaction, and judge what came of it."
EPILOG = """\
exit status: 0 PASS, 1 FAIL (a limit is broken), 2 interrupted, 3 fault of the suite, 4 usage, 5 INVALID (nothing can be
said: the generator was the bottleneck, or there are too few samples), 6 target not reachable or gone.
Passwords are best given by the environment: HANAMI_USER, HANAMI_PASSWORD, HANAMI_TOKEN.
The same scenarios in Locust's web UI: hanami-load web --target http://HOST:PORT"""
DEFAULT_USERS, DEFAULT_SECONDS = 10, 30.0
MOST_USERS, MOST_SECONDS = 100_000, 7 * 24 * 3600.0
SECRET = {"password", "token"}
LOCUSTFILE = '''\
"""Load tests of a Hanami backend: ``locust -f locustfile.py --host http://HOST:PORT``."""

from hanami_loadtests.locustfile import *  # noqa: F403 - Locust looks for classes of users in this module
'''


@dataclass(frozen=True)
class _Started:
    """A target, and how to log in there."""

    url: str
    environment: Mapping[str, str]


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    form = argparse.RawDescriptionHelpFormatter
    main_parser = argparse.ArgumentParser("hanami-load", description=DESCRIPTION, epilog=EPILOG, formatter_class=form)
    main_parser.add_argument("--version", action="version", version=f"hanami-load {__version__}")
    commands = main_parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    run = commands.add_parser(
        "run", help="make load and judge it", description=DESCRIPTION, epilog=EPILOG, formatter_class=form
    )
    web = commands.add_parser(
        "web", help="open Locust's web UI with our scenarios", description="Open Locust's web UI."
    )
    for command in (run, web):
        command.add_argument(
            "--target",
            default=os.environ.get("HANAMI_TARGET"),
            metavar="URL",
            help=f"address of the server, http://HOST:PORT; '{REFERENCE}' starts the bundled reference backend "
            "[HANAMI_TARGET]",
        )
        command.add_argument("--processes", type=int, default=0, metavar="N", help="that make load; -1: one a core")
        for option in LOAD_OPTIONS:
            command.add_argument(f"--{option.name}", **option.plain_arguments())
    run.add_argument(
        "--scenario",
        action="append",
        default=[],
        metavar="NAME[=WEIGHT]",
        help="what users do, and how many of them in relation to others; repeatable "
        "[default: all, see 'scenarios', which also tells the weight where none is given]",
    )
    run.add_argument("--users", type=int, default=DEFAULT_USERS, metavar="N", help="default: %(default)s")
    run.add_argument(
        "--seconds", type=float, default=DEFAULT_SECONDS, metavar="N", help="with the warm-up; default: %(default)g"
    )
    web.add_argument("--web-port", type=int, default=8089, metavar="PORT", help="of the page; default: %(default)s")
    web.add_argument("--web-host", default="127.0.0.1", metavar="HOST", help="of the page; default: %(default)s")
    commands.add_parser("scenarios", help="list what users can do", description="List the scenarios.")
    limits = commands.add_parser("limits", help="write a file of limits to begin with", description="Write limits.")
    limits.add_argument("file", type=Path, nargs="?", default=Path("limits.toml"), help="default: %(default)s")
    locustfile = commands.add_parser(
        "locustfile",
        help="print or write a file for Locust itself: locust -f FILE",
        description="Print a locustfile with our scenarios, or write it to a file: a start for one of your own.",
    )
    locustfile.add_argument("file", type=Path, nargs="?", help="file to write; printed where none is given, or -")
    return main_parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Returns:
        The exit status, see ``--help``.
    """
    try:
        main_parser = parser()
        need_command(main_parser, argv)
        arguments = main_parser.parse_args(argv)
    except SystemExit as error:
        return LoadExit.PASS if error.code in (0, None) else LoadExit.USAGE
    try:
        with output_that_may_close(), handle_signals():
            return _command(arguments)
    except KeyboardInterrupt:
        sys.stdout.write("interrupted\n")
        return LoadExit.INTERRUPTED
    except ValueError as error:
        sys.stderr.write(SECRETS.text(f"ERROR: {error}") + "\n")
        return LoadExit.USAGE
    except TargetDown as error:
        sys.stderr.write(SECRETS.text(f"TARGET NOT REACHABLE: {error}") + "\n")
        return LoadExit.TARGET_LOST


def _command(arguments: argparse.Namespace) -> int:
    if arguments.command == "scenarios":
        for scenario in SCENARIOS.values():
            sys.stdout.write(f"{scenario.name:<18} weight {scenario.weight}  {scenario.title}\n")
        return LoadExit.PASS
    if arguments.command == "limits":
        text = (resources.files("hanami_loadtests") / "limits.toml").read_text(encoding="utf-8")
        return _write(arguments.file, text, f"hanami-load run --limits {arguments.file} ...")
    if arguments.command == "locustfile":
        if arguments.file not in (None, Path("-")):
            return _write(arguments.file, LOCUSTFILE, f"locust -f {arguments.file} --host http://HOST:PORT")
        sys.stdout.write(LOCUSTFILE)
        return LoadExit.PASS
    if not arguments.target:
        raise ValueError(f"no target: give --target http://HOST:PORT, or --target {REFERENCE} for the bundled backend")
    if arguments.processes < -1:
        raise ValueError(f"--processes {arguments.processes}: give a number of processes, or -1 for one a core")
    if arguments.target != REFERENCE:
        return _load(arguments, _Started(arguments.target, {}))
    dialect = str(arguments.dialect or AUTO)
    backend = ReferenceProcess(dialect)
    try:
        started = backend.start(TargetOptions("", Credentials(), dialect=dialect))
        login = {"HANAMI_USER": started.account.user, "HANAMI_PASSWORD": started.account.password}
        return _load(arguments, _Started(started.url, login))
    finally:
        backend.stop()


def _load(arguments: argparse.Namespace, target: _Started) -> int:
    given = {option.dest: getattr(arguments, option.dest) for option in LOAD_OPTIONS}
    login = {"user": target.environment.get("HANAMI_USER"), "password": target.environment.get("HANAMI_PASSWORD")}
    settings = settings_of({**given, **{name: value for name, value in login.items() if value}}, target.url)
    read_limits(settings.limits)
    try:
        LoadFolder(settings.report_dir).prepare()
    except ReportFolderError as error:
        raise ValueError(str(error)) from error
    options = []
    for option in LOAD_OPTIONS:
        value = given[option.dest]
        if option.switch:
            options += [f"--{option.name}"] if value else []
        elif value and option.name not in SECRET and not (login["user"] and option.name == "user"):
            options.append(f"--{option.name}={value}")
    secrets = {f"HANAMI_{name.upper()}": str(given[name]) for name in SECRET if given[name]}
    launch = Launch(
        url=target.url,
        options=options,
        environment={**secrets, **target.environment},
        processes=arguments.processes,
        folder=settings.report_dir,
    )
    if arguments.command == "web":
        return run_locust(replace(launch, web=(arguments.web_host, arguments.web_port)), Console())
    _check_run(arguments)
    for name in ("rate", "arrivals"):
        if given[name] and settings.model != OPEN:
            raise ValueError(f"--{name} {given[name]}: means nothing in the {settings.model} model; add --model {OPEN}")
    if arguments.seconds <= settings.warm_up:
        raise ValueError(f"--seconds {arguments.seconds:g}: the warm-up alone takes {settings.warm_up:g} (--warm-up)")
    weights = _weights(arguments.scenario)
    if arguments.users < len(weights):
        raise ValueError(f"--users {arguments.users}: too few for {len(weights)} scenarios")
    chosen = [SCENARIOS[name] for name in weights or SCENARIOS]
    check_sockets(settings, chosen, _processes(arguments.processes))
    # At the end users may need three calls each to clean up, and one more tells whether the target is still there.
    seconds = arguments.seconds + settings.drain + 4 * settings.target.deadline
    launch = replace(
        launch,
        weights=weights,
        users=arguments.users,
        seconds=arguments.seconds,
        most_seconds=seconds,
    )
    return _judged(launch)


def _processes(given: int) -> int:
    return max(1, (os.cpu_count() or 1) if given == -1 else given)


def _check_run(arguments: argparse.Namespace) -> None:
    if not 1 <= arguments.users <= MOST_USERS:
        raise ValueError(f"--users {arguments.users}: give a number from 1 to {MOST_USERS}")
    if not 1 <= arguments.seconds <= MOST_SECONDS:
        raise ValueError(f"--seconds {arguments.seconds:g}: give a number from 1 to {MOST_SECONDS:.0f}")


def _weights(given: Sequence[str]) -> dict[str, int]:
    """Scenario to weight, of those that were asked for."""
    weights = {}
    for text in given:
        name, _, weight = text.partition("=")
        if name not in SCENARIOS:
            raise ValueError(f"--scenario {text!r}: choose one of {', '.join(SCENARIOS)}")
        if weight and not re.fullmatch(r"[1-9]\d{0,5}", weight):
            raise ValueError(f"--scenario {text!r}: give a weight from 1, such as {name}=3")
        weights[name] = int(weight) if weight else SCENARIOS[name].weight
    return weights


def _judged(launch: Launch) -> int:
    """Run, and say what came of it."""
    result = launch.folder / LOAD_RESULT
    result.unlink(missing_ok=True)  # what an earlier run left there must not pass for this one's
    console = console_of()
    users = f"{launch.users} user{'s' if launch.users > 1 else ''}"
    console.print(
        f"{launch.url}: {users}, {launch.seconds:g} s: {', '.join(launch.weights or SCENARIOS)}", highlight=False
    )
    status = run_locust(launch, console)
    if result.is_file():
        judged = read_load_result(result)
        print_result(judged, launch.folder, console)
        had = judged.configuration.get("users", {})
        if idle := [name for name in launch.weights or SCENARIOS if had and name not in had]:
            console.print(f"not run, with so few users: {', '.join(idle)}", highlight=False)
    elif status in (LoadExit.PASS, LoadExit.FAIL):
        sys.stderr.write(f"ERROR: Locust ended before there was a result; see {launch.folder / LOG}\n")
        return LoadExit.INTERNAL_ERROR
    elif status == LoadExit.INTERRUPTED:
        sys.stderr.write("INTERRUPTED  before the run began\n")
    return status


def _write(path: Path, text: str, use: str) -> int:
    """Write a new file, and say how it is used."""
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise ValueError(f"{path} is there already, and is left as it is") from error
    except OSError as error:
        raise ValueError(f"cannot write {path}: {error.strerror or error}") from error
    sys.stdout.write(f"wrote {path}; use it with: {use}\n")
    return LoadExit.PASS


if __name__ == "__main__":
    sys.exit(main())
