"""Free ports of this machine."""

from __future__ import annotations

import random
import socket
from contextlib import suppress

LOOPBACK = "127.0.0.1"
PORTS = range(20_000, 30_000)


def free_port() -> int:
    """Return a port on which nobody listens.

    It is outside the range of ephemeral ports: one of those could be assigned to a connection of the load run before
    anybody listens on it.

    Raises:
        ValueError: If no port is free.
    """
    ports = list(PORTS)
    random.shuffle(ports)
    for port in ports:
        with suppress(OSError), socket.create_server((LOOPBACK, port)):
            return port
    raise ValueError(f"none of the ports {PORTS[0]} to {PORTS[-1]} is free")
