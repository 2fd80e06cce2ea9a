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
    DEFAULT_MINUTES,
    NO_DATABASE,
    OPTIONS,
    REFERENCE,
    SERVER_TIMEOUT,
)
from hanami_conformance.options.profiles import PROFILES, Profile
from hanami_conformance.options.sources import Value, find_config, merge_sources
from hanami_conformance.options.target import (
    TargetOptions,
    allow_destructive,
    check_reference,
    reference_options,
    server_command,
    target_options,
)
from hanami_proto.dialect import DEFAULT_DIALECT, load_dialect
from hanami_proto.options import convert_values
from hanami_reports.model.conformance import Level


@dataclass(frozen=True)
class RunOptions:
    """The options of a run, checked.

    Attributes:
        target: How the target is reached; the address is empty for the reference backend, which is not up yet.
        reference: Whether to start the bundled reference backend.
        requirements: Ids of the requirements to check, None for all.
        level: Lowest level that decides the exit status.
        report_dir: Folder for the reports.
        events: File for all events of all cases, None for none.
        profile: How much is tried.
        seed: Seed of the sequences.
        minutes: Time for sequences in a profile without a number of sequences.
        database: Folder of failing sequences, None for none.
        known: File of the known failures, None for none; not read yet.
        server: Words of the command that starts the server, none where the suite does not start it.
        server_timeout: Seconds that the server may take until it is ready.
        workers: Number of processes that run cases beside each other, 0 for one for each processor.
        destructive: Whether to send what may crash a fragile server.
        config: Settings file that was read, None for none.
        manifest_options: Options that the manifest of the result lists.
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
    events: Path | None = None
    known: Path | None = None
    server: tuple[str, ...] = ()
    server_timeout: float = SERVER_TIMEOUT
    workers: int = 1
    destructive: bool = False
    config: Path | None = None
    manifest_options: Mapping[str, Any] = field(default_factory=dict)


def resolve(
    given: Mapping[str, Any],
    environment: Mapping[str, str] = os.environ,
    dialect: str = DEFAULT_DIALECT,
    ini: Mapping[str, Value] = MappingProxyType({}),
) -> RunOptions:
    """Check the options; those not given come from the environment, settings files, then from the defaults.

    Args:
        given: Option ``dest`` to value, None or an empty list where it was not given.
        environment: Environment variables by name.
        dialect: Dialect where no source names one.
        ini: Option ``dest`` to its value in the settings file of pytest; the environment takes precedence.

    Raises:
        ValueError: If something is wrong or missing; the message says what would be right.
    """
    config = find_config(given, environment, ini)
    values = convert_values(OPTIONS, merge_sources(OPTIONS, given, environment, ini, config))
    values["dialect"] = values["dialect"] or dialect
    if values["dialect"] != AUTO:
        load_dialect(values["dialect"])
    reference = values["target"] == REFERENCE
    if reference:
        files = [ini, {} if config is None else config.values]
        check_reference(given, *(one for one in files if one.get("target") == REFERENCE))
    profile = PROFILES[values["profile"]]
    if values["minutes"] is not None and profile.sequences is not None:
        raise ValueError(f"--minutes is for the profile deep; {profile.name} runs a fixed number of sequences")
    minutes = DEFAULT_MINUTES if values["minutes"] is None else values["minutes"]
    if values["shrink"] is not None:
        profile = replace(profile, shrink_seconds=values["shrink"])
    seed = values["seed"]
    if seed is None:
        seed = secrets.randbelow(2**32) if profile.random else 0
    target = reference_options(values) if reference else target_options(values)
    server = () if reference else server_command(values["server_command"])
    destructive = allow_destructive(values["allow_destructive"], target.url, started=reference or bool(server))
    manifest_options = {
        "deadline": target.deadline,
        "max_connections": target.max_connections,
        "level": values["level"],
        "profile": profile.name,
        "seed": seed,
        "destructive": destructive,
    }
    if server:
        manifest_options["server_command"] = values["server_command"]
        manifest_options["durable"] = target.durable
    if profile.sequences is None:
        manifest_options["minutes"] = minutes
    if values["known"]:
        manifest_options["known"] = str(values["known"])
    if config is not None:
        manifest_options["config"] = str(config.path)
    return RunOptions(
        target=target,
        reference=reference,
        requirements=select(values["requirement"]) if values["requirement"] else None,
        level=Level(values["level"].upper()),
        report_dir=values["report_dir"],
        events=values["events"],
        profile=profile,
        seed=seed,
        minutes=minutes,
        database=None if values["database"] == NO_DATABASE else Path(values["database"]),
        known=values["known"],
        server=server,
        server_timeout=values["server_timeout"],
        workers=values["workers"],
        destructive=destructive,
        config=None if config is None else config.path,
        manifest_options=manifest_options,
    )
