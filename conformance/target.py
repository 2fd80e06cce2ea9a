"""The target: the server under test, who speaks to it, and what is known of it."""

from __future__ import annotations

import base64
import contextlib
import json
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from conformance.checks import Dropped, NoAnswer, TargetLost, Violation
from conformance.clients.budget import Budget
from conformance.clients.raw import RawConnection
from conformance.clients.rest import Answer, RestClient
from conformance.clients.websocket import WebSocket
from conformance.deadline import Deadline, Patience
from conformance.jsontext import is_token_text
from conformance.redact import SECRETS
from proto.dialects import Dialect, dialect_names, load_dialect

SILENCES_OF_THE_DEAD = 2
TOKEN_RESERVE = 60.0  # seconds that a token must still be valid when a case begins
READY_POLL = 0.25  # seconds between two questions to a server that is not ready yet


class TargetRefused(Exception):  # noqa: N818 - names what happened
    """The target does not accept the credentials that it was given."""


@dataclass(frozen=True)
class Credentials:
    """How an account logs in: with user and password, or with a token that it has already."""

    user: str = ""
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)


@dataclass(frozen=True)
class TargetOptions:
    """Everything that the suite is told about a target.

    Attributes:
        url: ``http://HOST:PORT``, with a base path where a proxy needs one.
        first: the account that the tests use.
        second: an account of another project, for the isolation statements.
        expired_token: a token that was valid once, for ATT-3.
        dialect: name of the dialect.
        deadline: seconds that any wait may take.
        max_connections: most websockets at the same time, None for what the dialect says.
    """

    url: str
    first: Credentials
    second: Credentials | None = None
    expired_token: str = field(default="", repr=False)
    dialect: str = "documented"
    deadline: float = 10.0
    max_connections: int | None = None


def checked_url(url: str) -> str:
    """The address of a target, normalised.

    Raises:
        ValueError: it is none; the message says what would be right.
    """
    try:
        parts = urlsplit(url)
        credentials = parts.username or parts.password
    except ValueError as error:
        raise ValueError(f"the target is no address ({error}): give http://HOST:PORT") from error
    # What follows quotes the address; it must not quote a password.
    if credentials or "@" in url:
        raise ValueError("the target's address carries credentials: give them as --user and --password")
    if parts.query or parts.fragment:
        raise ValueError("the target's address has a query or a fragment: give http://HOST:PORT")
    try:
        port = parts.port
    except ValueError as error:
        raise ValueError(f"target {url!r} is no address ({error}): give http://HOST:PORT") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"target {url!r} is no address: give http://HOST:PORT or https://HOST:PORT")
    if port == 0:
        raise ValueError(f"target {url!r} has port 0: give the port that the server listens on")
    return urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/"), "", ""))


class Account:
    """One user of the target, logged in.

    Args:
        target: where.
        name: how reports call it, such as ``first user``.
        token: REST token.
        credentials: how it logged in.
    """

    def __init__(self, target: Target, name: str, token: str, credentials: Credentials) -> None:
        self.target = target
        self.name = name
        self.token = token
        self.credentials = credentials

    def call(
        self,
        operation: str,
        *,
        body: Any = None,
        params: Mapping[str, str] | None = None,
        extra: float = 0.0,
    ) -> Answer:
        """Do a REST operation of the dialect as this user.

        Args:
            operation: such as ``csv.init``.
            body: sent as JSON where not None.
            params: query parameters.
            extra: seconds on top of the deadline.

        Raises:
            NoAnswer, Dropped, TargetLost: see :meth:`RestClient.request`.
        """
        return self.target.call(operation, body=body, params=params, token=self.token, extra=extra)


class Target:
    """A target that was reached and let the accounts in. Make one with :func:`connect`."""

    def __init__(self, options: TargetOptions) -> None:
        self.url = options.url
        self.dialect: Dialect = load_dialect(options.dialect)
        self.patience = Patience(options.deadline)
        limit = options.max_connections if options.max_connections is not None else self.dialect.connections
        self.budget = Budget(limit)
        self.expired_token = options.expired_token
        self._ssl = ssl.create_default_context() if self.url.startswith("https") else None
        self.rest = RestClient(self.url, self.patience, self._ssl)
        self._websockets: list[WebSocket] = []
        self._serves_content: bool | None = None
        self.first: Account
        self.second: Account | None = None
        self.habits: dict[str, bool] = {}  # answers that are a SHOULD: whether the target is known to send them

    @property
    def websocket_url(self) -> str:
        """Address of the websocket: that of the REST API (statement ATT-1)."""
        return "ws" + self.url.removeprefix("http") + "/"

    def websocket(self) -> WebSocket:
        """A websocket that is not open yet."""
        made = WebSocket(self.websocket_url, self.patience, self.budget, self._ssl)
        self._websockets.append(made)
        return made

    def close_websockets(self) -> None:
        """Close every websocket that was made: none outlives its case or counts against the budget of the next."""
        for websocket in self._websockets:
            websocket.finish()
        self._websockets.clear()

    def raw(self) -> RawConnection:
        """A bare TCP connection, open."""
        return RawConnection(self.url, self.patience.setting, self.budget, self._ssl)

    def call(
        self,
        operation: str,
        *,
        body: Any = None,
        params: Mapping[str, str] | None = None,
        token: str | None,
        extra: float = 0.0,
    ) -> Answer:
        """Do a REST operation of the dialect with any token, or none.

        Raises:
            NoAnswer, Dropped, TargetLost: see :meth:`RestClient.request`.
        """
        route = self.dialect.route(operation)
        content = None if body is None else json.dumps(body).encode()
        return self.rest.request(route.method, route.path, token=token, params=params, content=content, extra=extra)

    def login(self, credentials: Credentials, name: str) -> Account:
        """Log an account in, waiting for a server that is not ready yet.

        Raises:
            TargetRefused: the target knows no such user, or not this token.
            TargetLost: the target gives no usable answer.
        """
        SECRETS.add(credentials.password, f"password of the {name}")
        SECRETS.add(credentials.token, f"token of the {name}")
        if credentials.token and not is_token_text(credentials.token):
            raise TargetRefused(f"the token of the {name} has characters that no header can carry")
        ready_by = Deadline.after(self.patience.setting)
        while True:
            answer = self._login_once(credentials)
            if answer.status < 500 or ready_by.passed:
                break
            time.sleep(READY_POLL)
        if credentials.token:
            return self._check_token(credentials, name, answer)
        if answer.status in (400, 401, 403, 404):
            raise TargetRefused(
                f"the target refuses the {name} {credentials.user!r}: "
                f"{self.dialect.route('token.create')} answered {answer}{self._dialect_hint(credentials)}"
            )
        try:
            token = answer.object()["token"]
        except (Violation, KeyError):
            token = None
        if not isinstance(token, str) or not is_token_text(token):
            # The answer itself is not shown: it may hold a token under another name.
            raise TargetLost(
                f"no token for the {name}: the target answered {answer.status} without a token that a header can carry"
            )
        SECRETS.add(token, f"token of the {name}")
        return Account(self, name, token, credentials)

    def _dialect_hint(self, credentials: Credentials) -> str:
        """Whether another dialect would have let the user in, in words."""
        body = json.dumps({"id": credentials.user, "password": credentials.password}).encode()
        for name in dialect_names():
            route = load_dialect(name).route("token.create")
            if name == self.dialect.name:
                continue
            with contextlib.suppress(NoAnswer, Dropped, TargetLost):
                if self.rest.request(route.method, route.path, content=body).status == 200:
                    return f"; it answers to the dialect {name}: give --dialect {name}"
        return ""

    def _login_once(self, credentials: Credentials) -> Answer:
        try:
            if credentials.token:
                return self.call("dataset.list", token=credentials.token)
            body = {"id": credentials.user, "password": credentials.password}
            return self.call("token.create", body=body, token=None)
        except (NoAnswer, Dropped) as error:
            raise TargetLost(f"{self.url} is no usable target: {error}") from error

    def _check_token(self, credentials: Credentials, name: str, answer: Answer) -> Account:
        if answer.status in (400, 401, 403):
            raise TargetRefused(f"the target refuses the token of the {name}: {answer}")
        if answer.status != 200:
            raise TargetLost(f"{self.url} is no usable target: {answer}")
        return Account(self, name, credentials.token, credentials)

    def renew_tokens(self) -> None:
        """Log accounts in again whose token is about to expire, where that can be told and done.

        Raises:
            TargetLost: see :meth:`renew`.
        """
        for account in (self.first, self.second):
            if account is not None and expires_soon(account.token):
                self.renew(account)

    def renew(self, account: Account) -> None:
        """Log an account in again, where that can be done.

        Raises:
            TargetLost: the target gives no usable answer, or refuses what it took before.
        """
        if not account.credentials.password:
            return
        try:
            account.token = self.login(account.credentials, account.name).token
        except TargetRefused as error:
            raise TargetLost(str(error)) from error

    def serves_content(self, account: Account, uuid: str, column: str) -> bool:
        """Whether the content of datasets can be read back, asked once with a dataset of the account that is there.

        A server without the operation answers as it does to any path that it does not know.
        """
        if not self.dialect.has_content:
            return False
        if self._serves_content is None:
            route = self.dialect.route("dataset.content")
            params = {"uuid": uuid, "column_name": column, "row_offset": "0", "number_of_rows": "1"}
            known = account.call("dataset.content", params=params)
            unknown = self.rest.request(route.method, f"{route.path}_nowhere", token=account.token, params=params)
            alike = known.status == unknown.status and known.text == unknown.text.replace("_nowhere", "")
            self._serves_content = not (known.refused and alike) and known.status not in (405, 501)
        return self._serves_content

    def is_alive(self) -> bool:
        """Whether the target still answers a cheap REST call with HTTP, asked more than once if need be."""
        ready_by = Deadline.after(self.patience.setting)
        silences = 0
        while True:
            try:
                self.rest.request(*self._liveness_probe(), token=self.first.token, kind="liveness probe")
            except NoAnswer:
                silences += 1
            except (TargetLost, Dropped):
                time.sleep(READY_POLL)
            else:
                return True
            if ready_by.passed or silences >= SILENCES_OF_THE_DEAD:
                return False

    def _liveness_probe(self) -> tuple[str, str]:
        route = self.dialect.route("dataset.list")
        return route.method, route.path

    def close(self) -> None:
        """Close what is still open."""
        self.rest.close()


def connect(options: TargetOptions) -> Target:
    """Reach a target and log the accounts in.

    Raises:
        TargetLost: it cannot be reached, or does not speak the protocol.
        TargetRefused: it does not accept the credentials.
    """
    SECRETS.add(options.expired_token, "expired token")
    target = Target(options)
    try:
        target.first = target.login(options.first, "first user")
        if options.second is not None:
            target.second = target.login(options.second, "second user")
    except BaseException:
        target.close()
        raise
    return target


def expires_soon(token: str) -> bool:
    """Whether a token is a JWT that is about to expire."""
    try:
        claims = token.split(".")[1]
        expiry = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["exp"]
        return float(expiry) - time.time() < TOKEN_RESERVE
    except (IndexError, KeyError, TypeError, ValueError, RecursionError, OverflowError):
        return False  # no JWT, or one that does not tell
