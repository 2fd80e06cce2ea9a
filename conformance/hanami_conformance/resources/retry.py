"""Requests that are repeated until the target has noticed that an earlier socket is gone."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from hanami_conformance.cases.failures import Violation
from hanami_conformance.cases.recording import current_case
from hanami_conformance.clients.websocket import WebSocket
from hanami_conformance.target.attach import attach
from hanami_conformance.target.target import Account

POLL = 0.02  # seconds between two questions


ATTACHING_AGAIN = "next socket after a lost one"


Result = TypeVar("Result")


def reattach(account: Account, uuid: str, target: str) -> WebSocket:
    """Attach again, asked until the server has noticed that the earlier socket is gone.

    Raises:
        Violation: it is refused until the deadline.
    """
    return retry_until_released(account, ATTACHING_AGAIN, lambda: attach(account, uuid, target))


def retry_until_released(account: Account, kind: str, ask: Callable[[], Result]) -> Result:
    """Ask again and again, until the server has noticed that the earlier socket is gone.

    Args:
        account: who asks.
        kind: of wait, for its adaptive timeout.
        ask: asks, and raises a violation where it is refused.

    Raises:
        Violation: it is refused until the deadline.
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
            case.checks, case.checks_by_requirement = counted  # how often it was asked is a matter of timing
            if deadline.passed:
                timeouts.record_timeout(kind)
                raise
            time.sleep(POLL)
            continue
        timeouts.record_reply(kind, time.monotonic() - began)
        return result
