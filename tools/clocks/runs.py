"""One run of a generator against one server: what it reports, and what was true."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event

import httpx

from hanami_conformance.common.child_process import ChildProcess, ProcessError, log_tail
from hanami_conformance.common.temporary import temporary_folder
from hanami_loadtests.engine.schedule import OPEN
from hanami_loadtests.scenarios.scenario import BACK_OFF_SECONDS
from hanami_reports.model.histogram import MICROSECONDS
from hanami_reports.model.load import DOUBTFUL_CPU_WAIT, LoadExit, LoadResult, RunState, read_load_result
from hanami_reports.model.series import Series
from tools.clocks.log import REST, SOCKET, Exchange
from tools.clocks.pathologies import LOST, PATHOLOGIES, USERS
from tools.clocks.truth import STATISTICS, Client, logged_times, scheduled_times, statistics
from tools.process import BURN, run_to_end, running_server
from tools.reference import clean_environment

OURS, STOCK = "hanami-load", "Locust"
RATE = 15.0  # messages a second of each user
WARM_UP = 1.0  # seconds
WINDOW = 4  # messages in flight on each socket
LISTS = 4  # one call in so many of the scenario rest is a list
DEADLINE = 2.5  # seconds: longer than any answer takes that is not lost
LOST_DEADLINE = 1.0  # seconds, for the server that loses answers
SPARE_SECONDS = 180.0  # for the start and the end of a run, reached only if something is broken
JUDGED = (LoadExit.PASS, LoadExit.FAIL, LoadExit.INVALID)
TOLERANCE = 0.05  # of a reported value that is right
CLIENTS = {
    REST: Client(RATE, 1, LISTS, DEADLINE, BACK_OFF_SECONDS),
    SOCKET: Client(RATE, WINDOW, back_off=BACK_OFF_SECONDS, in_order=True),
}
STOCK_CLIENTS = {REST: Client(RATE, 1)}


@dataclass(frozen=True)
class Cell:
    """What is measured.

    Attributes:
        pathology: Name of the pathology of the server.
        model: ``open`` or ``closed``.
        busy: Number of other processes that keep the cores busy.
        niceness: Niceness of the generator, 0 to 19.
    """

    pathology: str
    model: str
    busy: int = 0
    niceness: int = 0


@dataclass(frozen=True)
class Comparison:
    """What a generator reports about one type of message, and the truth.

    Attributes:
        series: Type of message.
        reported: Name of a statistic to the reported value in seconds.
        true: Likewise, the true value.
        failures: Number of reported failures.
        lost: Number of answers that were lost.
    """

    series: str
    reported: Mapping[str, float]
    true: Mapping[str, float]
    failures: int
    lost: int

    @property
    def errors(self) -> dict[str, float]:
        """Name of a statistic to the relative error of the reported value."""
        return {name: self.reported[name] / self.true[name] - 1 for name in STATISTICS}

    @property
    def is_right(self) -> bool:
        """Whether the reported values are true."""
        return self.has_right(*STATISTICS)

    def has_right(self, *names: str) -> bool:
        """Whether the failures and these statistics are true."""
        return self.failures == self.lost and all(abs(self.errors[name]) <= TOLERANCE for name in names)


@dataclass(frozen=True)
class Measured:
    """Outcome of one run.

    Attributes:
        generator: Name of the generator.
        cell: What was measured.
        comparisons: Each type of message.
        state: Verdict of the run; None of a generator that gives none.
        is_doubted: Whether the report says that the generator was the bottleneck; the verdict is INVALID then, or FAIL
            where there are failures as well.
        cpu_wait: Share of the run for which the generator was ready to run and did not run; None if it does not say.
    """

    generator: str
    cell: Cell
    comparisons: tuple[Comparison, ...]
    state: RunState | None = None
    is_doubted: bool = False
    cpu_wait: float | None = None

    @property
    def is_right(self) -> bool:
        """Whether all reported values are true."""
        return all(one.is_right for one in self.comparisons)

    @property
    def holds(self) -> bool:
        """Whether nobody is misled: the reported values are true, or the generator says that they may not be."""
        maximum_is_doubted = self.cpu_wait is not None and self.cpu_wait > DOUBTFUL_CPU_WAIT  # the report says so
        others = [name for name in STATISTICS if name != "max"]
        others_are_right = all(one.has_right(*others) for one in self.comparisons)
        return self.is_right or self.is_doubted or (maximum_is_doubted and others_are_right)

    @property
    def errors(self) -> dict[str, float]:
        """Name of a statistic to the relative error that is the greatest of all types of message."""
        return {name: max((one.errors[name] for one in self.comparisons), key=abs) for name in STATISTICS}


@contextmanager
def busy_processes(count: int) -> Iterator[None]:
    """Keep the cores busy during the block."""
    with ExitStack() as stack:
        for _ in range(count):
            null = subprocess.DEVNULL
            command = [sys.executable, "-c", BURN, str(os.getpid())]
            stack.enter_context(ChildProcess(command, stdin=null, stdout=null, stderr=null))
        yield


def measure(generator: str, cell: Cell, seconds: float, stop: Event) -> Measured:
    """Run a generator against a server with a pathology, and compare.

    Args:
        generator: OURS or STOCK.
        cell: What to measure.
        seconds: Length of the run.
        stop: Event that ends the run.

    Raises:
        ProcessError: If a program does not do its work.
        StoppedError: If the run was stopped.
    """
    run = _run_ours if generator == OURS else _run_stock
    server = running_server("the server", ["-m", "tools.clocks.server", cell.pathology])
    with server as announced, temporary_folder("hanami-clocks-") as folder, busy_processes(cell.busy):
        return run(cell, announced["url"], folder, seconds, stop)


def _run_ours(cell: Cell, url: str, folder: Path, seconds: float, stop: Event) -> Measured:
    pacing = ("--model", cell.model, *(("--rate-per-user", f"{RATE:g}") if cell.model == OPEN else ()))
    command = [
        *("-P", "-m", "hanami_loadtests.cli", "run", "--target", url, "--dialect", "documented", *pacing),
        *("--scenario", "rest=1", "--scenario", "direct-request=1", "--users", str(2 * USERS), "--sockets", "0"),
        *("--seconds", f"{seconds:g}", "--warm-up", f"{WARM_UP:g}", "--window", str(WINDOW)),
        *("--deadline", f"{deadline(cell):g}", "--drain", f"{deadline(cell):g}", "--report-dir", str(folder)),
    ]
    _run(OURS, command, {"HANAMI_TOKEN": "clocks"}, cell, seconds, stop)
    return compare_ours(cell, read_load_result(folder), _log(url))


def deadline(cell: Cell) -> float:
    """Return the seconds after which users of ours give up an answer."""
    return LOST_DEADLINE if cell.pathology == LOST else DEADLINE


def compare_ours(cell: Cell, result: LoadResult, log: list[Exchange]) -> Measured:
    """Compare the result of a load run with the log of its server."""
    clients = {**CLIENTS, REST: replace(CLIENTS[REST], deadline=deadline(cell))}
    true = true_times(cell, log, clients, max(one.arrival for one in log) + 1e-6)
    comparisons = []
    for name, times in true.items():
        series = result.series[name]
        warm_up = sum(one.series == name for one in log) - series.sent  # messages that are not measured
        measured = statistics(times[warm_up : warm_up + series.sent])
        comparisons.append(Comparison(name, _reported(series), measured, _failures(series), _lost(log, name)))
    limits = [one for one in result.limits if one.state is RunState.INVALID]
    is_doubted = any(one.selector.startswith("generator") for one in limits)
    cpu_wait = max(one.cpu_wait for one in result.generators)
    return Measured(OURS, cell, tuple(comparisons), result.state, is_doubted, cpu_wait)


def _reported(series: Series) -> dict[str, float]:
    times = series.response
    percentiles = {name: times.percentile(percent) for name, percent in STATISTICS.items()}
    return {**percentiles, "max": times.most / MICROSECONDS}


def _failures(series: Series) -> int:
    return series.failed + series.incorrect + series.unanswered


def _run_stock(cell: Cell, url: str, folder: Path, seconds: float, stop: Event) -> Measured:
    result = folder / "stock.json"
    command = [
        *("-m", "locust", "--config", os.devnull, "-f", str(Path(__file__).with_name("stock_user.py"))),
        *("--host", url, "--headless", "--users", str(USERS), "--spawn-rate", "100", "--only-summary"),
        *("--run-time", f"{seconds:g}"),
    ]
    rate = RATE if cell.model == OPEN else 0.0
    _run(STOCK, command, {"CLOCKS_RATE": f"{rate:g}", "CLOCKS_RESULT": str(result)}, cell, seconds, stop)
    reported = json.loads(result.read_text(encoding="utf-8"))
    failures, log = int(reported.pop("failures")), _log(url)
    true = true_times(cell, log, STOCK_CLIENTS, seconds)
    comparison = Comparison(REST, reported, statistics(true[REST]), failures, _lost(log, REST))
    return Measured(STOCK, cell, (comparison,))


def true_times(
    cell: Cell, log: list[Exchange], clients: Mapping[str, Client], end: float
) -> Mapping[str, list[float | None]]:
    """Return the true times of each type of message in seconds, None where a user measures none.

    Args:
        cell: What was measured.
        log: Log of the server.
        clients: Type of message to how its users send.
        end: Time after which nothing was sent, seconds since the first user began.
    """
    if cell.model == OPEN:
        return scheduled_times(log, PATHOLOGIES[cell.pathology](), clients, end)
    return {name: logged_times([one for one in log if one.series == name]) for name in clients}


def _lost(log: list[Exchange], series: str) -> int:
    return sum(one.series == series and one.planned is None for one in log)


def _run(
    generator: str, command: list[str], environment: Mapping[str, str], cell: Cell, seconds: float, stop: Event
) -> None:
    nice = ["nice", "-n", str(cell.niceness)] if cell.niceness else []
    words = [*nice, sys.executable, *command]
    with tempfile.TemporaryFile(prefix="hanami-clocks-") as output:
        status = run_to_end(words, output, clean_environment(environment), None, seconds + SPARE_SECONDS, stop)
        if status not in JUDGED:
            raise ProcessError(f"{generator} ended with {status}{log_tail(output)}")


def _log(url: str) -> list[Exchange]:
    log = httpx.get(f"{url}/log", timeout=10.0, trust_env=False).raise_for_status().json()["log"]
    return [Exchange(**one) for one in log]
