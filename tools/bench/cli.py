"""The command line of ``python -m tools.bench``."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import NoReturn

from rich.console import Console

from hanami_conformance.common.child_process import ProcessError
from hanami_proto.options import number, whole_number
from hanami_reports.load.terminal import load_console
from tools.bench.benchmarks import MEASUREMENTS
from tools.bench.measurement import Measurement, Outcome, Plan, measure
from tools.bench.report import as_json, print_tables
from tools.bench.servers import Servers

MAX_CHUNK = 8 * 1024 * 1024  # bytes; servers take messages of half as much again
FAILED = 1
INTERRUPTED = 130  # as shells have it


@dataclass(frozen=True)
class Options:
    """Settings of the command.

    Attributes:
        measurements: Selected measurements, in the order of the registry.
        plan: Number and length of the rounds.
        json: Path for the figures as JSON, or None.
    """

    measurements: tuple[Measurement, ...]
    plan: Plan
    json: Path | None


def parse_options(argv: Sequence[str] | None = None) -> Options:
    """Read the command line; ends the program with status 2 and one line that says what is wrong with it."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.bench",
        description="Measure the speed of the reference backend, side by side with what the machine can do at best.",
        epilog="Exit status: 0 it ran, whether or not an aim was met; 1 a server did not start or answered wrongly;"
        " 2 wrong options; 130 interrupted.",
    )
    parser.add_argument(
        "measurements",
        nargs="*",
        metavar="MEASUREMENT",
        help=f"what to measure: {', '.join(MEASUREMENTS)} (default: all)",
    )
    parser.add_argument(
        "--rounds",
        type=whole_number(1, 1000),
        metavar="N",
        help="rounds (default: "
        + ", ".join(f"{one.default_rounds} for {name}" for name, one in MEASUREMENTS.items())
        + ")",
    )
    parser.add_argument(
        "--seconds",
        type=number(0.01, 600),
        default=1.0,
        help="time for each side in each round, seconds; not for gate (default: 1)",
    )
    parser.add_argument(
        "--chunk",
        type=whole_number(1, MAX_CHUNK),
        default=128 * 1024,
        metavar="BYTES",
        help="data of one upload message, bytes (default: 131072)",
    )
    parser.add_argument(
        "--requirement",
        action="append",
        default=[],
        metavar="ID",
        help="let the gate check only a requirement or a family, as the suite takes it; repeatable (default: all)",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures to this file (default: none)")
    arguments = parser.parse_args(argv)
    for name in arguments.measurements:
        if name not in MEASUREMENTS:
            parser.error(f"there is no measurement {name!r}: choose of {', '.join(MEASUREMENTS)}")
    file: Path | None = arguments.json
    if file is not None and (file.is_dir() or not file.absolute().parent.is_dir()):
        parser.error(f"--json: {str(file)!r} must be a file in a folder that exists")
    wanted = arguments.measurements or MEASUREMENTS
    return Options(
        measurements=tuple(measurement for name, measurement in MEASUREMENTS.items() if name in wanted),
        plan=Plan(arguments.rounds, arguments.seconds, arguments.chunk, tuple(arguments.requirement)),
        json=file,
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, and print what was found; the exit status."""
    options = parse_options(argv)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        outcomes = run(options)
        print_tables(outcomes, options.plan, load_console())
        if options.json is not None:
            write(options.json, json.dumps(as_json(outcomes, options.plan), indent=2) + "\n")
    except ProcessError as error:
        sys.stderr.write(f"tools.bench: {error}\n")
        return FAILED
    except KeyboardInterrupt:
        sys.stderr.write("tools.bench: interrupted\n")
        return INTERRUPTED
    return 0


def run(options: Options) -> list[Outcome]:
    """Measure everything that is asked for.

    Raises:
        ProcessError: If a server does not start or answers wrongly.
    """
    progress = Console(stderr=True)
    with Servers() as servers, progress.status("starting") as status:
        return [measure(measurement, servers, options.plan, status.update) for measurement in options.measurements]


def write(file: Path, text: str) -> None:
    """Write a file.

    Raises:
        ProcessError: If the system does not allow it.
    """
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ProcessError(f"cannot write {file}: {error.strerror}") from error


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt
