"""The REST client: requests and responses, all recorded, over a connection that is kept where the target keeps it."""

from __future__ import annotations

import re
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import unquote

import httpx

from hanami_conformance.cases.failures import ConnectionClosed, ResponseTimeout, TargetDown, Unsupported
from hanami_conformance.cases.recording import current_case
from hanami_conformance.clients.connection_limit import ConnectionLimit
from hanami_conformance.clients.deadline import SHORTEST_WAIT, AdaptiveTimeout, Deadline
from hanami_conformance.clients.endpoint import Endpoint
from hanami_conformance.clients.http_head import http_head
from hanami_conformance.clients.response_reader import NoResponse, read_response
from hanami_conformance.clients.rest_response import MAX_SUMMARY, RestResponse
from hanami_conformance.clients.tcp import RawConnection
from hanami_conformance.common.text import printable_line

TOKEN_HEADER = "X-Auth-Token"  # noqa: S105 - the name of a header
UUID_DIGITS = 32
NEVER_DELETED = "what was on the target before the run is never deleted"
KEPT_SECONDS = 0.5  # between two requests: servers close connections that are idle longer, after some seconds
KIND = "REST call"  # of wait, for its adaptive timeout
HEADER_VALUE = re.compile(rb"([^\x00\s]+([ \t]+[^\x00\s]+)*)?")  # of RFC 9110, and what many servers take beyond it
# Bodies are compared byte by byte, so no content coding is accepted.
HEADERS = {
    "Accept": "*/*",
    "Accept-Encoding": "identity",
    "Connection": "keep-alive",
    "User-Agent": "hanami-conformance",
}


@dataclass(frozen=True)
class EncodedRequest:
    """A request as it is sent.

    Attributes:
        line: Method and path, one line.
        head: Request line and headers.
        body: Bytes behind the head; none without a body.
        summary: Description for the record.
    """

    line: str
    head: str
    body: bytes
    summary: str


