"""Bare connections, and the TLS context of all clients of a target."""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from hanami_conformance.cases.failures import TargetDown
from hanami_conformance.cases.recording import current_case
from hanami_conformance.clients.connection_limit import ConnectionLimit
from hanami_conformance.clients.deadline import Deadline
from hanami_conformance.clients.endpoint import ConnectError, Endpoint
from hanami_conformance.common.machine_watch import MACHINE
from hanami_conformance.common.shortage import MachineShortage
from hanami_conformance.common.text import hex_preview, printable_line

READ_SIZE = 1 << 16
SEGMENT_PAUSE = 0.0005  # seconds, so that the system does not merge segments


class RawConnection:
    """Sends any bytes, and leaves the connection open until it is closed.

    Args:
        endpoint: Where the target listens.
        seconds: Time limit of connecting and of sending.
        limit: Limit of the connections that are open at the same time.
        channel: Name of the connection in the recording of the case; a new one by default.

    Attributes:
        channel: Name of the connection in the recording of the case; with a kept connection it may change.
        was_reset: Whether the connection has ended with an error, in place of its regular end.
        waited: Seconds for which connecting had to wait for this machine.
        is_reusable: Whether the last response on it was whole, and says that another request may follow.
    """

    def __init__(self, endpoint: Endpoint, seconds: float, limit: ConnectionLimit, channel: str | None = None) -> None:
        self.channel = channel or current_case().channel("tcp")
        self.is_reusable = self.was_reset = False
        self._limit = limit
        self._is_open = True
        limit.acquire()
        try:
            self._socket, self.waited = MACHINE.connect(
                lambda: endpoint.connect(Deadline.after(seconds)), endpoint.place
            )
        except MachineShortage:
            self._release()
            raise
        except ConnectError as error:
            self._release()
            raise TargetDown(f"no connection to {endpoint.url}: {error}") from error
        self._socket.settimeout(seconds)

    def send(self, data: bytes, what: str) -> None:
        """Send bytes; the target may close the connection meanwhile."""
        preview = printable_line(data.decode("latin-1"), 60) if data.isascii() else hex_preview(data)
        current_case().sent_event(self.channel, "raw", f"{what}: {preview}", data)
        self.send_unrecorded(data)

    def send_unrecorded(self, data: bytes) -> None:
        """Send bytes that the caller records, or that are no message yet; otherwise like :meth:`send`."""
        with contextlib.suppress(OSError):
            self._socket.sendall(data)

    def send_segments(self, segments: Sequence[bytes], seconds: float) -> None:
        """Send bytes that the caller has recorded, in TCP segments; the target may close the connection meanwhile."""
        self._socket.settimeout(seconds)
        with contextlib.suppress(OSError):
            for index, segment in enumerate(segments):
                if index:
                    time.sleep(SEGMENT_PAUSE)
                self._socket.sendall(segment)

    @property
    def is_open(self) -> bool:
        """Whether the connection was not closed on this side."""
        return self._is_open

    @property
    def has_ended(self) -> bool:
        """Whether the target has closed the connection, or sent bytes that nothing asked for."""
        self._socket.settimeout(0)
        try:
            self._socket.recv(READ_SIZE)
        except (BlockingIOError, ssl.SSLWantReadError):
            return False
        except OSError:
            return True
        return True

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
            self.was_reset = True
            return b""

    def limit_unread(self) -> None:
        """Let the system take few bytes that are not read; to be called before any arrives."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, READ_SIZE)

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
