"""A test of the suite, run as one case: its exchange is recorded, and it is classified at the end."""

from __future__ import annotations

from typing import Any

import pytest
from _pytest.runner import runtestprotocol

from hanami_conformance.cases.recording import begin_case, current_case, end_case
from hanami_conformance.server.crash_bisect import ExecutedCase
from hanami_conformance.session.classifier import CaseClassifier
from hanami_conformance.session.collection import case_id, requirements_of, title_of
from hanami_conformance.session.event_log import ExchangeLog


class CaseRunner:
    """Runs one test after the other.

    Args:
        classifier: Classifier of the outcomes; its :meth:`CaseClassifier.phase` gets each phase of a test from pytest.
        events: Log of all exchanges.

    Attributes:
        reports: Reports of pytest on the last test, which has not seen them yet.
    """

    def __init__(self, classifier: CaseClassifier, events: ExchangeLog) -> None:
        self.classifier = classifier
        self.reports: list[pytest.TestReport] = []
        self._events = events

    def run(self, item: pytest.Item, nextitem: pytest.Item | None) -> ExecutedCase | None:
        """Run a test, as pytest itself does it.

        Args:
            item: The test.
            nextitem: The test that runs next, None for none; fixtures that it does not need are torn down.

        Returns:
            The case; None if it was interrupted.
        """
        case = begin_case(case_id(item))
        self._events.begin_case(case)
        self.classifier.begin(case, title_of(item), requirements_of(item))
        try:
            self.reports = runtestprotocol(item, log=False, nextitem=nextitem)
        finally:
            recording = current_case()
            result = self.classifier.end()
            end_case()
            self._events.write_exchange(recording)
        return None if result is None else ExecutedCase(item, result, recording)


def tear_everything_down(item: pytest.Item) -> None:
    """Tear all fixtures down, so that a test can run again, as plugins do that run tests again.

    Pytest forgets no finalizer of a fixture whose setup met an error that is no Exception: a lack of this machine.
    """
    item.session._setupstate.teardown_exact(None)  # noqa: SLF001
    info: Any = getattr(item, "_fixtureinfo", None)
    for definitions in () if info is None else info.name2fixturedefs.values():
        for definition in definitions:
            if definition.cached_result is None:
                definition._finalizers.clear()  # noqa: SLF001
