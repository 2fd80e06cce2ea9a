"""Options that several of these programs have: how many runs at the same time, how long, and where reports go."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from hanami_proto.options import number, whole_number


def add_jobs(parser: argparse.ArgumentParser, use: str, most: int = 64) -> None:
    """Add the number of runs at the same time, one a core by default."""
    parser.add_argument(
        "--jobs",
        type=whole_number(1, most),
        default=os.cpu_count() or 1,
        metavar="N",
        help=f"{use} (default: %(default)s)",
    )


def add_deadline(parser: argparse.ArgumentParser, use: str, seconds: float) -> None:
    """Add the longest time of a run, seconds."""
    parser.add_argument(
        "--deadline",
        type=number(0, above=True),
        default=seconds,
        metavar="SECONDS",
        help=f"{use} (default: %(default)g)",
    )


def add_report_dir(parser: argparse.ArgumentParser, use: str, name: str) -> None:
    """Add the folder of the reports, one of this name in ``reports`` by default."""
    parser.add_argument(
        "--report-dir",
        type=Path,
        default=Path("reports") / name,
        metavar="DIR",
        help=f"{use} (default: %(default)s)",
    )
