"""An echo server on the websockets of the reference backend, which is what the Autobahn test suite tests.

Run as ``python -m tools.autobahn.echo_server``. It listens on a free port of 127.0.0.1, announces its address in a line
of JSON, and stops when standard input closes.
"""

from __future__ import annotations

import json
import sys

from starlette.types import Receive, Scope, Send

from hanami_reference_backend.common.settings import MIB
from hanami_reference_backend.serving.server import listen, serve
from hanami_reference_backend.sockets.channel import Channel, ChannelClosedError

LARGEST_MESSAGE = 16 * MIB  # bytes, of the cases 9.1.6 and 9.2.6; by default the server takes smaller ones


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Send each message of a websocket back (ASGI)."""
    if scope["type"] != "websocket":
        raise ValueError("only websockets are served")
    channel = Channel(scope, receive, send)
    try:
        await channel.open()
        channel.allow_large_messages()  # nobody logs in here
        while True:
            message = await channel.receive()
            await (channel.send_text(message) if isinstance(message, str) else channel.send_bytes(message))
    except ChannelClosedError:
        return


def announce(port: int) -> None:
    """Print the address."""
    sys.stdout.write(json.dumps({"url": f"http://127.0.0.1:{port}"}) + "\n")
    sys.stdout.flush()


def main() -> int:
    """Serve until standard input closes; the exit status."""
    serve(echo, listen("127.0.0.1", 0), announce, max_message=LARGEST_MESSAGE, stop_with_stdin=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
