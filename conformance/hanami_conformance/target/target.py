"""The target: the server under test, its accounts, and its known properties."""

from __future__ import annotations

import copy
import json
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from http import HTTPStatus
from typing import Any

from hanami_conformance.cases.failures import (
    ConnectionClosed,
    ResponseTimeout,
    TargetDown,
    TargetRejectedConfiguration,
    Unsupported,
)
from hanami_conformance.cases.recording import ClosedSocket, current_case, recording_paused
from hanami_conformance.clients.connection_limit import ConnectionLimit
from hanami_conformance.clients.deadline import AdaptiveTimeout, Deadline
from hanami_conformance.clients.held_request import HeldRequest
from hanami_conformance.clients.raw_request import send_raw
from hanami_conformance.clients.rest import NEVER_DELETED, RestClient
from hanami_conformance.clients.rest_response import RestResponse
from hanami_conformance.clients.tcp import RawConnection
from hanami_conformance.clients.websocket import WebSocket
from hanami_conformance.common.shortage import MachineShortage
from hanami_conformance.common.text import printable_line
from hanami_conformance.options.target import Credentials, TargetOptions
from hanami_conformance.target.dialect_detection import DetectedDialect
from hanami_conformance.target.login import READY_POLL, expires_soon, log_in
from hanami_conformance.target.server_control import ServerControl
from hanami_proto.dialect import Dialect, NoRouteError, Route, load_dialect

SILENT_CALLS_WHEN_DOWN = 2
UNRESPONSIVE = "it takes connections and is silent"
CLOSE_SECONDS = 2.0  # for the answer to a close of which the case expects nothing any more
MAX_CAUSE = 80  # characters
NO_OTHER_ACCOUNT = "needs a user of another project (--second-user and --second-password)"


class Account:
    """One user of the target, logged in.

    Args:
        target: Target of the account.
        name: Name in reports, such as ``first user``.
        token: REST token.
        credentials: Credentials of the login.
        is_admin: Whether the target said so at the login.
    """

    def __init__(
        self, target: Target, name: str, token: str, credentials: Credentials, *, is_admin: bool = False
    ) -> None:
        self.target = target
        self.name = name
        self.token = token
        self.credentials = credentials
        self.is_admin = is_admin

    def call(
        self,
        operation: str,
        *,
        body: Any = None,
        params: Mapping[str, str] | None = None,
        extra: float = 0.0,
    ) -> RestResponse:
        """Call a REST operation of the dialect as this user.

        Args:
            operation: Name such as ``csv.init``.
            body: Body to send as JSON, None for no body.
            params: Query parameters.
            extra: Seconds in addition to the deadline.

        Raises:
            ResponseTimeout, ConnectionClosed, TargetDown: See :meth:`RestClient.request`.
        """
        return self.target.call(operation, body=body, params=params, token=self.token, extra=extra)

    def hold(
        self, operation: str, *, body: Any = None, params: Mapping[str, str] | None = None, extra: float = 0.0
    ) -> HeldRequest:
        """Call a REST operation as this user, but for the last byte; otherwise like :meth:`call`."""
        return self.target.hold(operation, body=body, params=params, token=self.token, extra=extra)


