"""The command ``hanami-load``: a load run with a verdict, without knowing Locust."""

from __future__ import annotations

import argparse
import contextlib
import os
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
    SERVER_COMMAND,
    SERVER_READY,
    TARGET,
    USER,
)
from hanami_conformance.options.sources import merge_sources
from hanami_conformance.options.target import Credentials, TargetOptions, check_reference, server_command
from hanami_conformance.server.process import SERVER_LOG, ServerProcess
from hanami_conformance.server.reference import ReferenceBackend
from hanami_conformance.server.startup import ServerStartup
from hanami_conformance.target.login import register_secrets
from hanami_conformance.target.server_control import ServerControl
from hanami_loadtests.engine.schedule import OPEN
from hanami_loadtests.faults.injector import FaultInjector
from hanami_loadtests.launch import Launch, run_locust
from hanami_loadtests.limits.file import read_limits
from hanami_loadtests.options import (
    LOAD_OPTIONS,
    LOCUST_OPTIONS,
    SERVER_PID,
    WEB_ALLOWED_HOSTS,
)
from hanami_loadtests.peak.command import DEFAULT_REPORT_DIR, DEFAULT_SCENARIO, PEAK_OPTIONS, peak_settings, run_peak
from hanami_loadtests.peak.command import DESCRIPTION as PEAK
from hanami_loadtests.ports import LOOPBACK, require_bindable
from hanami_loadtests.result import LoadFolder
from hanami_loadtests.run_command import (
    DEFAULT_SECONDS,
    DEFAULT_USERS,
    locust_options,
    process_count,
    run_load,
    scenario_weights,
)
from hanami_loadtests.scenarios.all import SCENARIOS
from hanami_loadtests.scenarios.scenario import check_sockets
from hanami_loadtests.settings import Settings, settings_from
from hanami_loadtests.stages.plan import faults_for, plan_for
from hanami_loadtests.telemetry.settings import telemetry_settings
from hanami_proto.command_line import CommandParser, parse_command, run_guarded
from hanami_proto.files import write_file
from hanami_reports.common.report_folder import ReportFolderError
from hanami_reports.common.text import UNCHECKED_CERTIFICATE
from hanami_reports.load.peak.report_folder import PeakFolder
from hanami_reports.load.terminal import load_console
from hanami_reports.model.load import LoadExit

