"""A bare TCP connection, for bytes that are neither HTTP nor websocket."""

from __future__ import annotations

import contextlib
import socket
import ssl
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from conformance.checks import TargetLost
from conformance.clients.budget import Budget
from conformance.clients.tls import explain
from conformance.record import current_case
from conformance.text import hex_preview, quote

PORTS = {"http": 80, "https": 443}


class RawConnection:
    """Sends any bytes, and leaves the connection open until it is closed.

    Args:
        url: address of the target.
        seconds: how long connecting and sending may take.
        budget: counts the connections that are open at the same time.
        ssl_context: for ``https``.
    """

    def __init__(self, url: str, seconds: float, budget: Budget, ssl_context: ssl.SSLContext | None = None) -> None:
        parts = urlsplit(url)
        assert parts.hostname is not None
        self._channel = current_case().channel("tcp")
        self._budget = budget
        self._is_open = True
        budget.take()
        address = (parts.hostname, parts.port or PORTS[parts.scheme])
        try:
            self._socket = socket.create_connection(address, timeout=seconds)
            if ssl_context is not None:
                self._socket = ssl_context.wrap_socket(self._socket, server_hostname=parts.hostname)
        except OSError as error:
            self._give_back()
            raise TargetLost(f"no connection to {url}: {explain(error)}") from error

    def send(self, data: bytes, what: str) -> None:
        """Send bytes; a target that closes the connection in the meantime may do so."""
        summary = f"{what}: {quote(data.decode('latin-1'), 60)}" if data.isascii() else f"{what}: {hex_preview(data)}"
        current_case().sent_event(self._channel, "raw", summary, data)
        with contextlib.suppress(OSError):
            self._socket.sendall(data)

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()
        self._give_back()

    def _give_back(self) -> None:
        if self._is_open:
            self._is_open = False
            self._budget.give_back()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