class Target:
    """A target with its accounts logged in; :func:`.connect.connect` makes one.

    Args:
        options: Options of the target.
        found: Detected dialect, None where the options name one.

    Raises:
        ValueError: If the dialect or the file of certificates is not valid.
    """

    def __init__(self, options: TargetOptions, found: DetectedDialect | None = None) -> None:
        self.options = options
        self.url = options.url
        self.dialect: Dialect = load_dialect(options.dialect) if found is None else found.dialect
        self.dialect_reason = "" if found is None else found.reason
        self.timeouts = AdaptiveTimeout(options.deadline)
        limit = options.max_connections if options.max_connections is not None else self.dialect.connections
        self.connection_limit = ConnectionLimit(limit)
        self.uuids: set[str] = set()  # of all uploads and their files in this run
        self.tried_clusters = False  # from then on a server is no longer starting
        self.unsafe_deletions: set[str] = set()  # kinds of resources whose deletion crashes the target
        self.expired_token = options.expired_token
        self.durable = options.durable
        self.server: ServerControl | None = None  # where the suite starts it
        self.endpoint = options.endpoint()
        self.certificate_checked = not options.insecure
        self.rest = RestClient(self.endpoint, self.timeouts, self._current_limit)
        self.given_cluster = options.cluster
        if options.cluster is not None:
            self.rest.forbid_deletion(options.cluster.uuid)
        self._connections: list[WebSocket | RawConnection] = []
        self._serves_content: bool | None = None
        self.account: Account
        self.other_account: Account | None = None
        self.other_account_missing_reason = NO_OTHER_ACCOUNT
        self.teardown_actions: list[Callable[[], str]] = []  # delete what was created; each returns what is left
        self.process_end: Callable[[], str] = lambda: ""  # how the process ended, empty while it runs
        self.machine_shortage: Callable[[], str] = lambda: ""  # what its machine lacks, where that is ours
        self.attached = False  # whether the target has accepted a socket
        self.socket_silence_reason: Callable[[], str] = lambda: ""  # empty unless all are silent
        self.idle_timeout_reason: Callable[[ClosedSocket], str] = lambda _ended: (
            ""
        )  # why it may have ended one that is old
        self._announcing = threading.Lock()  # operations that overlap are answered on several threads
        self.announced_bytes = 0  # of all accepted uploads; servers may allocate them, and keep them after a deletion
        self.optional_replies: dict[str, bool] = {}  # name of a SHOULD reply: whether the target sends it

    @property
    def accounts(self) -> list[Account]:
        """The logged-in accounts: ``account``, and ``other_account`` if there is one."""
        return [self.account] if self.other_account is None else [self.account, self.other_account]

    @property
    def websocket_url(self) -> str:
        """Address of the websocket: that of the REST API (requirement ATT-1)."""
        return self.endpoint.websocket_url

    def beside(self, connections: int) -> Target:
        """Return the same target for clients beside the case, with connections and time limits of its own.

        Args:
            connections: Largest number of their connections at the same time.
        """
        other = copy.copy(self)
        other.timeouts = AdaptiveTimeout(self.timeouts.setting)
        other.connection_limit = ConnectionLimit(connections)
        other.rest = self.rest.beside(other.timeouts, other._current_limit)  # noqa: SLF001 - of this class
        other.optional_replies = dict(self.optional_replies)
        other._connections = []  # noqa: SLF001 - of this class
        other.account = copy.copy(self.account)
        other.account.target = other
        other.other_account = None
        other.server = None
        other.teardown_actions = []
        return other

    def _current_limit(self) -> ConnectionLimit:
        return self.connection_limit  # it may have been replaced

    def websocket(self, timeouts: AdaptiveTimeout | None = None, limit: ConnectionLimit | None = None) -> WebSocket:
        """Return a websocket that is not open yet.

        Args:
            timeouts: Time limits of its waits; None for those of the target.
            limit: Limit that it counts for; None for that of the target.
        """
        made = WebSocket(self.endpoint, timeouts or self.timeouts, limit or self.connection_limit)
        self._connections.append(made)
        return made

    def close_connections(self) -> None:
        """Close all connections: none outlives its case or counts against the connection limit of the next."""
        for connection in self._connections:
            if isinstance(connection, WebSocket):
                connection.close(CLOSE_SECONDS)
            else:
                connection.close()
        self._connections.clear()
        self.rest.close()

    def raw(self, limit: ConnectionLimit | None = None, kind: str = "tcp") -> RawConnection:
        """Return a bare TCP connection, open.

        Args:
            limit: Limit that it counts for; None for that of the target.
            kind: Kind of the connection in the record.
        """
        made = RawConnection(
            self.endpoint, self.timeouts.setting, limit or self.connection_limit, current_case().channel(kind)
        )
        self._connections.append(made)
        return made

    def send_raw(self, request: bytes, what: str) -> RestResponse:
        """Send a request as it is over a connection of its own, and wait for the response.

        Raises:
            Unsupported: If the request would delete what was on the target before the run.
            ResponseTimeout, ConnectionClosed, TargetDown: See :func:`hanami_conformance.clients.raw_request.send_raw`.
        """
        if request.startswith(b"DELETE") and self.rest.forbids_deletion(request.decode("latin-1")):
            raise Unsupported(NEVER_DELETED)
        with self.raw() as connection:
            return send_raw(connection, request, what, self.timeouts)

    def call(
        self,
        operation: str,
        *,
        body: Any = None,
        params: Mapping[str, str] | None = None,
        token: str | None,
        extra: float = 0.0,
    ) -> RestResponse:
        """Call a REST operation of the dialect with any token, or none.

        Raises:
            ResponseTimeout, ConnectionClosed, TargetDown: See :meth:`RestClient.request`.
            Unsupported: If the dialect has no such operation.
        """
        route, content = self.route(operation), _content(body)
        answer = self.rest.request(route.method, route.path, token=token, params=params, content=content, extra=extra)
        self.note_announcement(operation, body, answer)
        return answer

    def note_announcement(self, operation: str, body: Any, answer: RestResponse) -> None:
        """Count the bytes that an accepted request announces, if it begins an upload."""
        if operation.endswith(".init") and answer.status == HTTPStatus.OK:
            with self._announcing:
                self.announced_bytes += _announced_bytes(body)

    def hold(
        self,
        operation: str,
        *,
        body: Any = None,
        params: Mapping[str, str] | None = None,
        token: str | None,
        extra: float = 0.0,
    ) -> HeldRequest:
        """Call a REST operation over a connection of its own, which counts for the limit, but for the last byte.

        Raises:
            TargetDown: If the target accepts no connection.
            ConnectionClosed, Unsupported: See :meth:`call`.
        """
        route = self.route(operation)
        request = self.rest.encode(route.method, route.path, token=token, params=params, content=_content(body))
        note = partial(self.note_announcement, operation, body)
        return HeldRequest(self.raw(kind="rest"), request, self.timeouts, extra, on_answer=note)

    def route(self, operation: str) -> Route:
        """Return the route of an operation.

        Raises:
            Unsupported: If the dialect has no such operation.
        """
        try:
            return self.dialect.route(operation)
        except NoRouteError as error:
            raise Unsupported(str(error)) from error

    def login(self, credentials: Credentials, name: str) -> Account:
        """Log an account in, waiting for a server that is not ready yet.

        Raises:
            TargetRejectedConfiguration, TargetDown: See :func:`hanami_conformance.target.login.log_in`.
        """
        login = log_in(self.rest, self.dialect, self.timeouts, credentials, name)
        return Account(self, name, login.token, credentials, is_admin=login.is_admin)

    def renew_tokens(self) -> None:
        """Log accounts in again whose token is about to expire, if that is known and possible.

        Raises:
            TargetDown: See :meth:`renew`.
        """
        for account in self.accounts:
            if expires_soon(account.token):
                self.renew(account)

    def renew(self, account: Account) -> None:
        """Log an account in again, if that is possible.

        Raises:
            TargetDown: If the target gives no usable answer, or rejects credentials that it accepted before.
        """
        if not account.credentials.password:
            return
        try:
            account.token = self.login(account.credentials, account.name).token
        except TargetRejectedConfiguration as error:
            raise TargetDown(str(error)) from error

    def serves_content(self, account: Account, uuid: str, column: str) -> bool:
        """Return whether the content of datasets can be read back, tried once with an existing dataset of the account.

        A server without the operation answers as to any unknown path.
        """
        if not self.dialect.has_content:
            return False
        if self._serves_content is None:
            route = self.dialect.route("dataset.content")
            params = {"uuid": uuid, "column_name": column, "row_offset": "0", "number_of_rows": "1"}
            known = account.call("dataset.content", params=params)
            unknown = self.rest.request(route.method, f"{route.path}_nowhere", token=account.token, params=params)
            alike = known.status == unknown.status and known.text == unknown.text.replace("_nowhere", "")
            self._serves_content = not (known.rejected and alike) and known.status not in (405, 501)
        return self._serves_content

    def is_alive(self) -> bool:
        """Return whether the target still answers; see :meth:`downtime_reason`."""
        return not self.downtime_reason()

    def downtime_reason(self, *, sockets: bool = False) -> str:
        """Return why the target is down, empty if it answers a cheap REST call, which is repeated if necessary.

        It may be silent, drop connections, or accept none; or its process has ended, where the suite started it. If it
        left a message on a websocket unanswered since the last call, the websockets are probed, too.

        Args:
            sockets: Whether to probe the websockets in any case.

        Raises:
            MachineShortage: If it is down, and its machine, which is ours, may be the reason.
        """
        asked, self.timeouts.socket_timeouts = self.timeouts.socket_timeouts, 0
        ready_by = Deadline.after(self.timeouts.setting)
        silences = 0
        while True:
            self.rest.close()  # over a new connection: a target may serve those that it has, and accept no other one
            try:
                with recording_paused():
                    self.rest.request(*self._liveness_probe(), token=self.account.token, kind="liveness probe")
            except ResponseTimeout:
                silences += 1
                how = UNRESPONSIVE
            except ConnectionClosed as error:
                how = f"it drops connections without an answer ({printable_line(error.actual, MAX_CAUSE)})"
                time.sleep(READY_POLL)
            except TargetDown as error:
                how = f"it takes no connections any more ({printable_line(str(error.__cause__ or error), MAX_CAUSE)})"
                time.sleep(READY_POLL)
            else:
                self.rest.close()  # the cases may be in other processes
                return self.socket_silence_reason() if asked or sockets else ""
            ended = self.process_end()
            if ended or ready_by.passed or silences >= SILENT_CALLS_WHEN_DOWN:
                if lacking := self.machine_shortage():
                    raise MachineShortage(lacking)
                return ended or how

    def disconnect_reason(self, failure: str) -> str:
        """Return why the target may close the connection on which the case failed; empty if it may not.

        Args:
            failure: Message of the failure.
        """
        ended = current_case().ended
        return self.idle_timeout_reason(ended) if ended is not None and ended.ending in failure else ""

    def _liveness_probe(self) -> tuple[str, str]:
        route = self.dialect.route("dataset.list")
        return route.method, route.path

    def teardown(self) -> list[str]:
        """Delete what :func:`hanami_conformance.target.connect.connect` made on the target; close the kept connection.

        Returns:
            Resources that are left there, a line each.
        """
        lines = [undo() for undo in reversed(self.teardown_actions)]
        self.teardown_actions.clear()
        self.rest.close()
        return [line for line in lines if line]


def _content(body: Any) -> bytes | None:
    return None if body is None else json.dumps(body).encode()


def _announced_bytes(body: Any) -> int:
    """Return the bytes of the files that an accepted body of an upload announces."""
    fields = body.items() if isinstance(body, dict) else ()
    return sum(size for name, size in fields if name.endswith("_data_size") and type(size) is int and size > 0)
