"""What all users of one process share: the target, the account, and contents that are made once."""

from __future__ import annotations

import itertools
import math
import secrets
import ssl
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hanami_conformance.cases.failures import TargetDown, TargetRejectedConfiguration
from hanami_conformance.clients.tcp import context_for
from hanami_conformance.options.definitions import AUTO
from hanami_conformance.resources.factory import NAME_PREFIX
from hanami_conformance.target.dialect_detection import DetectedDialect, find_dialect
from hanami_conformance.target.login import expires_soon
from hanami_conformance.target.target import Target
from hanami_loadtests.engine.connection import Connection
from hanami_loadtests.engine.connection_limit import SocketLimit
from hanami_loadtests.engine.health import Health
from hanami_loadtests.engine.recorder import Recorder
from hanami_loadtests.engine.rest import Rest
from hanami_loadtests.engine.schedule import Schedule
from hanami_loadtests.settings import Settings
from hanami_proto.dialect import Dialect

SEEDS = 1_000_000  # between the users of two workers
LOOK_EVERY = 5.0  # seconds between two looks at the expiry of the token
LARGE = 16 << 20  # bytes of a file from which on there is but one content
VARIANTS = 3  # different files of each kind: what goes to the wrong upload shows

_CONTENT_CACHE: dict[Any, Any] = {}  # contents, by what they follow from


@dataclass
class Session:
    """A target that was reached, and everything that users of one process share.

    Attributes:
        settings: of the run.
        dialect: that the target speaks.
        dialect_reason: why it was chosen, where it was found by asking.
        recorder: of this process.
        health: of this process.
        budget: of sockets of this process.
        ended: when the run was over, seconds of the recorder's clock; None while it is not.
        leftovers: what could not be deleted on the target.
        plans: type of message and schedule of each user that works.
    """

    settings: Settings
    dialect: Dialect
    dialect_reason: str
    _token: str = field(repr=False)
    recorder: Recorder
    health: Health
    socket_limit: SocketLimit
    ended: float | None = None
    leftovers: list[str] = field(default_factory=list)
    schedules: list[tuple[str, Schedule]] = field(default_factory=list)
    _found: DetectedDialect | None = None
    _ssl: ssl.SSLContext | None = None
    _looked: float = 0.0
    _users: itertools.count[int] = field(default_factory=itertools.count)
    _run: str = field(default_factory=lambda: secrets.token_hex(4))
    _numbers: itertools.count[int] = field(default_factory=itertools.count)

    @staticmethod
    def open(settings: Settings, workers: int = 1, index: int = 0) -> Session:
        """Reach the target and log in.

        Args:
            settings: of the run.
            workers: processes that share the budget of sockets.
            index: of this process among them.

        Raises:
            TargetDown: it cannot be reached, or does not speak the protocol.
            TargetRejectedConfiguration: it does not accept the credentials, or its dialect is not found.
            ValueError: a file is wrong, or the budget too small for so many workers.
        """
        sockets = settings.sockets // workers
        if settings.sockets and not sockets:
            raise ValueError(f"--sockets {settings.sockets}: {workers} workers need at least one each")
        options = settings.target
        found = find_dialect(options) if options.dialect == AUTO else None
        target = Target(options, found)
        try:
            account = target.login(options.account, "user")
        finally:
            target.close()
        return Session(
            settings=settings,
            dialect=target.dialect,
            dialect_reason=target.dialect_reason,
            _token=account.token,
            _found=found,
            recorder=Recorder(),
            health=Health(),
            socket_limit=SocketLimit(sockets),
            _ssl=context_for(options.url, options.ca_file, insecure=options.insecure),
            _users=itertools.count(index * SEEDS),
        )

    @property
    def token(self) -> str:
        """The token of the account; a new one where it is about to expire."""
        now = self.recorder.clock()
        if now - self._looked < LOOK_EVERY:
            return self._token
        self._looked = now
        first = self.settings.target.account
        if first.user and expires_soon(self._token):
            target = Target(self.settings.target, self._found)
            try:
                self._token = target.login(first, "user").token
            except (TargetDown, TargetRejectedConfiguration):
                pass  # what the old one is worth shows in what is done with it
            finally:
                target.close()
        return self._token

    def over(self) -> bool:
        """Whether the run is over, so that nothing more is sent."""
        return self.ended is not None

    def end(self) -> None:
        """End the run: what was sent is still waited for."""
        if self.ended is None:
            self.ended = self.recorder.ended = self.recorder.clock()

    def drain_end(self) -> float:
        """Until when missing answers are waited for, seconds of the recorder's clock; infinite before the end."""
        return math.inf if self.ended is None else self.ended + self.settings.drain

    def overdue(self) -> dict[str, int]:
        """Type of message to how many are due by now and not sent yet; recorded as unsent only if they never are."""
        now, found = self.recorder.clock(), Counter[str]()
        for series, schedule in self.schedules if self.ended is None else ():
            found[series] += schedule.overdue(now)
        return dict(found)

    def rest(self) -> Rest:
        """Return a REST client for one user."""
        options = self.settings.target
        return Rest(options.url, self.dialect, lambda: self.token, options.deadline, self._ssl)

    def connection(self) -> Connection:
        """Return a new websocket.

        Raises:
            LoadFailure: none opens.
        """
        options = self.settings.target
        return Connection("ws" + options.url.removeprefix("http") + "/", options.deadline, self._ssl)

    def user_number(self) -> int:
        """Return a number that no other user of the run has, the same in every run with as many workers."""
        return next(self._users)

    def number(self) -> int:
        """Return a number that no other user of this process has."""
        return next(self._numbers)

    def name(self, kind: str) -> str:
        """Return a new name for something on the target, right in every dialect."""
        return f"{NAME_PREFIX}_load_{self._run}_{kind}_{self.number()}"

    @property
    def content_variants(self) -> int:
        """How many different contents of each kind there are: of large files one, else they would fill the memory."""
        return VARIANTS if self.settings.file <= LARGE else 1

    def cached(self, key: Any, make: Callable[[], Any]) -> Any:
        """Return what is made at the first asking and shared from then on, by later runs of this process as well.

        Args:
            key: what it is, besides what follows from the dialect and the sizes.
            make: makes it.
        """
        settings = self.settings
        key = (key, self.dialect.name, settings.file, settings.chunk)
        if key not in _CONTENT_CACHE:
            _CONTENT_CACHE[key] = make()
        return _CONTENT_CACHE[key]
