"""The result of a load run, from what its processes recorded; and the files that it leaves behind."""

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
    trouble: Sequence[tuple[RunState, str]] = (),
    in_flight: Mapping[int, int] | None = None,
    users_by_second: Mapping[int, int] | None = None,
    leftovers: Sequence[str] = (),
    started: datetime | None = None,
) -> LoadResult:
    """Judge a run.

    Args:
        session: of the process that judges.
        recorder: with everything that all processes recorded.
        limits: of the run.
        generators: the processes that made the load.
        users: scenario to number of users.
        seconds: of measuring.
        trouble: states that come before any limit, and why: the target was lost, the run was interrupted.
        in_flight: second to messages in flight.
        users_by_second: second to users.
        leftovers: what could not be deleted on the target.
        started: when the run began; now, where it did not.
    """
    started = started or datetime.now(UTC)
    results = check_limits(limits, recorder.series, generators, seconds)
    wanted = {name: SCENARIOS[name].paced_series for name, count in users.items() if count}
    state, reasons = run_verdict(results, recorder.series, generators, wanted)
    if trouble:
        order = (RunState.INTERNAL_ERROR, RunState.LOST, RunState.INTERRUPTED, RunState.FAIL, RunState.INVALID)
        worst = min((found for found, _ in trouble), key=order.index)
        told = tuple(dict.fromkeys(line for _, line in trouble))
        state, reasons = worst, (*told, *reasons)
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
    """The folder of a load run's reports; what an earlier run left there goes first.

    Args:
        path: the folder; made if need be.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._folder = ReportFolder(path)

    def prepare(self) -> None:
        """See :meth:`ReportFolder.prepare`."""
        self._folder.prepare()

    def write(self, result: LoadResult, exchanges: Mapping[str, str]) -> None:
        """Write everything.

        Args:
            result: of the run.
            exchanges: file name to text, of incorrect answers.

        Raises:
            OSError: the disk refuses.
        """
        for old in (self.path / EXCHANGES).glob("*-[0-9]*.json"):  # as the recorder names them
            old.unlink()
        self._folder.write_file(LOAD_RESULT, result.to_json())
        write_load_reports(self._folder, result)
        for name, text in exchanges.items():
            self._folder.write_file(f"{EXCHANGES}/{name}", text)
