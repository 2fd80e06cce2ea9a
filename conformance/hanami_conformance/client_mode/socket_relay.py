"""Websockets of the client under test: every message is recorded, and passed on in both directions."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Callable, Iterable, Sequence

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidState, WebSocketException
from websockets.frames import Frame, Opcode
from websockets.http11 import Request as Handshake
from websockets.protocol import State

from hanami_conformance.client_mode import interference as steps
from hanami_conformance.client_mode.exchange import Exchange
from hanami_conformance.client_mode.interference import Rule
from hanami_conformance.client_mode.messages import describe
from hanami_conformance.client_mode.record import CLUSTER, NEVER, Message, Socket, json_object
from hanami_conformance.clients.http_head import http_head
from hanami_conformance.common.text import printable_line
from hanami_proto.codec import SchemaError
from hanami_proto.dialect import Dialect
from hanami_proto.websocket import WebSocketServer

READ_SIZE = 64 * 1024  # bytes
MAX_MESSAGE = 64 << 20  # bytes
CLOSE_SECONDS = 2.0  # for the close frame of a client in reply to that of the server, and for answers behind one
POLL = 0.01  # seconds
POLICY_VIOLATION, INVALID_DATA, INTERNAL_ERROR, NORMAL, GOING_AWAY = 1008, 1007, 1011, 1000, 1001
SWITCHING_PROTOCOLS = 101
BEYOND_ANY_FILE = 2**62  # position of a chunk


class ResetByScenario(Exception):  # noqa: N818 - an event, no error
    """The scenario has reset the connection."""


class SocketRelay:
    """One websocket between the client and the server.

    Args:
        exchange: Scenario that is running.
        upstream: Address of the server.
        dialect: Dialect of the server.
        reader: Connection of the client, for reading.
        writer: Connection of the client, for writing.
    """

    def __init__(
        self,
        exchange: Exchange,
        upstream: str,
        dialect: Dialect,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._exchange = exchange
        self._recording = exchange.record.recording
        self._address = upstream.replace("http", "ws", 1)
        self._codec = dialect.codec
        self._reader = reader
        self._writer = writer
        self._ws = WebSocketServer(max_size=MAX_MESSAGE)
        self._fragments: list[Frame] = []
        self._socket = Socket("", 0.0, "", 0)

    async def run(self, raw: bytes) -> None:
        """Serve the websocket until it ends.

        Args:
            raw: Bytes of the handshake, and those that have arrived behind it.
        """
        self._ws.receive_data(raw)
        events = self._ws.events_received()
        if not events or not isinstance(events[0], Handshake):
            self._exchange.record.malformed.append("a handshake that cannot be read")
            return
        if not await self._open(events[0]):
            return
        try:
            async with connect(
                self._address + self._socket.path, max_size=None, compression=None, ping_interval=None, proxy=None
            ) as server:
                await self._relay(server, events[1:])
        except (OSError, WebSocketException):
            await self._close(INTERNAL_ERROR, "the server is not there")
        except ResetByScenario:
            self._end("scenario")
            self._writer.transport.abort()

    async def _open(self, handshake: Handshake) -> bool:
        """Answer the handshake; return whether there is a websocket now."""
        channel, event = self._recording.channel("ws"), len(self._recording.events)
        self._socket = Socket(channel, time.monotonic(), handshake.path, event)
        self._exchange.record.sockets.append(self._socket)
        headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in handshake.headers.raw_items()]
        head = http_head(f"GET {handshake.path} HTTP/1.1", headers)
        self._recording.sent_event(channel, "open", f"websocket {handshake.path}", head=head)
        rule = self._exchange.rule_at(steps.HANDSHAKE)
        try:
            await self._apply_to_connection(rule)
        except ResetByScenario:
            self._end("scenario")
            self._writer.transport.abort()
            return False
        if rule is not None and rule.action == "answer":
            response = self._ws.reject(rule.status, rule.body)
        else:
            response = self._ws.accept(handshake)
        self._ws.send_response(response)
        await self._flush()
        self._recording.received_event(channel, "open", f"{response.status_code} {response.reason_phrase}")
        if response.status_code != SWITCHING_PROTOCOLS:
            self._end("server")
            return False
        return True

    async def _relay(self, server: ClientConnection, first: Sequence[object]) -> None:
        """Pass messages on in both directions, until one side has ended."""
        to_server = asyncio.create_task(self._from_client(server, first))
        to_client = asyncio.create_task(self._from_server(server))
        both = {to_server, to_client}
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            _raise_failures(both)
            if to_client.done() and not to_server.done():  # the client answers the close frame of the server
                await asyncio.wait({to_server}, timeout=CLOSE_SECONDS)
            elif to_server.done() and not to_client.done():  # answers that come now reach nobody, which is recorded
                await self._wait_for_answers(to_client)
                await server.close(NORMAL)
                await asyncio.wait({to_client}, timeout=CLOSE_SECONDS)
            _raise_failures(both)
        finally:
            for task in both:
                task.cancel()
            await asyncio.gather(*both, return_exceptions=True)

    async def _wait_for_answers(self, to_client: asyncio.Task[None]) -> None:
        """Wait a while for the answers to what the client sent before it closed the websocket."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                while not to_client.done() and self._has_unanswered():
                    await asyncio.sleep(POLL)

    def _has_unanswered(self) -> bool:
        return len(self._socket.received) < sum(message.delivered for message in self._socket.sent)

    # From the client to the server.

    async def _from_client(self, server: ClientConnection, events: Sequence[object]) -> None:
        while True:
            for event in events:
                assert isinstance(event, Frame)
                await self._process_frame(server, event)
            if self._ws.close_expected() or self._ws.state is State.CLOSED:
                return
            data = await self._read()
            if data:
                self._ws.receive_data(data)
            else:
                self._ws.receive_eof()
            await self._flush()  # pongs, and the reply to a close frame
            if self._ws.parser_exc is not None and data:  # an end without a close frame is no invalid frame
                await self._note_invalid_frame(str(self._ws.parser_exc))
                return
            events = list(self._ws.events_received())
            if not data and not events:
                self._note_end_without_close()
                return

    async def _note_invalid_frame(self, reason: str) -> None:
        """Note a frame that is none; the close frame in reply to it has been sent, and what follows is discarded."""
        if self._socket.ended_by:
            return
        self._exchange.record.malformed.append(f"a frame of a websocket: {reason}")
        self._recording.note(self._socket.channel, "refused", f"not a frame: {printable_line(reason)}")
        self._end("server")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                while await self._read():
                    pass

    async def _read(self) -> bytes:
        try:
            return await self._reader.read(READ_SIZE)
        except OSError:
            return b""

    async def _process_frame(self, server: ClientConnection, frame: Frame) -> None:
        if frame.opcode is Opcode.CLOSE:
            close = self._ws.close_rcvd
            code = None if close is None else int(close.code)
            self._recording.sent_event(self._socket.channel, "close", f"close {code or 'without a code'}")
            if not self._socket.ended_by:
                self._socket.has_close_frame, self._socket.close_code = True, code
                self._end("client")
            return
        if frame.opcode not in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
            return
        self._fragments.append(frame)
        if not frame.fin:
            return
        is_text = self._fragments[0].opcode is Opcode.TEXT
        payload = b"".join(bytes(part.data) for part in self._fragments)
        self._fragments.clear()
        await self._process_message(server, payload, is_text=is_text)

    async def _process_message(self, server: ClientConnection, payload: bytes, *, is_text: bool) -> None:
        """Record a message of the client, and pass it on."""
        is_first = not self._socket.sent
        event = len(self._recording.events)
        message = Message(time.monotonic(), True, is_text, payload, event)
        self._socket.messages.append(message)
        if is_first:
            fields = json_object(payload)
            self._socket.target, self._socket.uuid = str(fields.get("target", "")), str(fields.get("uuid", ""))
        kind = "text" if is_text else "binary"
        text = describe(payload, self._socket.target, self._codec, is_first=is_first, from_client=True)
        self._recording.sent_event(self._socket.channel, kind, text, payload)
        step = steps.FIRST_MESSAGE if is_first else steps.VALUES if self._socket.target == CLUSTER else steps.CHUNK
        rule = self._exchange.rule_at(step)
        message.is_disturbed = rule is not None and rule.action != "delay"
        lost = {"drop", "go-away", "lose", "restart", *(() if step == steps.CHUNK else ("reject",))}
        message.delivered = rule is None or rule.action not in lost
        await self._apply_to_connection(rule)
        if rule is not None and rule.action == "go-away":
            await self._close(GOING_AWAY, "the server stops")
        elif rule is not None and rule.action == "reject" and step != steps.CHUNK:
            await self._reject(rule.body, is_first=is_first)
        elif rule is None or rule.action != "lose":
            if rule is not None and rule.action == "reject":
                payload = self._codec.encode_chunk(BEYOND_ANY_FILE, b"0")  # which the server rejects in its turn
            try:
                await server.send(payload, text=is_text)
            except ConnectionClosed:
                message.delivered = False
        if rule is not None and rule.action == "drop-after":
            await self._wait_for_answer(server)
            raise ResetByScenario

    async def _wait_for_answer(self, server: ClientConnection) -> None:
        """Let the server process what it was sent, whose answer is lost."""
        waiter = await server.ping()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(waiter, CLOSE_SECONDS)

    async def _apply_to_connection(self, rule: Rule | None) -> None:
        """Wait, or reset the connection, if a rule says so.

        Raises:
            ResetByScenario: If the connection was reset.
        """
        if rule is None:
            return
        if rule.action == "delay":
            await asyncio.sleep(rule.seconds)
        elif rule.action in ("drop", "restart"):
            what = f"the scenario resets the connection ({rule.action})"
            self._recording.note(self._socket.channel, "reset", what)
            if rule.action == "restart":
                await self._exchange.restart()
            raise ResetByScenario

    async def _reject(self, reason: str, *, is_first: bool) -> None:
        """Reject a first message, or one for a cluster, as the server does."""
        if is_first:
            await self._deliver(json.dumps({"success": False, "error": reason}).encode(), is_text=True)
            await self._close(POLICY_VIOLATION, reason)
        else:
            await self._close(INVALID_DATA, reason)

    # From the server to the client.

    async def _from_server(self, server: ClientConnection) -> None:
        try:
            while True:
                message = await server.recv()
                payload = message.encode("utf-8", "surrogateescape") if isinstance(message, str) else bytes(message)
                await self._process_answer(payload, is_text=isinstance(message, str))
        except ConnectionClosed as closed:
            if not self._socket.ended_by:
                code = closed.rcvd.code if closed.rcvd is not None else INTERNAL_ERROR
                await self._close(int(code), closed.rcvd.reason if closed.rcvd is not None else "")

    async def _process_answer(self, payload: bytes, *, is_text: bool) -> None:
        """Deliver an answer of the server, unless the scenario does something else with it."""
        step = self._step_of_answer(payload, is_first=self._is_unanswered)
        rule = self._exchange.rule_at(step)
        await self._apply_to_connection(rule)
        action = "" if rule is None else rule.action
        if rule is not None and action == "lose":
            self._note_answer(payload, is_text=is_text, delivered=False)
            self._socket.messages[-1].is_disturbed = True
        elif rule is not None and action == "text":
            await self._deliver(rule.body.encode(), is_text=not rule.binary)
        elif rule is not None and action == "leave-open":
            await self._deliver(self._left_open(payload), is_text=is_text)
        elif rule is not None and action == "fragment":
            await self._deliver(payload, is_text=is_text, fragment=rule.size)
        else:
            await self._deliver(payload, is_text=is_text)

    @property
    def _is_unanswered(self) -> bool:
        """Whether the last first message has no answer yet."""
        return self._socket.accepted == NEVER

    def _step_of_answer(self, payload: bytes, *, is_first: bool) -> str:
        if is_first:
            return steps.ACCEPTANCE
        if self._socket.target != CLUSTER:
            return steps.ACKNOWLEDGEMENT
        try:
            return steps.OUTPUT if self._codec.decode_io(payload).name else steps.REPLY
        except SchemaError:
            return steps.REPLY

    def _left_open(self, payload: bytes) -> bytes:
        """Return an output with isLast = false."""
        output = self._codec.decode_io(payload)
        kinds = {"process_type": output.process_type, "target_buffer": output.target_buffer}
        return self._codec.encode_io(output.name, output.values, is_last=False, **kinds)

    async def _deliver(self, payload: bytes, *, is_text: bool, fragment: int = 0) -> None:
        send: Callable[..., None] = self._ws.send_text if is_text else self._ws.send_binary
        try:
            if fragment and len(payload) > 1:
                self._send_fragments(payload, min(fragment, len(payload) - 1), send)
            else:
                send(payload)
        except InvalidState:  # the client has closed the websocket before it had its answers
            self._note_answer(payload, is_text=is_text, delivered=False)
            return
        self._note_answer(payload, is_text=is_text, delivered=True)  # before the client can react to it
        await self._flush()

    def _send_fragments(self, payload: bytes, size: int, send: Callable[..., None]) -> None:
        parts = [payload[begin : begin + size] for begin in range(0, len(payload), size)]
        send(parts[0], fin=False)
        self._ws.send_ping(b"between")
        for part in parts[1:-1]:
            self._ws.send_continuation(part, fin=False)
        self._ws.send_continuation(parts[-1], fin=True)

    def _note_answer(self, payload: bytes, *, is_text: bool, delivered: bool) -> None:
        is_first, event, at = self._is_unanswered, len(self._recording.events), time.monotonic()
        self._socket.messages.append(Message(at, False, is_text, payload, event, delivered))
        if is_first and delivered:
            accepts = json_object(payload).get("success") in (1, True)
            self._socket.accepted, self._socket.rejected = (at, NEVER) if accepts else (NEVER, at)
        text = describe(payload, self._socket.target, self._codec, is_first=is_first, from_client=False)
        if delivered:
            self._recording.received_event(self._socket.channel, "text" if is_text else "binary", text, payload)
        else:
            self._recording.note(self._socket.channel, "end", f"not delivered: {text}")

    # The end.

    async def _close(self, code: int, reason: str) -> None:
        """Close the websocket as the server does."""
        if self._socket.ended_by:
            return
        self._end("server")
        shown = f"close {code} {printable_line(reason)}".strip()
        self._recording.received_event(self._socket.channel, "close", shown)
        with contextlib.suppress(WebSocketException, ValueError):
            self._ws.send_close(code, reason)
        await self._flush()

    def _note_end_without_close(self) -> None:
        if not self._socket.ended_by:
            is_ours = self._exchange.is_restarting
            who = "the scenario" if is_ours else "the client"
            self._recording.note(self._socket.channel, "end", f"{who} ended the connection without a close frame")
            self._end("scenario" if is_ours else "client")

    def _end(self, who: str) -> None:
        if not self._socket.ended_by:
            self._socket.ended_by = who
            self._socket.ended = time.monotonic()

    async def _flush(self) -> None:
        for data in self._ws.data_to_send():
            if data:
                self._writer.write(data)
        with contextlib.suppress(OSError):
            await self._writer.drain()


def _raise_failures(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Raise what ended a task, such as a reset by the scenario."""
    for task in tasks:
        if task.done() and (error := task.exception()) is not None:
            raise error
