"""State shared by all users of one process: the target, the account, and contents that are made once."""

from __future__ import annotations

import contextlib
import itertools
import math
import secrets
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from hanami_conformance.cases.failures import PreconditionFailed, TargetDown, TargetRejectedConfiguration, Violation
from hanami_conformance.clients.endpoint import Endpoint
from hanami_conformance.common.shortage import MachineShortage
from hanami_conformance.options.definitions import AUTO
from hanami_conformance.resources.factory import NAME_PREFIX
from hanami_conformance.resources.listing import protect_existing
from hanami_conformance.server.workers import WorkerCount, count_workers
from hanami_conformance.target.dialect_detection import DetectedDialect, find_dialect
from hanami_conformance.target.login import expires_soon
from hanami_conformance.target.target import Target
from hanami_loadtests.engine.arrivals import UserSchedule
from hanami_loadtests.engine.connection import MOST_MESSAGE, Connection
from hanami_loadtests.engine.connection_limit import SocketLimit
from hanami_loadtests.engine.failures import GeneratorShortage, LoadFailure
from hanami_loadtests.engine.fault_times import last_restart
from hanami_loadtests.engine.health import Health
from hanami_loadtests.engine.pacing import Pacing
from hanami_loadtests.engine.recorder import Recorder
from hanami_loadtests.engine.rest import Rest
from hanami_loadtests.engine.schedule import OPEN
from hanami_loadtests.engine.tracing import Tracing
from hanami_loadtests.settings import Settings
from hanami_loadtests.stages.plan import StagePlan, rate_curves
from hanami_proto.dialect import Dialect

SEEDS = 1_000_000  # between the users of two workers
LOGIN_SECONDS = 0.5  # between two attempts to log in after a restart of the server
EXPIRY_CHECK_SECONDS = 5.0  # between two checks of the expiry of the token
VALUE_BYTES = 4  # of a value in an output
LARGE = 16 << 20  # bytes of a file from which on there is only one content
VARIANTS = 3  # different contents of each kind, so that data of another upload is detected

_CONTENT_CACHE: dict[Any, Any] = {}


@dataclass
class AttachedUsers:
    """Users that need sockets, by their numbers.

    Attributes:
        asked: Users whose scenario needs sockets.
        served: Users of which a socket was accepted before the end of the run.
    """

    asked: set[int] = field(default_factory=set)
    served: set[int] = field(default_factory=set)

    def add(self, other: AttachedUsers) -> None:
        """Add the users of another process."""
        self.asked |= other.asked
        self.served |= other.served


