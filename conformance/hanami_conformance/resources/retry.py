"""Requests that are repeated until the target has released an earlier socket."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from hanami_conformance.cases.failures import Violation
from hanami_conformance.cases.preparations import PREPARATIONS
from hanami_conformance.cases.recording import current_case
from hanami_conformance.clients.websocket import HANDSHAKE, WebSocket
from hanami_conformance.target.attach import ATTACHING_TO, attach
from hanami_conformance.target.target import Account

POLL = 0.02  # seconds between two attempts
ATTACHING = "ATT-2"  # requirement that a check of the first answer names
REATTACHING = "next socket after a lost one"  # kind of wait, for its adaptive timeout

Result = TypeVar("Result")


def reattach(account: Account, uuid: str, target: str, requirement: str) -> WebSocket:
    """Attach a socket, repeated until the server has detected that the earlier one is gone.

    Args:
        account: Account that attaches.
        uuid: Uuid of the file or the cluster.
        target: ``file_upload`` or ``cluster``.
        requirement: Id of the requirement that a rejection violates, because an earlier socket was accepted. Where no
            socket of the run was, a rejected handshake violates its own.

    Raises:
        Violation: If the socket is rejected until the deadline.
    """
    try:
        return retry_until_released(account, REATTACHING, lambda: attach(account, uuid, target))
    except Violation as violation:
        violation.lasting |= PREPARATIONS.is_failing(ATTACHING_TO[target])
        never_worked = violation.requirement == HANDSHAKE and not PREPARATIONS.has_worked(ATTACHING_TO[target])
        if violation.requirement in (None, ATTACHING, HANDSHAKE) and not never_worked:
            violation.reattribute(requirement)
        raise


def retry_until_released(account: Account, kind: str, ask: Callable[[], Result]) -> Result:
    """Repeat a request until the server has detected that the earlier socket is gone.

    Args:
        account: Account that sends the request.
        kind: Kind of wait, for its adaptive timeout.
        ask: Function that sends the request and raises a violation if it is rejected.

    Raises:
        Violation: If the request is rejected until the deadline.
    """
    timeouts = account.target.timeouts
    deadline = timeouts.deadline(kind)
    began = time.monotonic()
    case = current_case()
    while True:
        counted = case.checks, case.checks_by_requirement.copy()
        try:
            result = ask()
        except Violation:
            case.checks, case.checks_by_requirement = counted  # the number of attempts depends on timing
            if deadline.passed:
                timeouts.record_timeout(kind, deadline.seconds)
                raise
            time.sleep(POLL)
            continue
        timeouts.record_reply(kind, time.monotonic() - began)
        return result
