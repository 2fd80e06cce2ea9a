"""The catalogue: every checkable requirement of the protocol, and the marker that assigns tests to them."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, TypeVar

from hanami_reports.model.conformance import Level

SERVER_FILE, CLIENT_FILE = "requirements.toml", "client_requirements.toml"
CRASH = "GEN-2"  # requirement that a case violates if it crashes the server
_Test = TypeVar("_Test", bound=Callable[..., Any])


@dataclass(frozen=True)
class Requirement:
    """One checkable requirement.

    Attributes:
        id: Id such as ``PROG-2``; never renumbered.
        level: Level of the requirement.
        workflow: Heading in the workflow document.
        step: Place in the workflow document.
        text: Text of the requirement.
        violation: What a server that violates it does, in a few words: the title of a finding.
    """

    id: str
    level: Level
    workflow: str
    step: str
    text: str
    violation: str


@cache
def catalogue() -> dict[str, Requirement]:
    """Return all requirements of servers by id, in the order of the protocol."""
    return _parse(catalogue_text())


@cache
def client_catalogue() -> dict[str, Requirement]:
    """Return all requirements of clients by id, in the order of the protocol."""
    return _parse(catalogue_text(CLIENT_FILE))


def catalogue_text(file: str = SERVER_FILE) -> str:
    """Return the text of a catalogue file."""
    return (resources.files("hanami_conformance.catalogue") / file).read_text(encoding="utf-8")


def _parse(text: str) -> dict[str, Requirement]:
    entries = tomllib.loads(text).items()
    return {key: Requirement(id=key, **{**entry, "level": Level(entry["level"])}) for key, entry in entries}


def requirement(*ids: str) -> Callable[[_Test], _Test]:
    """Mark a test with the requirements that it checks.

    Raises:
        ValueError: If there is no id, or one that is not in the catalogue.
    """
    if not ids:
        raise ValueError("a test names at least one requirement")
    unknown = [name for name in ids if name not in catalogue()]
    if unknown:
        raise ValueError(f"not in the catalogue: {', '.join(unknown)}")
    import pytest  # noqa: PLC0415 - commands that only read the catalogue start faster without it

    mark: Callable[[_Test], _Test] = pytest.mark.requirement(*ids)
    return mark


def select(patterns: Iterable[str], entries: Mapping[str, Requirement] | None = None) -> frozenset[str]:
    """Return the ids that match the patterns: ``PROG-2``, or ``PROG`` for a whole family.

    Args:
        patterns: Ids and families.
        entries: Catalogue, None for that of servers.

    Raises:
        ValueError: If a pattern matches none; the message offers the most similar names.
    """
    known = catalogue() if entries is None else entries
    chosen: set[str] = set()
    for pattern in patterns:
        name_or_family = pattern.strip().upper()
        found = {name for name in known if name_or_family in (name, name.rsplit("-", 1)[0])}
        if not found:
            near = difflib.get_close_matches(name_or_family, [*known, *families(known)], n=3, cutoff=0.3)
            hint = f", did you mean {' or '.join(near)}?" if near else ""
            raise ValueError(f"no requirement {pattern!r} in the catalogue{hint}")
        chosen |= found
    return frozenset(chosen)


def families(names: Iterable[str]) -> tuple[str, ...]:
    """Return the families of requirements (``ATT``, ``INIT``, ...), in the order of their ids."""
    return tuple(dict.fromkeys(name.rsplit("-", 1)[0] for name in names))
