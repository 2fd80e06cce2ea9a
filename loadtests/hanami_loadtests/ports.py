"""Ports of this machine for what listens there a little later."""

from __future__ import annotations

import random
import socket
from contextlib import suppress

LOOPBACK = "127.0.0.1"
PORTS = range(20_000, 30_000)


def free_port() -> int:
    """Return a port on which nobody listens.

    None that the system itself gives away: until somebody listens there, any of a thousand connections of a load run
    could have been given it.

    Raises:
        ValueError: there is none.
    """
    ports = list(PORTS)
    random.shuffle(ports)
    for port in ports:
        with suppress(OSError), socket.create_server((LOOPBACK, port)):
            return port
    raise ValueError(f"none of the ports {PORTS[0]} to {PORTS[-1]} is free")
