"""The gate, which is a whole run of the suite, and the same bytes sent again by a client that does not think."""

from __future__ import annotations

import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO
from urllib.parse import urlsplit

from hanami_conformance.common.child_process import ChildProcess, ProcessError
from hanami_conformance.common.temporary import temporary_folder
from hanami_reports.model.conformance import RunResult
from tools.bench.measurement import Measurement, Plan, Side
from tools.bench.recording import Recording
from tools.bench.recording_proxy import RecordingProxy
from tools.bench.replay import Replay
from tools.bench.servers import Reference, Servers
from tools.bench.statistics import Aim, Sample
from tools.process import last_line, result_in, running_server
from tools.reference import BACKEND, LARGE_FILES, RUN_SUITE, clean_environment

GATE_SECONDS = 600.0  # that a run may take; only reached when something is broken
CONNECTIONS = 8  # websockets at the same time, as the suite has it for the reference backend
SEED = 1
# Without cases whose answers depend on which of two connections is served first, or on when a pong comes: no replay
# could compare them.
REPEATABLE = "not in_flight and not overlap and not combinations"

SUITE = "suite"
REPLAY = "replay"


class GateMeasurement(Measurement):
    """A run of the suite and the replay of its bytes, each with a backend that has nothing yet."""

    name = "gate"
    title = "a whole run of the suite, in exchanges"
    ratio_title = "time: run of the suite / replay of its bytes"
    aim = Aim(1.8, at_least=False)
    default_rounds = 3
    is_timed = False
    workers = 1

    @contextmanager
    def sides(self, servers: Servers, plan: Plan) -> Iterator[Mapping[str, Side]]:  # noqa: ARG002 - has its own
        """See :meth:`Measurement.sides`."""
        passwords = {user: secrets.token_urlsafe(12) for user in ("alice", "bob")}
        gate = Gate(passwords, plan.requirements, self.workers)
        recording, exchanges = gate.record()
        side = ReplaySide(gate, recording, exchanges)
        side(0.0)  # whether it can be repeated at all
        yield {SUITE: SuiteSide(gate, recording.sent + recording.received), REPLAY: side}

    def ratio(self, samples: Mapping[str, Sample]) -> float:
        """See :meth:`Measurement.ratio`."""
        return samples[SUITE].seconds / samples[REPLAY].seconds


class GateWithWorkersMeasurement(GateMeasurement):
    """The same with two workers; the replay is that of a run in one process."""

    name = "gate-workers"
    title = "a whole run of the suite with two workers, in exchanges"
    aim = Aim(1.2, at_least=False)
    workers = 2


@dataclass(frozen=True)
class Backend:
    """A reference backend.

    Attributes:
        host: Host of the server.
        port: Port of the server.
        expired_token: Expired token of the user ``alice``.
    """

    host: str
    port: int
    expired_token: str


class Gate:
    """Runs of the suite, each with a backend of its own that gives the same uuids and tokens.

    Args:
        passwords: Passwords of the users ``alice`` and ``bob``.
        requirements: Patterns of the checked requirements; all if there are none.
        workers: Number of workers of a measured run.
    """

    def __init__(self, passwords: Mapping[str, str], requirements: Sequence[str], workers: int = 1) -> None:
        self._passwords = passwords
        self._requirements = requirements
        self._workers = workers

    @contextmanager
    def backend(self) -> Iterator[Backend]:
        """Provide a backend that has nothing yet.

        Raises:
            ProcessError: If it does not start.
        """
        options = (*BACKEND, f"--replayable={SEED}", *LARGE_FILES)
        users = "alice:{alice}:alpha bob:{bob}:beta".format_map(self._passwords)
        with running_server(Reference.TITLE, options, {"HANAMI_REFERENCE_USERS": users}) as announced:
            address = urlsplit(announced["url"])
            assert address.hostname is not None
            assert address.port is not None
            yield Backend(address.hostname, address.port, announced["expired_tokens"]["alice"])

    def record(self) -> tuple[Recording, int]:
        """Run the suite once, and write down what goes over the wire.

        Returns:
            That, and how many exchanges the suite counted.

        Raises:
            ProcessError: As :meth:`run` raises it.
        """
        with self.backend() as backend, RecordingProxy(backend.host, backend.port) as proxy:
            _, result = self.run(proxy.url, backend.expired_token, workers=1)
        return proxy.recording(), exchanges_of(result)

    def run(self, url: str, expired_token: str, workers: int | None = None) -> tuple[float, RunResult]:
        """Run the suite.

        Args:
            url: Address of the target.
            expired_token: Expired token for the target.
            workers: Number of workers, None for that of a measured run.

        Returns:
            Seconds from the start of the command to its end, and its result.

        Raises:
            ProcessError: If the exit status is not 0, or the run does not end.
        """
        variables = {
            "HANAMI_PASSWORD": self._passwords["alice"],
            "HANAMI_SECOND_PASSWORD": self._passwords["bob"],
            "HANAMI_EXPIRED_TOKEN": expired_token,
        }
        command = [sys.executable, *RUN_SUITE, "--target", url, "--user=alice", "--second-user=bob"]
        command += [f"--max-connections={CONNECTIONS}", "--database=none", "-k", REPEATABLE]
        command.append(f"--workers={workers or self._workers}")
        command += [f"--requirement={pattern}" for pattern in self._requirements]
        with temporary_folder("hanami-bench-") as folder, tempfile.TemporaryFile() as log:
            begin = time.perf_counter()
            status = run_command([*command, f"--report-dir={folder}/report"], clean_environment(variables), log)
            spent = time.perf_counter() - begin
            result = result_in(folder / "report")
            if status != 0 or result is None:
                said = f"{result.headline} {result.reason}" if result else last_line(log)
                raise ProcessError(f"the run of the suite ended with exit status {status}: {said}")
        return spent, result


class SuiteSide:
    """Runs of the suite.

    Args:
        gate: Source of the runs.
        size: Bytes on the wire in one run.
    """

    def __init__(self, gate: Gate, size: int) -> None:
        self._gate = gate
        self._size = size

    def __call__(self, _seconds: float) -> Sample:
        """One run, however long it takes."""
        with self._gate.backend() as backend:
            url = f"http://{backend.host}:{backend.port}"
            spent, result = self._gate.run(url, backend.expired_token)
        return Sample(exchanges_of(result), spent, self._size)


class ReplaySide:
    """Replays of one run of the suite.

    Args:
        gate: Source of the backends.
        recording: Recording of the run.
        exchanges: Number of exchanges in the recording.
    """

    def __init__(self, gate: Gate, recording: Recording, exchanges: int) -> None:
        self._gate = gate
        self._replay = Replay(recording)
        self._exchanges = exchanges
        self._size = recording.sent + recording.received

    def __call__(self, _seconds: float) -> Sample:
        """One replay, however long it takes."""
        with self._gate.backend() as backend:
            spent = self._replay.run(backend.host, backend.port)
        return Sample(self._exchanges, spent, self._size)


def run_command(command: Sequence[str], environment: Mapping[str, str], log: IO[bytes]) -> int:
    """Run one of our commands to its end, and let it clean up if we are interrupted.

    Returns:
        Its exit status.

    Raises:
        ProcessError: If it does not end.
    """
    with ChildProcess(command, stdout=log, stderr=subprocess.STDOUT, environment=environment) as process:
        status = process.wait(GATE_SECONDS)
    if status is None:
        raise ProcessError(f"the run of the suite did not end within {GATE_SECONDS:g} s")
    return status


def exchanges_of(result: RunResult) -> int:
    """Return the number of exchanges of a run."""
    return sum(case.exchanges for case in result.cases)
