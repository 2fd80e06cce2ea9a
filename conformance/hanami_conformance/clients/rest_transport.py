"""An httpx transport whose deadline holds for a whole request.

The timeouts of httpx hold for each read, so a server that sends a byte now and then could delay a response for ever.
"""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Iterable, Iterator
from typing import Any

import httpcore
import httpx

from hanami_conformance.clients.deadline import Deadline

DEADLINE_EXTENSION = "hanami.deadline"

_EXCEPTIONS: dict[type[Exception], type[httpx.TransportError]] = {
    httpcore.TimeoutException: httpx.ReadTimeout,
    httpcore.ConnectError: httpx.ConnectError,
    httpcore.ProtocolError: httpx.RemoteProtocolError,
    httpcore.NetworkError: httpx.ReadError,
}


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


class DeadlineTransport(httpx.BaseTransport):
    """Sends each request over a connection of its own, within the deadline in its extensions.

    Each request has its own: servers close it anyway, and a kept one would count against the limit of connections.
    """

    def __init__(self, ssl_context: ssl.SSLContext | None = None) -> None:
        self._backend = _Backend()
        self._pool = httpcore.ConnectionPool(
            ssl_context=ssl_context, max_keepalive_connections=0, network_backend=self._backend
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request and read the whole response.

        Raises:
            httpx.TransportError: If no HTTP response arrives in time.
        """
        deadline = request.extensions[DEADLINE_EXTENSION]
        assert isinstance(deadline, Deadline)
        self._backend.deadline = deadline
        core_request = httpcore.Request(
            method=request.method,
            url=httpcore.URL(
                scheme=request.url.raw_scheme,
                host=request.url.raw_host,
                port=request.url.port,
                target=request.url.raw_path,
            ),
            headers=request.headers.raw,
            content=request.stream if isinstance(request.stream, httpx.SyncByteStream) else None,
        )
        with _httpx_errors():
            response = self._pool.handle_request(core_request)
            try:
                content = response.read()
            finally:
                response.close()
        return httpx.Response(response.status, headers=_decoded_headers(response.headers), content=content)

    def close(self) -> None:
        """Close all connections."""
        self._pool.close()


def _decoded_headers(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    # The body is passed on as received: with a content coding in the headers, httpx would try to decode it.
    return [(name, value) for name, value in headers if name.lower() != b"content-encoding"]


@contextlib.contextmanager
def _httpx_errors() -> Iterator[None]:
    """Raise the exceptions of httpcore as those of httpx."""
    try:
        yield
    except tuple(_EXCEPTIONS) as error:
        raise next(ours for core, ours in _EXCEPTIONS.items() if isinstance(error, core))(str(error)) from error
