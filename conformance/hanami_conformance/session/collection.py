"""The cases as pytest collects them: which files hold cases, their ids and requirements, selection and order."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from hanami_conformance.catalogue import catalogue
from hanami_conformance.suite import SUITE
from hanami_reports.model.known_failure_matching import SuiteCase

PYTEST_INI = Path(__file__).with_name("pytest.ini")  # the settings of a run by a console command


@dataclass(frozen=True)
class CollectedCase(SuiteCase):
    """A case as it was collected.

    Attributes:
        title: Behaviour that a server must show, one sentence.
        risk_level: As of :func:`risk_level`.
    """

    title: str = ""
    risk_level: int = 0


class CaseModule(pytest.Module):
    """A file of cases. What counts as a case is fixed, whatever ``python_functions`` of another project says."""

    def funcnamefilter(self, name: str) -> bool:  # noqa: D102 - an override
        return name.startswith("test_")

    def classnamefilter(self, name: str) -> bool:  # noqa: ARG002, D102 - the suite has no classes of tests
        return False


def collect_module(file_path: Path, parent: pytest.Collector) -> list[pytest.Collector]:
    """Return the collector for a file of the package: none unless it holds cases."""
    if file_path.parent != SUITE or not file_path.name.startswith("test_"):
        return []
    return [CaseModule.from_parent(parent, path=file_path)]


def is_suite_item(item: pytest.Item) -> bool:
    """Return whether a test belongs to the suite."""
    return SUITE in Path(item.path).parents


def case_id(item: pytest.Item) -> str:
    """Return the id of a case: file and test, without the folder that the suite is installed in."""
    return f"{item.path.name}::{item.nodeid.split('::', 1)[1]}"


def requirements_of(item: pytest.Item) -> tuple[str, ...]:
    """Return the ids of the requirements that a test checks."""
    return ids_of(item, "requirement")


def ids_of(item: pytest.Item, marker: str) -> tuple[str, ...]:
    """Return the ids of requirements in a marker of a test, in the order of the source."""
    marks = reversed(list(item.iter_markers(marker)))  # pytest gives the mark nearest to the function first
    return tuple(name for mark in marks for name in mark.args)


def title_of(item: pytest.Item) -> str:
    """Return the behaviour that a server must show: the first line of the test's docstring."""
    function = getattr(item, "function", None)
    text = inspect.getdoc(function) or item.name
    return text.splitlines()[0]


def risk_level(item: pytest.Item) -> int:
    """Return 0 for a harmless test, 1 for one that may crash a fragile server, 2 for one that is known to do so."""
    return sum(item.get_closest_marker(name) is not None for name in ("hostile", "destructive"))


def runs_beside(item: pytest.Item) -> bool:
    """Return whether a test may run beside others: if it says so, and is not known to crash fragile servers."""
    mark = item.get_closest_marker("parallel")
    return mark is not None and mark.args != (False,) and item.get_closest_marker("destructive") is None


def is_search(item: pytest.Item) -> bool:
    """Return whether a test executes generated sequences."""
    return "search" in getattr(item, "fixturenames", ())


def takes_long(item: pytest.Item) -> bool:
    """Return whether a test is among the longest: it executes many sequences, or waits."""
    return not {"search", "rows", "pause_seconds"}.isdisjoint(getattr(item, "fixturenames", ()))


def sort_by_requirement(items: list[pytest.Item]) -> None:
    """Sort the tests by the steps of the protocol, file by file, with those last that may crash a fragile server."""
    places = {name: place for place, name in enumerate(catalogue())}
    files: dict[Path, int] = {}
    for item in filter(is_suite_item, items):
        names = requirements_of(item)
        files.setdefault(item.path, places[names[0]] if names else len(places))
    items.sort(key=lambda item: (risk_level(item), files.get(item.path, -1)))


def keep_first_parameter(items: list[pytest.Item]) -> list[pytest.Item]:
    """Return the first case of each test of the suite, and all other tests."""
    seen: set[tuple[Path, str]] = set()
    kept = []
    for item in items:
        name = (item.path, getattr(item, "originalname", item.name))
        if not is_suite_item(item) or name not in seen:
            kept.append(item)
        seen.add(name)
    return kept


def keep_searches(items: list[pytest.Item], most: int) -> list[pytest.Item]:
    """Return the tests without further searches for sequences of the same kind, unless only these were chosen.

    Args:
        items: Tests of a session.
        most: Number of searches for each kind.
    """

    def is_further(item: pytest.Item) -> bool:
        callspec = getattr(item, "callspec", None)
        return is_suite_item(item) and callspec is not None and int(callspec.params.get("search", 1)) > most

    kept = [item for item in items if not is_further(item)]
    return kept if any(map(is_suite_item, kept)) else items


def suite_cases(session: pytest.Session) -> dict[str, CollectedCase]:
    """Return all cases of the suite by their ids.

    They are collected without the hooks of pytest, with which a plugin or an option may leave tests out.

    Args:
        session: Session that has collected its tests.
    """
    cases = {}
    for path in sorted(SUITE.glob("test_*.py")):
        for item in items_in(session, path):
            cases[case_id(item)] = CollectedCase(
                requirements_of(item), ids_of(item, "may_violate"), title_of(item), risk_level(item)
            )
    return cases


def items_in(session: pytest.Session, path: Path) -> Iterator[pytest.Item]:
    """Yield the cases of a file of the suite, collected without the hooks of pytest."""
    return _items(CaseModule.from_parent(session, path=path))


def _items(node: pytest.Collector) -> Iterator[pytest.Item]:
    for child in node.collect():
        if isinstance(child, pytest.Item):
            yield child
        elif isinstance(child, pytest.Collector):
            yield from _items(child)
