"""The options of load runs: one table for ``hanami-load``, for Locust's command line and for the form of its web UI."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from hanami_conformance.options.definitions import (
    AUTO,
    CA_FILE,
    DEADLINE,
    DIALECT,
    DURABILITY,
    INSECURE,
    PASSWORD,
    TOKEN,
    USER,
)
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


def _number(
    name: str, text: str, metavar: str, default: str, convert: Callable[[str], object], note: str = ""
) -> Option:
    return Option(name, text, metavar, default=default, default_note=note, kind="number", convert=convert)


def _choice(name: str, text: str, choices: tuple[str, ...]) -> Option:
    return Option(name, text, "|".join(choices), default=choices[0], choices=choices, convert=choice(choices))


def _fixed(option: Option) -> Option:
    """Return an option that cannot be set from the web UI: target, account and files are fixed at the start."""
    return replace(option, in_form=False)


def host_names(text: str) -> tuple[str, ...]:
    """Convert names of hosts, separated by commas."""
    names = tuple(host_name(part.strip()) for part in text.split(","))
    if not all(names):
        raise OptionError(f"{text!r}: give names of hosts without ports, such as load.example.org")
    return names


SERVER_PID = _fixed(
    Option(
        "server-pid",
        "process of the server, where it runs on this machine: what it and its children use is recorded",
        "PID",
        kind="number",
        convert=whole_number(1),
    )
)
REPORT_DIR = _fixed(
    Option(
        "report-dir",
        "folder for the reports",
        "FOLDER",
        environment="HANAMI_LOAD_REPORT_DIR",
        default=str(DEFAULT_REPORT_DIR),
        convert=Path,
    )
)


def collector_url(text: str) -> str:
    """Convert the address of an OpenTelemetry collector."""
    address = urlsplit(text)
    if address.scheme not in ("http", "https") or not address.hostname:
        raise OptionError(f"{text!r}: give the address of a collector, such as http://127.0.0.1:4318")
    return text.rstrip("/")


OTLP = _fixed(
    Option(
        "otlp",
        "OpenTelemetry collector that gets metrics and traces (OTLP over HTTP), such as http://127.0.0.1:4318",
        "URL",
        environment="HANAMI_LOAD_OTLP",
        convert=collector_url,
    )
)
METRICS_PORT = _fixed(
    Option("metrics-port", "port of an endpoint for Prometheus", "PORT", kind="number", convert=whole_number(1, 65535))
)
METRICS_HOST = _fixed(
    Option(
        "metrics-host", "host of this endpoint", "HOST", default_note=f"{LOOPBACK}, where only this machine reaches it"
    )
)
ACCOUNT_OPTIONS = (_fixed(USER), _fixed(PASSWORD), _fixed(TOKEN))
LOAD_OPTIONS = (
    *ACCOUNT_OPTIONS,
    _fixed(replace(DIALECT, default=AUTO, default_note="")),
    _choice("model", "closed: as fast as replies arrive; open: at scheduled times", MODELS),
    _number(
        "rate",
        "open model: arrival rate of all users together; messages a second, and files a minute of uploading users",
        "N",
        "",
        number(0.001),
    ),
    _number(
        "rate-per-user",
        "open model: the same of each user, where no --rate is given",
        "N",
        "",
        number(0.001),
        "50, without --rate",
    ),
    _choice("arrivals", "open model: gaps between scheduled times", ARRIVALS),
    _number("window", "most messages in flight (sent and not answered) on each socket", "N", "4", whole_number(1)),
    Option("chunk-size", "data of a chunk", "SIZE", default="128KiB", convert=size(1, MOST_MESSAGE)),
    Option(
        "file-size",
        "approximate size of an uploaded file",
        "SIZE",
        default="1MiB",
        convert=size(SMALLEST_FILE, MOST_FILE),
    ),
    Option("inputs", "values of each input brick, such as 784 or 100,50", "N[,N]", default="784", convert=brick_sizes),
    Option("outputs", "values of each output brick of a cluster", "N[,N]", default="10", convert=distinct_brick_sizes),
    _number("hidden", "neurons of the internal brick of a cluster", "N", "400", whole_number(1)),
    _fixed(
        Option(
            "limits",
            "TOML file of the limits; without one, no response may be incorrect or missing",
            "FILE",
            convert=Path,
        )
    ),
    _fixed(Option("stages", "TOML file of stages: ramps, steps, spikes, soaks and pauses", "FILE", convert=Path)),
    _fixed(
        Option(
            "faults",
            "TOML file of faults: a bad network, a server that is suspended, killed or restarted",
            "FILE",
            convert=Path,
        )
    ),
    Option(
        "sockets",
        "most websockets at the same time, over all users; 0 for no limit; auto leaves a worker of the server free",
        "N",
        default=AUTO,
        convert=socket_limit,
    ),
    _number("warm-up", "seconds at the beginning that are not measured", "SECONDS", "1", number(0)),
    DEADLINE,
    _number("drain", "seconds to wait for missing responses at the end", "SECONDS", "10", number(0.1)),
    _number("seed", "seed of schedules and orders", "N", "0", whole_number(0)),
    _fixed(CA_FILE),
    _fixed(INSECURE),
    SERVER_PID,
    _fixed(DURABILITY),
    OTLP,
    METRICS_PORT,
    METRICS_HOST,
    REPORT_DIR,
)
WEB_ALLOWED_HOSTS = _fixed(
    Option(
        "web-allowed-hosts",
        "further names of this machine by which the page is opened, separated by commas",
        "HOST[,HOST]",
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
