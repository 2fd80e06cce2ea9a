"""Connections for REST calls, with a deadline for a whole request.

The timeouts of httpcore hold for each read, so a server that sends a byte now and then could delay a response for ever.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from typing import Any

import httpcore
import httpx

from hanami_conformance.clients.deadline import Deadline


class _Stream(httpcore.NetworkStream):
    """A network stream whose operations take no longer than the time left for the request."""

    def __init__(self, stream: httpcore.NetworkStream, backend: _Backend) -> None:
        self._stream = stream
        self._backend = backend

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002 - the deadline is shorter
        return self._stream.read(max_bytes, self._backend.remaining())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        self._stream.write(buffer, self._backend.remaining())

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        stream = self._stream.start_tls(ssl_context, server_hostname, self._backend.remaining())
        return _Stream(stream, self._backend)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _Backend(httpcore.NetworkBackend):
    """Opens connections for one request at a time."""

    def __init__(self) -> None:
        self._sync = httpcore.SyncBackend()
        self.deadline = Deadline.after(0)

    def remaining(self) -> float:
        remaining = self.deadline.remaining()
        if remaining <= 0:
            raise httpcore.ReadTimeout("deadline passed")
        return remaining

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        stream = self._sync.connect_tcp(host, port, self.remaining(), local_address, socket_options)
        return _Stream(stream, self)


class DeadlinePool:
    """Sends each request over a connection of its own, within a deadline.

    A kept connection would count against the limit of connections, and servers close it anyway.
    """

    def __init__(self, ssl_context: ssl.SSLContext | None = None) -> None:
        self._backend = _Backend()
        self._pool = httpcore.ConnectionPool(
            ssl_context=ssl_context, max_keepalive_connections=0, network_backend=self._backend
        )

    def send(self, request: httpx.Request, deadline: Deadline) -> httpcore.Response:
        """Send one request and read the whole response.

        Raises:
            httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError: If none arrives in time.
        """
        self._backend.deadline = deadline
        url = request.url
        core_request = httpcore.Request(
            method=request.method,
            url=httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
            headers=request.headers.raw,
            content=request.stream if isinstance(request.stream, httpx.SyncByteStream) else None,
        )
        response = self._pool.handle_request(core_request)
        try:
            response.read()
        finally:
            response.close()
        return response

    def close(self) -> None:
        """Close all connections."""
        self._pool.close()
