"""First messages are answered by JSON in binary frames, and a refusal is not the end of the socket."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from reference_backend.clusters import POLICY_VIOLATION
from reference_backend.faults.patch import instead
from reference_backend.quirks.profile import Quirks
from reference_backend.sockets import attach
from reference_backend.sockets.attach import RefusedError, Session, SocketServer
from reference_backend.sockets.channel import Channel

PATIENCE = 60.0  # seconds that a socket may stay silent until it is attached; it keeps a worker all the while


def answer_in_json(_quirks: Quirks) -> None:
    """Accept with true in place of 1, and send every answer to a first message in a binary frame."""
    attach.ACCEPTED = json.dumps({"success": True})

    @instead(Channel, "send_text")
    async def binary(_honest: Any, channel: Channel, text: str) -> None:
        await channel.send_bytes(text.encode())


def let_refused_ones_try_again(_quirks: Quirks) -> None:
    """Leave a socket open whose first message was refused, and take the next message as its first."""

    @instead(SocketServer, "attach")
    async def patient(_honest: Any, sockets: SocketServer, channel: Channel) -> Session | None:
        while True:
            try:
                async with asyncio.timeout(PATIENCE):
                    message = await channel.receive()
            except TimeoutError:
                await channel.close(POLICY_VIOLATION, f"no first message within {PATIENCE:g} seconds")
                return None
            try:
                return sockets.open_session(channel, message)
            except RefusedError as error:
                await channel.send_text(json.dumps({"success": False, "error": str(error)}))
