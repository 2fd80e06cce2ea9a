"""An honest server, and a resource factory at it, for tests that speak to it in this process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hanami_conformance.resources.factory import ResourceFactory
from support.sequences import resources_at
from support.suite_runs import HONEST, faulty_backend


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with faulty_backend(HONEST) as address:
        yield address


@pytest.fixture
def resources(url: str) -> Iterator[ResourceFactory]:
    with resources_at(url) as made:
        yield made
