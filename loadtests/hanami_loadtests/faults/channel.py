"""The channel between Locust and the process that injects faults: a line of JSON for each message.

Locust sends ``begin``, the time at which a run began, or null for its end. It gets an event for each begin and each end
of a fault, and ``idle`` after the end of a run, when no fault lasts any more.
"""

from __future__ import annotations

import contextlib
import json
import socket
from typing import Any

CHANNEL = "HANAMI_LOAD_FAULTS"  # variable with the number of the socket to the process that injects faults
PROXY = "HANAMI_LOAD_PROXY"  # variable with the port of the proxy in front of the target
READ = 4096
Message = dict[str, Any]


def send(to: socket.socket, message: Message) -> None:
    """Send a message, if the other end is still there."""
    with contextlib.suppress(OSError):
        to.sendall(json.dumps(message).encode() + b"\n")


class MessageReader:
    """Reads the messages of the other end.

    Args:
        source: Socket to it.
    """

    def __init__(self, source: socket.socket) -> None:
        self._source = source
        self._rest = b""

    def read(self) -> list[Message] | None:
        """Wait for bytes, and return the messages that they complete; None if the other end is gone.

        Raises:
            OSError: If the socket was closed on this side.
        """
        data = self._source.recv(READ)
        if not data:
            return None
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [json.loads(line) for line in lines]
