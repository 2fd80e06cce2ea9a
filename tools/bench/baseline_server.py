"""A server that does nothing but answer: the most that uvicorn's websockets can do on this machine.

Run as ``python -m tools.bench.baseline_server``, by :mod:`tools.bench.servers`. It listens on a free port of
127.0.0.1, announces its address in a line of JSON, and stops when standard input closes. The settings of uvicorn are
those of the reference backend; whoever changes them there must change them here.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
import threading
from typing import TYPE_CHECKING

import uvicorn

from hanami_proto.dialect import load_dialect

if TYPE_CHECKING:
    from uvicorn._types import ASGIReceiveCallable, ASGISendCallable, Scope

MAX_MESSAGE = 12 * 1024 * 1024  # bytes
OUTPUTS = 10
ACCEPTED = json.dumps({"success": 1})


def fixed_answers() -> dict[str, bytes]:
    """Return what each path answers every binary message with."""
    codec = load_dialect().codec
    return {
        "/upload": codec.encode_acknowledgement(success=True),
        "/request": codec.encode_io("output", [0.5] * OUTPUTS, is_last=True),
    }


class BareApplication:
    """Accepts every websocket and every text, and answers every binary message with the same bytes (ASGI)."""

    def __init__(self, answers: dict[str, bytes]) -> None:
        self._answers = answers

    async def __call__(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        """Serve one connection."""
        answer = self._answers.get(scope["path"]) if scope["type"] == "websocket" else None
        await receive()
        if scope["type"] != "websocket" or answer is None:
            raise ValueError("only websockets are served, at the paths that have an answer")
        await send({"type": "websocket.accept", "subprotocol": None, "headers": []})
        while True:
            message = await receive()
            if message["type"] != "websocket.receive":
                return
            if message.get("bytes") is None:
                await send({"type": "websocket.send", "bytes": None, "text": ACCEPTED})
            else:
                await send({"type": "websocket.send", "bytes": answer, "text": None})


class Server(uvicorn.Server):
    """Print the address, and serve until the standard input ends."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen, then announce it."""
        await super().startup(sockets)
        if self.started and sockets:
            sys.stdout.write(json.dumps({"url": f"http://127.0.0.1:{sockets[0].getsockname()[1]}"}) + "\n")
            sys.stdout.flush()
            threading.Thread(target=self._wait, args=(asyncio.get_running_loop(),), daemon=True).start()

    def _wait(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            while os.read(0, 4096):
                pass
        except OSError:
            pass
        loop.call_soon_threadsafe(self._stop)

    def _stop(self) -> None:
        self.should_exit = True


def main() -> int:
    """Serve until standard input closes; the exit status."""
    config = uvicorn.Config(
        BareApplication(fixed_answers()),
        ws="websockets-sansio",
        ws_max_size=MAX_MESSAGE,
        ws_per_message_deflate=False,
        ws_ping_interval=None,
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=1,
    )
    with socket.create_server(("127.0.0.1", 0)) as listener:
        Server(config).run(sockets=[listener])
    return 0


if __name__ == "__main__":
    sys.exit(main())
