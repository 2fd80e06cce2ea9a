"""The catalogue: every checkable requirement of the protocol, and the marker by which a test names what it checks."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, TypeVar

import pytest

from hanami_reports.model.conformance import Level

CRASH = "GEN-2"  # what a case violates that ends the server
_Test = TypeVar("_Test", bound=Callable[..., Any])


@dataclass(frozen=True)
class Requirement:
    """One checkable requirement.

    Attributes:
        id: such as ``PROG-2``; never renumbered.
        level: MUST, SHOULD or OBSERVE.
        workflow: heading that it stands under.
        step: where the workflow document says so.
        text: the sentence.
    """

    id: str
    level: Level
    workflow: str
    step: str
    text: str


@cache
def catalogue() -> dict[str, Requirement]:
    """All requirements by id, in the order of the protocol."""
    data = tomllib.loads(catalogue_text())
    return {key: Requirement(id=key, **{**entry, "level": Level(entry["level"])}) for key, entry in data.items()}


def catalogue_text() -> str:
    """Return the catalogue's file, whole."""
    return (resources.files("hanami_conformance.catalogue") / "requirements.toml").read_text(encoding="utf-8")


def requirement(*ids: str) -> Callable[[_Test], _Test]:
    """Mark a test with the requirements that it checks.

    Raises:
        ValueError: no id, or one that is not in the catalogue.
    """
    if not ids:
        raise ValueError("a test names at least one requirement")
    unknown = [name for name in ids if name not in catalogue()]
    if unknown:
        raise ValueError(f"not in the catalogue: {', '.join(unknown)}")
    mark: Callable[[_Test], _Test] = pytest.mark.requirement(*ids)
    return mark


def select(patterns: Iterable[str]) -> frozenset[str]:
    """Ids that the patterns name: ``PROG-2`` or a whole family, ``PROG``.

    Raises:
        ValueError: a pattern that names none; the message offers the nearest.
    """
    chosen: set[str] = set()
    for pattern in patterns:
        wanted = pattern.strip().upper()
        found = {name for name in catalogue() if wanted in (name, name.rsplit("-", 1)[0])}
        if not found:
            near = difflib.get_close_matches(wanted, [*catalogue(), *families()], n=3, cutoff=0.3)
            hint = f", did you mean {' or '.join(near)}?" if near else ""
            raise ValueError(f"no requirement {pattern!r} in the catalogue{hint}")
        chosen |= found
    return frozenset(chosen)


def families() -> tuple[str, ...]:
    """Families of requirements (``ATT``, ``INIT``, ...), in the order of the protocol."""
    return tuple(dict.fromkeys(name.rsplit("-", 1)[0] for name in catalogue()))
