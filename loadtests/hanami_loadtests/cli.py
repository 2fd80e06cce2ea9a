"""The command ``hanami-load``: a load run with a verdict, without knowing Locust."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any

from rich.console import Console

from hanami_conformance import __version__
from hanami_conformance.cases.failures import TargetDown
from hanami_conformance.common.redact import SECRETS
from hanami_conformance.common.shortage import MachineShortage
from hanami_conformance.common.signals import handle_signals
from hanami_conformance.options.definitions import (
    AUTO,
    CA_FILE,
    DIALECT,
    INSECURE,
    PASSWORD,
    REFERENCE,
    TARGET,
    USER,
)
from hanami_conformance.options.sources import merge_sources
from hanami_conformance.options.target import Credentials, TargetOptions, check_reference
from hanami_conformance.server.reference import ReferenceBackend
from hanami_conformance.target.login import register_secrets
from hanami_loadtests.engine.schedule import OPEN
from hanami_loadtests.launch import LOG, Launch, run_locust
from hanami_loadtests.limits.file import read_limits
from hanami_loadtests.options import ACCOUNT_OPTIONS, LOAD_OPTIONS, LOCUST_OPTIONS, WEB_ALLOWED_HOSTS
from hanami_loadtests.ports import LOOPBACK
from hanami_loadtests.result import LoadFolder
from hanami_loadtests.scenarios.all import SCENARIOS
from hanami_loadtests.scenarios.scenario import check_sockets
from hanami_loadtests.settings import settings_from
from hanami_proto.command_line import CommandParser, parse_command, run_guarded
from hanami_proto.files import write_file
from hanami_reports.common.file_names import LOAD_RESULT
from hanami_reports.common.report_folder import ReportFolderError
from hanami_reports.common.text import UNCHECKED_CERTIFICATE
from hanami_reports.load.terminal import load_console, print_result
from hanami_reports.model.load import LoadExit, read_load_result

DESCRIPTION = "Load a Hanami backend with verified uploads and direct interaction, and judge the run by its limits."
EPILOG = """\
exit status: 0 PASS, 1 FAIL (a limit is broken), 2 interrupted, 3 internal error, 4 wrong options, 5 INVALID
(not conclusive: this machine lacked something, the generator was the bottleneck, or there are too few samples),
6 target not reachable or lost.
Passwords are best given by the environment: HANAMI_USER, HANAMI_PASSWORD, HANAMI_TOKEN.
The same scenarios in Locust's web UI: hanami-load web --target http://HOST:PORT"""
DEFAULT_USERS, DEFAULT_SECONDS = 10, 30.0
MOST_USERS, MOST_SECONDS = 100_000, 7 * 24 * 3600.0
LOCUSTFILE = '''\
"""Load tests of a Hanami backend: ``locust -f locustfile.py --host http://HOST:PORT``."""

from hanami_loadtests.locustfile import *  # noqa: F403 - Locust looks for classes of users in this module
'''


