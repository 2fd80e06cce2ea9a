"""``hanami-conformance explain``: what a requirement asks for, why, and which cases check it, without a server."""

from __future__ import annotations

import argparse
import shutil
import sys
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from hanami_conformance.catalogue import Requirement, catalogue, select
from hanami_conformance.catalogue.explanations import explanations
from hanami_conformance.cli.collect import CollectError, collected_cases
from hanami_conformance.session.collection import CollectedCase
from hanami_reports.common.text import pluralise
from hanami_reports.model.conformance import ExitStatus, Level
from hanami_reports.model.known_failures import strip_parameters

DESCRIPTION = """\
Explains requirements: what each asks for, why it matters, an example of a violation, and the cases that check it. Needs
no server. Exit status: 0, or 4 for an id that is not in the catalogue.
"""
LONGEST_LINE, SHORTEST_LINE = 100, 40
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


def add_parser(commands: Any) -> None:
    """Add the command to the others."""
    parser = commands.add_parser("explain", help="explain a requirement, or a family of them", description=DESCRIPTION)
    parser.add_argument("ids", nargs="+", metavar="ID", help="a requirement, such as PROG-2, or a family, such as PROG")
    parser.set_defaults(act=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the command; return the exit status."""
    try:
        ids = select(arguments.ids)
        cases = collected_cases()
    except ValueError as error:
        sys.stderr.write(f"ERROR: {error}\n")
        return ExitStatus.USAGE
    except CollectError as error:
        sys.stderr.write(f"ERROR: {error}\n")
        return ExitStatus.SUITE_FAULT
    width = max(SHORTEST_LINE, min(shutil.get_terminal_size().columns, LONGEST_LINE))
    pages = ["\n".join(_page(one, cases, width)) for one in catalogue().values() if one.id in ids]
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
    explanation = explanations()[requirement.id]
    tests = tests_of(requirement.id, cases)
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
