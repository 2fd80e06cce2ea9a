"""Simulated released servers: does the suite show each of their defects, and report nothing else?"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from hanami_proto.toml import load_toml
from hanami_reference_backend.faults.released import defects_of
from hanami_reference_backend.faults.released.connections import CRASH_LINE
from hanami_reports.common.text import pluralise
from hanami_reports.model.conformance import CaseResult, Outcome, RunResult

TABLE = Path(__file__).with_name("released_servers.toml")
CRASHES = ("-crash", "-crashes")  # ends of the names of defects that end the process
FINDINGS = (Outcome.FAILED, Outcome.LOST)


@dataclass(frozen=True)
class Expectation:
    """Expected finding for a defect.

    Attributes:
        name: Name of the defect.
        expected: Ids of the requirements of which one at least must be found violated.
        shown_on: Names of the servers on which the cases of today can show the defect.
        cases: Regular expression for the ids of the cases that can show it; empty for every case.
        note: Reason why the defect cannot be shown on a server that has it.
    """

    name: str
    expected: tuple[str, ...]
    shown_on: tuple[str, ...]
    cases: str = ""
    note: str = ""


@dataclass(frozen=True)
class Table:
    """The file ``released_servers.toml``."""

    defect: tuple[Expectation, ...]


@dataclass(frozen=True)
class Comparison:
    """A run against a simulated server, compared with the table.

    Attributes:
        shown: For each defect that was shown, the first case that did.
        missing: Defects that the cases can show, and that none has shown.
        out_of_reach: Defects that no case can show today, and that none has shown.
        false: For each requirement that was found violated although no defect violates it, the cases that say so.
        crashes: Number of crashes by defect, as the log of the server has them.
    """

    shown: Mapping[str, str]
    missing: tuple[Expectation, ...]
    out_of_reach: tuple[Expectation, ...]
    false: Mapping[str, tuple[str, ...]]
    crashes: Mapping[str, int] = field(default_factory=dict)

    @property
    def complaints(self) -> list[str]:
        """Return what is not as expected, one line each."""
        missing = [f"missing: {one.name} ({', '.join(one.expected)})" for one in self.missing]
        wrong = [f"false: {name}, by {', '.join(cases)}" for name, cases in self.false.items()]
        return [*missing, *wrong]

    @property
    def headline(self) -> str:
        """Return the result in one line."""
        known = len(self.shown) + len(self.missing) + len(self.out_of_reach)
        return (
            f"{len(self.shown)} of {known} defects shown, {len(self.missing)} missing,"
            f" {len(self.out_of_reach)} out of reach of the cases; {pluralise(len(self.false), 'requirement')} false"
        )

    def lines(self) -> list[str]:
        """Return the whole table, one line for each defect and each false requirement."""
        shown = [f"shown         {name}: {case}" for name, case in self.shown.items()]
        missing = [f"missing       {_crashes(self, one)}" for one in self.missing]
        beyond = [f"out of reach  {one.name} ({', '.join(one.expected)}): {one.note}" for one in self.out_of_reach]
        false = [f"false         {name}: {', '.join(cases)}" for name, cases in self.false.items()]
        return [*shown, *missing, *beyond, *false]


@cache
def expectations() -> Mapping[str, Expectation]:
    """Return the table by the names of the defects."""
    table = load_toml(Table, TABLE.read_text(encoding="utf-8"), TABLE.name)
    return {one.name: one for one in table.defect}


def compare(server: str, result: RunResult, log: str) -> Comparison:
    """Compare a run against a simulated server with the table.

    Args:
        server: Name of the released server.
        result: Result of the run.
        log: Log of the server.
    """
    defects = defects_of(server)
    findings = [case for case in result.cases if case.outcome in FINDINGS]
    shown: dict[str, str] = {}
    missing: list[Expectation] = []
    beyond: list[Expectation] = []
    for name in defects:
        expectation = expectations()[name]
        case = next((case for case in findings if _shows(case, expectation)), None)
        if case is not None:
            shown[name] = case.id
        elif server in expectation.shown_on:
            missing.append(expectation)
        else:
            beyond.append(expectation)
    violated = {requirement for one in defects.values() for requirement in one.violates}
    false: dict[str, tuple[str, ...]] = {}
    for case in findings:
        for requirement in attributed(case):
            if requirement not in violated:
                false[requirement] = (*false.get(requirement, ()), case.id)
    crashes = {name: len(re.findall(f"^{CRASH_LINE}{name}$", log, re.MULTILINE)) for name in defects}
    return Comparison(shown, tuple(missing), tuple(beyond), false, crashes)


def attributed(case: CaseResult) -> Sequence[str]:
    """Return the requirements that a finding says are violated; a lost server violates none by itself."""
    return case.violated or (case.requirements[:1] if case.outcome is Outcome.FAILED else ())


def _shows(case: CaseResult, expectation: Expectation) -> bool:
    if not set(attributed(case)) & set(expectation.expected):
        return False
    # A crash is shown by a case whose log has its line: many defects violate the same requirement.
    if expectation.name.endswith(CRASHES):
        return f"{CRASH_LINE}{expectation.name}" in case.server_log.splitlines()
    return re.search(expectation.cases, case.id) is not None


def _crashes(comparison: Comparison, expectation: Expectation) -> str:
    count = comparison.crashes.get(expectation.name, 0)
    happened = f", although it crashed the server {pluralise(count, 'time')}" if count else ""
    return f"{expectation.name} ({', '.join(expectation.expected)}){happened}"
