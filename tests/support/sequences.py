"""Sequences that are told in this process, to an honest server whose answers a test may change on their way."""

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
from hanami_conformance.clients.rest import RestClient, RestResponse
from hanami_conformance.options.target import Credentials, TargetOptions
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.stateful.execute import tell
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
        target.close_websockets()
        target.close()
        end_case()


def told(resources: ResourceFactory, kind: str, *steps: dict[str, Any]) -> CaseRecording:
    """Tell a sequence; the case that it wrote to."""
    case = begin_case("test")
    tell(
        StepSequence(kind, tuple(Step(step["do"], {k: v for k, v in step.items() if k != "do"}) for step in steps)),
        resources,
    )
    return case


def blamed(resources: ResourceFactory, kind: str, *steps: dict[str, Any]) -> str | None:
    """Tell a sequence that must go wrong; the requirement that is blamed."""
    with pytest.raises(Violation) as caught:
        told(resources, kind, *steps)
    return caught.value.requirement


Change = Callable[[str, str, RestResponse], RestResponse]


def answers_changed(monkeypatch: pytest.MonkeyPatch, change: Change) -> None:
    """Let the suite see other answers to REST calls: ``change`` gets method, path and the true answer."""
    request = RestClient.request

    def changed(self: RestClient, method: str, path: str, **more: Any) -> RestResponse:
        return change(method, path, request(self, method, path, **more))

    monkeypatch.setattr(RestClient, "request", changed)


def with_status(wanted: int, status: int, body: bytes = b"no") -> Change:
    """Every answer of one status is another."""
    return lambda _method, _path, answer: (
        replace(answer, status=status, body=body) if answer.status == wanted else answer
    )
