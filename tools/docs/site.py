"""Everything of the site that is generated: its files, and their places in the navigation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from itertools import groupby
from typing import Any

from hanami_conformance.catalogue import catalogue
from hanami_conformance.cli.collect import collected_cases
from hanami_proto.dialect import dialect_names
from hanami_reports.model.load import EXIT_STATUSES as LOAD_STATUSES
from hanami_reports.model.meanings import EXIT_STATUSES, LEVELS, LOAD_STATES, OUTCOMES, VERDICTS
from tools.docs import command_pages, protocol_pages, requirement_pages
from tools.docs.markdown import render

SCHEMAS = ("load.schema.json", "peak.schema.json", "result.schema.json")
VERDICT_PAGE = "reference/verdicts.md"


@cache
def generated_files() -> Mapping[str, str]:
    """Return the texts of all generated files by their places in the site."""
    schemas = resources.files("hanami_reports.model") / "schemas"
    return {
        **requirement_pages.requirement_pages(collected_cases()),
        requirement_pages.FAULTS: requirement_pages.fault_page(),
        requirement_pages.CLIENTS: requirement_pages.client_page(),
        **protocol_pages.protocol_files(),
        **command_pages.command_pages(),
        VERDICT_PAGE: _verdict_page(),
        **{f"reference/schemas/{name}": (schemas / name).read_text(encoding="utf-8") for name in SCHEMAS},
    }


def navigation(nav: Iterable[Any]) -> list[Any]:
    """Return a navigation in which each folder of generated pages, ``reference/NAME/``, is replaced by its pages."""
    folders = {
        f"{requirement_pages.FOLDER}/": [f"{requirement_pages.FOLDER}/index.md", *_families()],
        f"{protocol_pages.FOLDER}/": _pages(protocol_pages.FOLDER, ["index", *dialect_names()]),
        f"{command_pages.FOLDER}/": _pages(command_pages.FOLDER, ["index", *_commands()]),
    }
    return [_replaced(entry, folders) for entry in nav]


def _verdict_page() -> str:
    return render(
        "verdicts",
        levels=LEVELS,
        verdicts=VERDICTS,
        outcomes=OUTCOMES,
        statuses=EXIT_STATUSES,
        commands=_commands(),
        load_states=LOAD_STATES,
        load_statuses=LOAD_STATUSES,
    )


def _commands() -> list[str]:
    return [one.name for one in command_pages.programs()]


def _families() -> list[Any]:
    groups = groupby(catalogue(), key=lambda name: name.rpartition("-")[0])
    return [{family: _pages(requirement_pages.FOLDER, names)} for family, names in groups]


def _pages(folder: str, names: Iterable[str]) -> list[str]:
    return [f"{folder}/{name}.md" for name in names]


def _replaced(entry: Any, folders: Mapping[str, list[Any]]) -> Any:
    if isinstance(entry, dict):
        return {title: _replaced(value, folders) for title, value in entry.items()}
    if isinstance(entry, list):
        return [_replaced(value, folders) for value in entry]
    return folders.get(entry, entry)
