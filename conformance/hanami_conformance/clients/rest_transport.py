"""The transport of REST calls: a connection for each, with a deadline and a limit of size for a whole exchange.

The timeouts of httpcore hold for each read, so a server that sends a byte now and then could delay a response for ever.
"""

from __future__ import annotations

import httpcore
import httpx

from hanami_conformance.clients.deadline import Deadline
from hanami_conformance.clients.endpoint import Endpoint
from hanami_conformance.clients.limits import MOST_RESPONSE
from hanami_conformance.common.machine_watch import MACHINE

BEGINNING = 1 << 10  # bytes of a response that are kept to describe one that is not whole


class ResponseTooLarge(Exception):  # noqa: N818 - what the target sent, no error of ours
    """A response is larger than the suite reads."""


class Exchange(httpcore.NetworkStream):
    """One request to the target and its response, over a connection of its own.

    A kept connection would count against the limit of connections, and servers close it anyway. Whatever host the
    request names, it is sent to the target alone: no redirect is followed, no proxy is used.

    Args:
        endpoint: Where the target listens.
        deadline: Limit of the whole exchange.

    Attributes:
        beginning: First bytes of the response.

    Raises:
        ConnectError: If there is no connection.
        MachineShortage: If this machine lacks what a connection needs.
    """

    def __init__(self, endpoint: Endpoint, deadline: Deadline) -> None:
        self.beginning = b""
        self._received = 0
        self._port = endpoint.port
        seconds = deadline.seconds
        self._socket, waited = MACHINE.connect(lambda: endpoint.connect(Deadline.after(seconds)), endpoint.place)
        self._deadline = deadline.postponed(waited)

    def send(self, request: httpx.Request) -> httpcore.Response:
        """Send the request, read the whole response, and close the connection.

        Raises:
            ResponseTooLarge: If the response exceeds the limit.
            httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError: If it is not whole in time.
        """
        # To httpcore every connection is a plain one: the endpoint has encrypted it where that is necessary.
        url = httpcore.URL(scheme=b"http", host=request.url.raw_host, port=self._port, target=request.url.raw_path)
        connection = httpcore.HTTP11Connection(origin=url.origin, stream=self)
        try:
            content = request.stream if isinstance(request.stream, httpx.SyncByteStream) else None
            response = connection.handle_request(
                httpcore.Request(method=request.method, url=url, headers=request.headers.raw, content=content)
            )
            response.read()
        finally:
            connection.close()
        return response

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002 - the deadline is shorter
        """Read once, within what is left of the time and of the size."""
        try:
            self._socket.settimeout(self._remaining())
            data = self._socket.recv(max_bytes)
        except TimeoutError as error:
            raise httpcore.ReadTimeout(str(error)) from error
        except OSError as error:
            raise httpcore.ReadError(str(error)) from error
        if len(self.beginning) < BEGINNING:
            self.beginning += data[:BEGINNING]
        self._received += len(data)
        if self._received > MOST_RESPONSE:
            raise ResponseTooLarge
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        """Send bytes within what is left of the time."""
        try:
            self._socket.settimeout(self._remaining())
            self._socket.sendall(buffer)
        except TimeoutError as error:
            raise httpcore.WriteTimeout(str(error)) from error
        except OSError as error:
            raise httpcore.WriteError(str(error)) from error

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def _remaining(self) -> float:
        remaining = self._deadline.remaining()
        if remaining <= 0:
            raise TimeoutError("deadline passed")
        return remaining
