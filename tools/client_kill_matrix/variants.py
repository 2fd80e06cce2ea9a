"""Faulty variants of the example client: small changes of its text, as data."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from hanami_proto.toml import load_toml

CLIENT = Path(__file__).resolve().parents[2] / "examples" / "client"
FILE = Path(__file__).with_name("variants.toml")


class VariantError(ValueError):
    """A variant does not exist, or a change does not fit the client; one line."""


@dataclass(frozen=True)
class Change:
    """A change of one file.

    Attributes:
        file: Name of the file.
        old: Text that is in the file once.
        new: Text that replaces it.
    """

    file: str
    old: str
    new: str


@dataclass(frozen=True)
class Variant:
    """A client with one fault.

    Attributes:
        name: Name of the fault.
        violates: Ids of the requirements of clients that it violates, the main one first.
        text: Behaviour of the client, one line.
        scenarios: Names of the scenarios in which it must be detected.
        changes: Changes of the client.
    """

    name: str
    violates: tuple[str, ...]
    text: str
    scenarios: tuple[str, ...]
    changes: tuple[Change, ...]


@dataclass(frozen=True)
class _File:
    variants: tuple[Variant, ...]


def all_variants() -> dict[str, Variant]:
    """Return all variants by name."""
    return {one.name: one for one in load_toml(_File, FILE.read_text(encoding="utf-8"), FILE.name).variants}


def select_variants(names: Iterable[str]) -> list[Variant]:
    """Return the variants of these names, all for no names.

    Raises:
        VariantError: If a name is unknown, or a change does not fit the client.
    """
    known = all_variants()
    unknown = [name for name in names if name not in known]
    if unknown:
        raise VariantError(f"no variant {unknown[0]!r}: --list shows all")
    selected = [known[name] for name in names] or list(known.values())
    for one in selected:
        changed_files(one)
    return selected


def changed_files(variant: Variant) -> dict[str, str]:
    """Return the new texts of the files that a variant changes, by their names.

    Raises:
        VariantError: If the text of a change is not in its file exactly once.
    """
    texts: dict[str, str] = {}
    for change in variant.changes:
        text = texts.get(change.file) or (CLIENT / change.file).read_text(encoding="utf-8")
        if (count := text.count(change.old)) != 1:
            where = f"{variant.name}: {change.file}"
            raise VariantError(f"{where} has {change.old.strip()[:60]!r} {count} times, not once")
        texts[change.file] = text.replace(change.old, change.new)
    return texts


def write_client(folder: Path, variant: Variant | None) -> Path:
    """Write the client, or a faulty variant of it, into a new folder, and return that.

    Raises:
        VariantError: If a change does not fit.
    """
    client = folder / "client"
    shutil.copytree(CLIENT, client, ignore=shutil.ignore_patterns("__pycache__"))
    for name, text in (changed_files(variant) if variant is not None else {}).items():
        (client / name).write_text(text, encoding="utf-8")
    return client
