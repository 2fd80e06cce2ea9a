"""Reads the response to a REST call from a connection, within a deadline and a limit of size."""

from __future__ import annotations

import httptools

from hanami_conformance.cases.failures import ConnectionClosed, ResponseTimeout, TooLarge
from hanami_conformance.cases.recording import current_case
from hanami_conformance.clients.deadline import SHORTEST_WAIT, Deadline
from hanami_conformance.clients.limits import MOST_RESPONSE, format_mib
from hanami_conformance.clients.rest_response import RestResponse
from hanami_conformance.clients.tcp import RawConnection
from hanami_conformance.common.text import printable_line

END_OF_HEAD = b"\r\n\r\n"
SWITCHING = 101  # the only response below 200 that is final
MOST_HEAD = 100 << 10  # bytes of the head of a response, and of the interim responses before it


class NoResponse(ConnectionClosed):
    """The connection ended before the first byte of a response."""


class _Response:
    """What the parser has read of a response."""

    def __init__(self, *, has_body: bool) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._has_body = has_body
        self.head = b""
        self.body = bytearray()
        self.headers: dict[str, str] = {}
        self.status = 0
        self.interim = 0  # number of interim responses, whose heads come first
        self.has_head = False
        self.is_complete = False
        self.keeps_connection = False
        self._has_excess = False  # bytes behind the response

    def feed(self, data: bytes) -> None:
        """Read further bytes.

        Raises:
            HttpParserError: If they belong to no response.
        """
        if not self.has_head:
            self.head += data
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            if not self.is_complete:
                raise
            self._has_excess = True

    @property
    def is_delimited(self) -> bool:
        """Whether the head says where the body ends, so that the end of the connection cannot be that of the body."""
        coding = self.headers.get("transfer-encoding", "").lower().rpartition(",")[2].strip()
        return coding == "chunked" or ("content-length" in self.headers and not coding)

    @property
    def is_reusable(self) -> bool:
        """Whether another request may follow on the connection."""
        return self.is_complete and self.keeps_connection and not self._has_excess

    def on_message_begin(self) -> None:
        self._has_excess = self.is_complete

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.is_complete:
            self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        if self.is_complete:
            return
        self.has_head = True
        self.status = self._parser.get_status_code()
        if not self._has_body and self._is_final:
            self._complete()

    def on_body(self, data: bytes) -> None:
        if not self.is_complete:
            self.body += data

    def on_message_complete(self) -> None:
        if self._is_final:
            self._complete()
        else:
            self.has_head = False  # an interim response, which another one follows
            self.interim += 1
            self.headers.clear()

    @property
    def _is_final(self) -> bool:
        return self.status >= 200 or self.status == SWITCHING

    def _complete(self) -> None:
        if not self.is_complete:
            self.is_complete = True
            self.keeps_connection = self._parser.should_keep_alive()  # the parser forgets it


def read_response(connection: RawConnection, what: str, deadline: Deadline, *, has_body: bool = True) -> RestResponse:
    """Wait for the response to a request, and note whether the connection can be used for another one.

    Args:
        connection: Connection on which the request was sent.
        what: Description of the request, for the report.
        deadline: Limit of the wait.
        has_body: Whether a response has a body; the one to a HEAD has none.

    Raises:
        ResponseTimeout: If no whole response arrives before the deadline.
        TooLarge: If the response exceeds the limit of the suite.
        NoResponse: If the target closes the connection without a response.
        ConnectionClosed: If it closes the connection within the response, or does not send HTTP.
    """
    case, channel = current_case(), connection.channel
    response = _Response(has_body=has_body)
    expected = f"an answer to {what}"
    beginning, received = b"", 0
    connection.is_reusable = False
    try:
        while not response.is_complete and (data := _receive(connection, deadline)):
            beginning, received = beginning or data, received + len(data)
            if received > MOST_RESPONSE:
                case.received_event(channel, "http", f"more than {format_mib(MOST_RESPONSE)}", beginning)
                raise _too_large(f"{expected} of at most {format_mib(MOST_RESPONSE)}", beginning)
            response.feed(data)
            if not response.has_head and len(response.head) > MOST_HEAD:
                case.received_event(channel, "http", f"a head of more than {MOST_HEAD >> 10} KiB", beginning)
                raise _too_large(f"{expected} with a head of at most {MOST_HEAD >> 10} KiB", beginning)
    except TimeoutError as error:
        case.note(channel, "timeout", f"no answer within {deadline.seconds:g} s")
        raise ResponseTimeout(f"{expected} within {deadline.seconds:g} s", _partial(beginning)) from error
    except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
        case.note(channel, "end", "bytes that are not HTTP")
        raise ConnectionClosed(expected, f"bytes that are not HTTP: {error}") from error
    if not response.is_complete and (not response.has_head or response.is_delimited or connection.was_reset):
        case.note(channel, "end", "connection ended without an answer")
        if response.has_head:
            raise ConnectionClosed(expected, f"{_partial(beginning)}, and the end of the connection")
        raise (ConnectionClosed if beginning else NoResponse)(expected, "the end of the connection without an answer")
    connection.is_reusable = response.is_reusable
    content_type, location = (response.headers.get(name, "") for name in ("content-type", "location"))
    answer = RestResponse(what, response.status, bytes(response.body), content_type, location)
    head = response.head.split(END_OF_HEAD)[response.interim] + END_OF_HEAD
    case.received_event(channel, "http", lambda: str(answer), answer.body, head=head.decode("latin-1"))
    return answer


def _receive(connection: RawConnection, deadline: Deadline) -> bytes:
    # A target that never pauses would keep any wait for the next bytes short.
    if deadline.passed:
        raise TimeoutError
    return connection.receive(deadline.remaining() or SHORTEST_WAIT)


def _partial(beginning: bytes) -> str:
    return f"no whole response, only{_first_line(beginning)}" if beginning else "no whole response"


def _too_large(expected: str, beginning: bytes) -> TooLarge:
    return TooLarge(expected, f"more, beginning with{_first_line(beginning)}")


def _first_line(data: bytes) -> str:
    return f" {printable_line(data.splitlines()[0].decode('latin-1'), 60)!r}" if data.strip() else ""
