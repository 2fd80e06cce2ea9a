"""The transport of REST calls: a connection for each, and a deadline for a whole request.

The timeouts of httpcore hold for each read, so a server that sends a byte now and then could delay a response for ever.
"""

from __future__ import annotations

import socket

import httpcore
import httpx

from hanami_conformance.clients.deadline import Deadline
from hanami_conformance.clients.endpoint import Endpoint
from hanami_conformance.common.machine_watch import MACHINE


class _Stream(httpcore.NetworkStream):
    """A connection whose operations take no longer than the time left for the request."""

    def __init__(self, connection: socket.socket, deadline: Deadline) -> None:
        self._socket = connection
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002 - the deadline is shorter
        try:
            self._socket.settimeout(self._remaining())
            return self._socket.recv(max_bytes)
        except TimeoutError as error:
            raise httpcore.ReadTimeout(str(error)) from error
        except OSError as error:
            raise httpcore.ReadError(str(error)) from error

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        try:
            self._socket.settimeout(self._remaining())
            self._socket.sendall(buffer)
        except TimeoutError as error:
            raise httpcore.WriteTimeout(str(error)) from error
        except OSError as error:
            raise httpcore.WriteError(str(error)) from error

    def close(self) -> None:
        self._socket.close()

    def _remaining(self) -> float:
        remaining = self._deadline.remaining()
        if remaining <= 0:
            raise TimeoutError("deadline passed")
        return remaining


def send(endpoint: Endpoint, request: httpx.Request, deadline: Deadline) -> httpcore.Response:
    """Send one request to the target, and read the whole response.

    The connection is used once: a kept one would count against the limit of connections, and servers close it anyway.
    Whatever host the request names, it is sent to the target alone: no redirect is followed, no proxy is used.

    Raises:
        ConnectError: If there is no connection.
        MachineShortage: If this machine lacks what a connection needs.
        httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError: If no whole response arrives in time.
    """
    # To httpcore every connection is a plain one: the endpoint has encrypted it where that is necessary.
    url = httpcore.URL(scheme=b"http", host=request.url.raw_host, port=endpoint.port, target=request.url.raw_path)
    opened, waited = MACHINE.connect(lambda: endpoint.connect(Deadline.after(deadline.seconds)), endpoint.place)
    stream = _Stream(opened, deadline.postponed(waited))
    connection = httpcore.HTTP11Connection(origin=url.origin, stream=stream)
    try:
        content = request.stream if isinstance(request.stream, httpx.SyncByteStream) else None
        response = connection.handle_request(
            httpcore.Request(method=request.method, url=url, headers=request.headers.raw, content=content)
        )
        response.read()
    finally:
        connection.close()
    return response
