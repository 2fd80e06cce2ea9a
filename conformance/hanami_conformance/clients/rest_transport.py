"""An httpx transport whose deadline holds for a whole request.

The timeouts of httpx hold for each read, so a server that sends one byte now and then could hold a request for ever.
"""

from __future__ import annotations

import ssl
import types
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
    """A network stream that gives no operation more time than the request has left."""

    def __init__(self, stream: httpcore.NetworkStream, backend: _Backend) -> None:
        self._stream = stream
        self._backend = backend

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002 - ours is shorter
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

    One connection a request: servers close it anyway, and a kept one would count against the budget of connections.
    """

    def __init__(self, ssl_context: ssl.SSLContext | None = None) -> None:
        self._backend = _Backend()
        self._pool = httpcore.ConnectionPool(
            ssl_context=ssl_context, max_keepalive_connections=0, network_backend=self._backend
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request and read its answer whole.

        Raises:
            httpx.TransportError: the target did not answer in time, or not with HTTP.
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
        with _mapped():
            response = self._pool.handle_request(core_request)
            try:
                content = b"".join(_chunks(response))
            finally:
                response.close()
        return httpx.Response(response.status, headers=_decoded_headers(response.headers), content=content)

    def close(self) -> None:
        """Close what is still open."""
        self._pool.close()


def _chunks(response: httpcore.Response) -> Iterator[bytes]:
    stream = response.stream
    assert isinstance(stream, Iterable)
    yield from stream


def _decoded_headers(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    # The body is handed on as it came; a coding in the headers would make httpx decode it, and fail on a lie.
    return [(name, value) for name, value in headers if name.lower() != b"content-encoding"]


class _mapped:  # noqa: N801 - reads as a requirement
    """Turns the exceptions of httpcore into those of httpx."""

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: types.TracebackType | None
    ) -> None:
        for core, ours in _EXCEPTIONS.items():
            if isinstance(error, core):
                raise ours(str(error)) from error
