"""An account whose REST calls have another form on the wire, with the same meaning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from hanami_conformance.cases.failures import Unsupported, Violation
from hanami_conformance.cases.recording import current_case
from hanami_conformance.clients.connection_limit import ConnectionLimit
from hanami_conformance.clients.http_forms import HttpForm
from hanami_conformance.clients.json_forms import JSON_FORMS
from hanami_conformance.clients.raw_request import receive_response
from hanami_conformance.clients.rest import KIND, NEVER_DELETED, TOKEN_HEADER
from hanami_conformance.clients.rest_response import MAX_SUMMARY, RestResponse
from hanami_conformance.clients.tcp import RawConnection
from hanami_conformance.common.redact import SECRETS
from hanami_conformance.common.text import printable_line
from hanami_conformance.target.target import Account

NEW, KEPT, AFTER_USER, AFTER_REJECTION = "new", "kept", "kept, after another user", "kept, after a rejected call"
UNKNOWN = "00000000-0000-4000-8000-000000000000"  # uuid of no resource


@dataclass(frozen=True)
class CallForm:
    """The form of REST calls.

    Attributes:
        http: Form of each request.
        json: Form of the JSON of a body, of :data:`JSON_FORMS`.
        connection: Connection of a call: a new one, or one that is kept and was used just before, maybe by another user
            or for a request that was rejected. A kept one is given up where the limit of connections leaves no room for
            a call beside it.
    """

    http: HttpForm = field(default_factory=HttpForm)
    json: str = "usual"
    connection: str = NEW

    def __str__(self) -> str:
        names = (
            self.connection,
            self.http.body,
            self.http.segments,
            self.http.headers,
            self.http.media_type,
            self.json,
        )
        return ", ".join(names)


class FormedAccount(Account):
    """An account whose calls have a form; what is not about the form is done by the account itself.

    Args:
        account: Account in whose name the calls are made.
        form: Form of the calls.
        before: Account of the request just before each call on the same connection, None for the account itself.
    """

    def __init__(self, account: Account, form: CallForm, before: Account | None = None) -> None:
        super().__init__(account.target, account.name, account.token, account.credentials, is_admin=account.is_admin)
        self._form = form
        self._before = before or account
        self._kept: RawConnection | None = None

    def call(
        self,
        operation: str,
        *,
        body: Any = None,
        params: Mapping[str, str] | None = None,
        extra: float = 0.0,
    ) -> RestResponse:
        """Call an operation in the form of this account; see :meth:`Account.call`.

        Raises:
            ResponseTimeout, ConnectionClosed, TargetDown: See :meth:`RestClient.request`.
            Unsupported: If the dialect has no such operation, or nothing may be deleted by it.
        """
        if self._form.connection == AFTER_USER:
            self._send("dataset.list", self._before, None, None, 0.0)
        elif self._form.connection == AFTER_REJECTION:
            self._send("dataset.progress", self._before, None, {"uuid": UNKNOWN}, 0.0)
        answer = self._send(operation, self, body, params, extra)
        self.target.note_announcement(operation, body, answer)
        return answer

    def log_in(self) -> None:
        """Log in again, in the form of this account, and use the new token.

        Raises:
            Violation: If the answer has no token.
        """
        credentials = self.credentials
        body = self.target.dialect.login(credentials.user or "", credentials.password or "")
        answer = self._send("token.create", self, body, None, 0.0)
        token = answer.object().get("token")
        if not isinstance(token, str) or not token:
            raise Violation("a token in the answer to a login", str(answer))
        SECRETS.add(token, f"token of the {self.name}")
        self.token = token

    def _send(
        self, operation: str, account: Account, body: Any, params: Mapping[str, str] | None, extra: float
    ) -> RestResponse:
        target = self.target
        route = target.route(operation)
        if route.method == "DELETE" and target.rest.forbids_deletion(f"{route.path}{params}"):
            raise Unsupported(NEVER_DELETED)
        # Only for the path and query as httpx writes them.
        address = httpx.Request(route.method, target.rest.url + route.path, params=params).url.raw_path.decode("ascii")
        content = None if body is None else JSON_FORMS[self._form.json](body).encode()
        headers = {"Host": target.endpoint.authority, TOKEN_HEADER: account.token}
        segments = self._form.http.encode(route.method, address, headers, content)
        line = f"{route.method} {address}"
        connection = self._connection()
        if unseen := self._form.http.unseen(has_body=content is not None):
            current_case().note(connection.channel, "form", f"the request that follows has {unseen}")
        self._record(connection, line, b"".join(segments), content or b"")
        connection.send_segments(segments, target.timeouts.seconds(KIND))
        try:
            return receive_response(connection, line, target.timeouts, extra)
        finally:
            if self._form.connection == NEW or not connection.is_reusable:
                self.close()
            else:
                target.connection_limit.keep(connection)

    def _record(self, connection: RawConnection, line: str, request: bytes, content: bytes) -> None:
        # The content without its chunks, which would cut a secret in pieces that nobody recognises.
        head, _, _ = request.partition(b"\r\n\r\n")
        text = printable_line(content.decode("utf-8", "replace"), MAX_SUMMARY)
        current_case().sent_event(
            connection.channel,
            "http",
            f"{line} {text}".rstrip(),
            content,
            head=f"{head.decode('latin-1')}\r\n\r\n",
        )

    def _connection(self) -> RawConnection:
        """Return the kept connection, or a new one: it is that of a REST call, which is on top of the limit."""
        limit = self.target.connection_limit
        if self._kept is not None and not limit.reuse(self._kept):
            self.close()
        if self._kept is None:
            limit.make_room()
            self._kept = self.target.raw(ConnectionLimit(1))
        return self._kept

    @property
    def is_kept(self) -> bool:
        """Whether the connection of the last call can be used for another one."""
        return self._kept is not None and self._kept.is_open and not self._kept.has_ended

    def close(self) -> None:
        """Close the kept connection."""
        if self._kept is not None:
            self._kept.close()
            self._kept = None
