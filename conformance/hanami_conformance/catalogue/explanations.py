"""Explanations of the requirements for people: why each matters, and an example of a violation."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources


@dataclass(frozen=True)
class Explanation:
    """Explanation of one requirement.

    Attributes:
        why: Reason why the requirement matters to a user of the server, one or two sentences.
        example: Behaviour of a server that violates the requirement; of an OBSERVE, behaviour that is recorded.
        servers: Behaviour of released servers that is no defect; empty where there is nothing to say.
    """

    why: str
    example: str
    servers: str = ""


@cache
def explanations() -> Mapping[str, Explanation]:
    """Return the explanations of all requirements of servers by id, in the order of the catalogue."""
    return _read("explanations.toml")


@cache
def client_explanations() -> Mapping[str, Explanation]:
    """Return the explanations of all requirements of clients by id, in the order of their catalogue."""
    return _read("client_explanations.toml")


def _read(file: str) -> Mapping[str, Explanation]:
    # Apart from the requirements: other words here make no other catalogue, which results of runs have a digest of.
    text = (resources.files("hanami_conformance.catalogue") / file).read_text(encoding="utf-8")
    return {key: Explanation(**entry) for key, entry in tomllib.loads(text).items()}
