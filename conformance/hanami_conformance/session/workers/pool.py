"""The worker processes of a run, and the cases that they run at the moment."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from typing import IO

from hanami_conformance.common.child_process import ChildProcess, ProcessError, log_tail
from hanami_conformance.session.workers.messages import CaseFinished, Message, WorkerJob

POLL = 0.5  # seconds between two looks at the target while no message arrives
STOP_SECONDS = 10.0  # in which an interrupted case deletes what it created
OTHER_PLUGINS = ("PYTEST_ADDOPTS", "PYTEST_PLUGINS")  # variables with settings for other tests


@dataclass
class _Worker:
    """A worker.

    Attributes:
        process: Its process.
        connection: Connection to it.
        case: Id of the case that it runs, empty while it waits.
        last: Id of the case that it finished last, empty for none.
    """

    process: ChildProcess
    connection: Connection
    case: str = ""
    last: str = ""


class WorkerPool:
    """Worker processes that wait for cases. They end when this pool is stopped, and also where this process is killed.

    Args:
        job: What they need before the first case.
        count: Number of workers.

    Raises:
        MachineShortage: If this machine lacks what the processes need.
    """

    def __init__(self, job: WorkerJob, count: int) -> None:
        self._log: IO[bytes] = tempfile.TemporaryFile(prefix="hanami-workers-")  # noqa: SIM115 - closed with the pool
        self._waiting: deque[str] = deque()
        self._workers: list[_Worker] = []
        environment = {name: text for name, text in os.environ.items() if name not in OTHER_PLUGINS}
        environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
        with contextlib.ExitStack() as undo:
            undo.callback(self.stop)
            for _ in range(count):
                self._start(job, environment)
            undo.pop_all()

    def _start(self, job: WorkerJob, environment: dict[str, str]) -> None:
        ours, theirs = Pipe()
        with theirs:
            command = [sys.executable, "-m", f"{__package__}.worker", str(theirs.fileno())]
            process = ChildProcess(
                command,
                stdout=self._log,
                stderr=self._log,
                environment=environment,
                pass_fds=(theirs.fileno(),),
                grace=STOP_SECONDS,
                guarded=True,
            )
        self._workers.append(_Worker(process, ours))
        with contextlib.suppress(OSError):  # of a worker that ended at once, which is detected like a later end
            ours.send(job)

    @property
    def suspects(self) -> list[str]:
        """The ids of the cases that run at the moment, and of the last one that each worker finished."""
        return [case for worker in self._workers for case in (worker.last, worker.case) if case]

    def run(self, cases: Iterable[str]) -> Iterator[Message | None]:
        """Run cases.

        Args:
            cases: Their ids, in the order in which they begin.

        Yields:
            Messages of the workers, None where none has arrived for a while.

        Raises:
            ProcessError: If a worker ended.
        """
        self._waiting.extend(cases)
        for worker in self._workers:
            self._give_case(worker)
        while running := {worker.connection: worker for worker in self._workers if worker.case}:
            ready = wait(list(running), POLL)
            if not ready:
                yield None
            for worker in [worker for connection, worker in running.items() if connection in ready]:
                message = self._receive(worker)
                if isinstance(message, CaseFinished):
                    self._give_case(worker)
                yield message

    def finish(self) -> None:
        """Begin no more cases; those that run at the moment go on."""
        self._waiting.clear()

    def _give_case(self, worker: _Worker) -> None:
        worker.last, worker.case = worker.case, ""
        if self._waiting:
            worker.case = self._waiting.popleft()
            with contextlib.suppress(OSError):  # of a worker that ended, which is detected when its answer is read
                worker.connection.send(worker.case)

    def _receive(self, worker: _Worker) -> Message:
        try:
            message: Message = worker.connection.recv()
        except (EOFError, OSError) as error:
            raise ProcessError(f"a worker ended within {worker.case}{log_tail(self._log)}") from error
        return message

    def stop(self) -> None:
        """Interrupt what runs, which deletes what it created, and end the workers."""
        for worker in self._workers:
            worker.connection.close()
            if worker.case:
                worker.process.popen.terminate()
        for worker in self._workers:
            worker.process.wait(STOP_SECONDS)
            worker.process.stop()
        self._workers.clear()
        self._log.close()
