"""REST requests of the client under test: each is recorded, passed on to the server, and answered."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from http import HTTPStatus

import h11
import httpx

from hanami_conformance.client_mode.exchange import Exchange
from hanami_conformance.client_mode.interference import Rule
from hanami_conformance.client_mode.record import LOGIN, Request, json_object
from hanami_conformance.clients.http_head import http_head
from hanami_conformance.common.redact import SECRETS
from hanami_conformance.common.text import printable_line

# Fields of one connection, which are not passed on (RFC 9110, 7.6.1), and those that each side sets itself.
HOP_BY_HOP = {b"connection", b"keep-alive", b"transfer-encoding", b"upgrade", b"te", b"trailer", b"expect"}
OWN_FIELDS = HOP_BY_HOP | {b"host", b"content-length", b"date", b"accept-encoding"}
READ_SIZE = 64 * 1024  # bytes
MAX_HEAD = 64 * 1024  # bytes of the head of a request
MAX_BODY = 4 << 20  # bytes
TEXT = [(b"content-type", b"text/plain; charset=utf-8")]
Headers = list[tuple[bytes, bytes]]


class BodyTooLarge(Exception):  # noqa: N818 - says what is wrong
    """A body that exceeds the limit."""


class RestRelay:
    """Answers the requests of one connection.

    Args:
        exchange: Scenario that is running.
        http: HTTP client for the server.
        upstream: Address of the server.
        routes: Names of the operations of the dialect by method and path.
        reader: Connection of the client, for reading.
        writer: Connection of the client, for writing.
    """

    def __init__(
        self,
        exchange: Exchange,
        http: httpx.AsyncClient,
        upstream: str,
        routes: Mapping[tuple[str, str], str],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._exchange = exchange
        self._reader = reader
        self._http = http
        self._upstream = upstream
        self._routes = routes
        self._writer = writer
        self._channel = ""
        self._http1 = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD)
        self._raw = b""  # of the current request

    async def serve(self) -> bytes:
        """Answer requests until the connection ends, or becomes a websocket.

        Returns:
            The bytes of the handshake of a websocket, and those that have arrived behind it; none at the end.
        """
        try:
            while isinstance(head := await self._next(), h11.Request):
                if _is_upgrade(head):
                    return self._raw
                if not await self._answer(head, await self._body()) or self._http1.our_state is h11.MUST_CLOSE:
                    return b""
                self._raw = bytes(self._http1.trailing_data[0])
                self._http1.start_next_cycle()
        except h11.RemoteProtocolError as error:
            await self._reject(str(error), HTTPStatus.BAD_REQUEST)
        except BodyTooLarge as error:
            await self._reject(str(error), HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        return b""

    async def _next(self) -> h11.Event:
        """Return the next part of a request."""
        while (event := self._http1.next_event()) is h11.NEED_DATA:
            if self._http1.they_are_waiting_for_100_continue:
                await self._write(self._http1.send(h11.InformationalResponse(status_code=100, headers=[])))
            data = await self._reader.read(READ_SIZE)
            self._raw += data
            self._http1.receive_data(data)
        assert isinstance(event, h11.Event)  # paused only behind a response, where the next cycle begins
        return event

    async def _body(self) -> bytes:
        """Return the body of the current request.

        Raises:
            BodyTooLarge: If it exceeds the limit.
        """
        body = b""
        while isinstance(event := await self._next(), h11.Data):
            body += bytes(event.data)
            if len(body) > MAX_BODY:
                raise BodyTooLarge(f"a body of more than {MAX_BODY} bytes")
        return body

    async def _answer(self, head: h11.Request, body: bytes) -> bool:
        """Answer a request; return False if the connection was reset."""
        request = self._note(head, body)
        rule = self._exchange.rule_at(request.operation or "unknown")
        if rule is not None and rule.action == "delay":
            await asyncio.sleep(rule.seconds)
        if rule is not None and rule.action in ("drop", "restart"):
            request.is_disturbed = True
            await self._break(rule)
            return False
        if rule is not None and rule.action == "lose":
            request.is_disturbed = True
            self._exchange.record.recording.note(self._name(), "timeout", "the scenario leaves the request unanswered")
            await self._reader.read()  # until the client gives up
            return False
        if rule is None or rule.action != "answer":
            status, headers, content = await self._forward(head, body)
            request.server_status, request.server_answer = status, content
        if rule is not None and rule.action == "drop-after":
            request.is_disturbed = True
            await self._break(rule)
            return False
        if rule is not None and rule.action in ("answer", "answer-after"):
            request.is_disturbed = True
            status, headers, content = rule.status, list(TEXT), rule.body.encode()
        if rule is not None and rule.action == "set" and status == HTTPStatus.OK:
            request.is_disturbed = True
            content = json.dumps(json_object(content) | dict(rule.keys)).encode()
        if rule is not None and rule.action == "close":
            headers.append((b"connection", b"close"))
        await self._respond(request, status, headers, content)
        return True

    async def _reject(self, reason: str, status: HTTPStatus) -> None:
        """Answer bytes that are not HTTP, or more of them than a request may have."""
        self._exchange.record.malformed.append(reason)
        self._exchange.record.recording.note(self._name(), "refused", f"no request: {printable_line(reason)}")
        if self._http1.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            await self._send(status, [*TEXT, (b"connection", b"close")], reason.encode())

    def _name(self) -> str:
        """Return the name of the connection, which begins with its first request."""
        self._channel = self._channel or self._exchange.record.recording.channel("rest")
        return self._channel

    def _note(self, head: h11.Request, body: bytes) -> Request:
        record = self._exchange.record
        method, target = head.method.decode("latin-1"), head.target.decode("latin-1")
        headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in head.headers)
        first = f"{method} {target} HTTP/{head.http_version.decode('latin-1')}"
        operation = self._routes.get((method, target.partition("?")[0]), "")
        what = printable_line(body.decode("utf-8", "replace"), 300) if body else ""
        event = len(record.recording.events)
        record.recording.sent_event(
            self._name(), "http", f"{method} {target} {what}".strip(), body, head=http_head(first, head.headers)
        )
        request = Request(time.monotonic(), self._name(), method, target, headers, body, operation, event)
        record.requests.append(request)
        return request

    async def _forward(self, head: h11.Request, body: bytes) -> tuple[int, Headers, bytes]:
        """Let the server answer."""
        headers = [(name, value) for name, value in head.headers if name.lower() not in OWN_FIELDS]
        url = httpx.URL(self._upstream).copy_with(raw_path=head.target)
        try:
            response = await self._http.request(head.method.decode("latin-1"), url, headers=headers, content=body)
        except httpx.HTTPError as error:
            return HTTPStatus.BAD_GATEWAY, list(TEXT), f"the server did not answer: {error}".encode()
        kept = [(name, value) for name, value in response.headers.raw if name.lower() not in OWN_FIELDS]
        return response.status_code, kept, response.content

    async def _respond(self, request: Request, status: int, headers: Headers, content: bytes) -> None:
        token = json_object(content).get("token") if request.operation == LOGIN else None
        if isinstance(token, str):
            SECRETS.add(token, "token of the first user")
        recording = self._exchange.record.recording
        text = printable_line(content.decode("utf-8", "replace"), 300)
        recording.received_event(
            request.channel, "http", f"{status} {text}", content, head=http_head(f"HTTP/1.1 {status}", headers)
        )
        request.status, request.answer, request.answered = status, content, time.monotonic()
        await self._send(status, headers, content)

    async def _send(self, status: int, headers: Headers, content: bytes) -> None:
        fields = [*headers, (b"content-length", str(len(content)).encode())]
        data = self._http1.send(h11.Response(status_code=status, headers=fields, reason=_reason(status)))
        data = (data or b"") + (self._http1.send(h11.Data(data=content)) or b"")
        await self._write(data + (self._http1.send(h11.EndOfMessage()) or b""))

    async def _write(self, data: bytes | None) -> None:
        self._writer.write(data or b"")
        await self._writer.drain()

    async def _break(self, rule: Rule) -> None:
        what = f"the scenario resets the connection ({rule.action})"
        self._exchange.record.recording.note(self._name(), "reset", what)
        if rule.action == "restart":
            await self._exchange.restart()
        self._writer.transport.abort()


def _reason(status: int) -> bytes:
    try:
        return HTTPStatus(status).phrase.encode()
    except ValueError:
        return b""


def _is_upgrade(request: h11.Request) -> bool:
    return any(name == b"upgrade" and value.lower() == b"websocket" for name, value in request.headers)
