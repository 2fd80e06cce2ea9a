"""Defects of REST as a whole: bytes, bodies and queries that crash the server, and missing responses."""

from __future__ import annotations

import contextlib
import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from http import HTTPStatus
from typing import Any
from weakref import WeakKeyDictionary

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hanami_reference_backend.common.errors import RequestError
from hanami_reference_backend.common.settings import KIB, MIB
from hanami_reference_backend.faults.internals import is_utf_8
from hanami_reference_backend.faults.patch import replace_method
from hanami_reference_backend.faults.released import common
from hanami_reference_backend.faults.released.connections import ABORT, connection_of, crash
from hanami_reference_backend.faults.released.registry import HANAMI, defect
from hanami_reference_backend.faults.released.workers import pool
from hanami_reference_backend.rest import operation, request_body
from hanami_reference_backend.rest.operation import TOKEN_HEADER
from hanami_reference_backend.serving import app
from hanami_reference_backend.serving.rest_protocol import RestProtocol

MAX_HEAD = 8 * KIB
MAX_BODY = MIB
END_OF_HEAD = b"\r\n\r\n"
SHORT_PATH = 6  # bytes of a path that is rejected before anything else
LONGEST_TEXT = 50_000  # characters that a regular expression of these servers survives


@dataclass(frozen=True)
class Head:
    """The head of a request, as it was sent."""

    target: bytes
    headers: dict[bytes, bytes]

    @staticmethod
    def parse(raw: bytes) -> Head:
        """Read what there is of a head, however malformed."""
        first, *lines = raw.split(b"\r\n")
        pairs = (line.partition(b":") for line in lines)
        headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
        return Head(first.partition(b" ")[2].rpartition(b" ")[0], headers)


Check = Callable[[Any, Head], None]


@dataclass(frozen=True)
class HeadChecks:
    """Checks of a request before the server parses it.

    Attributes:
        parts: Checks of what has arrived of a head, each time when more of it arrives.
        heads: Checks of a whole head.
    """

    parts: list[Callable[[Any, bytes], None]] = field(default_factory=list)
    heads: list[Check] = field(default_factory=list)


@cache
def _checks() -> HeadChecks:
    """Check the head of the first request of each connection by the checks in the result."""
    checks = HeadChecks()
    received: WeakKeyDictionary[Any, bytes] = WeakKeyDictionary()

    @replace_method(RestProtocol, "data_received")
    def data_received(original: Any, protocol: Any, data: bytes) -> None:
        before = received.get(protocol, b"")
        if END_OF_HEAD not in before:
            received[protocol] = before + data
            raw, end, _ = received[protocol].partition(END_OF_HEAD)
            for check_part in checks.parts:
                check_part(protocol, raw)
            if end and not protocol.transport.is_closing():
                head = Head.parse(raw)
                for check in checks.heads:
                    check(protocol, head)
        if not protocol.transport.is_closing():
            original(protocol, data)

    return checks


@defect("GEN-4", "GEN-2")
def idle_connections_occupy_workers() -> None:
    """A connection takes one of four workers before it sends anything, so that four silent ones block all others."""
    pool().serve_idle = True


@defect("GEN-1", "INIT-5", "GEN-2")
def unreadable_requests_get_no_response() -> None:
    """Bytes that are not HTTP, heads above 8 KiB and bodies above 1 MiB end the connection without a response."""

    def check_part(protocol: Any, raw: bytes) -> None:
        head = raw.removesuffix(b"\r").removesuffix(b"\r\n")  # a part may end within the end of the head
        if len(head) > MAX_HEAD:
            protocol.transport.abort()

    def check_length(protocol: Any, head: Head) -> None:
        length = head.headers.get(b"content-length", b"")
        if length.isdigit() and int(length) > MAX_BODY:
            protocol.transport.abort()

    _checks().parts.append(check_part)
    _checks().heads.append(check_length)

    @replace_method(RestProtocol, "send_400_response")
    def send_400_response(_original: Any, protocol: Any, *_arguments: Any) -> None:
        protocol.transport.abort()

    @replace_method(request_body, "_collect")
    async def collect(original: Any, request: Request, limit: int) -> bytes:
        try:
            content: bytes = await original(request, limit)
        except RequestError:
            connection = connection_of(request.scope)
            if connection is not None:
                connection.drop()
            raise
        return content


@defect("GEN-2", "GEN-1", "INIT-5", "MODE-2", "FIN-4")
def bodies_without_an_object_crash() -> None:
    """A JSON array, string, number or boolean as the body of any request crashes the server, also without a token."""

    def check(value: Any) -> None:
        if value is not None and not isinstance(value, dict):
            crash("bodies-without-an-object-crash", ABORT)

    _on_body(check)


