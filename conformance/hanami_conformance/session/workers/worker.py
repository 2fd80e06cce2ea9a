"""A worker: a pytest session that runs the cases that the controller names, one after the other."""

from __future__ import annotations

import sys
from collections.abc import Generator
from dataclasses import replace
from multiprocessing.connection import Connection

import pytest

from hanami_conformance.cases.recording import CaseRecording
from hanami_conformance.combinations.coverage import CoverageLog
from hanami_conformance.common.redact import SECRETS
from hanami_conformance.common.signals import handle_signals
from hanami_conformance.resources.factory import Leftover
from hanami_conformance.server.liveness import watch_sockets
from hanami_conformance.session.case_runner import CaseRunner
from hanami_conformance.session.classifier import CaseClassifier
from hanami_conformance.session.collection import PYTEST_INI, case_id, items_in
from hanami_conformance.session.plugin import MARKERS
from hanami_conformance.session.workers.messages import (
    CaseFinished,
    CoveredRows,
    ExchangeFinished,
    SequenceFinished,
    SharedLeftover,
    WorkerJob,
)
from hanami_conformance.suite import SUITE
from hanami_conformance.suite.context import CONTEXT, SuiteContext
from hanami_conformance.target.shared_target import Learned
from hanami_reports.model.conformance import CaseResult


class SentExchanges:
    """A log that sends each exchange to the controller.

    Args:
        connection: Connection to the controller.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def begin_case(self, case: CaseRecording) -> None:
        """Follow a case, which may drop its events before its end."""
        case.on_restart = self.write_exchange

    def write_exchange(self, case: CaseRecording) -> None:
        """Send the events that a case has recorded since its beginning or since it dropped earlier ones."""
        self._connection.send(ExchangeFinished(case.id, case.started, case.exchange(), case.sequences))


class NoExchanges:
    """A log that keeps nothing."""

    def begin_case(self, case: CaseRecording) -> None:
        """Do nothing."""

    def write_exchange(self, case: CaseRecording) -> None:
        """Do nothing."""


class WorkerSession:
    """The plugin of the pytest session of a worker.

    Args:
        connection: Connection to the controller.
        job: What the cases need.
    """

    def __init__(self, connection: Connection, job: WorkerJob) -> None:
        self._connection = connection
        self._target = job.target.opened(job.share)
        watch_sockets(self._target, job.run_id)
        self._known = Learned.from_target(self._target)
        self._leftovers: list[Leftover] = []
        self._coverage = CoverageLog()
        settings = job.settings
        self._context = SuiteContext(
            self._target,
            job.run_id,
            destructive=settings.destructive,
            search_settings=replace(settings, on_example=self._note_sequence),
            leftovers=self._leftovers,
            coverage=self._coverage,
        )
        events = SentExchanges(connection) if job.sends_exchanges else NoExchanges()
        self._runner = CaseRunner(CaseClassifier(self._target), events)
        self._items: dict[str, pytest.Item] = {}
        self._files: set[str] = set()

    def _note_sequence(self, left: float) -> None:
        self._connection.send(SequenceFinished(left))

    def pytest_configure(self, config: pytest.Config) -> None:
        """Hand the context to the cases."""
        for marker in MARKERS:
            config.addinivalue_line("markers", marker)
        config.stash[CONTEXT] = self._context

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self) -> bool:
        """Collect nothing: the files of the cases are collected when the first case of each runs."""
        return True

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run the cases until the controller has no more."""
        while (case := self._next_case()) is not None:
            item = self._item(session, case)
            ran = self._runner.run(item, None)
            self._connection.send(self._finished(case, None if ran is None else ran.result))
        return True

    def _next_case(self) -> str | None:
        try:
            case: str = self._connection.recv()
        except EOFError:
            return None  # the controller needs no worker any more, or is gone
        return case

    def _item(self, session: pytest.Session, case: str) -> pytest.Item:
        file = case.partition("::")[0]
        if file not in self._files:
            self._files.add(file)
            self._items |= {case_id(item): item for item in items_in(session, SUITE / file)}
        return self._items[case]

    def _finished(self, case: str, result: CaseResult | None) -> CaseFinished:
        now = Learned.from_target(self._target)
        learned, self._known = now.since(self._known), now
        leftovers = tuple(map(SharedLeftover.of, self._leftovers))
        self._leftovers.clear()
        return CaseFinished(case, result, self._rows(case), learned, leftovers)

    def _rows(self, case: str) -> tuple[CoveredRows, ...]:
        executed = self._coverage.executed.pop(case, [])
        left_out = {name: len(rows) for name, rows in self._coverage.left_out.items()}
        self._coverage.left_out.clear()
        names = dict.fromkeys([*(name for name, _ in executed), *left_out])
        return tuple(
            CoveredRows(
                self._coverage.plans[name],
                tuple(steps for model, steps in executed if model == name),
                left_out.get(name, 0),
            )
            for name in names
        )

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Turn an exception of a test into an outcome of its case."""
        report = yield
        self._runner.classifier.phase(call, report)
        return report


def main() -> int:
    """Run cases until the connection to the controller, whose descriptor is the argument, is closed."""
    connection = Connection(int(sys.argv[1]))
    SECRETS.clear()
    session = WorkerSession(connection, connection.recv())
    command = ["-c", str(PYTEST_INI), "--rootdir", str(SUITE), "-s", "-q", "-p", "no:cacheprovider", str(SUITE)]
    with handle_signals():
        return int(pytest.main(command, plugins=[session]))


if __name__ == "__main__":
    sys.exit(main())
