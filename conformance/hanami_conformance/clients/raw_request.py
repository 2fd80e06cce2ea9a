"""Requests with bytes that no HTTP client sends, and the responses to them."""

from __future__ import annotations

import httptools

from hanami_conformance.cases.failures import ConnectionClosed, ResponseTimeout
from hanami_conformance.cases.recording import current_case
from hanami_conformance.clients.deadline import AdaptiveTimeout, Deadline
from hanami_conformance.clients.limits import MOST_RESPONSE
from hanami_conformance.clients.rest import KIND, RestResponse, partial_response, too_large
from hanami_conformance.clients.tcp import RawConnection

END_OF_HEAD = b"\r\n\r\n"
SWITCHING = 101  # the only response below 200 that is final
SHORTEST = 0.001  # seconds, since a socket takes 0 for "do not wait"


class _Response:
    """What the parser has read of a response."""

    def __init__(self) -> None:
        self.parser = httptools.HttpResponseParser(self)
        self.head = b""
        self.body = bytearray()
        self.headers: dict[str, str] = {}
        self.has_head = False
        self.is_complete = False

    def feed(self, data: bytes) -> None:
        """Read further bytes."""
        if not self.has_head:
            self.head += data
        self.parser.feed_data(data)

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        self.has_head = True

    def on_body(self, data: bytes) -> None:
        self.body += data

    def on_message_complete(self) -> None:
        if 100 <= self.parser.get_status_code() < 200 and self.parser.get_status_code() != SWITCHING:
            self.has_head = False  # an interim response, which another one follows
        else:
            self.is_complete = True


def send_raw(connection: RawConnection, request: bytes, what: str, timeouts: AdaptiveTimeout) -> RestResponse:
    """Send a request as it is, and wait for the response.

    Args:
        connection: Connection on which nothing was sent.
        request: Bytes of the request.
        what: Description of the request, for the report.
        timeouts: Time limits of the waits, by kind.

    Raises:
        ResponseTimeout: If no whole response arrives before the deadline.
        TooLarge: If the response exceeds the limit of the suite.
        ConnectionClosed: If the target closes the connection without a response, or does not send HTTP.
    """
    deadline = timeouts.deadline(KIND)
    connection.send(request, what)
    response = _Response()
    expected = f"an answer to {what}"
    beginning, received = b"", 0
    try:
        while not response.is_complete and (data := _receive(connection, deadline)):
            beginning, received = beginning or data, received + len(data)
            if received > MOST_RESPONSE:
                raise too_large(what, beginning)
            response.feed(data)
    except TimeoutError as error:
        timeouts.record_timeout(KIND, deadline.seconds)
        actual = partial_response(beginning)
        raise ResponseTimeout(f"{expected} within {deadline.seconds:g} s", actual) from error
    except httptools.HttpParserError as error:
        raise ConnectionClosed(expected, f"bytes that are not HTTP: {error}") from error
    if not response.has_head:
        raise ConnectionClosed(expected, "the end of the connection without an answer")
    content_type, location = (response.headers.get(name, "") for name in ("content-type", "location"))
    answer = RestResponse(what, response.parser.get_status_code(), bytes(response.body), content_type, location)
    head = response.head.partition(END_OF_HEAD)[0] + END_OF_HEAD
    current_case().received_event(
        connection.channel, "http", lambda: str(answer), answer.body, head=head.decode("latin-1")
    )
    return answer


def _receive(connection: RawConnection, deadline: Deadline) -> bytes:
    # A target that never pauses would keep any wait for the next bytes short.
    if deadline.passed:
        raise TimeoutError
    return connection.receive(deadline.remaining() or SHORTEST)