DESCRIPTION = "Load a Hanami backend with verified uploads and direct interaction, and judge the run by its limits."
EPILOG = """\
exit status: 0 PASS, 1 FAIL (a limit is broken), 2 interrupted, 3 internal error, 4 wrong options, 5 INVALID
(not conclusive: this machine lacked something, the generator was the bottleneck, or there are too few samples),
6 target not reachable or lost.
Passwords are best given by the environment: HANAMI_USER, HANAMI_PASSWORD, HANAMI_TOKEN.
The same scenarios in Locust's web UI: hanami-load web --target http://HOST:PORT"""
SERVER_OPTIONS = (
    replace(SERVER_COMMAND, help="command that starts the server, without a shell; it is stopped at the end"),
    SERVER_READY,
)
PEAK_DEFAULTS = {"model": OPEN, "report_dir": DEFAULT_REPORT_DIR}
NOT_OF_PEAK = ("rate", "rate-per-user", "stages", "faults")  # a search chooses the load itself
PEAK_HELP = "find the highest load that holds the limits"
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
    peak = commands.add_parser("peak", help=PEAK_HELP, description=PEAK, epilog=EPILOG, formatter_class=form)
    for command in (run, peak, web):
        for option in (TARGET, *SERVER_OPTIONS, *LOAD_OPTIONS):
            keywords = option.argparse_kwargs()
            if command is peak and option.name in NOT_OF_PEAK:
                keywords["help"] = argparse.SUPPRESS
            elif command is peak and option.dest in PEAK_DEFAULTS:
                keywords["help"] = replace(option, default=PEAK_DEFAULTS[option.dest]).full_help
            command.add_argument(option.flag, **keywords)
        command.add_argument(
            "--processes", type=int, default=0, metavar="N", help="processes that generate load; -1: one a core"
        )
        command.set_defaults(act=_with_target)
    for command, default in ((run, "all, with the weights that 'scenarios' prints"), (peak, DEFAULT_SCENARIO)):
        command.add_argument(
            "--scenario",
            action="append",
            default=[],
            metavar="NAME[=WEIGHT]",
            help=f"what users do, and how many of them in relation to others; repeatable [default: {default}]",
        )
    for option in PEAK_OPTIONS:
        peak.add_argument(option.flag, **option.argparse_kwargs())
    run.add_argument("--users", type=int, metavar="N", help=f"default: {DEFAULT_USERS}, without --stages")
    run.add_argument(
        "--seconds", type=float, metavar="N", help=f"with the warm-up; default: {DEFAULT_SECONDS:g}, without --stages"
    )
    run.add_argument(
        "--repeat",
        type=int,
        metavar="N",
        help="run N times, each with reports in a folder of its own, REPORT_DIR/1 and so on: the runs to compare",
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
    options = (TARGET, *SERVER_OPTIONS, *LOCUST_OPTIONS)
    given: dict[str, Any] = dict(merge_sources(options, vars(arguments), os.environ, accounts=()))
    if arguments.command == "peak":
        given = {**PEAK_DEFAULTS, **given}
    target = given.pop(TARGET.dest, "")
    if not target:
        raise ValueError(f"no target: give --target http://HOST:PORT, or --target {REFERENCE} for the bundled backend")
    if arguments.processes < -1:
        raise ValueError(f"--processes {arguments.processes}: give a number of processes, or -1 for one a core")
    command = server_command(given.get(SERVER_COMMAND.dest) or "")
    if command and given.get(SERVER_PID.dest):
        raise ValueError("--server-command starts the server, so that its process is known: leave out --server-pid")
    if command and target != REFERENCE:
        return _load_managed(arguments, target, given, command)
    if target != REFERENCE:
        return _load(arguments, target, given)
    check_reference(vars(arguments))
    dialect = given.get(DIALECT.dest, AUTO)
    with ReferenceBackend(TargetOptions("", Credentials(), dialect=dialect)) as backend:
        started = backend.options
        given |= {USER.dest: started.account.user, PASSWORD.dest: started.account.password}
        given |= {CA_FILE.dest: "", INSECURE.dest: "", SERVER_PID.dest: backend.pid}  # for servers of others
        return _load(arguments, started.url, given, ServerControl(backend, backend.restart))


def _load_managed(arguments: argparse.Namespace, url: str, given: dict[str, Any], command: Sequence[str]) -> int:
    """Start the server, load it, and stop it."""
    settings = settings_from(given, url)
    register_secrets(settings.target.account, "user")
    _prepare_folder(arguments, settings.report_dir)
    server = ServerProcess(command, settings.report_dir / SERVER_LOG)
    with contextlib.closing(server):
        startup = ServerStartup(server, settings.target, SERVER_READY.value(given.get(SERVER_READY.dest)))
        target = startup.start()
        target.close_connections()
        target.teardown()
        given[SERVER_PID.dest] = server.pid
        status = _load(arguments, url, given, ServerControl(server, server.start))
        if ended := server.ended():
            text = f"SERVER  {ended}\n{server.tail()}".rstrip()
            load_console().print(text, markup=False, highlight=False)
        return status


def _prepare_folder(arguments: argparse.Namespace, path: Path) -> None:
    folder = PeakFolder(path) if arguments.command == "peak" else LoadFolder(path)
    try:
        folder.prepare()
    except ReportFolderError as error:
        raise ValueError(str(error)) from error


def _load(
    arguments: argparse.Namespace, url: str, given: Mapping[str, Any], server: ServerControl | None = None
) -> int:
    settings = settings_from(given, url)
    register_secrets(settings.target.account, "user")
    read_limits(settings.limits)
    telemetry_settings(given)
    if not getattr(arguments, "repeat", None):
        _prepare_folder(arguments, settings.report_dir)
    launch = Launch(
        url=url,
        options=locust_options(given),
        # By the environment an account reaches Locust unseen by other users of the machine, and nothing else is in it.
        environment={
            option.environment: str(given.get(option.dest, "")) for option in LOCUST_OPTIONS if option.environment
        },
        processes=arguments.processes,
        folder=settings.report_dir,
    )
    if settings.target.insecure:
        load_console().print(UNCHECKED_CERTIFICATE, style="yellow", highlight=False)
    if arguments.command == "peak":
        return _peak(arguments, settings, given, launch)
    with FaultInjector(faults_for(settings, plan_for(settings), None), url, server) as injector:
        variables = {**launch.environment, **injector.environment}
        launch = replace(launch, environment=variables, descriptors=injector.descriptors)
        if arguments.command == "run":
            return run_load(arguments, settings, given, launch)
        WEB_ALLOWED_HOSTS.value(given.get(WEB_ALLOWED_HOSTS.dest))
        require_bindable(arguments.web_host, arguments.web_port)
        return run_locust(replace(launch, web=(arguments.web_host, arguments.web_port)), Console())


def _peak(arguments: argparse.Namespace, settings: Settings, given: Mapping[str, Any], launch: Launch) -> int:
    if settings.stages is not None:
        raise ValueError(f"--stages {settings.stages}: a search has points of constant load")
    if settings.faults is not None:
        raise ValueError(f"--faults {settings.faults}: a search measures a server without faults")
    if rate := given.get("rate") or given.get("rate_per_user"):
        raise ValueError(f"--rate {rate}: is what the search finds; --start is the first rate")
    weights = scenario_weights(arguments.scenario or [DEFAULT_SCENARIO])
    chosen = [SCENARIOS[name] for name in weights]
    options = peak_settings(arguments, settings, chosen)
    check_sockets(settings, chosen, process_count(arguments.processes))
    return run_peak(options, replace(launch, weights=weights))


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