def parser() -> CommandParser:
    """Return the command line."""
    form = argparse.RawDescriptionHelpFormatter
    main_parser = CommandParser("hanami-load", description=DESCRIPTION, epilog=EPILOG, formatter_class=form)
    main_parser.add_argument("--version", action="version", version=f"hanami-load {__version__}")
    commands = main_parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    run = commands.add_parser(
        "run", help="generate load and judge the run", description=DESCRIPTION, epilog=EPILOG, formatter_class=form
    )
    web = commands.add_parser(
        "web", help="open Locust's web UI with our scenarios", description="Open Locust's web UI."
    )
    for command in (run, web):
        for option in (TARGET, *LOAD_OPTIONS):
            command.add_argument(option.flag, **option.argparse_kwargs())
        command.add_argument(
            "--processes", type=int, default=0, metavar="N", help="processes that generate load; -1: one a core"
        )
        command.set_defaults(act=_with_target)
    run.add_argument(
        "--scenario",
        action="append",
        default=[],
        metavar="NAME[=WEIGHT]",
        help="what users do, and how many of them in relation to others; repeatable "
        "[default: all, with the weights that 'scenarios' prints]",
    )
    run.add_argument("--users", type=int, default=DEFAULT_USERS, metavar="N", help="default: %(default)s")
    run.add_argument(
        "--seconds", type=float, default=DEFAULT_SECONDS, metavar="N", help="with the warm-up; default: %(default)g"
    )
    web.add_argument("--web-port", type=int, default=8089, metavar="PORT", help="of the page; default: %(default)s")
    web.add_argument("--web-host", default=LOOPBACK, metavar="HOST", help="of the page; default: %(default)s")
    web.add_argument(WEB_ALLOWED_HOSTS.flag, **WEB_ALLOWED_HOSTS.argparse_kwargs())
    scenarios = commands.add_parser("scenarios", help="list the scenarios", description="List the scenarios.")
    scenarios.set_defaults(act=_list_scenarios)
    limits = commands.add_parser("limits", help="write a file of limits to begin with", description="Write limits.")
    limits.add_argument("file", type=Path, nargs="?", default=Path("limits.toml"), help="default: %(default)s")
    limits.set_defaults(act=_write_limits)
    locustfile = commands.add_parser(
        "locustfile",
        help="print or write a file for Locust itself: locust -f FILE",
        description="Print a locustfile with our scenarios, or write it to a file: a start for one of your own.",
    )
    locustfile.add_argument("file", type=Path, nargs="?", help="file to write; printed where none is given, or -")
    locustfile.set_defaults(act=_write_locustfile)
    return main_parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Returns:
        The exit status, see ``--help``.
    """
    return run_guarded(lambda: _run(parse_command(parser(), argv)), SECRETS.text)


def _run(arguments: argparse.Namespace) -> int:
    try:
        with handle_signals():
            status: int = arguments.act(arguments)
            return status
    except KeyboardInterrupt:
        sys.stdout.write("interrupted\n")
        return LoadExit.INTERRUPTED
    except ValueError as error:
        sys.stderr.write(SECRETS.text(f"ERROR: {error}") + "\n")
        return LoadExit.USAGE
    except MachineShortage as error:
        sys.stderr.write(f"INVALID: {error.lacking}\n")
        return LoadExit.INVALID
    except TargetDown as error:
        sys.stderr.write(SECRETS.text(f"TARGET NOT REACHABLE: {error}") + "\n")
        return LoadExit.TARGET_LOST


def _list_scenarios(_arguments: argparse.Namespace) -> int:
    for scenario in SCENARIOS.values():
        sys.stdout.write(f"{scenario.name:<18} weight {scenario.weight}  {scenario.title}\n")
    return LoadExit.PASS


def _write_limits(arguments: argparse.Namespace) -> int:
    text = (resources.files("hanami_loadtests") / "limits.toml").read_text(encoding="utf-8")
    return _write(arguments.file, text, f"hanami-load run --limits {arguments.file} ...")


def _write_locustfile(arguments: argparse.Namespace) -> int:
    if arguments.file not in (None, Path("-")):
        return _write(arguments.file, LOCUSTFILE, f"locust -f {arguments.file} --host http://HOST:PORT")
    sys.stdout.write(LOCUSTFILE)
    return LoadExit.PASS


def _with_target(arguments: argparse.Namespace) -> int:
    # No account as a whole: a token and a user together are an error here, from wherever they come.
    given: dict[str, Any] = dict(merge_sources((TARGET, *LOCUST_OPTIONS), vars(arguments), os.environ, accounts=()))
    target = given.pop(TARGET.dest, "")
    if not target:
        raise ValueError(f"no target: give --target http://HOST:PORT, or --target {REFERENCE} for the bundled backend")
    if arguments.processes < -1:
        raise ValueError(f"--processes {arguments.processes}: give a number of processes, or -1 for one a core")
    if target != REFERENCE:
        return _load(arguments, target, given)
    check_reference(vars(arguments))
    dialect = given.get(DIALECT.dest, AUTO)
    with ReferenceBackend(TargetOptions("", Credentials(), dialect=dialect)) as backend:
        started = backend.options
        given |= {USER.dest: started.account.user, PASSWORD.dest: started.account.password}
        given |= {CA_FILE.dest: "", INSECURE.dest: ""}  # for servers of others
        return _load(arguments, started.url, given)


def _load(arguments: argparse.Namespace, url: str, given: Mapping[str, Any]) -> int:
    settings = settings_from(given, url)
    register_secrets(settings.target.account, "user")
    read_limits(settings.limits)
    try:
        LoadFolder(settings.report_dir).prepare()
    except ReportFolderError as error:
        raise ValueError(str(error)) from error
    launch = Launch(
        url=url,
        options=_locust_options(given),
        # By the environment an account reaches Locust unseen by other users of the machine, and nothing else is in it.
        environment={
            option.environment: str(given.get(option.dest, "")) for option in LOCUST_OPTIONS if option.environment
        },
        processes=arguments.processes,
        folder=settings.report_dir,
    )
    if settings.target.insecure:
        load_console().print(UNCHECKED_CERTIFICATE, style="yellow", highlight=False)
    if arguments.command == "web":
        WEB_ALLOWED_HOSTS.value(given.get(WEB_ALLOWED_HOSTS.dest))
        return run_locust(replace(launch, web=(arguments.web_host, arguments.web_port)), Console())
    _check_run(arguments)
    for name in ("rate", "arrivals"):
        if given.get(name) and settings.model != OPEN:
            raise ValueError(f"--{name} {given[name]}: has no effect in the {settings.model} model; add --model {OPEN}")
    if arguments.seconds <= settings.warm_up:
        raise ValueError(f"--seconds {arguments.seconds:g}: the warm-up alone takes {settings.warm_up:g} (--warm-up)")
    weights = _weights(arguments.scenario)
    if arguments.users < len(weights):
        raise ValueError(f"--users {arguments.users}: too few for {len(weights)} scenarios")
    chosen = [SCENARIOS[name] for name in weights or SCENARIOS]
    check_sockets(settings, chosen, _processes(arguments.processes))
    # At the end users may need three calls each to clean up, and one more finds out whether the target is still up.
    seconds = arguments.seconds + settings.drain + 4 * settings.target.deadline
    launch = replace(
        launch,
        weights=weights,
        users=arguments.users,
        seconds=arguments.seconds,
        most_seconds=seconds,
    )
    return _run_and_report(launch)


def _locust_options(given: Mapping[str, Any]) -> list[str]:
    words = []
    for option in LOCUST_OPTIONS:
        value = given.get(option.dest)
        if option in ACCOUNT_OPTIONS or value is None:
            continue
        if option.kind != "switch":
            words.append(f"{option.flag}={value}")
        elif option.value(value):
            words.append(option.flag)
    return words


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


def _run_and_report(launch: Launch) -> int:
    """Run Locust, and print the result."""
    result = launch.folder / LOAD_RESULT
    earlier = _identity(result)  # what an earlier run left there must not pass for this one's
    console = load_console()
    users = f"{launch.users} user{'s' if launch.users > 1 else ''}"
    console.print(
        f"{launch.url}: {users}, {launch.seconds:g} s: {', '.join(launch.weights or SCENARIOS)}", highlight=False
    )
    status = run_locust(launch, console)
    if _identity(result) not in (None, earlier):
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


def _identity(file: Path) -> tuple[int, int] | None:
    """Return what distinguishes a file from the one that replaces it; None for no file."""
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns


def _write(path: Path, text: str, use: str) -> int:
    """Write a new file, and say how it is used."""
    try:
        write_file(path, text, new=True)
    except FileExistsError as error:
        raise ValueError(f"{path} is there already, and is left as it is") from error
    except OSError as error:
        raise ValueError(f"cannot write {path}: {error.strerror or error}") from error
    sys.stdout.write(f"wrote {path}; use it with: {use}\n")
    return LoadExit.PASS


if __name__ == "__main__":
    sys.exit(main())
