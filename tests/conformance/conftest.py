"""A reference backend without faults, and a resource factory for it, for tests in this process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hanami_conformance.common.machine_watch import MACHINE
from hanami_conformance.resources.factory import ResourceFactory
from support.sequences import resources_at
from support.suite_runs import faulty_backend


@pytest.fixture(autouse=True)
def busy_machine_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let waits in this process end in the usual way, though deadlines are short and this machine may be busy."""
    monkeypatch.setattr(MACHINE, "check_wait", lambda _seconds, **_enough: None)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with faulty_backend() as address:
        yield address


@pytest.fixture
def resources(url: str) -> Iterator[ResourceFactory]:
    with resources_at(url) as made:
        yield made
