"""``hanami-conformance explain``: what a requirement asks for, why, and which cases check it, without a server."""

from __future__ import annotations

import argparse
import sys
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Any

from hanami_conformance.catalogue import Requirement, catalogue, client_catalogue, select
from hanami_conformance.catalogue.explanations import client_explanations, explanations
from hanami_conformance.cli.collect import collected_cases
from hanami_conformance.cli.errors import run_command
from hanami_conformance.client_mode.judge import requirements_for
from hanami_conformance.client_mode.scenario import scenarios
from hanami_conformance.common.text import line_width
from hanami_conformance.session.collection import CollectedCase
from hanami_reports.common.text import pluralise
from hanami_reports.model.conformance import ExitStatus, Level
from hanami_reports.model.known_failures import strip_parameters

DESCRIPTION = """\
Explains requirements: what each asks for, why it matters, an example of a violation, and the cases that check it. Needs
no server. Exit status: 0, or 4 for an id that is not in the catalogue.
"""
LONGEST_LINE = 100  # characters
INDENT = 8  # characters before the title of a test
RISKS = ("", "hostile", "destructive")  # words for the risk levels, as the markers of pytest have them


@dataclass(frozen=True)
class SuiteTest:
    """A test of the suite with its cases of one requirement.

    Attributes:
        file: Name of its file.
        name: Name of its function.
        title: Behaviour that a server must show, one sentence.
        cases: Number of its cases that check the requirement.
        risk: ``hostile`` or ``destructive`` if any of them is, otherwise empty.
    """

    file: str
    name: str
    title: str
    cases: int
    risk: str


def add_parser(commands: Any, name: str, text: str) -> None:
    """Add the command to the others, with its help in a line."""
    parser = commands.add_parser(name, help=text, description=DESCRIPTION)
    parser.add_argument(
        "ids", nargs="+", metavar="ID", help="a requirement, such as PROG-2, or a family, such as PROG or CLI"
    )
    parser.set_defaults(act=partial(run_command, run))


def run(arguments: argparse.Namespace) -> int:
    """Print the pages of the requirements; return the exit status.

    Raises:
        ValueError: If an id is not in the catalogue.
        CollectError: If the suite cannot be collected.
    """
    every = catalogue() | client_catalogue()
    ids = select(arguments.ids, every)
    cases = collected_cases() if ids & catalogue().keys() else {}
    width = line_width(LONGEST_LINE)
    pages = ["\n".join(_page(one, cases, width)) for one in every.values() if one.id in ids]
    sys.stdout.write("\n\n\n".join(pages) + "\n")
    return ExitStatus.CONFORMANT


def tests_of(requirement_id: str, cases: Mapping[str, CollectedCase]) -> list[SuiteTest]:
    """Return the tests whose cases check a requirement, in the order of the suite.

    Args:
        requirement_id: Id of the requirement.
        cases: All cases of the suite by their ids.
    """
    checking = [(strip_parameters(name), case) for name, case in cases.items() if requirement_id in case.requirements]
    tests = []
    for test, group in groupby(checking, key=lambda pair: pair[0]):
        members = [case for _, case in group]
        file, _, name = test.partition("::")
        risk = RISKS[max(case.risk_level for case in members)]
        tests.append(SuiteTest(file, name, members[0].title, len(members), risk))
    return tests


def example_title(level: Level) -> str:
    """Return the words before the example of a requirement: an OBSERVE cannot be violated."""
    return "Recorded, for example" if level is Level.OBSERVE else "Violated, for example"


def _page(requirement: Requirement, cases: Mapping[str, CollectedCase], width: int) -> Iterator[str]:
    """Yield the lines about a requirement."""
    explanation = {**explanations(), **client_explanations()}[requirement.id]
    yield f"{requirement.id}  {requirement.level.value}  {requirement.step}"
    yield ""
    yield from textwrap.wrap(requirement.text, width)
    parts = {
        "Why": explanation.why,
        example_title(requirement.level): explanation.example,
        "Released servers": explanation.servers,
    }
    for title, text in parts.items():
        if text:
            yield from ("", title)
            yield from _indented(text, width, 2)
    if requirement.id in client_catalogue():
        yield from _scenario_lines(requirement)
    else:
        yield from _case_lines(requirement, cases, width)


def _scenario_lines(requirement: Requirement) -> Iterator[str]:
    """Yield the lines that say where a requirement of clients is judged."""
    able = sum(requirement.id in requirements_for(scenario) for scenario in scenarios().values())
    yield from ("", f"judged by what a client sends in up to {pluralise(able, 'scenario')}; run them with")
    yield "  hanami-conformance client -- COMMAND"


def _case_lines(requirement: Requirement, cases: Mapping[str, CollectedCase], width: int) -> Iterator[str]:
    """Yield the lines about the cases that check a requirement of servers."""
    tests = tests_of(requirement.id, cases)
    count = sum(test.cases for test in tests)
    yield from ("", f"{pluralise(count, 'case')} of {pluralise(len(tests), 'test')}; run them alone with")
    yield f"  hanami-conformance run --requirement {requirement.id} --target ..."
    for file, group in groupby(tests, key=lambda test: test.file):
        yield from ("", f"  {file}")
        for test in group:
            text = f"{test.title} [{test.risk}]" if test.risk else test.title
            first, *others = _indented(text, width, INDENT)
            yield f"{test.cases:>{INDENT - 2}}  {first.lstrip()}"
            yield from others


def _indented(text: str, width: int, indent: int) -> list[str]:
    return textwrap.wrap(text, width, initial_indent=" " * indent, subsequent_indent=" " * indent)
