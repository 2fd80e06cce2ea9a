"""The sub-command ``run`` of ``hanami-load``: one load run, or several, checked before and printed after."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from hanami_loadtests.engine.schedule import OPEN
from hanami_loadtests.launch import LOG, Launch, run_locust
from hanami_loadtests.options import ACCOUNT_OPTIONS, LOCUST_OPTIONS, REPORT_DIR
from hanami_loadtests.repeat import MOST_RUNS, run_repeatedly
from hanami_loadtests.result import LoadFolder
from hanami_loadtests.scenarios.all import SCENARIOS
from hanami_loadtests.scenarios.scenario import check_sockets
from hanami_loadtests.settings import Settings
from hanami_loadtests.stages.plan import StagePlan, faults_for, plan_for
from hanami_reports.common.file_names import LOAD_RESULT
from hanami_reports.common.report_folder import ReportFolderError
from hanami_reports.common.text import pluralise
from hanami_reports.load.terminal import load_console, print_result
from hanami_reports.model.load import LoadExit, read_load_result

DEFAULT_USERS, DEFAULT_SECONDS = 10, 30.0
MOST_USERS, MOST_SECONDS = 100_000, 7 * 24 * 3600.0


def run_load(arguments: argparse.Namespace, settings: Settings, given: Mapping[str, Any], launch: Launch) -> int:
    """Check what only runs without a web UI have, run as often as requested, and print the results.

    Args:
        arguments: Arguments of the command line.
        settings: Checked options.
        given: Option ``dest`` to value, from all sources.
        launch: How Locust is started, without the load.

    Returns:
        The exit status.

    Raises:
        ValueError: If an option is wrong; one line.
    """
    for name in ("rate", "rate-per-user", "arrivals"):
        if (value := given.get(name.replace("-", "_"))) and settings.model != OPEN:
            raise ValueError(f"--{name} {value}: has no effect in the {settings.model} model; add --model {OPEN}")
    plan = plan_for(settings)
    users, seconds = _requested_load(arguments, plan)
    if seconds <= settings.warm_up:
        raise ValueError(f"--seconds {seconds:g}: the warm-up alone takes {settings.warm_up:g} (--warm-up)")
    faults_for(settings, plan, seconds)
    weights = scenario_weights(arguments.scenario)
    if users < len(weights):
        raise ValueError(f"--users {users}: too few for {len(weights)} scenarios")
    chosen = [SCENARIOS[name] for name in weights or SCENARIOS]
    check_sockets(settings, chosen, process_count(arguments.processes))
    # At the end users may need three calls each to clean up, and one more finds out whether the target is still up.
    ending = settings.drain + 4 * settings.target.deadline
    # Stages end the run themselves, where users that leave in between may take as long.
    launch = replace(
        launch,
        weights=weights,
        users=users,
        stages=0 if plan is None else len(plan.stages),
        seconds=seconds,
        most_seconds=seconds + ending * (1 if plan is None else 2),
    )
    if arguments.repeat is None:
        return _run_and_report(launch)

    def run_in(folder: Path) -> int:
        _prepare_folder(folder)
        options = locust_options({**given, REPORT_DIR.dest: str(folder)})
        return _run_and_report(replace(launch, options=options, folder=folder))

    return run_repeatedly(arguments.repeat, settings.report_dir, run_in, load_console())


def process_count(given: int) -> int:
    """Return the number of processes for the value of ``--processes``."""
    return max(1, (os.cpu_count() or 1) if given == -1 else given)


def _requested_load(arguments: argparse.Namespace, plan: StagePlan | None) -> tuple[int, float]:
    """Return the number of users, the greatest of all stages, and the length of the run in seconds."""
    if plan is not None:
        for name in ("users", "seconds"):
            if getattr(arguments, name) is not None:
                raise ValueError(f"--{name} {getattr(arguments, name):g}: the stages have {name} of their own")
        users, seconds = plan.most_users, plan.seconds
    else:
        users = DEFAULT_USERS if arguments.users is None else arguments.users
        seconds = DEFAULT_SECONDS if arguments.seconds is None else arguments.seconds
    if not 1 <= users <= MOST_USERS:
        raise ValueError(f"--users {users}: give a number from 1 to {MOST_USERS}")
    if not 1 <= seconds <= MOST_SECONDS:
        raise ValueError(f"--seconds {seconds:g}: give a number from 1 to {MOST_SECONDS:.0f}")
    if arguments.repeat is not None and not 1 <= arguments.repeat <= MOST_RUNS:
        raise ValueError(f"--repeat {arguments.repeat}: give a number of runs from 1 to {MOST_RUNS}")
    return users, seconds


def scenario_weights(given: Sequence[str]) -> dict[str, int]:
    """Return scenario to weight, of those that were asked for.

    Raises:
        ValueError: If there is no such scenario, or a weight is none; one line.
    """
    weights = {}
    for text in given:
        name, _, weight = text.partition("=")
        if name not in SCENARIOS:
            raise ValueError(f"--scenario {text!r}: choose one of {', '.join(SCENARIOS)}")
        if weight and not re.fullmatch(r"[1-9]\d{0,5}", weight):
            raise ValueError(f"--scenario {text!r}: give a weight from 1, such as {name}=3")
        weights[name] = int(weight) if weight else SCENARIOS[name].weight
    return weights


def locust_options(given: Mapping[str, Any]) -> list[str]:
    """Return the options for the command line of Locust; the account is given by the environment."""
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


def _prepare_folder(path: Path) -> None:
    try:
        LoadFolder(path).prepare()
    except ReportFolderError as error:
        raise ValueError(str(error)) from error


def _run_and_report(launch: Launch) -> int:
    """Run Locust, and print the result."""
    result = launch.folder / LOAD_RESULT
    earlier = _identity(result)  # what an earlier run left there must not pass for this one's
    console = load_console()
    users = pluralise(launch.users, "user")
    if launch.stages:
        users = f"{pluralise(launch.stages, 'stage')}, at most {users}"
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
