"""A proxy in front of a server that writes down, in one order, what goes over every connection."""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import struct
import threading
from types import TracebackType
from typing import Self

from hanami_conformance.common.child_process import ProcessError
from tools.bench.recording import Kind, Recording, Step

READ_SIZE = 256 * 1024  # bytes
RESET = struct.pack("ii", 1, 0)  # for SO_LINGER: close at once, by a reset
STOP_SECONDS = 5.0


class End:
    """One of the two ends of a relayed connection.

    Attributes:
        socket: Socket to the client or to the server.
        number: Number of the connection.
        is_client: Whether this is the socket to the client.
        other: Opposite end of the connection.
        waiting: Bytes that the socket has not accepted yet; nothing more is read for it until they are sent.
        is_over: Whether the peer sends no more.
        stuck_at: Number of steps when the socket last stopped accepting bytes; None while it accepts them.
    """

    def __init__(self, connection: socket.socket, number: int, *, is_client: bool) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setblocking(False)
        self.socket = connection
        self.number = number
        self.is_client = is_client
        self.other: End = self
        self.waiting = memoryview(b"")
        self.is_over = False
        self.stuck_at: int | None = None

    def reset(self) -> None:
        """Close it by a reset."""
        with contextlib.suppress(OSError):
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.socket.close()


class RecordingProxy:
    """Relays connections between a client and a server, in a thread of its own, between enter and exit.

    What it writes down is what it does to the server: who does the same again, in the same order, is the same client.

    Args:
        host: Host of the server.
        port: Port of the server.
    """

    def __init__(self, host: str, port: int) -> None:
        self._address = (host, port)
        self._steps: list[Step] = []
        self._opened = 0
        self._ends: set[End] = set()
        self._selector = selectors.DefaultSelector()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setblocking(False)
        self._wake, self._woken = os.pipe()
        self._thread = threading.Thread(target=self._run, name="recording proxy", daemon=True)
        self._failure: BaseException | None = None

    @property
    def url(self) -> str:
        """Address of the proxy."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(self._wake, selectors.EVENT_READ)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._woken)
        self._thread.join(STOP_SECONDS)
        for end in self._ends:
            end.socket.close()
        self._listener.close()
        self._selector.close()
        os.close(self._wake)

    def recording(self) -> Recording:
        """Return what was relayed, once it is over.

        Raises:
            ProcessError: If the proxy itself failed.
        """
        if self._failure is not None:
            raise ProcessError(f"the recording proxy failed: {self._failure!r}")
        return Recording.of(self._steps)

    def _run(self) -> None:
        try:
            while True:
                for key, events in self._selector.select():
                    if key.fileobj is self._listener:
                        self._accept()
                    elif key.fileobj == self._wake:
                        return
                    elif key.data in self._ends:  # an event before this one may have closed it
                        if events & selectors.EVENT_WRITE:
                            self._push(key.data)
                        if events & selectors.EVENT_READ and key.data in self._ends:
                            self._pull(key.data)
        except Exception as error:  # noqa: BLE001 - raised again by recording()
            self._failure = error

    def _accept(self) -> None:
        client, _ = self._listener.accept()
        try:
            server = socket.create_connection(self._address, STOP_SECONDS)
        except OSError:
            client.close()  # as the server would have done
            return
        number, self._opened = self._opened, self._opened + 1
        self._note(Kind.OPENED, number)
        ends = End(client, number, is_client=True), End(server, number, is_client=False)
        ends[0].other, ends[1].other = ends[1], ends[0]
        for end in ends:
            self._ends.add(end)
            self._selector.register(end.socket, selectors.EVENT_READ, end)

    def _pull(self, end: End) -> None:
        """Take what an end sent, and pass it on."""
        try:
            data = end.socket.recv(READ_SIZE)
        except BlockingIOError:
            return
        except OSError:
            self._break(end)
            return
        if not data:
            end.is_over = True
        elif not end.is_client:
            self._note(Kind.RECEIVED, end.number, data)
        end.other.waiting = memoryview(data)
        self._push(end.other)

    def _push(self, end: End) -> None:
        """Give an end what waits for it, then the end of it all, where that has come."""
        while end.waiting:
            try:
                count = end.socket.send(end.waiting)
            except BlockingIOError:
                end.stuck_at = len(self._steps) if end.stuck_at is None else end.stuck_at
                break
            except OSError:
                if end.is_client:
                    self._break(end)
                    return
                end.waiting = memoryview(b"")  # there may be an answer to read that says why
                break
            if not end.is_client:
                self._note(Kind.SENT, end.number, bytes(end.waiting[:count]))
            end.waiting = end.waiting[count:]
            end.stuck_at = None if not end.waiting else end.stuck_at
        if not end.waiting and end.other.is_over:
            self._note(Kind.CRASH if end.is_client else Kind.FINISHED, end.number)
            if end.is_over:
                for closed in (end, end.other):
                    self._forget(closed)
                    closed.socket.close()
                return
            with contextlib.suppress(OSError):
                end.socket.shutdown(socket.SHUT_WR)
        for side in (end, end.other):
            self._watch(side)

    def _break(self, end: End) -> None:
        """Reset the other end, as the first one was."""
        if end.stuck_at is not None and end.is_client:
            self._steps.insert(end.stuck_at, Step(Kind.NEGLECTED, end.number))  # only now it is known
        self._note(Kind.RESET if end.is_client else Kind.CRASH, end.number)
        self._forget(end)
        self._forget(end.other)
        end.socket.close()
        end.other.reset()

    def _watch(self, end: End) -> None:
        events = selectors.EVENT_WRITE if end.waiting else 0
        if not end.is_over and not end.other.waiting:
            events |= selectors.EVENT_READ
        key = self._selector.get_map().get(end.socket)
        if key is None:
            if events:
                self._selector.register(end.socket, events, end)
        elif not events:
            self._selector.unregister(end.socket)
        elif key.events != events:
            self._selector.modify(end.socket, events, end)

    def _forget(self, end: End) -> None:
        self._ends.discard(end)
        if end.socket.fileno() in self._selector.get_map():
            self._selector.unregister(end.socket)

    def _note(self, kind: Kind, number: int, data: bytes = b"") -> None:
        self._steps.append(Step(kind, number, data))
