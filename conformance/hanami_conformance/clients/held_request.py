"""A REST call whose last byte is held back, so that several calls can be completed at the same moment."""

from __future__ import annotations

from collections.abc import Callable

from hanami_conformance.cases.recording import current_case
from hanami_conformance.clients.deadline import AdaptiveTimeout
from hanami_conformance.clients.raw_request import receive_response
from hanami_conformance.clients.rest import EncodedRequest
from hanami_conformance.clients.rest_response import RestResponse
from hanami_conformance.clients.tcp import RawConnection


class HeldRequest:
    """Sends all bytes of a request but the last, and that one when it is released.

    A server sees no request before, so the time that connections and the other bytes take does not matter.

    Args:
        connection: Connection on which nothing was sent.
        request: Request as it is sent.
        timeouts: Time limits of the waits, by kind.
        extra: Seconds on top of the deadline of the answer.
        on_answer: Function that is called with the answer.
    """

    def __init__(
        self,
        connection: RawConnection,
        request: EncodedRequest,
        timeouts: AdaptiveTimeout,
        extra: float = 0.0,
        *,
        on_answer: Callable[[RestResponse], None] = lambda answer: None,  # noqa: ARG005
    ) -> None:
        self._connection = connection
        self._request = request
        self._timeouts = timeouts
        self._extra = extra
        self._on_answer = on_answer
        data = request.head.encode("latin-1") + request.body
        self._last = data[-1:]
        connection.send_unrecorded(data[:-1])

    def release(self) -> None:
        """Send the last byte."""
        request = self._request
        current_case().sent_event(self._connection.channel, "http", request.summary, request.body, head=request.head)
        self._connection.send_unrecorded(self._last)

    def abandon(self) -> None:
        """Close the connection without reading the response."""
        current_case().note(self._connection.channel, "end", "connection closed by the suite, before the answer")
        self._connection.close()

    def answer(self) -> RestResponse:
        """Return the response, and close the connection.

        Raises:
            ResponseTimeout, TooLarge, ConnectionClosed: See :func:`.raw_request.receive_response`.
        """
        try:
            answer = receive_response(self._connection, self._request.line, self._timeouts, self._extra)
        finally:
            self._connection.close()
        self._on_answer(answer)
        return answer
