"""A websocket for load: frames go out as they are, messages come back whole, every wait has a deadline.

Built on the Sans-I/O layer of ``websockets`` over a plain socket, which gevent makes cooperative where Locust runs.
No extensions, no pings of its own.
"""

from __future__ import annotations

import contextlib
import json
import logging
import select
import socket
import ssl
import struct
import time
from collections import deque
from collections.abc import Callable

from websockets.client import ClientProtocol
from websockets.frames import CloseCode, Frame, Opcode
from websockets.protocol import State
from websockets.uri import parse_uri

from hanami_conformance.clients.json_response import json_object
from hanami_conformance.common.text import printable_line
from hanami_loadtests.engine.failures import ConnectionLost, NoAnswer, Refused

READ_SIZE = 1 << 16
CLOSE_SECONDS = 1.0
MOST_MESSAGE = 1 << 26  # bytes that a target may send as one message
HEAD_END = b"\r\n\r\n"  # of the answer to the handshake
WHOLE_BINARY = 0x82  # first byte of a frame: the last of its message, binary, no extension
LENGTH_IN_2 = 126  # second byte of an unmasked frame, where the length is in the next two; above, it is longer
_SILENT = logging.getLogger("loadtests.websocket")
_SILENT.disabled = True  # the library logs whole messages, tokens among them
clock: Callable[[], float] = time.perf_counter