class RestClient:
    """Sends requests to the REST API of one target.

    Args:
        endpoint: Where the target listens; its address has at most a base path.
        timeouts: Time limits of the waits, by kind.
        limit: Function that returns the limit of the connections that are open at the same time; None for none, and a
            connection of its own for each request.
        keeps: Whether a connection is kept for the next request where there is a limit and the target keeps it, too.

    Attributes:
        keeps: Whether connections are kept; None until that was tried.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        timeouts: AdaptiveTimeout,
        limit: Callable[[], ConnectionLimit] | None = None,
        *,
        keeps: bool = True,
    ) -> None:
        self._endpoint = endpoint
        self._url = endpoint.url.rstrip("/")
        self._protected: set[str] = set()
        self._timeouts = timeouts
        unlimited = ConnectionLimit(1)  # of which nothing is kept
        self._limit = limit or (lambda: unlimited)
        self.keeps: bool | None = None if keeps and limit is not None else False
        self._kept: list[RawConnection] = []  # at most one, open, with nothing under way
        self._kept_until = 0.0  # seconds of the monotonic clock
        self._lock = threading.Lock()
        weakref.finalize(self, _close_all, self._kept)

    def beside(self, timeouts: AdaptiveTimeout, limit: Callable[[], ConnectionLimit]) -> RestClient:
        """Return a client of the same target, which deletes as little as this one, with other time limits."""
        # Without kept connections: they would be on top of that of this client.
        other = RestClient(self._endpoint, timeouts, limit, keeps=False)
        other._protected = self._protected
        return other

    @property
    def url(self) -> str:
        """Address of the target."""
        return self._url

    @property
    def protected(self) -> frozenset[str]:
        """The uuids of what is never deleted."""
        return frozenset(self._protected)

    def forbid_deletion(self, uuid: str) -> None:
        """Never send a DELETE with this uuid, in any spelling."""
        self._protected.add(_digits(uuid))

    def forbids_deletion(self, text: str) -> bool:
        """Return whether a text contains a uuid that must not be deleted."""
        digits = _digits(text)
        ends = range(UUID_DIGITS, len(digits) + 1) if self._protected else ()
        return any(digits[end - UUID_DIGITS : end] in self._protected for end in ends)

    def request(
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        params: Mapping[str, str] | None = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        extra: float = 0.0,
        kind: str = KIND,
    ) -> RestResponse:
        """Send a request and wait for its response.

        Args:
            method: HTTP method.
            path: Path below the address of the target.
            token: REST token, sent in ``X-Auth-Token``.
            params: Query parameters.
            content: Body, as it is sent.
            headers: Further headers.
            extra: Seconds on top of the deadline, for work that takes the target long.
            kind: Kind of wait, for its adaptive timeout.

        Raises:
            ResponseTimeout: If no whole response arrives before the deadline.
            TooLarge: If the response exceeds the limit of the suite.
            ConnectionClosed: If the target closes the connection or does not send HTTP, or if a token or uuid of the
                target cannot be sent at all.
            TargetDown: If the target accepts no connection.
            Unsupported: If the request would delete what was on the target before the run.
        """
        request = self._build(method, path, token, params, content, headers)
        deadline = self._timeouts.deadline(kind, extra)
        kept = self._take_kept()
        if kept is not None and self.keeps is None and method != "GET":
            kept.close()  # it is tried with a request that may be sent again
            kept = None
        try:
            response = self._exchange(request, content or b"", deadline, kind, kept)
        except NoResponse as error:
            if kept is None or self.keeps is not None:
                raise
            # Some servers close each connection without saying so. Of others the end without an answer is a failure.
            self.keeps = False
            try:
                response = self._exchange(request, content or b"", deadline, kind, None)
            except TargetDown:
                self.keeps = None
                raise error from None  # it has ended by the request
        else:
            if kept is not None:
                self.keeps = True
        return response

    def close(self) -> None:
        """Close the connection that is kept for the next request."""
        kept = self._pop_kept()
        if kept is not None:
            kept.close()

    def _pop_kept(self) -> RawConnection | None:
        with self._lock:
            return self._kept.pop() if self._kept else None

    def _take_kept(self) -> RawConnection | None:
        """Return the kept connection for the next request, None without one that can be used."""
        kept = self._pop_kept()
        if kept is None:
            return None
        if self._limit().reuse(kept) and time.monotonic() < self._kept_until:
            return kept
        kept.close()
        return None

    def _keep(self, connection: RawConnection) -> None:
        """Keep a connection for the next request, where the target and the limit of connections allow it."""
        with self._lock:
            is_kept = self.keeps is not False and connection.is_reusable and not self._kept
            if is_kept:
                self._kept.append(connection)
                self._kept_until = time.monotonic() + KEPT_SECONDS
        if is_kept:
            self._limit().keep(connection)
        else:
            connection.close()

    def _exchange(
        self, request: httpx.Request, body: bytes, deadline: Deadline, kind: str, kept: RawConnection | None
    ) -> RestResponse:
        case = current_case()
        line, head = _request_line(request), _request_head(request)
        channel = case.channel("rest")
        case.sent_event(channel, "http", lambda: _request_summary(line, body), body, head=head)
        began = time.monotonic()
        if kept is None:
            connection = self._open(channel, deadline)
            deadline = deadline.postponed(connection.waited)
        else:
            connection = kept
            connection.channel = channel
        try:
            connection.send_segments([head.encode("latin-1") + body], deadline.remaining() or SHORTEST_WAIT)
            response = read_response(connection, line, deadline, has_body=request.method != "HEAD")
        except ResponseTimeout:
            connection.close()
            self._timeouts.record_timeout(kind, deadline.seconds)
            raise
        except BaseException:
            connection.close()
            raise
        self._timeouts.record_reply(kind, time.monotonic() - began)
        self._keep(connection)
        return response

    def _open(self, channel: str, deadline: Deadline) -> RawConnection:
        self._limit().make_room()
        try:
            return RawConnection(self._endpoint, deadline.seconds, ConnectionLimit(1), channel)
        except TargetDown as error:
            current_case().note(channel, "refused", str(error))
            raise

    def encode(
        self,
        method: str,
        path: str,
        *,
        token: str | None,
        params: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> EncodedRequest:
        """Return a request as :meth:`request` sends it.

        Raises:
            ConnectionClosed, Unsupported: See :meth:`request`.
        """
        request = self._build(method, path, token, params, content, None)
        line, body = _request_line(request), content or b""
        return EncodedRequest(line, _request_head(request), body, _request_summary(line, body))

    def _build(
        self,
        method: str,
        path: str,
        token: str | None,
        params: Mapping[str, str] | None,
        content: bytes | None,
        headers: Mapping[str, str] | None,
    ) -> httpx.Request:
        if method == "DELETE" and self.forbids_deletion(f"{path}{params}"):
            raise Unsupported(NEVER_DELETED)
        sent_headers = {**HEADERS, **(headers or {})}
        if content is not None:
            sent_headers.setdefault("Content-Type", "application/json")
        if token is not None:
            sent_headers[TOKEN_HEADER] = token
        expected = f"a request that can be sent: {method} {printable_line(path)}"
        try:
            request = httpx.Request(method, self._url + path, params=params, content=content, headers=sent_headers)
        except (httpx.InvalidURL, UnicodeError) as error:
            raise ConnectionClosed(expected, printable_line(str(error))) from error
        if not all(HEADER_VALUE.fullmatch(value) for _, value in request.headers.raw):  # it could begin another header
            raise ConnectionClosed(expected, "illegal header value")
        if not path.startswith("/"):  # it would be read as a part of the host
            raise ConnectionClosed(expected, "no path: it does not begin with /")
        return request


def _close_all(connections: list[RawConnection]) -> None:
    for connection in connections:
        connection.close()


def _request_line(request: httpx.Request) -> str:
    return f"{request.method} {request.url.raw_path.decode('ascii')}"


def _request_summary(line: str, body: bytes) -> str:
    return f"{line} {printable_line(body.decode('utf-8', 'replace'), MAX_SUMMARY)}"


def _request_head(request: httpx.Request) -> str:
    return http_head(f"{_request_line(request)} HTTP/1.1", request.headers.raw)


def _digits(text: str) -> str:
    """Return the digits of a uuid: to some servers, case, dashes and braces make no difference."""
    return "".join(char for char in unquote(text).lower() if char in "0123456789abcdef")
