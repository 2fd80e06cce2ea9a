"""Free ports of this machine."""

from __future__ import annotations

import errno
import os
import random
import socket
from contextlib import suppress

LOOPBACK = "127.0.0.1"
PORTS = range(20_000, 30_000)
MOST_PORT = 65_535


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


def require_bindable(host: str, port: int) -> None:
    """Check that the web UI can listen at an address.

    Args:
        host: Name or address of this machine; empty or ``*`` for all of its addresses.
        port: Port of the page.

    Raises:
        ValueError: If it cannot; one line that says what to change.
    """
    if not 1 <= port <= MOST_PORT:
        raise ValueError(f"--web-port {port}: give a port from 1 to {MOST_PORT}")
    try:
        name = None if host in ("", "*") else host
        found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise ValueError(f"--web-host {host}: no such host: {getattr(error, 'strerror', None) or error}") from error
    family, _, _, _, address = found[0]
    try:
        with socket.create_server(address[:2], family=family):
            pass
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise ValueError(f"--web-port {port}: another program listens there; choose another port") from error
        reason = os.strerror(error.errno or 0).lower()
        place = f"{host or '*'}:{port} (--web-host, --web-port)"
        raise ValueError(f"the web UI cannot listen at {place}: {reason}") from error