@dataclass
class Session:
    """A reachable target, and everything that users of one process share.

    Attributes:
        settings: Options of the run.
        dialect: Dialect of the target.
        dialect_reason: Reason for the detected dialect.
        recorder: Record of this process.
        health: Health of this process.
        socket_limit: Limit of the sockets of this process.
        server_workers: Number of workers of the server, if it was counted for the limit of the sockets.
        attached_users: Users of this process that need sockets, and those that had one.
        reduced_windows: Number of violations of this process whose operations were reduced, which takes time.
        ended: End of the run, seconds of the recorder's clock; None during the run.
        leftovers: Resources that could not be deleted on the target, a line each.
        schedules: Type of message and schedule of each user.
        tracing: Traces of the exchanges.
        plan: Stages of the run, None for a constant load.
        pacing: Schedules of the users of this process.
        existing: Uuids of what was on the target before the run, which is never deleted.
    """

    settings: Settings
    dialect: Dialect
    dialect_reason: str
    _token: str = field(repr=False)
    _endpoint: Endpoint
    recorder: Recorder
    health: Health
    socket_limit: SocketLimit
    server_workers: WorkerCount | None = None
    attached_users: AttachedUsers = field(default_factory=AttachedUsers)
    reduced_windows: int = 0
    ended: float | None = None
    leftovers: list[str] = field(default_factory=list)
    schedules: list[tuple[str, UserSchedule]] = field(default_factory=list)
    existing: frozenset[str] = frozenset()
    tracing: Tracing = field(default_factory=Tracing)
    plan: StagePlan | None = None
    _found: DetectedDialect | None = None
    _checked: float = 0.0
    _logged_in: float = field(default_factory=time.perf_counter)
    _users: itertools.count[int] = field(default_factory=itertools.count)
    _run: str = field(default_factory=lambda: secrets.token_hex(4))
    _numbers: itertools.count[int] = field(default_factory=itertools.count)
    pacing: Pacing = field(init=False)

    def __post_init__(self) -> None:
        settings = self.settings
        self.pacing = Pacing(
            rates={"message": settings.message_rate, "file": settings.file_rate},
            curves=rate_curves(settings, None),
            begin=lambda: self.began,
            clock=self.recorder.clock,
            seed=settings.seed,
            arrivals=settings.arrivals,
        )

    @staticmethod
    def open(
        settings: Settings, workers: int = 1, index: int = 0, server_workers: WorkerCount | None = None
    ) -> Session:
        """Reach the target and log in.

        Args:
            settings: Options of the run.
            workers: Number of processes that share the limit of sockets.
            index: Index of this process among them.
            server_workers: Number of workers of the server, None to count them if the settings need it.

        Raises:
            GeneratorShortage: If this machine lacks what it takes to reach the target.
            TargetDown: If the target cannot be reached or does not speak the protocol.
            TargetRejectedConfiguration: If the credentials are rejected, or the dialect is not detected.
            ValueError: If a file is invalid, or the limit of sockets too small for so many workers.
        """
        options = settings.target
        try:
            found = find_dialect(options) if options.dialect == AUTO else None
            target = Target(options, found)
            account = target.account = target.login(options.account, "user")
            existing = frozenset(protect_existing(target))
            if settings.sockets is None:
                server_workers = server_workers or _count_workers(target)
                limited = server_workers is not None and server_workers.limited
                settings = replace(settings, sockets=server_workers.connections if limited and server_workers else 0)
            target.close_connections()
        except MachineShortage as shortage:
            raise GeneratorShortage(shortage.lacking) from shortage
        sockets = (settings.sockets or 0) // workers
        if settings.sockets and not sockets:
            raise ValueError(f"--sockets {settings.sockets}: {workers} workers need at least one each")
        session = Session(
            settings=settings,
            dialect=target.dialect,
            dialect_reason=target.dialect_reason,
            _token=account.token,
            _found=found,
            _endpoint=target.endpoint,
            recorder=Recorder(is_open=settings.model == OPEN),
            health=Health(),
            socket_limit=SocketLimit(sockets),
            server_workers=server_workers,
            existing=existing,
            _users=itertools.count(index * SEEDS),
        )
        session.pacing.processes, session.pacing.index = workers, index
        return session

    @property
    def token(self) -> str:
        """Token of the account, renewed before it expires."""
        now = self.recorder.clock()
        is_outdated = self.restarted_since(self._logged_in)
        if now - self._checked < (LOGIN_SECONDS if is_outdated else EXPIRY_CHECK_SECONDS):
            return self._token
        self._checked = now
        account = self.settings.target.account
        if account.user and (is_outdated or expires_soon(self._token)):
            # Calls with the old token show whether it still works.
            with contextlib.suppress(TargetDown, TargetRejectedConfiguration, MachineShortage):
                target = Target(self.settings.target, self._found)
                self._token = target.login(account, "user").token
                target.close_connections()
                self._logged_in = self.recorder.clock()
        return self._token

    def restarted_since(self, time: float) -> bool:
        """Whether a fault has replaced the process of the server since a time, seconds of the recorder's clock."""
        place = last_restart(self.recorder.faults)
        return place is not None and self.recorder.faults[place].end >= time

    def is_logged_in_since(self, time: float) -> bool:
        """Whether no request since a time was rejected for a token from before the last restart of the server."""
        if not self.settings.target.account.user:
            return True  # the token was given, and there is no other one
        return time >= self._logged_in and not self.restarted_since(self._logged_in)

    def is_disturbed_since(self, time: float) -> bool:
        """Whether rejections since a time may be due to a restart of the server, which loses objects and tokens."""
        return self.restarted_since(time) or (self.restarted_since(0.0) and not self.is_logged_in_since(time))

    def over(self) -> bool:
        """Whether the run is over, so that nothing more is sent."""
        return self.ended is not None

    def end(self) -> None:
        """End the run; missing answers are still waited for."""
        if self.ended is None:
            self.ended = self.recorder.ended = self.recorder.clock()

    def seconds(self) -> float:
        """Return the seconds of measuring so far."""
        end = self.ended if self.ended is not None else self.recorder.clock()
        return max(0.0, end - self.recorder.origin)

    def drain_end(self) -> float:
        """Return the end of the wait for missing answers, seconds of the recorder's clock; infinite during the run."""
        return math.inf if self.ended is None else self.ended + self.settings.drain

    def overdue(self) -> dict[str, int]:
        """Return the number of overdue messages by type; they are recorded as unsent only if they are never sent."""
        now, found = self.recorder.clock(), Counter[str]()
        for series, schedule in self.schedules if self.ended is None else ():
            found[series] += schedule.overdue(now)
        if self.ended is None:
            found.update(self.pacing.overdue())
        return dict(found)

    @property
    def began(self) -> float:
        """Begin of the run with its warm-up, seconds of the recorder's clock."""
        return self.recorder.origin - self.settings.warm_up

    def load(self, second: int) -> float:
        """Return the load of a second since measuring began, in a unit of the run: its rate, or its number of users."""
        at = second + self.settings.warm_up
        if self.pacing.curves:
            return next(iter(self.pacing.curves.values())).count(at, at + 1)
        return 1.0 if self.plan is None else float(self.plan.users_at(at) or 0)

    def rest(self) -> Rest:
        """Return a REST client for one user."""
        return Rest(self._endpoint, self.dialect, lambda: self.token, self.settings.target.deadline)

    def last_failure(self) -> LoadFailure | None:
        """Call the target at the end of a run; return how that failed, None if it answers."""
        rest = self.rest()
        try:
            rest.call("dataset.list")
        except LoadFailure as error:
            return error
        finally:
            rest.close()
        return None

    def connection(self, headers: Mapping[str, str]) -> Connection:
        """Return a new websocket.

        Args:
            headers: Further header fields of the handshake.

        Raises:
            LoadFailure: If it cannot be opened.
        """
        largest = max(self.settings.shape.outputs.values(), default=0)
        return Connection(self._endpoint, self.settings.target.deadline, MOST_MESSAGE + VALUE_BYTES * largest, headers)

    def user_number(self) -> int:
        """Return a number that no other user of the run has, the same in every run with as many workers."""
        return next(self._users)

    def number(self) -> int:
        """Return a number that no other user of this process has."""
        return next(self._numbers)

    def name(self, kind: str) -> str:
        """Return a new name for a resource on the target, valid in every dialect."""
        return f"{NAME_PREFIX}_load_{self._run}_{kind}_{self.number()}"

    @property
    def content_variants(self) -> int:
        """Number of different contents of each kind; only one of large files, to save memory."""
        return VARIANTS if self.settings.file <= LARGE else 1

    def cached(self, key: Any, make: Callable[[], Any]) -> Any:
        """Return a cached content, which later runs of this process use as well.

        Args:
            key: Key of the content; dialect and sizes are added to it.
            make: Makes the content at the first call.
        """
        settings = self.settings
        key = (key, self.dialect.name, settings.file, settings.chunk)
        if key not in _CONTENT_CACHE:
            _CONTENT_CACHE[key] = make()
        return _CONTENT_CACHE[key]


def _count_workers(target: Target) -> WorkerCount | None:
    """Return the number of workers of a target; None if its sockets do not work, which the run will show."""
    try:
        return count_workers(target)
    except (Violation, PreconditionFailed):
        return None
