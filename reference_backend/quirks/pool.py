"""Four workers serve everything."""

from __future__ import annotations

import asyncio

from starlette.types import ASGIApp, Receive, Scope, Send

from reference_backend.quirks.around import around
from reference_backend.quirks.profile import Quirks

WORKERS = 4


def serve_by_four(_quirks: Quirks) -> None:
    """Let a websocket keep a worker until it ends, and a REST call for its time; who finds none free waits in a row."""

    def wrap(app: ASGIApp) -> ASGIApp:
        workers = asyncio.Semaphore(WORKERS)

        async def serve(scope: Scope, receive: Receive, send: Send) -> None:
            async with workers:
                await app(scope, receive, send)

        return serve

    around(wrap)
