"""Bare TCP connections, and the TLS context that every client of a target uses."""

from __future__ import annotations

import contextlib
import socket
import ssl
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from hanami_conformance.cases.failures import TargetDown
from hanami_conformance.cases.recording import current_case
from hanami_conformance.clients.connection_limit import ConnectionLimit
from hanami_conformance.common.text import hex_preview, printable_line

PORTS = {"http": 80, "https": 443}


class RawConnection:
    """Sends any bytes, and leaves the connection open until it is closed.

    Args:
        url: address of the target.
        seconds: how long connecting and sending may take.
        limit: Limit of the connections that are open at the same time.
        ssl_context: for ``https``.
    """

    def __init__(
        self, url: str, seconds: float, limit: ConnectionLimit, ssl_context: ssl.SSLContext | None = None
    ) -> None:
        parts = urlsplit(url)
        assert parts.hostname is not None
        self._channel = current_case().channel("tcp")
        self._limit = limit
        self._is_open = True
        limit.acquire()
        address = (parts.hostname, parts.port or PORTS[parts.scheme])
        try:
            self._socket = socket.create_connection(address, timeout=seconds)
            if ssl_context is not None:
                self._socket = ssl_context.wrap_socket(self._socket, server_hostname=parts.hostname)
        except OSError as error:
            self._give_back()
            raise TargetDown(f"no connection to {url}: {explain(error)}") from error

    def send(self, data: bytes, what: str) -> None:
        """Send bytes; a target that closes the connection in the meantime may do so."""
        summary = (
            f"{what}: {printable_line(data.decode('latin-1'), 60)}"
            if data.isascii()
            else f"{what}: {hex_preview(data)}"
        )
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
            self._limit.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


HINT = "give --ca-file FILE with the authority that signed it, or --insecure"


def context_for(url: str, ca_file: Path | None = None, *, insecure: bool = False) -> ssl.SSLContext | None:
    """Return what a connection to an address needs, None where it is not encrypted.

    Args:
        url: ``http://`` or ``https://`` address.
        ca_file: PEM file of the authorities that are trusted in place of those of the system.
        insecure: whether any certificate will do.

    Raises:
        ValueError: the file holds no certificates, or cannot be read; one line.
    """
    if not url.startswith("https"):
        return None
    try:
        context = ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
    except ssl.SSLError as error:
        raise ValueError(f"--ca-file {ca_file}: no certificates in PEM form") from error
    except OSError as error:
        raise ValueError(f"--ca-file {ca_file}: {error.strerror or error}") from error
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def explain(error: Exception) -> str:
    """Return what went wrong with a connection, and what helps where it is the certificate."""
    text = str(error)
    return f"{text}; {HINT}" if "CERTIFICATE_VERIFY_FAILED" in text else text
