"""The options of a run: one table for the console command and for pytest, each with its environment variable."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from conformance.catalogue import select
from conformance.profiles import DEFAULT_PROFILE, PROFILES, Profile
from conformance.target import Credentials, TargetOptions, checked_url
from proto.dialects import DEFAULT_DIALECT, dialect_names
from reports.model import Level

REFERENCE = "reference"
DEFAULT_REPORT_DIR = Path("reports") / "latest"
DEFAULT_DATABASE = Path(".hypothesis") / "examples"
NO_DATABASE = "none"
DEFAULT_MINUTES = 10.0


@dataclass(frozen=True)
class Option:
    """One option.

    Attributes:
        name: without the dashes.
        help: one sentence.
        metavar: name of the value.
        environment: variable that is read where the option is not given, empty for none.
        default: what holds where neither is given, in words for the help.
        many: whether the option may be given several times.
    """

    name: str
    help: str
    metavar: str
    environment: str = ""
    default: str = ""
    many: bool = False

    @property
    def flag(self) -> str:
        """As it is written on the command line."""
        return f"--{self.name}"

    @property
    def dest(self) -> str:
        """As argparse names it."""
        return self.name.replace("-", "_")

    def arguments(self) -> dict[str, Any]:
        """What ``add_argument`` of argparse, and ``addoption`` of pytest, take."""
        notes = [note for note in (self.default and f"default: {self.default}", self.environment) if note]
        text = f"{self.help} [{'; '.join(notes)}]" if notes else self.help
        action = {"action": "append", "default": []} if self.many else {"action": "store", "default": None}
        return {"help": text, "metavar": self.metavar, "dest": self.dest, **action}


OPTIONS: tuple[Option, ...] = (
    Option(
        "target",
        f"address of the server, http://HOST:PORT; '{REFERENCE}' starts the bundled reference backend",
        "URL",
        "HANAMI_TARGET",
    ),
    Option("user", "user of the target", "ID", "HANAMI_USER"),
    Option("password", "password of the user; better given by the environment", "PASSWORD", "HANAMI_PASSWORD"),
    Option("token", "token of the user, in place of user and password", "TOKEN", "HANAMI_TOKEN"),
    Option("second-user", "user of another project, for the isolation statements", "ID", "HANAMI_SECOND_USER"),
    Option("second-password", "password of the second user", "PASSWORD", "HANAMI_SECOND_PASSWORD"),
    Option("second-token", "token of the second user", "TOKEN", "HANAMI_SECOND_TOKEN"),
    Option("expired-token", "a token that was valid once, for ATT-3", "TOKEN", "HANAMI_EXPIRED_TOKEN"),
    Option(
        "dialect",
        f"what the server speaks: {', '.join(dialect_names())}",
        "NAME",
        "HANAMI_DIALECT",
        DEFAULT_DIALECT,
    ),
    Option("deadline", "seconds that any wait for the target may take", "SECONDS", "HANAMI_DEADLINE", "10"),
    Option(
        "max-connections",
        "most websockets at the same time",
        "N",
        "HANAMI_MAX_CONNECTIONS",
        "what the dialect says; 8 for the reference backend",
    ),
    Option(
        "profile",
        "how much is tried: " + "; ".join(f"{profile.name}, {profile.title}" for profile in PROFILES.values()),
        "NAME",
        "HANAMI_PROFILE",
        DEFAULT_PROFILE,
    ),
    Option("seed", "number that the stories are drawn from; deep tells the one that it took", "N", "HANAMI_SEED"),
    Option(
        "minutes",
        "how long deep tells stories, all properties together",
        "N",
        "HANAMI_MINUTES",
        f"{DEFAULT_MINUTES:g}",
    ),
    Option(
        "database",
        f"folder of the stories that went wrong, which are told first next time; '{NO_DATABASE}' for none",
        "DIR",
        "HANAMI_DATABASE",
        str(DEFAULT_DATABASE),
    ),
    Option(
        "shrink",
        "seconds that a story which went wrong may be made smaller for; 0 keeps it as it was found",
        "SECONDS",
        "HANAMI_SHRINK",
        "what the profile says",
    ),
    Option("statement", "check only this statement (PROG-2) or family (PROG); repeatable", "ID", many=True),
    Option(
        "level",
        "lowest level that decides the exit status, must or should",
        "LEVEL",
        "HANAMI_LEVEL",
        "should",
    ),
    Option("known", "list of failures that are known, and so count as green: a TOML file", "FILE", "HANAMI_KNOWN"),
    Option("report-dir", "folder for the reports", "DIR", "HANAMI_REPORT_DIR", str(DEFAULT_REPORT_DIR)),
)

REFERENCE_CONNECTIONS = 8


@dataclass(frozen=True)
class RunOptions:
    """The options of a run, checked.

    Attributes:
        target: how the target is reached; its address is empty for the reference backend, which is not up yet.
        reference: whether to start the bundled reference backend.
        statements: ids to check, None for all.
        level: lowest level that decides the exit status.
        report_dir: folder for the reports.
        profile: how much is tried.
        seed: that the stories are drawn from.
        minutes: that a profile without a number of stories tells them for.
        database: folder of the stories that went wrong, None for none.
        known: file of the known failures, None for none; not read yet.
        shown: what the manifest tells of the options.
    """

    target: TargetOptions
    reference: bool
    statements: frozenset[str] | None
    level: Level
    report_dir: Path
    profile: Profile
    seed: int
    minutes: float
    database: Path | None
    known: Path | None = None
    shown: Mapping[str, Any] = field(default_factory=dict)


def resolve(given: Mapping[str, Any], environment: Mapping[str, str] = os.environ) -> RunOptions:
    """Check the options; what is not given comes from the environment, then from the defaults.

    Args:
        given: option ``dest`` to value, None or an empty list where it was not given.
        environment: variables.

    Raises:
        ValueError: something is wrong or missing; the message says what would be right.
    """
    values: dict[str, str] = {}
    for option in OPTIONS:
        if option.many:
            continue
        value = given.get(option.dest)
        if value is None and option.environment:
            value = environment.get(option.environment) or None
        values[option.dest] = "" if value is None else str(value)
    reference = values["target"] == REFERENCE
    dialect = values["dialect"] or DEFAULT_DIALECT
    if dialect not in dialect_names():
        raise ValueError(f"unknown dialect {dialect!r}: choose one of {', '.join(dialect_names())}")
    patterns = given.get("statement") or []
    connections = _number(values["max_connections"], "--max-connections", int, 1) if values["max_connections"] else None
    if connections is None and reference:
        connections = REFERENCE_CONNECTIONS
    deadline = _number(values["deadline"], "--deadline", float, 0.1) if values["deadline"] else 10.0
    profile = _profile(values["profile"] or DEFAULT_PROFILE)
    seed = _seed(values["seed"], profile)
    minutes = _number(values["minutes"], "--minutes", float, 0.01) if values["minutes"] else DEFAULT_MINUTES
    if values["minutes"] and profile.stories is not None:
        raise ValueError(f"--minutes is for the profile deep; {profile.name} tells a fixed number of stories")
    if values["shrink"]:
        profile = replace(profile, shrink_seconds=_number(values["shrink"], "--shrink", float, 0.0))
    database = values["database"] or str(DEFAULT_DATABASE)
    url = "" if reference else _url(values["target"])
    first, second = (Credentials(), None) if reference else _credentials(values)
    return RunOptions(
        target=TargetOptions(
            url=url,
            first=first,
            second=second,
            expired_token=values["expired_token"],
            dialect=dialect,
            deadline=deadline,
            max_connections=None if connections is None else int(connections),
        ),
        reference=reference,
        statements=select(patterns) if patterns else None,
        level=_level(values["level"]),
        report_dir=Path(values["report_dir"] or DEFAULT_REPORT_DIR),
        profile=profile,
        seed=seed,
        minutes=minutes,
        database=None if database == NO_DATABASE else Path(database),
        known=Path(values["known"]) if values["known"] else None,
        shown={
            "deadline": deadline,
            "max_connections": connections,
            "level": values["level"] or "should",
            "profile": profile.name,
            "seed": seed,
            **({"minutes": minutes} if profile.stories is None else {}),
            **({"known": values["known"]} if values["known"] else {}),
        },
    )


def _profile(name: str) -> Profile:
    if name not in PROFILES:
        raise ValueError(f"unknown profile {name!r}: choose one of {', '.join(PROFILES)}")
    return PROFILES[name]


def _seed(text: str, profile: Profile) -> int:
    if text:
        return int(_number(text, "--seed", int, 0))
    return secrets.randbelow(2**32) if profile.random else 0


def _url(target: str) -> str:
    if not target:
        raise ValueError(
            f"no target: give --target http://HOST:PORT, or --target {REFERENCE} for the bundled backend, "
            "or set HANAMI_TARGET"
        )
    return checked_url(target)


def _credentials(values: Mapping[str, str]) -> tuple[Credentials, Credentials | None]:
    first = Credentials(values["user"], values["password"], values["token"])
    if not first.token and not (first.user and first.password):
        raise ValueError("no credentials: give --user and --password, or --token (or HANAMI_USER, HANAMI_PASSWORD)")
    for name in ("token", "second_token", "expired_token"):
        if not (values[name].isascii() and values[name].isprintable()):
            raise ValueError(f"--{name.replace('_', '-')} holds characters that no token has")
    second = Credentials(values["second_user"], values["second_password"], values["second_token"])
    if second.token or (second.user and second.password):
        if (second.user and second.user == first.user) or (second.token and second.token == first.token):
            raise ValueError("the second user is the first one: give a user of another project")
        return first, second
    if second.user or second.password:
        known = "user" if second.user else "password"
        lacking = "password" if second.user else "user"
        raise ValueError(
            f"half a second user: there is --second-{known} (or HANAMI_SECOND_{known.upper()} is set), "
            f"but no --second-{lacking}"
        )
    return first, None


def _level(text: str) -> Level:
    allowed = {"": Level.SHOULD, "must": Level.MUST, "should": Level.SHOULD}
    if text.lower() not in allowed:
        raise ValueError(f"level {text!r}: choose must or should")
    return allowed[text.lower()]


def _number(text: str, flag: str, kind: type[int | float], least: float) -> float:
    try:
        number = kind(text)
    except ValueError:
        number = kind(-1)
    if not least <= number < float("inf"):
        raise ValueError(f"{flag} {text!r}: give a number of at least {least:g}")
    return number
