"""What every test of the suite starts from."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hanami_conformance.cases.failures import TargetDown, Unsupported
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.stateful.property_runner import PropertyRunner
from hanami_conformance.suite.context import CONTEXT, SuiteContext
from hanami_conformance.target.capabilities import DESTRUCTIVE
from hanami_conformance.target.target import Account, Target


@pytest.fixture(scope="session")
def context(request: pytest.FixtureRequest) -> SuiteContext:
    """Return what the run hands to the cases."""
    return request.config.stash[CONTEXT]


@pytest.fixture(scope="session")
def target(context: SuiteContext) -> Target:
    """Provide the target, reached and logged in to."""
    return context.target


@pytest.fixture(autouse=True)
def connections(request: pytest.FixtureRequest, context: SuiteContext, target: Target) -> Iterator[None]:
    """Lets tokens not expire in the middle of a test, and closes what the test left open.

    What is known to end fragile servers sends nothing, unless that is allowed.
    """
    if request.node.get_closest_marker("destructive") and not context.destructive:
        raise Unsupported(DESTRUCTIVE)
    target.renew_tokens()
    yield
    target.close_websockets()


@pytest.fixture
def resources(context: SuiteContext, target: Target) -> Iterator[ResourceFactory]:
    """Provide uploads and clusters, deleted after the test."""
    made = ResourceFactory(target, context.run_id)
    try:
        yield made
    finally:
        made.clean()
        context.leftovers.extend(made.leftovers)
        if made.leftovers and not target.is_alive():
            raise TargetDown(str(made.leftovers[0]))


@pytest.fixture
def search(context: SuiteContext, resources: ResourceFactory) -> PropertyRunner:
    """Tells sequences, as many as the profile says."""
    return PropertyRunner(context.plan, resources)


@pytest.fixture
def other_account(target: Target) -> Account:
    """Provide a user of another project."""
    if target.other_account is None:
        raise Unsupported(target.other_account_missing_reason)
    return target.other_account
