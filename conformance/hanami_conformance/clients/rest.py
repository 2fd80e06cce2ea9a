"""The REST client: one request, one answer, both recorded."""

from __future__ import annotations

import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import httpx

from hanami_conformance.cases.failures import ConnectionClosed, ResponseTimeout, TargetDown, Unsupported, Violation
from hanami_conformance.cases.recording import current_case
from hanami_conformance.clients.deadline import AdaptiveTimeout, Deadline
from hanami_conformance.clients.json_response import json_object
from hanami_conformance.clients.rest_transport import DEADLINE_EXTENSION, DeadlineTransport
from hanami_conformance.clients.tcp import explain
from hanami_conformance.common.text import printable_line

TOKEN_HEADER = "X-Auth-Token"  # noqa: S105 - the name of a header
MAX_SUMMARY = 300
KIND = "REST call"  # of wait, for its adaptive timeout
# Bodies are compared as they come, so no coding is accepted.
HEADERS = {
    "Accept": "*/*",
    "Accept-Encoding": "identity",
    "Connection": "keep-alive",
    "User-Agent": "hanami-conformance",
}


@dataclass(frozen=True)
class RestResponse:
    """An HTTP answer.

    Attributes:
        request: the request that it answers, one line.
        status: the status code.
        body: as it came.
        content_type: of the body, as the target names it.
    """

    request: str
    status: int
    body: bytes
    content_type: str

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode("utf-8", "replace")

    @property
    def rejected(self) -> bool:
        """Whether the request was refused as a mistake of the client: a 4xx."""
        return 400 <= self.status < 500

    def object(self) -> dict[str, Any]:
        """Return the JSON object of a 200.

        Raises:
            Violation: the status is another, or the body is no JSON object.
        """
        if self.status != httpx.codes.OK:
            raise Violation(f"200 to {self.request}", str(self))
        parsed = json_object(self.body)
        if parsed is None:
            raise Violation(f"a JSON object as answer to {self.request}", str(self))
        return parsed

    def __str__(self) -> str:
        return f"{self.status} {printable_line(self.text, MAX_SUMMARY)}"


class RestClient:
    """Sends requests to the REST API of one target.

    Args:
        url: address of the target, ``http://HOST:PORT``, no path behind it but a base path.
        timeouts: how long an answer may take.
        ssl_context: for ``https``.
    """

    def __init__(self, url: str, timeouts: AdaptiveTimeout, ssl_context: ssl.SSLContext | None = None) -> None:
        self._url = url.rstrip("/")
        self._protected: list[str] = []
        self._timeouts = timeouts
        # The transport alone: cookies, redirects, authentication and settings of the environment, all of which a client
        # of httpx brings, must stay out here, and looking for them took a tenth of a run.
        self._transport = DeadlineTransport(ssl_context)

    @property
    def url(self) -> str:
        """Address of the target."""
        return self._url

    def forbid_deletion(self, uuid: str) -> None:
        """Never send a DELETE that names this uuid, in whatever spelling, and whoever asks for it."""
        self._protected.append(_digits(uuid))

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
        """Send a request and wait for its answer.

        Args:
            method: HTTP method.
            path: path below the address of the target.
            token: REST token, sent in ``X-Auth-Token``.
            params: query parameters.
            content: the body, as it is sent.
            headers: more headers.
            extra: seconds on top of the deadline, for work that takes the target long.
            kind: of wait, for its adaptive timeout.

        Raises:
            ResponseTimeout: nothing, or not all, came until the deadline.
            ConnectionClosed: the target closed the connection instead of answering, or what it answered is no HTTP, or
                what it gave as token or uuid cannot be sent at all.
            TargetDown: the target takes no connection.
            Unsupported: it would delete what was given to the suite.
        """
        if method == "DELETE" and any(uuid in _digits(f"{path}{params}") for uuid in self._protected):
            raise Unsupported("a given cluster is never deleted, nor asked for whether it would be")
        case = current_case()
        sent_headers = {**HEADERS, **(headers or {})}
        if content is not None:
            sent_headers.setdefault("Content-Type", "application/json")
        if token is not None:
            sent_headers[TOKEN_HEADER] = token
        deadline = self._timeouts.deadline(kind, extra)
        request = self._built(method, path, params, content, sent_headers, deadline)
        line = f"{method} {request.url.raw_path.decode('ascii')}"
        channel = case.channel("rest")
        body = content or b""
        case.sent_event(
            channel, "http", lambda: f"{line} {printable_line(body.decode('utf-8', 'replace'), MAX_SUMMARY)}", body
        )
        began = time.monotonic()
        try:
            response = self._transport.handle_request(request)
        except httpx.ConnectError as error:
            case.note(channel, "close", f"no connection: {error}")
            raise TargetDown(f"no connection to {self._url}: {explain(error)}") from error
        except httpx.TimeoutException as error:
            self._timeouts.record_timeout(kind)
            case.note(channel, "close", f"no answer within {deadline.seconds:g} s")
            raise ResponseTimeout(
                f"an answer to {line} within {deadline.seconds:g} s", "nothing, or not all of it"
            ) from error
        except httpx.TransportError as error:
            case.note(channel, "close", f"connection ended without an answer: {error}")
            raise ConnectionClosed(
                f"an answer to {line}", f"the end of the connection: {error or type(error).__name__}"
            ) from error
        self._timeouts.record_reply(kind, time.monotonic() - began)
        answer = RestResponse(line, response.status_code, response.content, response.headers.get("content-type", ""))
        case.received_event(channel, "http", lambda: str(answer), answer.body)
        return answer

    def _built(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None,
        content: bytes | None,
        headers: Mapping[str, str],
        deadline: Deadline,
    ) -> httpx.Request:
        try:
            return httpx.Request(
                method,
                self._url + path,
                params=params,
                content=content,
                headers=headers,
                extensions={DEADLINE_EXTENSION: deadline},
            )
        except (httpx.InvalidURL, UnicodeError) as error:
            raise ConnectionClosed(
                f"a request that can be sent: {method} {printable_line(path)}", printable_line(str(error))
            ) from error

    def close(self) -> None:
        """Close what is still open."""
        self._transport.close()


def _digits(text: str) -> str:
    """Return a uuid without case, dashes and braces, which are no difference to some servers."""
    return "".join(char for char in unquote(text).lower() if char in "0123456789abcdef")
