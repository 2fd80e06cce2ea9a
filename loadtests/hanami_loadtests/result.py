"""The result of a load run, made from the records of its processes, and its files."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from hanami_conformance import __version__
from hanami_conformance.common.redact import SECRETS
from hanami_conformance.options.target import TargetOptions
from hanami_conformance.session.manifest import digests
from hanami_loadtests.engine.fault_times import calm_seconds
from hanami_loadtests.engine.recorder import Recorder
from hanami_loadtests.faults.fault import Fault
from hanami_loadtests.faults.judging import judge_faults
from hanami_loadtests.limits.file import Limits
from hanami_loadtests.limits.undecided import check_undecided
from hanami_loadtests.limits.verdict import check_limits, run_verdict
from hanami_loadtests.scenarios.all import SCENARIOS
from hanami_loadtests.scenarios.direct_io import ATTACH as ATTACH_CLUSTER
from hanami_loadtests.scenarios.upload import ATTACH as ATTACH_FILE
from hanami_loadtests.session import AttachedUsers, Session
from hanami_loadtests.stages.judging import judge_stages
from hanami_loadtests.stages.plan import StagePlan
from hanami_reports.common.file_names import EXCHANGES, LOAD_RESULT
from hanami_reports.common.format import format_time
from hanami_reports.common.report_folder import ReportFolder
from hanami_reports.load.report_folder import RENDERED, write_load_reports
from hanami_reports.model.histogram import MICROSECONDS
from hanami_reports.model.load import EXIT_STATUSES, Generator, LoadResult, RunState
from hanami_reports.model.loading import plain
from hanami_reports.model.series import Series
from hanami_reports.model.server_usage import ServerUsage

NAMES = (*RENDERED, f"{EXCHANGES}/*-[0-9]*.json", LOAD_RESULT)  # with the pattern of those that the recorder keeps
LONG_WAIT = 1.0  # seconds for which a server without a free worker leaves a socket unanswered, at least
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
    server: ServerUsage | None = None,
    plan: StagePlan | None = None,
    faults: Sequence[Fault] = (),
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
        plan: Stages of the run, None for a constant load.
        server: What the server used, None where its side was not seen.
        faults: Faults of the run.
    """
    started = started or datetime.now(UTC)
    origin = recorder.origin
    stages, stage_limits = (
        ((), ())
        if plan is None
        else judge_stages(
            plan,
            recorder.stages,
            recorder.series,
            server,
            warm_up=session.settings.warm_up,
            seconds=seconds,
            calm=lambda begin, end: calm_seconds(session.recorder.faults, origin + begin, origin + end),
        )
    )
    fault_results, fault_limits = judge_faults(
        faults, session.recorder.faults, recorder, session.load, origin=origin, seconds=seconds
    )
    unaffected = recorder.unaffected if fault_results else None
    calm = calm_seconds(session.recorder.faults, origin, origin + seconds)
    results = (
        *fault_limits,
        *stage_limits,
        *check_limits(limits, recorder.series, generators, seconds, server, unaffected, calm),
    )
    if any(limit.state is RunState.FAIL and limit.value is None for limit in fault_limits):
        failures = [one for one in failures if one[0] is not RunState.LOST]  # it is down because of a fault
    if recorder.overlap.windows:
        results = (*results, check_undecided(recorder.overlap))
    state, reasons = run_verdict(
        results,
        recorder.series,
        generators,
        {name: SCENARIOS[name].paced_series for name, count in users.items() if count},
        errors=recorder.errors.values(),
        failures=[*failures, *((RunState.INVALID, line) for line in sorted(recorder.shortages))],
    )
    if starving := starved_users(session.attached_users, recorder.series):
        # Never conclusive: the other users measured a server that served them alone.
        state = RunState.INVALID if state is RunState.PASS else state
        reasons = (*reasons, starving) if failures else (starving, *reasons)
    settings = session.settings
    return LoadResult(
        manifest={
            "suite": __version__,
            "started": started.isoformat(timespec="seconds"),
            "duration": round(seconds, 3),
            "target": settings.target.url,
            "user": settings.target.account.user,
            "dialect_reason": session.dialect_reason,
            **_certificate_fact(settings.target),
            "seed": settings.seed,
            **_worker_facts(session),
            "python": platform.python_version(),
            "platform": platform.platform(),
            "packages": {name: metadata.version(name) for name in PACKAGES},
            "digests": digests(),
        },
        configuration={
            **settings.configuration(session.dialect.name),
            **({"faults": [plain(one) for one in faults]} if faults else {}),
            **({} if plan is None else {"stages": [plain(replace(one, limits=(), drifts=())) for one in plan.stages]}),
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
        stages=stages,
        faults=fault_results,
        server=server,
        overlap=recorder.overlap if recorder.overlap.windows else None,
    )


def starved_users(users: AttachedUsers, series: Mapping[str, Series]) -> str:
    """Return a line if some users had a socket while others waited for the server in vain; empty otherwise.

    Args:
        users: Users that need sockets, and those that had one.
        series: Type of message to its series.
    """
    if not users.served or users.served == users.asked:
        return ""
    attaching = _longest_wait(series, (ATTACH_FILE, ATTACH_CLUSTER))
    calls = _longest_wait(series, [name for name in series if name.startswith("rest ")])
    if max(attaching, calls) < LONG_WAIT:
        return ""
    # Users may be kept from their first socket by REST calls, which need a worker, too.
    waited = (
        f"attach waited {format_time(attaching)}" if attaching >= LONG_WAIT else f"REST waited {format_time(calls)}"
    )
    counts = f"{len(users.served)} of {len(users.asked)} users served; {waited}"
    return f"{counts}: open websockets may occupy all workers of the server (--sockets)"


def _longest_wait(series: Mapping[str, Series], names: Iterable[str]) -> float:
    """Return the longest response time of some types of message in seconds, failures included."""
    found = [max(one.response.most, one.failures.most) for name in names if (one := series.get(name)) is not None]
    return max(found, default=0) / MICROSECONDS


def _certificate_fact(target: TargetOptions) -> dict[str, bool]:
    return {"certificate_checked": not target.insecure} if target.url.startswith("https") else {}


def _worker_facts(session: Session) -> dict[str, Any]:
    found = session.server_workers
    return {} if found is None else {"server_workers": str(found)}


class LoadFolder:
    """The folder of a load run's reports, which replace those of an earlier run.

    Args:
        path: Path of the folder, which is created if necessary.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._folder = ReportFolder(path, names=NAMES)

    def prepare(self) -> None:
        """Prepare the folder; see :meth:`ReportFolder.prepare`."""
        self._folder.prepare()

    def write(self, result: LoadResult, exchanges: Mapping[str, str]) -> None:
        """Write all reports.

        Args:
            result: Result of the run.
            exchanges: File name to text, of incorrect answers.

        Raises:
            DiskError, OSError: If a file cannot be written.
        """
        for pattern in NAMES:
            for old in self.path.glob(pattern):
                old.unlink()
        self._folder.write_file(LOAD_RESULT, result.to_json())
        write_load_reports(self._folder, result)
        for name, text in exchanges.items():
            self._folder.write_file(f"{EXCHANGES}/{name}", text)
