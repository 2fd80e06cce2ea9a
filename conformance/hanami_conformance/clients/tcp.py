"""Bare TCP connections, and the TLS context of all clients of a target."""

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
READ_SIZE = 1 << 16
CERTIFICATE_HINT = "give --ca-file FILE with the authority that signed it, or --insecure"


class RawConnection:
    """Sends any bytes, and leaves the connection open until it is closed.

    Args:
        url: Address of the target.
        seconds: Time limit of connecting and of sending.
        limit: Limit of the connections that are open at the same time.
        ssl_context: TLS context for ``https``.

    Attributes:
        channel: Name of the connection in the recording of the case.
    """

    def __init__(
        self, url: str, seconds: float, limit: ConnectionLimit, ssl_context: ssl.SSLContext | None = None
    ) -> None:
        parts = urlsplit(url)
        assert parts.hostname is not None
        self.channel = current_case().channel("tcp")
        self._limit = limit
        self._is_open = True
        limit.acquire()
        address = (parts.hostname, parts.port or PORTS[parts.scheme])
        try:
            self._socket = socket.create_connection(address, timeout=seconds)
            if ssl_context is not None:
                self._socket = ssl_context.wrap_socket(self._socket, server_hostname=parts.hostname)
        except OSError as error:
            self._release()
            raise TargetDown(f"no connection to {url}: {explain(error)}") from error

    def send(self, data: bytes, what: str) -> None:
        """Send bytes; the target may close the connection meanwhile."""
        preview = printable_line(data.decode("latin-1"), 60) if data.isascii() else hex_preview(data)
        current_case().sent_event(self.channel, "raw", f"{what}: {preview}", data)
        with contextlib.suppress(OSError):
            self._socket.sendall(data)

    def receive(self, seconds: float) -> bytes:
        """Return the next bytes of the target, none if it has ended the connection.

        Raises:
            TimeoutError: If nothing arrives within this time.
        """
        self._socket.settimeout(seconds)
        try:
            return self._socket.recv(READ_SIZE)
        except TimeoutError:
            raise
        except OSError:  # a reset is an end as well
            return b""

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()
        self._release()

    def _release(self) -> None:
        if self._is_open:
            self._is_open = False
            self._limit.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def context_for(url: str, ca_file: Path | None = None, *, insecure: bool = False) -> ssl.SSLContext | None:
    """Return the TLS context for an address, None where it is not encrypted.

    Args:
        url: ``http://`` or ``https://`` address.
        ca_file: PEM file of trusted authorities, in place of those of the system.
        insecure: Whether any certificate is accepted.

    Raises:
        ValueError: If the file cannot be read or holds no certificates; one line.
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
    """Return the message of a failed connection, with a hint where the certificate is the cause."""
    text = str(error)
    return f"{text}; {CERTIFICATE_HINT}" if "CERTIFICATE_VERIFY_FAILED" in text else text
