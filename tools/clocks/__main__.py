"""Compare what load generators report with the truth, which the server knows: ``python -m tools.clocks``."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from threading import Event

from hanami_conformance.common.child_process import ProcessError
from hanami_loadtests.engine.schedule import CLOSED, OPEN
from hanami_proto.options import number, whole_number
from tools.clocks.pathologies import PATHOLOGIES
from tools.clocks.runs import OURS, STOCK, TOLERANCE, Cell, Measured, measure
from tools.clocks.table import explain, head, row
from tools.process import StoppedError, run_command

BUSY_PROCESSES = 4
SECONDS = 6.0
QUICK = ("constant", "2 s stall")
DESCRIPTION = "Compare what load generators report with the truth: servers with known response times. Ten minutes."
EPILOG = (
    f"exit status: 0 if every value that hanami-load reports is true within {TOLERANCE:.0%} or its run is INVALID, "
    "1 if not, 3 if a program does not do its work"
)


def parse_options(argv: Sequence[str] | None) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser("clocks", description=DESCRIPTION, epilog=EPILOG)
    choices = list(PATHOLOGIES)
    parser.add_argument("--server", action="append", choices=choices, help="repeatable; default: all")
    parser.add_argument("--model", action="append", choices=(OPEN, CLOSED), help="repeatable; default: both")
    parser.add_argument(
        "--busy",
        action="append",
        type=_converted(whole_number(0)),
        metavar="N",
        help=f"busy processes beside the run; repeatable; default: 0, then {BUSY_PROCESSES}",
    )
    parser.add_argument(
        "--nice",
        type=_converted(whole_number(0)),
        default=0,
        metavar="N",
        help="niceness of the generators; default: %(default)s",
    )
    parser.add_argument("--generator", action="append", choices=(OURS, STOCK), help="repeatable; default: both")
    parser.add_argument(
        "--seconds",
        type=_converted(number(5)),
        default=SECONDS,
        metavar="N",
        help="length of each run, of which the first second is the warm-up; default: %(default)g",
    )
    parser.add_argument(
        "--quick", action="store_true", help=f"two servers ({', '.join(QUICK)}), and hanami-load alone: a minute"
    )
    options = parser.parse_args(argv)
    if options.quick:
        options.server = options.server or list(QUICK)
        options.generator = options.generator or [OURS]
    return options


def _converted(convert: Callable[[str], object]) -> Callable[[str], object]:
    def converted(text: str) -> object:
        try:
            return convert(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return converted


def cells(options: argparse.Namespace) -> Iterator[Cell]:
    """Yield what is to be measured."""
    for busy in options.busy or (0, BUSY_PROCESSES):
        for model in options.model or (OPEN, CLOSED):
            for pathology in options.server or PATHOLOGIES:
                yield Cell(pathology, model, busy, options.nice)


def compare(options: argparse.Namespace, output: Callable[[str], None]) -> int:
    """Run everything, print the table, and return the exit status."""
    stop, began = Event(), time.monotonic()
    wrong: list[Measured] = []
    measured = 0
    for line in head():
        output(line)
    for cell in cells(options):
        outcomes = {}
        for generator in options.generator or (OURS, STOCK):
            outcomes[generator] = one = measure(generator, cell, options.seconds, stop)
            if generator == OURS:
                measured += 1
                wrong += [] if one.holds else [one]
        output(row(cell, outcomes))
    took = f"{time.monotonic() - began:.0f} s"
    for one in wrong:
        output(f"WRONG: {explain(one)}")
    if wrong:
        output(f"{len(wrong)} of {measured} runs of {OURS} report what is not true, and say so nowhere ({took})")
        return 1
    output(f"all {measured} runs of {OURS} report the truth within {TOLERANCE:.0%}, or say that they may not ({took})")
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; the exit status."""
    options = parse_options(argv)
    try:
        return compare(options, lambda line: print(line, flush=True))
    except ProcessError as error:
        print(f"ERROR: {error}", file=sys.stderr)
        return 3
    except StoppedError:
        return 130


if __name__ == "__main__":
    sys.exit(run_command(main))
