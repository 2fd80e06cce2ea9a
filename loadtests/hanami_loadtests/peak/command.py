"""The command ``hanami-load peak``: its own options, and the search that they describe."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from hanami_conformance.common.redact import SECRETS
from hanami_loadtests.launch import Launch
from hanami_loadtests.limits.file import read_limits
from hanami_loadtests.limits.limit import TIMES
from hanami_loadtests.peak.capacity import CapacitySearch, PeakSettings, unit_for
from hanami_loadtests.scenarios.scenario import Scenario
from hanami_loadtests.settings import Settings
from hanami_proto.files import DiskError
from hanami_proto.options import Option, convert_values, number, whole_number
from hanami_reports.load.peak.report_folder import PeakFolder
from hanami_reports.load.peak.terminal import print_peak
from hanami_reports.load.terminal import load_console
from hanami_reports.model.load import LoadExit
from hanami_reports.model.peak import LoadUnit

DESCRIPTION = """\
Find the highest load that holds the limits: doubling, then bisection, with repeats near the edge. The load is the
arrival rate of all users together in the open model, the default here, and the number of users in the closed one."""
DEFAULT_SCENARIO = "direct-request"
DEFAULT_REPORT_DIR = "reports/latest-peak"
MOST_RATE, MOST_USERS = 1e6, 10_000.0
START = {LoadUnit.MESSAGES: 100.0, LoadUnit.FILES: 30.0, LoadUnit.USERS: 1.0}
PEAK_OPTIONS = (
    Option(
        "users", "open model: number of users that share the rate", "N", default="10", convert=whole_number(1, 10_000)
    ),
    Option("start", "first load", "LOAD", default_note="100/s, 30 files/min or 1 user", convert=number(0.001)),
    Option(
        "at-most", "greatest load to be tried", "LOAD", default_note="1,000,000, or 10,000 users", convert=number(0.001)
    ),
    Option("at-least", "load that the target must hold: below it the search is FAIL", "LOAD", convert=number(0.001)),
    Option("point-seconds", "fewest seconds of measuring of a point", "SECONDS", default="10", convert=number(2, 3600)),
    Option(
        "budget",
        "seconds that the search may take in total",
        "SECONDS",
        default="900",
        convert=number(10, 7 * 24 * 3600),
    ),
    Option(
        "resolution", "percent; width of the interval at which it ends", "PERCENT", default="5", convert=number(0.5, 50)
    ),
)


def peak_settings(
    arguments: argparse.Namespace, settings: Settings, scenarios: Sequence[type[Scenario]]
) -> PeakSettings:
    """Check the options of a search.

    Args:
        arguments: Options of the command line.
        settings: Options of its load runs.
        scenarios: What users do.

    Raises:
        ValueError: If an option is wrong; one line.
    """
    values = convert_values(PEAK_OPTIONS, vars(arguments))
    limits = read_limits(settings.limits)
    unit = unit_for(settings, scenarios)
    if limits.drifts:
        raise ValueError(f"{settings.limits}: [[drift]]: the points of a search are too short for it; leave it out")
    if unit is LoadUnit.USERS and not any(one.metric in TIMES for one in limits.limits):
        raise ValueError(
            "--model closed: users wait for answers, so that nothing breaks without a limit of a time: give --limits "
            "FILE with a limit of response (hanami-load limits writes one)"
        )
    fewest = len(scenarios)  # users, so that each scenario has one
    if values["users"] < fewest:
        raise ValueError(f"--users {values['users']}: too few for {fewest} scenarios")
    start = values["start"] or (max(START[unit], fewest) if unit is LoadUnit.USERS else START[unit])
    most = values["at_most"] or (MOST_USERS if unit is LoadUnit.USERS else MOST_RATE)
    if start > most:
        raise ValueError(f"--start {start:g}: is above the greatest load to be tried, {most:g} (--at-most)")
    if unit is LoadUnit.USERS and start != int(start):
        raise ValueError(f"--start {start:g}: give a whole number of users")
    if unit is LoadUnit.USERS and start < fewest:
        raise ValueError(f"--start {start:g}: too few users for {fewest} scenarios")
    return PeakSettings(
        settings=settings,
        limits=limits,
        scenarios=scenarios,
        unit=unit,
        users=values["users"],
        start=start,
        most=most,
        least_seconds=values["point_seconds"],
        budget=values["budget"],
        resolution=values["resolution"] / 100,
        at_least=values["at_least"],
    )


def run_peak(options: PeakSettings, launch: Launch) -> int:
    """Search, and write and print the result.

    Args:
        options: Options of the search.
        launch: Load run from which the points differ in load, length and folder.

    Returns:
        The exit status.
    """
    console = load_console()
    folder = options.settings.report_dir
    scenarios = ", ".join(one.name for one in options.scenarios)
    users = "" if options.unit is LoadUnit.USERS else f" with {options.users} users"
    console.print(f"{launch.url}: the peak in {options.unit.value}{users}: {scenarios}", markup=False, highlight=False)
    result = CapacitySearch(options, launch, console, folder).result()
    if isinstance(result, int):
        return result
    try:
        PeakFolder(folder).write(result)
    except (DiskError, OSError) as error:
        console.print(SECRETS.text(f"ERROR: reports: {error}"), markup=False, highlight=False)
        print_peak(result, folder, console)
        return LoadExit.INTERNAL_ERROR
    print_peak(result, folder, console)
    return result.exit_status
