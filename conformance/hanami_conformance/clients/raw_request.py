"""Requests with bytes that no HTTP client sends, and the responses to them."""

from __future__ import annotations

from hanami_conformance.cases.failures import ResponseTimeout
from hanami_conformance.clients.deadline import AdaptiveTimeout
from hanami_conformance.clients.response_reader import read_response
from hanami_conformance.clients.rest import KIND
from hanami_conformance.clients.rest_response import RestResponse
from hanami_conformance.clients.tcp import RawConnection


def send_raw(connection: RawConnection, request: bytes, what: str, timeouts: AdaptiveTimeout) -> RestResponse:
    """Send a request as it is, and wait for the response.

    Args:
        connection: Connection on which nothing was sent.
        request: Bytes of the request.
        what: Description of the request, for the report.
        timeouts: Time limits of the waits, by kind.

    Raises:
        ResponseTimeout, TooLarge, ConnectionClosed: See :func:`receive_response`.
    """
    connection.send(request, what)
    return receive_response(connection, what, timeouts)


def receive_response(
    connection: RawConnection, what: str, timeouts: AdaptiveTimeout, extra: float = 0.0
) -> RestResponse:
    """Wait for the response to a request, and note whether the connection can be used for another one.

    Args:
        connection: Connection on which the request was sent.
        what: Description of the request, for the report.
        timeouts: Time limits of the waits, by kind.
        extra: Seconds on top of the deadline.

    Raises:
        ResponseTimeout: If no whole response arrives before the deadline.
        TooLarge: If the response exceeds the limit of the suite.
        ConnectionClosed: If the target closes the connection without a whole response, or does not send HTTP.
    """
    deadline = timeouts.deadline(KIND, extra)
    try:
        return read_response(connection, what, deadline)
    except ResponseTimeout:
        timeouts.record_timeout(KIND, deadline.seconds)
        raise
