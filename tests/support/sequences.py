"""Sequences that are executed in this process, against an unmodified server whose answers a test may change."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from hanami_conformance.cases.failures import Violation
from hanami_conformance.cases.recording import CaseRecording, begin_case, end_case
from hanami_conformance.cases.sequence import StepSequence
from hanami_conformance.cases.step import Step
from hanami_conformance.clients.rest import RestClient
from hanami_conformance.clients.rest_response import RestResponse
from hanami_conformance.options.target import Credentials, TargetOptions
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.stateful.execute import execute as execute_sequence
from hanami_conformance.target.connect import connect

DEADLINE = 1.0  # seconds


@contextmanager
def resources_at(url: str) -> Iterator[ResourceFactory]:
    """A resource factory at the server of :func:`support.suite_runs.faulty_backend`, with both of its users."""
    account, other_account = Credentials("alice", "very-secret-1"), Credentials("bob", "very-secret-2")
    begin_case("test")
    target = connect(TargetOptions(url=url, account=account, other_account=other_account, deadline=DEADLINE))
    try:
        yield ResourceFactory(target, "aaaa1111")
    finally:
        target.close_connections()
        end_case()


def execute(resources: ResourceFactory, kind: str, *steps: dict[str, Any]) -> CaseRecording:
    """Execute a sequence, and return the recording of its case."""
    case = begin_case("test")
    step_objects = [Step(step["action"], {k: v for k, v in step.items() if k != "action"}) for step in steps]
    execute_sequence(StepSequence(kind, tuple(step_objects)), resources)
    return case


def violated_requirement(resources: ResourceFactory, kind: str, *steps: dict[str, Any]) -> str | None:
    """Execute a sequence that must fail, and return the violated requirement."""
    with pytest.raises(Violation) as caught:
        execute(resources, kind, *steps)
    return caught.value.requirement


Change = Callable[[str, str, RestResponse], RestResponse]


def answers_changed(monkeypatch: pytest.MonkeyPatch, change: Change) -> None:
    """Change the answers to REST calls: ``change`` gets method, path and the actual answer."""
    request = RestClient.request

    def changed(self: RestClient, method: str, path: str, **more: Any) -> RestResponse:
        return change(method, path, request(self, method, path, **more))

    monkeypatch.setattr(RestClient, "request", changed)


def with_status(original: int, status: int, body: bytes = b"no") -> Change:
    """Return a change of every answer of one status."""
    return lambda _method, _path, answer: (
        replace(answer, status=status, body=body) if answer.status == original else answer
    )
