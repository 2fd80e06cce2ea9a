"""REST connections are closed after each answer."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reference_backend.quirks.around import around
from reference_backend.quirks.profile import Quirks


def close_after_each_answer(_quirks: Quirks) -> None:
    """Say with each answer that the connection ends, and end it."""

    def wrap(app: ASGIApp) -> ASGIApp:
        async def serve(scope: Scope, receive: Receive, send: Send) -> None:
            async def closing(message: Message) -> None:
                if message["type"] == "http.response.start":
                    MutableHeaders(scope=message)["Connection"] = "close"
                await send(message)

            await app(scope, receive, closing if scope["type"] == "http" else send)

        return serve

    around(wrap)
