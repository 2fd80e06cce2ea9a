"""The options of a run, checked."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from hanami_conformance.catalogue import select
from hanami_conformance.options.definitions import (
    AUTO,
    DEFAULT_DATABASE,
    DEFAULT_MINUTES,
    DEFAULT_PROFILE,
    DEFAULT_REPORT_DIR,
    NO_DATABASE,
    REFERENCE,
    SERVER_TIMEOUT,
)
from hanami_conformance.options.profiles import PROFILES, Profile
from hanami_conformance.options.sources import config_of, merge_sources
from hanami_conformance.options.target import (
    Credentials,
    TargetOptions,
    allow_destructive,
    credentials_of,
    parse_tls_and_cluster,
    server_command,
    target_url,
)
from hanami_proto.dialect import DEFAULT_DIALECT, load_dialect
from hanami_reports.model.conformance import Level

REFERENCE_CONNECTIONS = 8


@dataclass(frozen=True)
class RunOptions:
    """The options of a run, checked.

    Attributes:
        target: how the target is reached; its address is empty for the reference backend, which is not up yet.
        reference: whether to start the bundled reference backend.
        requirements: ids to check, None for all.
        level: lowest level that decides the exit status.
        report_dir: folder for the reports.
        profile: how much is tried.
        seed: that the sequences are drawn from.
        minutes: that a profile without a number of sequences runs them for.
        database: folder of failing sequences, None for none.
        known: file of the known failures, None for none; not read yet.
        server: words of the command that starts the server, none where the suite does not start it.
        server_timeout: seconds that it may take until it is ready.
        destructive: whether to send what may end a fragile server.
        config: settings file that was read, None for none.
        shown: what the manifest tells of the options.
    """

    target: TargetOptions
    reference: bool
    requirements: frozenset[str] | None
    level: Level
    report_dir: Path
    profile: Profile
    seed: int
    minutes: float
    database: Path | None
    known: Path | None = None
    server: tuple[str, ...] = ()
    server_timeout: float = SERVER_TIMEOUT
    destructive: bool = False
    config: Path | None = None
    shown: Mapping[str, Any] = field(default_factory=dict)


def resolve(
    given: Mapping[str, Any],
    environment: Mapping[str, str] = os.environ,
    dialect: str = DEFAULT_DIALECT,
    ini: Mapping[str, str | list[str]] = MappingProxyType({}),
) -> RunOptions:
    """Check the options; what is not given comes from the environment, settings files, then from the defaults.

    Args:
        given: option ``dest`` to value, None or an empty list where it was not given.
        environment: variables.
        dialect: where nobody says one.
        ini: Option ``dest`` to its value in the settings file of pytest; the environment takes precedence.

    Raises:
        ValueError: something is wrong or missing; the message says what would be right.
    """
    config = config_of(given, environment, ini)
    lists: dict[str, list[str]] = {}
    values: dict[str, str] = {}
    for name, value in merge_sources(given, environment, ini, config).items():
        if isinstance(value, list):
            lists[name] = value
        else:
            values[name] = value
    reference = values["target"] == REFERENCE
    dialect = values["dialect"] or dialect
    if dialect != AUTO:
        load_dialect(dialect)
    patterns = lists["requirement"]
    connections = _number(values["max_connections"], "--max-connections", int, 1) if values["max_connections"] else None
    if connections is None and reference:
        connections = REFERENCE_CONNECTIONS
    deadline = _number(values["deadline"], "--deadline", float, 0.1) if values["deadline"] else 10.0
    profile = _profile(values["profile"] or DEFAULT_PROFILE)
    seed = _seed(values["seed"], profile)
    minutes = _number(values["minutes"], "--minutes", float, 0.01) if values["minutes"] else DEFAULT_MINUTES
    if values["minutes"] and profile.sequences is not None:
        raise ValueError(f"--minutes is for the profile deep; {profile.name} runs a fixed number of sequences")
    if values["shrink"]:
        profile = replace(profile, shrink_seconds=_number(values["shrink"], "--shrink", float, 0.0))
    database = values["database"] or str(DEFAULT_DATABASE)
    url = "" if reference else target_url(values["target"])
    account, other_account = (Credentials(), None) if reference else credentials_of(values)
    server = server_command(values["server_command"], reference=reference)
    seconds = values["server_timeout"]
    destructive = allow_destructive(values, url, started=reference or bool(server))
    return RunOptions(
        target=TargetOptions(
            url=url,
            account=account,
            other_account=other_account,
            expired_token=values["expired_token"],
            dialect=dialect,
            deadline=deadline,
            max_connections=None if connections is None else int(connections),
            **({} if reference else parse_tls_and_cluster(values, lists, url)),
        ),
        reference=reference,
        requirements=select(patterns) if patterns else None,
        level=_level(values["level"]),
        report_dir=Path(values["report_dir"] or DEFAULT_REPORT_DIR),
        profile=profile,
        seed=seed,
        minutes=minutes,
        database=None if database == NO_DATABASE else Path(database),
        known=Path(values["known"]) if values["known"] else None,
        server=server,
        server_timeout=_number(seconds, "--server-timeout", float, 0.1) if seconds else SERVER_TIMEOUT,
        destructive=destructive,
        config=None if config is None else config.path,
        shown={
            "deadline": deadline,
            "max_connections": connections,
            "level": values["level"] or "should",
            "profile": profile.name,
            "seed": seed,
            "destructive": destructive,
            **({"server_command": values["server_command"]} if server else {}),
            **({"minutes": minutes} if profile.sequences is None else {}),
            **({"known": values["known"]} if values["known"] else {}),
            **({} if config is None else {"config": str(config.path)}),
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