@defect("GEN-2", "GEN-1", "INIT-5")
def huge_numbers_crash() -> None:
    """A JSON number beyond any float in any body crashes the server, also without a token."""

    def check(value: Any) -> None:
        if _has_infinity(value):
            crash("huge-numbers-crash", ABORT)

    _on_body(check)


@defect("GEN-2", "GEN-1", "INIT-5")
def long_texts_crash() -> None:
    """A name or an id of more than 50 000 characters crashes the server, at the login also without a token."""

    @replace_method(operation, "check")
    def check(original: Any, model: Any, values: dict[str, Any], dialect: Any) -> Any:
        texts = [values[key] for key in ("id", "name") if isinstance(values.get(key), str)]
        if any(len(text) > LONGEST_TEXT for text in texts):
            crash("long-texts-crash")
        return original(model, values, dialect)


def _has_infinity(value: Any) -> bool:
    if isinstance(value, float):
        return math.isinf(value)
    if isinstance(value, int):
        return abs(value) > 10**308
    if isinstance(value, dict):
        value = list(value.values())
    return isinstance(value, list) and any(_has_infinity(item) for item in value)


def _on_body(check: Callable[[Any], None]) -> None:
    # Outermost, since these servers parse a body before they look at the token and at the path.
    @replace_method(app, "build_rest")
    def build_rest(original: Any, *arguments: Any) -> ASGIApp:
        application: ASGIApp = original(*arguments)

        async def serve(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http" or scope["method"] not in {"POST", "PUT"} or not _is_api(scope["path"]):
                await application(scope, receive, send)
                return
            messages: list[Message] = []
            while not messages or messages[-1].get("more_body"):
                messages.append(await receive())
            body = b"".join(message.get("body", b"") for message in messages)
            with contextlib.suppress(ValueError, RecursionError):  # not JSON, which is rejected as usual
                check(json.loads(body, parse_constant=_no_constant))
            replay = iter(messages)

            async def receive_again() -> Any:
                return next(replay, None) or await receive()

            await application(scope, receive_again, send)

        return serve


def _no_constant(name: str) -> None:
    raise ValueError(name)


def _query_values(target: bytes) -> list[bytes]:
    query = target.split(b"?")[1] if b"?" in target else b""
    return [pair.partition(b"=")[2] for pair in query.split(b"&")]


@defect("GEN-2", "GEN-1", "PROG-4")
def integers_outside_int32_in_a_query_crash() -> None:
    """A query parameter that is an integer outside of 32 bits crashes the server, also without a token."""

    def check(_protocol: Any, head: Head) -> None:
        values = [value for value in _query_values(head.target) if re.fullmatch(rb"-?[0-9]+", value)]
        if any(int(value[:20]) not in common.INT32 for value in values):
            crash("integers-outside-int32-in-a-query-crash", ABORT)

    _checks().heads.append(_in_api(check))


def _in_api(check: Check) -> Check:
    def check_there(protocol: Any, head: Head) -> None:
        if _is_api(head.target.partition(b"?")[0].decode("latin-1")):
            check(protocol, head)

    return check_there


def _is_api(path: str) -> bool:
    """Return whether a server parses requests to a path, whether or not it is known."""
    return path.startswith("/control/") if common.server() == HANAMI else len(path) > SHORT_PATH


@defect("GEN-2", "GEN-1")
def bytes_outside_utf_8_crash() -> None:
    """A query or a token with bytes that are not UTF-8 crashes the server."""

    def check(_protocol: Any, head: Head) -> None:
        token = head.headers.get(TOKEN_HEADER.lower().encode(), b"")
        if not all(is_utf_8(value) for value in (token, *_query_values(head.target))):
            crash("bytes-outside-utf-8-crash", ABORT)

    _checks().heads.append(_in_api(check))


@defect("GEN-1", servers=[HANAMI])
def get_outside_of_the_api_gets_500() -> None:
    """A GET of a path outside of the API is answered with 500."""

    @replace_method(app, "_router_error_handler")
    def _router_error_handler(original: Any, dialect: Any) -> Any:
        handler = original(dialect)

        async def answer(request: Request, error: Exception) -> Response:
            if request.method == "GET" and not request.url.path.startswith("/control"):
                return PlainTextResponse("", HTTPStatus.INTERNAL_SERVER_ERROR)
            response: Response = await handler(request, error)
            return response

        return answer
