"""A server that takes connections is not ready yet."""

from __future__ import annotations

import time
from http import HTTPStatus

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from reference_backend.quirks.around import around
from reference_backend.quirks.profile import Quirks

START = 1.0  # seconds


def fail_until_ready(quirks: Quirks) -> None:
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

    around(wrap)
