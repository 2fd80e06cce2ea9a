"""Options of the command line."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import textwrap
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, fields

from hanami_proto.dialect import DEFAULT_DIALECT, Dialect, dialect_names, load_dialect
from hanami_proto.http_origin import host_name
from hanami_proto.options import number, whole_number
from hanami_reference_backend import __version__
from hanami_reference_backend.auth import DEFAULT_USERS, User, Users
from hanami_reference_backend.common.identity import RandomIdentity, identity_from
from hanami_reference_backend.common.settings import Settings
from hanami_reference_backend.faults import Fault, UnknownFaultError, catalogue, select_faults
from hanami_reference_backend.faults.released import SERVERS, Defect, UnknownDefectError, defects_of, select_defects
from hanami_reference_backend.quirks import QUIRK_NAMES, Quirks
from hanami_reference_backend.rest.answers import unknown_keys
from hanami_reference_backend.serving.host_check import ANY_HOST

USERS_VARIABLE = "HANAMI_REFERENCE_USERS"
LOG_LEVELS = ("critical", "error", "warning", "info", "debug")


@dataclass(frozen=True)
class Options:
    """Options of a server.

    Attributes:
        allowed_hosts: Hosts of ``--allow-host``.
        has_default_passwords: Whether some user has a password that is known from the documentation.
    """

    host: str
    port: int
    allowed_hosts: frozenset[str]
    has_default_passwords: bool
    dialect: Dialect
    users: Users
    settings: Settings
    identity: RandomIdentity
    quirks: Quirks | None
    faults: tuple[Fault, ...]
    released: str
    defects: tuple[Defect, ...]
    announce: str
    stop_with_stdin: bool
    log_level: str


def parse_options(argv: Sequence[str] | None = None) -> Options:
    """Read the command line; wrong options end the program with status 2 and one line."""
    parser = build_parser()
    arguments = parser.parse_args(argv)
    if arguments.list_faults:
        known = defects_of(arguments.released) if arguments.released else catalogue()
        columns = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
        sys.stdout.write(fault_list(known.values(), columns))
        parser.exit()
    defects = _defects(parser, arguments)
    try:
        dialect = load_dialect(arguments.dialect or arguments.quirks or DEFAULT_DIALECT)
    except ValueError as error:
        parser.error(f"--dialect: {error}")
    if user_routes := [name for name in dialect.routes if name.startswith("user.")]:
        parser.error(f"--dialect: this server cannot create users, so it does not serve {', '.join(user_routes)}")
    if unknown := unknown_keys(dialect.answers):
        parser.error(f"--dialect: this server has no value for {unknown[0]} in [answers]")
    if arguments.quirks and dialect.name != arguments.quirks:
        parser.error(f"--quirks {arguments.quirks}: this server does not speak the dialect {dialect.name}")
    if arguments.quirk_speed is not None and not arguments.quirks:
        parser.error("--quirk-speed needs --quirks or --as: without them there are no delays")
    names = {field.name for field in fields(Settings)}
    settings = Settings(**{name: value for name, value in vars(arguments).items() if name in names})
    specs = arguments.user or os.environ.get(USERS_VARIABLE, "").split() or DEFAULT_USERS
    source = identity_from(arguments.replayable)
    try:
        users = Users([User.parse(spec) for spec in specs], settings.token_lifetime, source)
    except ValueError as error:
        parser.error(f"{'--user' if arguments.user else USERS_VARIABLE}: {error}")
    try:
        faults = select_faults(arguments.fault)
    except UnknownFaultError as error:
        parser.error(f"--fault: {error}; --list-faults shows all")
    return Options(
        host=arguments.host,
        port=dialect.default_port if arguments.port is None else arguments.port,
        allowed_hosts=frozenset(arguments.allow_host),
        has_default_passwords=not users.passwords().isdisjoint(User.parse(spec).password for spec in DEFAULT_USERS),
        dialect=dialect,
        users=users,
        settings=settings,
        identity=source,
        quirks=_quirks(arguments),
        faults=faults,
        released=arguments.released or "",
        defects=defects,
        announce=arguments.announce,
        stop_with_stdin=arguments.stop_with_stdin,
        log_level=arguments.log_level,
    )


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="hanami-reference-backend",
        description="A strict reference server of the Hanami protocol: REST and websocket on one port.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument(
        "--port", type=whole_number(0, 65535), help="port to listen on, 0 for a free one (default: that of the dialect)"
    )
    parser.add_argument(
        "--dialect",
        metavar="NAME",
        help=f"dialect of the protocol: {', '.join(dialect_names())}, or the path of a .toml file"
        f" (default: that of --quirks, otherwise {DEFAULT_DIALECT})",
    )
    parser.add_argument(
        "--user",
        action="append",
        metavar="ID:PASSWORD:PROJECT[:admin]",
        help=f"a user; repeatable. Also from the variable {USERS_VARIABLE}, with white space between users"
        f" (default: {' '.join(DEFAULT_USERS)})",
    )
    parser.add_argument(
        "--allow-host",
        action="append",
        type=_host,
        default=[],
        metavar="NAME",
        help="a host, without port, that requests may name and whose web pages may send them, beside those of this"
        f" server; repeatable, {ANY_HOST} for all (default: on the loopback with a default password none, else all)",
    )
    _add_limits(parser)
    _add_quirks(parser)
    parser.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar="NAME",
        help="inject this fault, to see whether a client or a suite detects it; repeatable (default: no fault)",
    )
    parser.add_argument(
        "--list-faults",
        action="store_true",
        help="list all faults with the requirements that they violate; with --as, the defects of that server",
    )
    parser.add_argument(
        "--announce",
        choices=("text", "json"),
        default="text",
        help="form of the line on standard output with the address of the server (default: %(default)s)",
    )
    parser.add_argument("--stop-with-stdin", action="store_true", help="stop when standard input closes (default: no)")
    parser.add_argument(
        "--replayable",
        type=whole_number(0, 2**63),
        metavar="SEED",
        help="derive uuids and tokens from this seed, so that recorded requests can be replayed: for measurements only,"
        " since such tokens protect nothing and do not expire (default: no)",
    )
    parser.add_argument(
        "--log-level",
        choices=LOG_LEVELS,
        default="warning",
        help="level of the log on standard error (default: %(default)s)",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    return parser


def _host(text: str) -> str:
    host = host_name(text)
    if text != ANY_HOST and (not host or host != text.lower().strip("[].")):
        raise argparse.ArgumentTypeError(f"{text!r} is not the name of a host without port, or {ANY_HOST}")
    return host or text


def fault_list(faults: Collection[Fault], columns: int | None = None) -> str:
    """Return one line for each fault: name, violated requirements, behaviour of the server.

    Args:
        faults: The faults.
        columns: Width of the terminal, whose lines are wrapped below the name; None for lines as long as they are.
    """
    if columns is not None:
        indent = " " * 4
        texts = (f"{' '.join(fault.violates)}: {fault.text}" for fault in faults)
        paragraphs = (textwrap.fill(text, columns, initial_indent=indent, subsequent_indent=indent) for text in texts)
        return "".join(f"{fault.name}\n{paragraph}\n" for fault, paragraph in zip(faults, paragraphs, strict=True))
    name_width = max(len(fault.name) for fault in faults)
    ids_width = max(len(" ".join(fault.violates)) for fault in faults)
    return "".join(
        f"{fault.name:<{name_width}}  {' '.join(fault.violates):<{ids_width}}  {fault.text}\n" for fault in faults
    )


def _add_quirks(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--quirks",
        choices=QUIRK_NAMES,
        help="have the compatibility quirks of a real server, which are no faults, and its dialect (default: none)",
    )
    parser.add_argument(
        "--quirk-speed",
        type=number(0, 1000),
        metavar="FACTOR",
        help="factor of the delays of --quirks and --as, 0 for none (default: 1)",
    )
    parser.add_argument(
        "--as",
        dest="released",
        choices=tuple(SERVERS),
        help="simulate this released server: its dialect, its quirks, and its known defects, crashes and lost workers"
        " included (default: none)",
    )
    parser.add_argument(
        "--defect",
        action="append",
        default=[],
        metavar="NAME",
        help="with --as: have only this one of its defects; repeatable (default: all of them)",
    )


def _defects(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> tuple[Defect, ...]:
    """Return the defects of the released server, and select its quirks."""
    if not arguments.released:
        if arguments.defect:
            parser.error("--defect needs --as")
        return ()
    quirks = SERVERS[arguments.released]
    if arguments.quirks not in (None, quirks):
        parser.error(f"--as {arguments.released}: this server does not have the quirks of {arguments.quirks}")
    arguments.quirks = quirks
    try:
        return select_defects(arguments.released, arguments.defect)
    except UnknownDefectError as error:
        parser.error(f"--defect: {error}; --list-faults with --as shows all")


def _quirks(arguments: argparse.Namespace) -> Quirks | None:
    if not arguments.quirks:
        return None
    return Quirks(arguments.quirks, 1.0 if arguments.quirk_speed is None else arguments.quirk_speed)


def _add_limits(parser: argparse.ArgumentParser) -> None:
    default = Settings()
    seconds = number(0, 10**9, above=True)
    limits: tuple[tuple[str, Callable[[str], float], str], ...] = (
        ("token_lifetime", seconds, "lifetime of a token, seconds"),
        ("seed", whole_number(0, 2**63), "seed of the weights of new clusters"),
        ("max_file_size", whole_number(1, 2**40), "largest file, bytes"),
        ("max_storage", whole_number(1, 2**50), "announced size of all uploads and datasets of a project, bytes"),
        ("max_uploads", whole_number(1, 10**6), "unfinished uploads of a project"),
        ("max_datasets", whole_number(1, 10**6), "finalized datasets of a project"),
        ("max_clusters", whole_number(1, 10**6), "clusters of a project"),
        ("max_message", whole_number(1, 2**40), "largest websocket message, bytes"),
        ("max_body", whole_number(1, 2**40), "largest REST body, bytes"),
        ("max_parameters", whole_number(1, 10**10), "weights and biases of one cluster"),
        ("attach_timeout", seconds, "time that a new websocket may stay silent, seconds"),
    )
    for name, kind, text in limits:
        parser.add_argument(
            "--" + name.replace("_", "-"),
            type=kind,
            default=getattr(default, name),
            metavar="SECONDS" if kind is seconds else "N",
            help=f"{text} (default: %(default)s)",
        )
