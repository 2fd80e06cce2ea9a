"""The result of a load run, made from the records of its processes, and its files."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from hanami_conformance import __version__
from hanami_conformance.common.redact import SECRETS
from hanami_conformance.session.manifest import digests
from hanami_loadtests.engine.recorder import Recorder
from hanami_loadtests.limits.file import Limits
from hanami_loadtests.limits.verdict import check_limits, run_verdict
from hanami_loadtests.scenarios.all import SCENARIOS
from hanami_loadtests.session import Session
from hanami_reports.common.file_names import EXCHANGES, LOAD_RESULT
from hanami_reports.common.report_folder import ReportFolder
from hanami_reports.load.report_folder import write_load_reports
from hanami_reports.model.load import EXIT_STATUSES, Generator, LoadResult, RunState

PACKAGES = ("locust", "gevent", "websockets", "protobuf", "numpy")


def make_result(
    session: Session,
    recorder: Recorder,
    limits: Limits,
    generators: Sequence[Generator],
    *,
    users: Mapping[str, int],
    seconds: float,
    failures: Sequence[tuple[RunState, str]] = (),
    in_flight: Mapping[int, int] | None = None,
    users_by_second: Mapping[int, int] | None = None,
    leftovers: Sequence[str] = (),
    started: datetime | None = None,
) -> LoadResult:
    """Check the limits of a run and return its result.

    Args:
        session: Session of this process.
        recorder: Merged record of all processes.
        limits: Limits of the run.
        generators: Processes that generated the load.
        users: Scenario to number of users.
        seconds: Seconds of measuring.
        failures: States that precede any limit, with their reasons: the target was lost, the run was interrupted.
        in_flight: Second to number of messages in flight.
        users_by_second: Second to number of users.
        leftovers: Resources that could not be deleted on the target, a line each.
        started: Begin of the run; None for now, where it did not begin.
    """
    started = started or datetime.now(UTC)
    results = check_limits(limits, recorder.series, generators, seconds)
    required = {name: SCENARIOS[name].paced_series for name, count in users.items() if count}
    state, reasons = run_verdict(results, recorder.series, generators, required)
    if failures:
        order = (RunState.INTERNAL_ERROR, RunState.LOST, RunState.INTERRUPTED, RunState.FAIL, RunState.INVALID)
        worst = min((found for found, _ in failures), key=order.index)
        lines = tuple(dict.fromkeys(line for _, line in failures))
        state, reasons = worst, (*lines, *reasons)
    settings = session.settings
    return LoadResult(
        manifest={
            "suite": __version__,
            "started": started.isoformat(timespec="seconds"),
            "duration": round(seconds, 3),
            "target": settings.target.url,
            "user": settings.target.account.user,
            "dialect_reason": session.dialect_reason,
            "certificate_checked": not settings.target.insecure,
            "seed": settings.seed,
            "python": platform.python_version(),
            "platform": platform.platform(),
            "packages": {name: metadata.version(name) for name in PACKAGES},
            "digests": digests(),
        },
        configuration={
            **settings.configuration(session.dialect.name),
            "users": dict(sorted(users.items())),
            "processes": len(generators),
        },
        state=state,
        exit_status=EXIT_STATUSES[state],
        reasons=tuple(map(SECRETS.text, reasons)),
        limits=results,
        series=dict(sorted(recorder.series.items())),
        errors=tuple(sorted(recorder.errors.values(), key=lambda error: -error.count)),
        generators=tuple(generators),
        in_flight=in_flight or {},
        users=users_by_second or {},
        leftovers=tuple(map(SECRETS.text, leftovers)),
    )


class LoadFolder:
    """The folder of a load run's reports, which replace those of an earlier run.

    Args:
        path: Path of the folder, which is created if necessary.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._folder = ReportFolder(path)

    def prepare(self) -> None:
        """Prepare the folder; see :meth:`ReportFolder.prepare`."""
        self._folder.prepare()

    def write(self, result: LoadResult, exchanges: Mapping[str, str]) -> None:
        """Write all reports.

        Args:
            result: Result of the run.
            exchanges: File name to text, of incorrect answers.

        Raises:
            OSError: If a file cannot be written.
        """
        for old in (self.path / EXCHANGES).glob("*-[0-9]*.json"):  # as the recorder names them
            old.unlink()
        self._folder.write_file(LOAD_RESULT, result.to_json())
        write_load_reports(self._folder, result)
        for name, text in exchanges.items():
            self._folder.write_file(f"{EXCHANGES}/{name}", text)
