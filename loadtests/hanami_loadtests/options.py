"""The options of load runs: one table for ``hanami-load``, for Locust's command line and for the form of its web UI."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from hanami_conformance.options.definitions import AUTO, CA_FILE, DEADLINE, DIALECT, INSECURE, PASSWORD, TOKEN, USER
from hanami_loadtests.engine.schedule import ARRIVALS, MODELS
from hanami_loadtests.ports import LOOPBACK
from hanami_proto.command_line import USAGE
from hanami_proto.http_origin import host_name
from hanami_proto.options import Option, OptionError, choice, number, size, whole_number

DEFAULT_REPORT_DIR = Path("reports") / "latest-load"
SMALLEST_FILE = 64  # bytes: a header and a row
MOST_FILE = 10_000_000_000  # bytes
MOST_MESSAGE = 1 << 30  # bytes of a chunk
MOST_VALUES = 1_000_000  # of a brick


def brick_sizes(text: str) -> tuple[int, ...]:
    """Convert the number of values of each brick, such as ``100,50``."""
    sizes = tuple(int(part) if part.isascii() and part.isdigit() else 0 for part in text.replace(" ", "").split(","))
    if not all(2 <= one <= MOST_VALUES for one in sizes):
        raise OptionError(f"{text!r}: give the values of each brick, such as 784 or 100,50; from 2 on")
    return sizes


def distinct_brick_sizes(text: str) -> tuple[int, ...]:
    """Convert the number of values of each output brick, by which the outputs of two bricks are distinguished."""
    sizes = brick_sizes(text)
    if len(set(sizes)) < len(sizes):
        raise OptionError(f"{text!r}: give bricks of different sizes, so that their outputs can be distinguished")
    return sizes


def socket_limit(text: str) -> int | None:
    """Convert the limit of sockets; None for one that is derived from the workers of the server."""
    return None if text == AUTO else _SOCKETS(text)


_SOCKETS = whole_number(0)


def _number(name: str, text: str, default: str, convert: Callable[[str], object]) -> Option:
    return Option(name, text, default=default, kind="number", convert=convert)


def _choice(name: str, text: str, choices: tuple[str, ...]) -> Option:
    return Option(name, text, default=choices[0], choices=choices, convert=choice(choices))


def _fixed(option: Option) -> Option:
    """Return an option that cannot be set from the web UI: target, account and files are fixed at the start."""
    return replace(option, in_form=False)


def host_names(text: str) -> tuple[str, ...]:
    """Convert names of hosts, separated by commas."""
    names = tuple(host_name(part.strip()) for part in text.split(","))
    if not all(names):
        raise OptionError(f"{text!r}: give names of hosts without ports, such as load.example.org")
    return names


ACCOUNT_OPTIONS = (_fixed(USER), _fixed(PASSWORD), _fixed(TOKEN))
LOAD_OPTIONS = (
    *ACCOUNT_OPTIONS,
    _fixed(replace(DIALECT, default=AUTO, default_note="")),
    _choice("model", "closed: as fast as replies arrive; open: at scheduled times", MODELS),
    _number(
        "rate",
        "open model: arrival rate; messages a second of each user, or files a minute of each uploading user",
        "50",
        number(0.001),
    ),
    _choice("arrivals", "open model: gaps between scheduled times", ARRIVALS),
    _number("window", "most messages in flight (sent and not answered) on each socket", "4", whole_number(1)),
    Option("chunk-size", "data of a chunk", default="128KiB", convert=size(1, MOST_MESSAGE)),
    Option("file-size", "approximate size of an uploaded file", default="1MiB", convert=size(SMALLEST_FILE, MOST_FILE)),
    Option("inputs", "values of each input brick, such as 784 or 100,50", default="784", convert=brick_sizes),
    Option("outputs", "values of each output brick of a cluster", default="10", convert=distinct_brick_sizes),
    _number("hidden", "neurons of the internal brick of a cluster", "400", whole_number(1)),
    _fixed(
        Option("limits", "TOML file of the limits; without one, no response may be incorrect or missing", convert=Path)
    ),
    Option(
        "sockets",
        "most websockets at the same time, over all users; 0 for no limit; auto leaves a worker of the server free",
        default=AUTO,
        convert=socket_limit,
    ),
    _number("warm-up", "seconds at the beginning that are not measured", "1", number(0)),
    DEADLINE,
    _number("drain", "seconds to wait for missing responses at the end", "10", number(0.1)),
    _number("seed", "seed of schedules and orders", "0", whole_number(0)),
    _fixed(CA_FILE),
    _fixed(INSECURE),
    _fixed(
        Option(
            "report-dir",
            "folder for the reports",
            environment="HANAMI_LOAD_REPORT_DIR",
            default=str(DEFAULT_REPORT_DIR),
            convert=Path,
        )
    ),
)
WEB_ALLOWED_HOSTS = _fixed(
    Option(
        "web-allowed-hosts",
        "further names of this machine by which the page is opened, separated by commas",
        environment="HANAMI_LOAD_WEB_ALLOWED_HOSTS",
        convert=host_names,
    )
)
LOCUST_OPTIONS = (*LOAD_OPTIONS, WEB_ALLOWED_HOSTS)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add our options to the parser of Locust."""
    try:
        for option in LOCUST_OPTIONS:
            parser.add_argument(option.flag, **option.locust_kwargs(os.environ))
    except OptionError as error:
        parser.exit(USAGE, f"ERROR: {error}\n")
    parser.set_defaults(web_host=LOOPBACK)  # Locust's own default is all addresses
