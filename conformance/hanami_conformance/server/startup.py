"""The start of a server: it is ready once it can do what the suite needs."""

from __future__ import annotations

import math
import secrets
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from hanami_conformance.cases.failures import TargetDown, TargetRejectedConfiguration, Unsupported, Violation
from hanami_conformance.cases.preparations import PREPARATIONS
from hanami_conformance.clients.cluster_messages import ClusterShape
from hanami_conformance.clients.deadline import Deadline
from hanami_conformance.clients.endpoint import ConnectError, Endpoint
from hanami_conformance.common.machine_watch import MACHINE
from hanami_conformance.options.target import TargetOptions
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.server.process import ServerProcess
from hanami_conformance.target.connect import connect
from hanami_conformance.target.login import READY_POLL
from hanami_conformance.target.other_account import add_other_account
from hanami_conformance.target.target import Target

GRACE = 5.0  # seconds in which a starting server may reject what it accepts later
SHAPE = ClusterShape({"test_input": 4}, {"test_output": 2}, hidden=4)
T = TypeVar("T")


class ServerStartError(TargetDown):
    """A server that was started does not become ready.

    Attributes:
        log: Last lines of its log, may be empty.
    """

    def __init__(self, what: str, log: str) -> None:
        super().__init__(what)
        self.log = log

    def __str__(self) -> str:
        text = super().__str__()
        return f"{text}; the end of its log:\n{self.log}" if self.log else f"{text}; it logged nothing"


class ServerStartup:
    """The starts of a server, each with a wait until it can be used.

    Args:
        server: The server.
        options: How it is reached.
        seconds: Seconds that it may take until it is ready.
        run_id: Part of the name of the cluster that is created as a probe.
    """

    def __init__(self, server: ServerProcess, options: TargetOptions, seconds: float, run_id: str = "") -> None:
        self.server = server
        self._options = options
        self._seconds = seconds
        self._run_id = run_id or secrets.token_hex(4)
        self._makes_clusters = True
        self._ready_until = Deadline.after(seconds)

    def start(self) -> Target:
        """Start the server, and reach it.

        Raises:
            ServerStartError: If it does not become ready.
            TargetRejectedConfiguration: If it cannot be started, rejects the credentials, or the address is in use.
            ValueError: See :func:`connect`.
        """
        if is_taken(self._options.url):
            raise TargetRejectedConfiguration(
                f"something listens at {self._options.url} already: stop it, or leave out --server-command"
            )
        self.server.start()
        target = self._wait(self._reach)
        target.process_end = self.server.ended
        target.timeouts.setting = self._options.deadline
        return target

    def restart(self, target: Target) -> None:
        """Stop the server, start it again, and log the accounts in.

        Raises:
            ServerStartError: If it does not become ready.
        """
        self.server.stop()
        try:
            self.server.start()
            self._wait(lambda left: self._reconnect(target, left))
        except TargetRejectedConfiguration as error:
            raise ServerStartError(str(error), self.server.tail()) from error
        finally:
            target.timeouts.setting = self._options.deadline
            target.timeouts.reset()
            PREPARATIONS.forget_failures()

    def _wait(self, attempt: Callable[[float], T]) -> T:
        MACHINE.note_wait()
        deadline = self._ready_until = Deadline.after(self._seconds)
        refused_until = Deadline.after(min(GRACE, self._seconds))
        while True:
            try:
                return attempt(max(0.1, min(self._options.deadline, deadline.remaining())))
            except TargetRejectedConfiguration:
                if refused_until.passed and not self.server.ended():
                    raise
                last_problem = "it rejects the credentials"
            except TargetDown as error:
                last_problem = str(error)
            if ended := self.server.ended():
                raise ServerStartError(f"the server was not ready: {ended}", self.server.tail())
            if deadline.passed:
                MACHINE.check_wait(self._seconds, enough=math.inf)
                raise ServerStartError(
                    f"the server was not ready within {self._seconds:g} s: {last_problem}", self.server.tail()
                )
            time.sleep(READY_POLL)

    def _reach(self, left: float) -> Target:
        target = connect(replace(self._options, deadline=left))
        try:
            self._probe(target)
        except BaseException:
            target.teardown()
            raise
        return target

    def _reconnect(self, target: Target, left: float) -> None:
        target.timeouts.setting = left
        target.timeouts.reset()
        account, other_account = target.account, target.other_account
        account.token = target.login(account.credentials, account.name).token
        if other_account is not None:
            try:
                other_account.token = target.login(other_account.credentials, other_account.name).token
            except TargetRejectedConfiguration:
                if not target.teardown_actions:
                    raise
                target.teardown_actions.clear()  # the created user is lost with the old server
                add_other_account(target, None)
        self._probe(target)

    def _probe(self, target: Target) -> None:
        """Create a cluster and delete it; where none can be created, list the datasets.

        Raises:
            TargetDown: If the server is not ready yet.
        """
        try:
            if not (self._makes_clusters and self._can_make_cluster(target)):
                target.account.call("dataset.list").object()
        except Violation as error:
            raise TargetDown(f"{target.url} is no usable target: {error}") from error

    def _can_make_cluster(self, target: Target) -> bool:
        if target.given_cluster is not None:
            return False
        resources = ResourceFactory(target, self._run_id)
        try:
            _, answer = resources.request_cluster(SHAPE, target.account, "", self._ready_until, self.server.ended)
        except Unsupported:
            self._makes_clusters = False
            return False
        if answer.status != 200:  # never, it seems: for the cases to judge
            self._makes_clusters = False
            return False
        resources.register_unexpected(answer, "cluster.create")
        resources.clean()
        return not resources.leftovers


def is_taken(url: str) -> bool:
    """Return whether a server accepts connections at an address."""
    try:
        with Endpoint(url).connect(Deadline.after(1.0)):
            return True
    except ConnectError:
        return False
