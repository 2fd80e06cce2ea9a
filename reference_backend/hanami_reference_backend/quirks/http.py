"""Quirks of REST: closed connections, delays, four workers, errors until the server is ready, unknown paths."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hanami_reference_backend.faults.patch import replace_method
from hanami_reference_backend.quirks.profile import Quirks
from hanami_reference_backend.serving import app

CALL = 0.01  # seconds for a REST call
START = 1.0  # seconds
WORKERS = 4

Middleware = Callable[[ASGIApp], ASGIApp]


def close_after_each_answer(_quirks: Quirks) -> Middleware:
    """Say with each answer that the connection ends, and end it."""

    def wrap(app: ASGIApp) -> ASGIApp:
        async def serve(scope: Scope, receive: Receive, send: Send) -> None:
            async def closing(message: Message) -> None:
                if message["type"] == "http.response.start":
                    MutableHeaders(scope=message)["Connection"] = "close"
                await send(message)

            await app(scope, receive, closing if scope["type"] == "http" else send)

        return serve

    return wrap


def serve_by_four(_quirks: Quirks) -> Middleware:
    """Let a websocket keep a worker until it ends, and a REST call for its time; who finds none free waits in a row."""

    def wrap(app: ASGIApp) -> ASGIApp:
        workers = asyncio.Semaphore(WORKERS)

        async def serve(scope: Scope, receive: Receive, send: Send) -> None:
            async with workers:
                await app(scope, receive, send)

        return serve

    return wrap


def slow_down_calls(quirks: Quirks) -> Middleware:
    """Take ten milliseconds for a REST call."""
    delay = CALL * quirks.speed

    def wrap(app: ASGIApp) -> ASGIApp:
        async def serve(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "http" and delay:
                await asyncio.sleep(delay)
            await app(scope, receive, send)

        return serve

    return wrap


def fail_until_ready(quirks: Quirks) -> Middleware:
    """Answer 500 to every REST call of the first second."""

    def wrap(app: ASGIApp) -> ASGIApp:
        ready = time.monotonic() + START * quirks.speed

        async def serve(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "http" and time.monotonic() < ready:
                early = PlainTextResponse("the server is not ready yet", HTTPStatus.INTERNAL_SERVER_ERROR)
                await early(scope, receive, send)
            else:
                await app(scope, receive, send)

        return serve

    return wrap


def answer_unknown_paths(quirks: Quirks) -> None:
    """Answer a path that no operation has with the status that this server has for it."""

    @replace_method(app, "_router_error_handler")
    def _router_error_handler(original: Any, *arguments: Any) -> Any:
        answer = original(*arguments)

        async def answering(request: Request, error: Exception) -> Response:
            response: Response = await answer(request, error)
            if response.status_code == HTTPStatus.NOT_FOUND:
                response.status_code = quirks.unknown_path
            return response

        return answering
