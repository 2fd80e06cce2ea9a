"""One page for each requirement, the list of all, and the list of all faults."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import TypeVar

from hanami_conformance.catalogue import Requirement, catalogue, client_catalogue
from hanami_conformance.catalogue.explanations import client_explanations, explanations
from hanami_conformance.cli.explain import SuiteTest, example_title, tests_of
from hanami_conformance.client_mode.scenario import EITHER, FAIL, SUCCEED, scenarios
from hanami_conformance.session.collection import CollectedCase
from hanami_reference_backend.faults import Fault
from hanami_reference_backend.faults import catalogue as fault_catalogue
from hanami_reference_backend.faults.released import SERVERS, Defect, defects_of
from hanami_reports.common.text import pluralise
from tools.docs.markdown import render

FOLDER = "reference/requirements"
FAULTS = "reference/faults.md"
CLIENTS = "reference/client-requirements.md"
AnyFault = TypeVar("AnyFault", bound=Fault)


def requirement_pages(cases: Mapping[str, CollectedCase]) -> dict[str, str]:
    """Return the pages by their places in the site.

    Args:
        cases: All cases of the suite by their ids.
    """
    tests = {name: tests_of(name, cases) for name in catalogue()}
    groups = [(name, list(members)) for name, members in groupby(catalogue().values(), lambda one: one.workflow)]
    counts = {name: sum(test.cases for test in members) for name, members in tests.items()}
    index = render("requirements", requirements=catalogue(), cases=len(cases), groups=groups, counts=counts)
    pages = {f"{FOLDER}/{one.id}.md": _page(one, tests[one.id]) for one in catalogue().values()}
    return {f"{FOLDER}/index.md": index, **pages}


def client_page() -> str:
    """Return the list of the requirements of clients, and of the scenarios in which they are judged."""
    entries = list(client_catalogue().values())
    return render(
        "client-requirements",
        requirements=entries,
        groups=[(name, list(members)) for name, members in groupby(entries, lambda one: one.workflow)],
        explanations=client_explanations(),
        scenarios=list(scenarios().values()),
        statuses={SUCCEED: "0", FAIL: "not 0", EITHER: "either"},
    )


def fault_page() -> str:
    """Return the list of all faults of the reference backend, and of the defects of released servers."""
    faults = list(fault_catalogue().values())
    return render("faults", faults=faults, defects=known_defects(), servers=list(SERVERS))


def known_defects() -> list[Defect]:
    """Return the defects of all released servers that are simulated, in the order of the protocol."""
    return list({name: one for server in SERVERS for name, one in defects_of(server).items()}.values())


def _page(requirement: Requirement, tests: Sequence[SuiteTest]) -> str:
    return render(
        "requirement",
        one=requirement,
        explanation=explanations()[requirement.id],
        example_title=example_title(requirement.level),
        servers=list(SERVERS),
        defects=_violating(known_defects(), requirement.id),
        cases=pluralise(sum(test.cases for test in tests), "case"),
        tests=pluralise(len(tests), "test"),
        files=[(file, list(members)) for file, members in groupby(tests, key=lambda test: test.file)],
        faults=_violating(fault_catalogue().values(), requirement.id),
    )


def _violating(faults: Iterable[AnyFault], requirement_id: str) -> list[AnyFault]:
    """Return the faults that violate a requirement, those first of which it is the main one."""
    violating = [one for one in faults if requirement_id in one.violates]
    return sorted(violating, key=lambda one: one.violates[0] != requirement_id)
