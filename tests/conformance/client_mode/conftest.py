"""A server and a gateway for the clients of these tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext

import pytest

from hanami_conformance.client_mode import run
from hanami_conformance.client_mode.runner import ClientRunner, client_runner


@pytest.fixture(scope="module")
def runner() -> Iterator[ClientRunner]:
    with client_runner("documented") as started:
        yield started


@pytest.fixture
def shared_server(runner: ClientRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the command use the server of the other tests, in place of one that it starts."""
    monkeypatch.setattr(run, "client_runner", lambda _dialect: nullcontext(runner))
