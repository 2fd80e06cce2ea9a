"""The REST client: one request and one response, both recorded."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import httpcore
import httpx

from hanami_conformance.cases.failures import (
    ConnectionClosed,
    ResponseTimeout,
    TargetDown,
    TooLarge,
    Unsupported,
    Violation,
)
from hanami_conformance.cases.recording import current_case
from hanami_conformance.clients.deadline import AdaptiveTimeout
from hanami_conformance.clients.endpoint import ConnectError, Endpoint
from hanami_conformance.clients.http_head import http_head
from hanami_conformance.clients.json_response import json_object
from hanami_conformance.clients.limits import MOST_RESPONSE, format_mib
from hanami_conformance.clients.rest_transport import Exchange, ResponseTooLarge
from hanami_conformance.common.text import printable_line

TOKEN_HEADER = "X-Auth-Token"  # noqa: S105 - the name of a header
MAX_SUMMARY = 300
UUID_DIGITS = 32
NEVER_DELETED = "what was on the target before the run is never deleted"
KIND = "REST call"  # of wait, for its adaptive timeout
# Bodies are compared byte by byte, so no content coding is accepted.
HEADERS = {
    "Accept": "*/*",
    "Accept-Encoding": "identity",
    "Connection": "keep-alive",
    "User-Agent": "hanami-conformance",
}


@dataclass(frozen=True)
class RestResponse:
    """An HTTP response.

    Attributes:
        request: Method and path of its request, one line.
        status: Status code.
        body: Body as received.
        content_type: Value of the Content-Type header, empty without one.
        location: Value of the Location header, empty without one.
    """

    request: str
    status: int
    body: bytes
    content_type: str
    location: str = ""

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode("utf-8", "replace")

    @property
    def rejected(self) -> bool:
        """Whether the request was rejected as an error of the client: a 4xx."""
        return 400 <= self.status < 500

    @property
    def failed(self) -> bool:
        """Whether the server failed: a 5xx."""
        return self.status >= 500

    def object(self) -> dict[str, Any]:
        """Return the JSON object of a 200.

        Raises:
            Violation: If the status is another, or the body is no JSON object.
        """
        if self.status != httpx.codes.OK:
            raise Violation(f"200 to {self.request}", str(self))
        parsed = json_object(self.body)
        if parsed is None:
            raise Violation(f"a JSON object as answer to {self.request}", str(self))
        return parsed

    @property
    def redirect(self) -> str:
        """The address that the target redirects to, empty if it does not."""
        return self.location if 300 <= self.status < 400 else ""

    def __str__(self) -> str:
        where = f"redirect to {printable_line(self.redirect)} " if self.redirect else ""
        return f"{self.status} {where}{printable_line(self.text, MAX_SUMMARY)}"


class RestClient:
    """Sends requests to the REST API of one target.

    Args:
        endpoint: Where the target listens; its address has at most a base path.
        timeouts: Time limits of the waits, by kind.
    """

    def __init__(self, endpoint: Endpoint, timeouts: AdaptiveTimeout) -> None:
        self._endpoint = endpoint
        self._url = endpoint.url.rstrip("/")
        self._protected: set[str] = set()
        self._timeouts = timeouts

    @property
    def url(self) -> str:
        """Address of the target."""
        return self._url

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
        if method == "DELETE" and self.forbids_deletion(f"{path}{params}"):
            raise Unsupported(NEVER_DELETED)
        case = current_case()
        sent_headers = {**HEADERS, **(headers or {})}
        if content is not None:
            sent_headers.setdefault("Content-Type", "application/json")
        if token is not None:
            sent_headers[TOKEN_HEADER] = token
        deadline = self._timeouts.deadline(kind, extra)
        request = self._build(method, path, params, content, sent_headers)
        line = f"{method} {request.url.raw_path.decode('ascii')}"
        channel = case.channel("rest")
        body = content or b""
        case.sent_event(
            channel,
            "http",
            lambda: f"{line} {printable_line(body.decode('utf-8', 'replace'), MAX_SUMMARY)}",
            body,
            head=lambda: http_head(f"{line} HTTP/1.1", request.headers.raw),
        )
        began = time.monotonic()
        try:
            # No httpx client: its cookies, redirects, authentication and environment settings are unwanted, and looking
            # for them took a tenth of a run.
            exchange = Exchange(self._endpoint, deadline)
        except ConnectError as error:
            case.note(channel, "refused", f"no connection: {error}")
            raise TargetDown(f"no connection to {self._url}: {error}") from error
        try:
            response = exchange.send(request)
        except httpcore.TimeoutException as error:
            self._timeouts.record_timeout(kind, deadline.seconds)
            case.note(channel, "timeout", f"no answer within {deadline.seconds:g} s")
            actual = partial_response(exchange.beginning)
            raise ResponseTimeout(f"an answer to {line} within {deadline.seconds:g} s", actual) from error
        except ResponseTooLarge as error:
            case.received_event(channel, "http", f"more than {format_mib(MOST_RESPONSE)}", exchange.beginning)
            raise too_large(line, exchange.beginning) from error
        except (httpcore.NetworkError, httpcore.ProtocolError) as error:
            case.note(channel, "end", f"connection ended without an answer: {error}")
            raise ConnectionClosed(
                f"an answer to {line}", f"the end of the connection: {error or type(error).__name__}"
            ) from error
        self._timeouts.record_reply(kind, time.monotonic() - began)
        received = httpx.Headers(response.headers)
        content_type, location = received.get("content-type", ""), received.get("location", "")
        answer = RestResponse(line, response.status, response.content, content_type, location)
        case.received_event(
            channel,
            "http",
            lambda: str(answer),
            answer.body,
            head=lambda: http_head(_status_line(response), response.headers),
        )
        return answer

    def _build(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None,
        content: bytes | None,
        headers: Mapping[str, str],
    ) -> httpx.Request:
        expected = f"a request that can be sent: {method} {printable_line(path)}"
        try:
            request = httpx.Request(method, self._url + path, params=params, content=content, headers=headers)
        except (httpx.InvalidURL, UnicodeError) as error:
            raise ConnectionClosed(expected, printable_line(str(error))) from error
        if not path.startswith("/"):  # it would be read as a part of the host
            raise ConnectionClosed(expected, "no path: it does not begin with /")
        return request


def partial_response(beginning: bytes) -> str:
    """Return what arrived of a response that is not whole: nothing, or its first line."""
    return f"no whole response, only{_first_line(beginning)}" if beginning else "no whole response"


def too_large(request: str, beginning: bytes) -> TooLarge:
    """Return the failure of a request whose response is larger than the suite reads."""
    most = format_mib(MOST_RESPONSE)
    actual = f"more than {most}, beginning with{_first_line(beginning)}"
    return TooLarge(f"an answer to {request} of at most {most}", actual)


def _first_line(data: bytes) -> str:
    return f" {printable_line(data.splitlines()[0].decode('latin-1'), 60)!r}" if data.strip() else ""


def _status_line(response: httpcore.Response) -> str:
    version, reason = (
        response.extensions.get(name, b"").decode("latin-1") for name in ("http_version", "reason_phrase")
    )
    return f"{version} {response.status} {reason}"


def _digits(text: str) -> str:
    """Return the digits of a uuid: to some servers, case, dashes and braces make no difference."""
    return "".join(char for char in unquote(text).lower() if char in "0123456789abcdef")
