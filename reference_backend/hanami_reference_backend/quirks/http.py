"""Quirks of REST: closed connections, delays, four workers, errors while the server starts, unknown paths."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hanami_proto.dialect import load_dialect
from hanami_reference_backend.faults.patch import replace_method
from hanami_reference_backend.quirks.profile import Quirks
from hanami_reference_backend.serving import app

CALL = 0.01  # seconds for a REST call
START = 1.0  # seconds
WORKERS = 4

Middleware = Callable[[ASGIApp, Scope, Receive, Send], Awaitable[None]]


def close_after_each_response(_quirks: Quirks) -> Middleware:
    """Close the connection after each response."""

    async def serve(application: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_close(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["Connection"] = "close"
            await send(message)

        await application(scope, receive, send_with_close if scope["type"] == "http" else send)

    return serve


def limit_workers(_quirks: Quirks) -> Middleware:
    """Keep one of four workers for each REST call and each open websocket; others wait for a free worker."""
    workers = asyncio.Semaphore(WORKERS)

    async def serve(application: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        async with workers:
            await application(scope, receive, send)

    return serve


def slow_down_calls(quirks: Quirks) -> Middleware:
    """Take ten milliseconds for a REST call."""
    delay = CALL * quirks.speed

    async def serve(application: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and delay:
            await asyncio.sleep(delay)
        await application(scope, receive, send)

    return serve


def fail_until_ready(quirks: Quirks) -> Middleware:
    """Answer every creation of a cluster in the first second with 500, although the cluster is made."""
    ready = time.monotonic() + START * quirks.speed
    route = load_dialect(quirks.name).route("cluster.create")

    async def serve(application: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        creates = scope["type"] == "http" and (scope["method"], scope["path"]) == (route.method, route.path)
        if not creates or time.monotonic() >= ready:
            await application(scope, receive, send)
            return
        messages: list[Message] = []

        async def keep(message: Message) -> None:
            messages.append(message)

        await application(scope, receive, keep)
        if messages and messages[0]["status"] == HTTPStatus.OK:
            await PlainTextResponse("", HTTPStatus.INTERNAL_SERVER_ERROR)(scope, receive, send)
            return
        for message in messages:
            await send(message)

    return serve


def answer_unknown_paths(_quirks: Quirks) -> None:
    """Answer an unknown path or method with 401."""

    @replace_method(app, "_router_error_handler")
    def _router_error_handler(original: Any, *arguments: Any) -> Any:
        handler = original(*arguments)

        async def answer(request: Request, error: Exception) -> Response:
            response: Response = await handler(request, error)
            if response.status_code in {HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED}:
                response.status_code = HTTPStatus.UNAUTHORIZED
            return response

        return answer
