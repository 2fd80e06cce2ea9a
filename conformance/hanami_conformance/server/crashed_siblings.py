"""Cases of one test that crash the target in the same way: after two of them the others need not run."""

from __future__ import annotations

import re
from collections import defaultdict

import pytest

from hanami_conformance.server.crash_bisect import ExecutedCase

ENOUGH = 2  # crashes of one test that are alike; what differs between its other parameters has not mattered so far
RAW_BYTES = re.compile(r"\S[^:]*: \d+ bytes .*")  # a message that is none: what it was cut from, and its bytes
VARIABLE = re.compile(r"\"[^\"]*\"|'[^']*'|[0-9a-fA-F-]{8,}|\d+|[?{\[].*")  # parts of a message that parameters change

Signature = tuple[str, str]  # how the target was lost, and the last message without its variable parts


class CrashedSiblings:
    """Remember by which tests, and how, the target was lost."""

    def __init__(self) -> None:
        self._crashes: dict[str, dict[Signature, list[str]]] = defaultdict(lambda: defaultdict(list))

    def add(self, ran: ExecutedCase) -> None:
        """Note a case that was confirmed to lose the target."""
        self._crashes[_test_of(ran.item)][_signature_of(ran)].append(ran.result.id)

    def crashed_alike(self, ran: ExecutedCase) -> bool:
        """Whether another parameter of the test was confirmed to lose the target in the same way."""
        return bool(self._crashes.get(_test_of(ran.item), {}).get(_signature_of(ran)))

    def skip_reason(self, item: pytest.Item) -> str:
        """Return why a case need not run, in one line; empty if it must."""
        for (loss, message), cases in self._crashes.get(_test_of(item), {}).items():
            if len(cases) >= ENOUGH:
                last = f", sent last: {message}" if message else ""
                return f"{' and '.join(cases[:ENOUGH])} lost the target alike: {loss}{last}"
        return ""


def _test_of(item: pytest.Item) -> str:
    return item.nodeid.split("[", 1)[0]


def _signature_of(ran: ExecutedCase) -> Signature:
    sent = [event for event in ran.result.exchange if event.direction == "sent"]
    summary = RAW_BYTES.sub("bytes", sent[-1].summary) if sent else ""
    message = f"{sent[-1].channel.rstrip('-0123456789')} {summary}" if sent else ""
    return VARIABLE.sub("*", ran.result.loss), VARIABLE.sub("*", message).strip()
