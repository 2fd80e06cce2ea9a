"""Scenarios: what the server does wrong, and what the client must do then, as data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Annotated

from hanami_conformance.client_mode.interference import Rule
from hanami_proto.command_line import suggestion
from hanami_proto.toml import load_toml
from hanami_proto.validation import Check

FILE = "scenarios.toml"
# Workflows, each with the heading of its requirements in the catalogue.
WORKFLOWS: Mapping[str, str] = {"mnist": "Upload", "csv": "Upload", "direct": "Direct interaction"}
SUCCEED, FAIL, EITHER = "succeed", "fail", "either"


def _check_workflow(workflow: str) -> str:
    if workflow not in WORKFLOWS:
        raise ValueError(f"must be one of {', '.join(WORKFLOWS)}")
    return workflow


def _check_must(must: str) -> str:
    if must not in (SUCCEED, FAIL, EITHER):
        raise ValueError(f"must be {SUCCEED}, {FAIL} or {EITHER}")
    return must


@dataclass(frozen=True)
class Scenario:
    """One scenario.

    Attributes:
        name: Name on the command line, such as ``mnist-plain``.
        workflow: Workflow that the client does, one of :data:`WORKFLOWS`.
        title: Behaviour of the server, one line.
        must: What the client must report: ``succeed`` (exit status 0), ``fail`` (another one), or ``either``, where it
            may repeat a step, and may give up.
        rules: Misbehaviour of the server; none for a server that does its part.
        forbidden: Operations and steps of a websocket that the client must not reach after the misbehaviour.
        outputs: Outputs of the cluster beside the usual one, each with its number of values.
    """

    name: str
    workflow: Annotated[str, Check(_check_workflow)]
    title: str
    must: Annotated[str, Check(_check_must)]
    rules: tuple[Rule, ...] = ()
    forbidden: tuple[str, ...] = ()
    outputs: Mapping[str, int] = field(default_factory=dict)

    @property
    def restarts(self) -> bool:
        """Whether the server restarts, and forgets uploads, clusters and tokens."""
        return any(rule.action == "restart" for rule in self.rules)


@dataclass(frozen=True)
class _File:
    scenarios: tuple[Scenario, ...]


@cache
def scenarios() -> Mapping[str, Scenario]:
    """Return all scenarios by name, in the order in which they run."""
    text = (resources.files("hanami_conformance.client_mode") / FILE).read_text(encoding="utf-8")
    return {one.name: one for one in load_toml(_File, text, FILE).scenarios}


def select_scenarios(patterns: Iterable[str]) -> tuple[Scenario, ...]:
    """Return the scenarios of some names, of a workflow such as ``mnist``, or all if no name is given.

    Raises:
        ValueError: If a name is unknown; the message offers a similar one.
    """
    chosen: set[str] = set()
    for pattern in patterns:
        found = {one.name for one in scenarios().values() if pattern in (one.name, one.workflow)}
        if not found:
            meant = suggestion(pattern, [*scenarios(), *WORKFLOWS])
            raise ValueError(f"no scenario {pattern!r}{meant}; --list-scenarios shows all")
        chosen |= found
    return tuple(one for one in scenarios().values() if not chosen or one.name in chosen)
