"""Fixtures of the cases."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from hanami_conformance.cases.failures import TargetDown, Unsupported
from hanami_conformance.cases.preparations import PREPARATIONS
from hanami_conformance.cases.recording import is_case_running, recording_paused
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.stateful.property_runner import PropertyRunner
from hanami_conformance.stateful.row_runner import RowRunner
from hanami_conformance.suite.context import CONTEXT, SuiteContext
from hanami_conformance.suite.support.bystander import SERVING, try_preparations
from hanami_conformance.target.capabilities import DESTRUCTIVE, RESTART, survives_restart
from hanami_conformance.target.server_control import ServerControl
from hanami_conformance.target.target import Account, Target

BLOCKED_BY_CLIENTS = "GEN-4"


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
    # Only such cases hold what they did responsible for what fails after it.
    named = {name for mark in request.node.iter_markers("requirement") for name in mark.args}
    harms = request.node.get_closest_marker("hostile") is not None or BLOCKED_BY_CLIENTS in named
    if PREPARATIONS.need_retry(SERVING if harms else ""):
        factory = ResourceFactory(target, context.run_id)
        with recording_paused():
            try_preparations(factory)
            factory.clean()
        context.leftovers.extend(factory.leftovers)
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
def search(request: pytest.FixtureRequest, context: SuiteContext, resources: ResourceFactory) -> PropertyRunner:
    """Return the runner of generated sequences; the parameter is the number of the search."""
    return PropertyRunner(context.search_settings, resources, request.param)


@pytest.fixture
def rows(context: SuiteContext, resources: ResourceFactory) -> RowRunner:
    """Return the runner of rows of the input models."""
    return RowRunner(context.search_settings, resources, context.coverage)


@pytest.fixture
def pause_seconds(context: SuiteContext) -> float:
    """Return the length of the pause in cases that are silent for a while."""
    return context.search_settings.profile.pause_seconds


@pytest.fixture
def other_account(target: Target) -> Account:
    """Return the account of a user of another project."""
    if target.other_account is None:
        raise Unsupported(target.other_account_missing_reason)
    return target.other_account


@pytest.fixture
def server(context: SuiteContext, target: Target) -> ServerControl:
    """Return the control of the server that the suite started."""
    if context.server is None or not survives_restart(target):
        raise Unsupported(RESTART)
    return context.server


@pytest.fixture
def restart_server(server: ServerControl, target: Target) -> Callable[[], None]:
    """Return a function that restarts the server and logs the accounts in, which the case does not record."""

    def close_and_restart() -> None:
        target.close_connections()
        with recording_paused():
            server.restart()

    return close_and_restart


@pytest.fixture
def crash_server(server: ServerControl, restart_server: Callable[[], None]) -> Callable[[], None]:
    """Return a function that kills the server with all connections open, and restarts it."""

    def kill_and_restart() -> None:
        server.process.kill()
        restart_server()

    return kill_and_restart
