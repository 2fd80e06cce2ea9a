"""A lean blocking websocket client, the same for every server, so that its own cost weighs on all alike."""

from __future__ import annotations

import json
import socket
import time
from collections import deque
from collections.abc import Iterable
from types import TracebackType
from typing import NoReturn, Self
from urllib.parse import urlsplit

from websockets.client import ClientProtocol
from websockets.exceptions import WebSocketException
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.uri import parse_uri

from hanami_conformance.common.child_process import ProcessError

TIMEOUT = 10.0  # seconds for a connection, and for each answer
READ_SIZE = 64 * 1024  # bytes


class WebSocket:
    """A connection on which each message is answered by one message. No extensions, no limit of size.

    Args:
        title: Name of the server in messages.
        url: Address as ``http://host:port/path``.

    Raises:
        ProcessError: If no websocket opens there.
    """

    def __init__(self, title: str, url: str) -> None:
        self._title = title
        address = urlsplit(url)
        self._protocol = ClientProtocol(parse_uri(f"ws://{address.netloc}{address.path}"), max_size=None)
        self._messages: deque[bytes] = deque()
        self._fragments: list[bytes] = []
        try:
            self._socket = socket.create_connection((address.hostname, address.port), TIMEOUT)
        except OSError as error:
            raise ProcessError(f"{title} does not take connections: {error}") from error
        try:
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._protocol.send_request(self._protocol.connect())
            self._flush()
            while self._protocol.state is State.CONNECTING:
                self._read()
        except BaseException:
            self._socket.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Say goodbye and leave, without waiting for the answer."""
        try:
            if self._protocol.state is State.OPEN:
                self._protocol.send_close(1000)
                self._flush()
        except ProcessError:
            pass  # gone already
        finally:
            self._socket.close()

    def exchange(self, message: bytes) -> bytes:
        """Send a binary message and wait for its answer.

        Raises:
            ProcessError: If there was more than one answer to the message before, or none to this one.
        """
        if self._protocol.state is not State.OPEN:
            self._fail_closed()
        self._protocol.send_binary(message)
        return self._answer()

    def attach(self, first_message: dict[str, str]) -> None:
        """Send the JSON text that comes first on every Hanami websocket, and wait for success.

        Raises:
            ProcessError: If the first message is rejected.
        """
        self._protocol.send_text(json.dumps(first_message).encode())
        answer = self._answer()
        try:
            accepted = json.loads(answer)["success"] in (1, True)
        except (ValueError, KeyError, TypeError):
            accepted = False
        if not accepted:
            self._fail(f"did not accept the websocket: {answer[:200]!r}")

    def _answer(self) -> bytes:
        if self._messages:
            self._fail("sent more than one answer to a message")
        self._flush()
        while not self._messages:
            self._read()
        return self._messages.popleft()

    def _flush(self) -> None:
        try:
            for data in self._protocol.data_to_send():
                self._socket.sendall(data)
        except TimeoutError:
            self._fail(f"took no data for {TIMEOUT:g} s")
        except OSError as error:
            self._fail(f"broke the connection: {error}")

    def _read(self) -> None:
        try:
            data = self._socket.recv(READ_SIZE)
        except TimeoutError:
            self._fail(f"gave no answer within {TIMEOUT:g} s")
        except OSError as error:
            self._fail(f"broke the connection: {error}")
        try:
            if data:
                self._protocol.receive_data(data)
            else:
                self._protocol.receive_eof()
        except WebSocketException as error:  # pragma: no cover - the state shows it instead
            self._fail(f"broke the websocket protocol: {error}")
        for event in self._protocol.events_received():
            if isinstance(event, Frame) and event.opcode in (Opcode.BINARY, Opcode.TEXT, Opcode.CONT):
                self._fragments.append(bytes(event.data))
                if event.fin:
                    self._messages.append(b"".join(self._fragments))
                    self._fragments.clear()
        if not data or self._protocol.state not in (State.CONNECTING, State.OPEN):
            if not self._messages:
                self._fail_closed()
            return  # the messages before the close count
        self._flush()  # a pong, if there was a ping

    def _fail_closed(self) -> NoReturn:
        close = self._protocol.close_rcvd
        self._fail(f"ended the connection: {close or self._protocol.handshake_exc or 'without a word'}")

    def _fail(self, text: str) -> NoReturn:
        raise ProcessError(f"{self._title} {text}")


def exchange_for(connection: WebSocket, messages: Iterable[bytes], seconds: float) -> tuple[list[bytes], float]:
    """Send one message after the other, each when the one before is answered.

    Args:
        connection: Attached connection.
        messages: Messages to send in turn, at least one.
        seconds: Time after which no new exchange begins.

    Returns:
        The answers, not looked at yet, and the time that it took, seconds.

    Raises:
        ProcessError: If an answer is missing.
    """
    answers: list[bytes] = []
    start = time.perf_counter()
    now, end = start, start + seconds
    for message in messages:
        answers.append(connection.exchange(message))
        now = time.perf_counter()
        if now >= end:
            break
    return answers, now - start