class Connection:
    """One websocket.

    Args:
        url: ``ws://`` or ``wss://`` address.
        deadline: seconds that the handshake, and the sending of one frame, may take.
        ssl_context: for ``wss``.
    """

    def __init__(self, url: str, deadline: float, ssl_context: ssl.SSLContext | None = None) -> None:
        self._deadline = deadline
        self._protocol = ClientProtocol(parse_uri(url), max_size=MOST_MESSAGE, logger=_SILENT)
        self._messages: deque[bytes] = deque()
        self._fragments: list[bytes] = []
        self._ended = ""
        self._half: int | None = None  # bytes of a frame that is not whole yet; None where nobody knows
        uri = self._protocol.uri
        try:
            self._socket = socket.create_connection((uri.host, uri.port), deadline)
        except TimeoutError as error:
            raise NoAnswer(f"no connection within {deadline:g} s") from error
        except OSError as error:
            raise ConnectionLost(f"no connection: {error}") from error
        try:
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if ssl_context is not None:
                self._socket = ssl_context.wrap_socket(self._socket, server_hostname=uri.host)
            self._shake_hands()
        except OSError as error:
            self.abort()
            raise ConnectionLost(f"no websocket: {error}") from error
        except BaseException:
            self.abort()
            raise

    def _shake_hands(self) -> None:
        end = clock() + self._deadline
        self._protocol.send_request(self._protocol.connect())
        self._flush()
        while self._protocol.state is State.CONNECTING and self._protocol.handshake_exc is None:
            if self._ended:
                break
            if clock() >= end or not self._read(end - clock()):
                raise NoAnswer(f"no answer to the websocket handshake within {self._deadline:g} s")
        if self._protocol.handshake_exc is not None:
            raise Refused(f"websocket handshake: {self._protocol.handshake_exc}")
        if self._ended:
            raise ConnectionLost(f"websocket handshake: {self._ended}")

    def fileno(self) -> int:
        """Of the socket."""
        return self._socket.fileno()

    def attach(self, token: str, uuid: str, target: str) -> None:
        """Send the first message and wait until it is accepted (both workflows, step 2).

        Args:
            token: REST token.
            uuid: of a file or a cluster.
            target: ``file_upload`` or ``cluster``.

        Raises:
            Refused: it was answered, and not with success.
            NoAnswer, ConnectionLost: it was not answered.
        """
        first = json.dumps({"token": token, "uuid": uuid, "target": target}).encode()
        self.send(Frame(Opcode.TEXT, first).serialize(mask=True))
        payload = self.receive(self._deadline)
        if payload is None:
            raise NoAnswer(f"no answer to the first message within {self._deadline:g} s")
        answer = json_object(payload)
        if answer is None or answer.get("success") not in (1, True):
            raise Refused(f"the first message was not accepted: {printable_line(payload.decode('utf-8', 'replace'))}")

    def send(self, frame: bytes) -> None:
        """Send a frame that is ready to go.

        What comes meanwhile is read, so that a target which waits for us to read its answers goes on.

        Raises:
            ConnectionLost: the connection is gone.
            NoAnswer: the target does not take it until the deadline.
        """
        if self._ended:
            raise ConnectionLost(self._ended)
        end = clock() + self._deadline
        view = memoryview(frame)
        self._socket.settimeout(0)
        try:
            while view:
                try:
                    view = view[self._socket.send(view) :]
                except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
                    self._wait_writable(end)
        except OSError as error:
            self._read_rest(error)
            raise ConnectionLost(self._ended) from error

    def _wait_writable(self, end: float) -> None:
        left = end - clock()
        if left <= 0:
            raise NoAnswer(f"the target takes no more bytes within {self._deadline:g} s")
        poller = select.poll()  # not select, which refuses descriptors from 1024 on
        poller.register(self._socket, select.POLLIN | select.POLLOUT)
        if any(event & ~select.POLLOUT for _, event in poller.poll(left * 1000)):
            self._read(0)
            self._socket.settimeout(0)
            if self._ended:
                raise ConnectionLost(self._ended)

    def receive(self, timeout: float) -> bytes | None:
        """Return the next message.

        Args:
            timeout: seconds to wait for it; 0 or less for what is there already.

        Returns:
            Its payload, None where none came in time.

        Raises:
            ConnectionLost: the connection ended, and every message before that was received.
        """
        if self._messages:
            return self._messages.popleft()
        end = clock() + timeout
        while True:
            if self._ended:
                raise ConnectionLost(self._ended)
            if not self._read(end - clock()):
                return None
            if self._messages:
                return self._messages.popleft()
            if clock() >= end:  # also while something else keeps coming
                return None

    def _read(self, timeout: float) -> bool:
        """Read once; False where nothing came in time."""
        try:
            self._socket.settimeout(max(timeout, 0))
            data = self._socket.recv(READ_SIZE)
        except (TimeoutError, BlockingIOError, ssl.SSLWantReadError):
            return False
        except OSError as error:
            self._ended = f"the connection broke: {error}"
            return True
        if data and self._half == 0 and not self._fragments:
            data = self._take_plain(data)
            if not data:
                return True
        self._parse(data)
        return True

    def _parse(self, data: bytes) -> None:
        """Let the library read what came; nothing for the end."""
        connecting = self._protocol.state is State.CONNECTING
        if connecting and data.endswith(HEAD_END) and data.count(HEAD_END) == 1:
            self._half = 0
        elif self._half is not None:
            self._half += len(data)
        if data:
            self._protocol.receive_data(data)
        else:
            self._protocol.receive_eof()
        for event in self._protocol.events_received():
            if isinstance(event, Frame) and self._half is not None:
                self._half -= _wire_size(len(event.data))
            if isinstance(event, Frame) and event.opcode in (Opcode.BINARY, Opcode.TEXT, Opcode.CONT):
                self._take(event)
        if not data or self._protocol.close_rcvd is not None or self._protocol.parser_exc is not None:
            self._ended = self._ending()
        with contextlib.suppress(OSError):
            self._flush()  # a pong, or the answer to a close

    def _take_plain(self, data: bytes) -> bytes:
        """Take whole binary messages of one frame each, which nearly all are: what is not so plain is left.

        The library takes three times as long for them, which shows in the number of round trips.
        """
        at, size = 0, len(data)
        while size - at >= 2 and data[at] == WHOLE_BINARY:
            length, begin = data[at + 1], at + 2
            if length == LENGTH_IN_2 and size - at >= 4:
                length, begin = int.from_bytes(data[at + 2 : at + 4], "big"), at + 4
                if length < LENGTH_IN_2:
                    break  # longer than need be: the library judges that
            elif length >= LENGTH_IN_2:
                break
            if size - begin < length:
                break
            at = begin + length
            self._messages.append(data[begin:at])
        return data[at:]

    def _take(self, frame: Frame) -> None:
        if frame.fin and not self._fragments:
            self._messages.append(bytes(frame.data))
            return
        self._fragments.append(bytes(frame.data))
        if frame.fin:
            self._messages.append(b"".join(self._fragments))
            self._fragments.clear()

    def _ending(self) -> str:
        if self._protocol.parser_exc is not None:
            return f"what came is no websocket: {self._protocol.parser_exc}"
        close = self._protocol.close_rcvd
        if close is None:
            return "the target ended the connection without a word"
        return f"the target closed with {close.code} {printable_line(close.reason)}".rstrip()

    def _read_rest(self, error: OSError) -> None:
        """After a broken send: a close frame that came before says why."""
        with contextlib.suppress(OSError):
            while not self._ended and self._read(0):
                pass
        self._ended = self._ended or f"the connection broke: {error}"

    def _flush(self) -> None:
        self._socket.settimeout(self._deadline)
        for data in self._protocol.data_to_send():
            if data:
                self._socket.sendall(data)

    def surplus(self) -> int:
        """Return number of messages that came and were not received."""
        return len(self._messages)

    def close(self) -> int:
        """Close cleanly, and wait a moment for the target to answer the close.

        Returns:
            Number of messages that came and nobody asked for.
        """
        with contextlib.suppress(OSError):
            if self._protocol.state is State.OPEN and not self._ended:
                self._protocol.send_close(CloseCode.NORMAL_CLOSURE, "")
                self._flush()
                end = clock() + min(CLOSE_SECONDS, self._deadline)
                while not self._ended and self._read(end - clock()):
                    pass
        with contextlib.suppress(OSError):
            self._socket.close()
        return len(self._messages)

    def abort(self) -> None:
        """Break the connection off with a TCP reset."""
        with contextlib.suppress(OSError):
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        with contextlib.suppress(OSError):
            self._socket.close()


def _wire_size(payload: int) -> int:
    """Bytes of an unmasked frame, as short as it can be.

    Of one that is longer some bytes seem to be left for ever, so that the library reads all that comes after it.
    """
    return payload + (2 if payload < LENGTH_IN_2 else 4 if payload < 1 << 16 else 10)
