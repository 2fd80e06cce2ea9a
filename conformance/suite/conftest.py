"""What every test of the suite starts from."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from conformance.checks import TargetLost, Unsupported
from conformance.needs import DESTRUCTIVE
from conformance.run import RUN
from conformance.stories.search import Search
from conformance.target import Account, Target
from conformance.workshop import Workshop


@pytest.fixture(scope="session")
def target(request: pytest.FixtureRequest) -> Target:
    """The target, reached and logged in to."""
    return request.config.stash[RUN].target


@pytest.fixture(autouse=True)
def connections(request: pytest.FixtureRequest, target: Target) -> Iterator[None]:
    """Lets tokens not expire in the middle of a test, and closes what the test left open.

    What is known to end fragile servers sends nothing, unless that is allowed.
    """
    if request.node.get_closest_marker("destructive") and not request.config.stash[RUN].options.destructive:
        raise Unsupported(DESTRUCTIVE)
    target.renew_tokens()
    yield
    target.close_websockets()


@pytest.fixture
def workshop(request: pytest.FixtureRequest, target: Target) -> Iterator[Workshop]:
    """Makes uploads and clusters, and deletes them after the test."""
    run = request.config.stash[RUN]
    made = Workshop(target, run.manifest.run_id)
    try:
        yield made
    finally:
        made.clean()
        run.leftovers += made.leftovers
        if made.leftovers and not target.is_alive():
            raise TargetLost(str(made.leftovers[0]))


@pytest.fixture
def search(request: pytest.FixtureRequest, workshop: Workshop) -> Search:
    """Tells stories, as many as the profile says."""
    return Search(request.config.stash[RUN].plan, workshop)


@pytest.fixture
def second(target: Target) -> Account:
    """A user of another project."""
    if target.second is None:
        raise Unsupported(target.why_no_second)
    return target.second
