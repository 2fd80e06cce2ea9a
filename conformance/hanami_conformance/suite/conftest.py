"""Fixtures of the cases."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from hanami_conformance.cases.failures import TargetDown, Unsupported
from hanami_conformance.cases.recording import is_case_running, recording_paused
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.stateful.property_runner import PropertyRunner
from hanami_conformance.suite.context import CONTEXT, SuiteContext
from hanami_conformance.target.capabilities import DESTRUCTIVE, RESTART, survives_restart
from hanami_conformance.target.target import Account, Target


@pytest.fixture(scope="session")
def context(request: pytest.FixtureRequest) -> SuiteContext:
    """Return the context of the run."""
    return request.config.stash[CONTEXT]


@pytest.fixture(scope="session")
def target(context: SuiteContext) -> Target:
    """Return the target with its accounts logged in."""
    return context.target


@pytest.fixture(autouse=True)
def connections(request: pytest.FixtureRequest, context: SuiteContext, target: Target) -> Iterator[None]:
    """Renew expiring tokens before each test, and close its connections afterwards.

    A destructive test sends nothing, unless that is allowed.
    """
    if request.node.get_closest_marker("destructive") and not context.destructive:
        raise Unsupported(DESTRUCTIVE)
    target.renew_tokens()
    yield
    target.close_connections()


@pytest.fixture
def resources(context: SuiteContext, target: Target) -> Iterator[ResourceFactory]:
    """Provide a factory of uploads and clusters, which are deleted after the test."""
    factory = ResourceFactory(target, context.run_id)
    try:
        yield factory
    finally:
        factory.clean()
        context.leftovers.extend(factory.leftovers)
        # After an interrupt the case is over, and nobody is left to classify the loss.
        if factory.leftovers and is_case_running() and not target.is_alive():
            raise TargetDown(str(factory.leftovers[0]))


@pytest.fixture
def search(context: SuiteContext, resources: ResourceFactory) -> PropertyRunner:
    """Return the runner of generated sequences."""
    return PropertyRunner(context.search_settings, resources)


@pytest.fixture
def other_account(target: Target) -> Account:
    """Return the account of a user of another project."""
    if target.other_account is None:
        raise Unsupported(target.other_account_missing_reason)
    return target.other_account


@pytest.fixture
def restart_server(context: SuiteContext, target: Target) -> Callable[[], None]:
    """Return a function that restarts the server and logs the accounts in, which the case does not record."""
    restart = context.restart
    if restart is None or not survives_restart(target):
        raise Unsupported(RESTART)

    def close_and_restart() -> None:
        target.close_connections()
        with recording_paused():
            restart()

    return close_and_restart
