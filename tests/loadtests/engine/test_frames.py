"""Messages come whole, whatever frames they come in and wherever the network cuts these."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest
from websockets.frames import Frame, Opcode
from websockets.server import ServerProtocol

from hanami_conformance.clients.endpoint import Endpoint
from hanami_loadtests.engine.connection import Connection
from hanami_loadtests.engine.failures import ConnectionLost
from hanami_loadtests.engine.frames import binary_frame

PATIENCE = 10.0  # seconds; only reached when something is broken
SIZES = (0, 1, 125, 126, 127, 255, 65535, 65536, 70000)


def frame(opcode: Opcode, payload: bytes, *, fin: bool = True) -> bytes:
    return Frame(opcode, payload, fin).serialize(mask=False)


@contextlib.contextmanager
def peer_that_sends(pieces: list[bytes]) -> Iterator[str]:
    """A server that accepts a websocket, sends these bytes, each piece by itself, and ends; its address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                connection.settimeout(PATIENCE)
                protocol = ServerProtocol()
                while not (events := protocol.events_received()):
                    protocol.receive_data(connection.recv(4096))
                protocol.send_response(protocol.accept(events[0]))  # type: ignore[arg-type]
                connection.sendall(b"".join(protocol.data_to_send()))
                connection.recv(4096)  # now it is open at the other end, too
                with contextlib.suppress(OSError):  # who has seen enough goes
                    for piece in pieces:
                        connection.sendall(piece)
                    connection.shutdown(socket.SHUT_WR)
                    while connection.recv(4096):
                        pass

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"ws://127.0.0.1:{listener.getsockname()[1]}/"
        finally:
            thread.join(PATIENCE)


@pytest.mark.parametrize("begin", [b"", b"HTTP/1.1 101 Swit"])
def test_a_handshake_without_a_whole_answer_is_a_lost_connection(begin: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(PATIENCE)
                connection.recv(4096)
                connection.sendall(begin)

        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises(ConnectionLost, match="websocket handshake: "):
            Connection(Endpoint(f"ws://127.0.0.1:{listener.getsockname()[1]}/"), PATIENCE)
        thread.join(PATIENCE)


def received(pieces: list[bytes], count: int) -> tuple[list[bytes], str]:
    """That many messages, and how the connection ends then."""
    with peer_that_sends(pieces) as url:
        connection = Connection(Endpoint(url), PATIENCE)
        connection.send(binary_frame(b"begin"))
        messages = [connection.receive(PATIENCE) for _ in range(count)]
        with pytest.raises(ConnectionLost) as ending:
            connection.receive(PATIENCE)
        connection.close()
    assert None not in messages
    return [message for message in messages if message is not None], str(ending.value)


def cut(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


@pytest.mark.parametrize("piece", [1, 2, 3, 127, 4096, 10**6])
def test_frames_of_every_kind_cut_anywhere(piece: int) -> None:
    # Short ones where the network cuts after every byte, so that it does not take long.
    sizes = SIZES if piece >= 127 else (0, 1, 125, 126, 127, 255)
    wanted, sent = [], b""
    for number, size in enumerate(sizes):
        payload = bytes([number]) * size
        sent += frame(Opcode.BINARY, payload)
        sent += frame(Opcode.BINARY, b"be", fin=False) + frame(Opcode.PING, b"?")
        sent += frame(Opcode.CONT, payload, fin=False) + frame(Opcode.CONT, b"end")
        sent += frame(Opcode.TEXT, b"{}") + frame(Opcode.PONG, b"") + frame(Opcode.BINARY, payload)
        wanted += [payload, b"be" + payload + b"end", b"{}", payload]
    sent += frame(Opcode.CLOSE, (1000).to_bytes(2, "big") + b"done")
    messages, ending = received(cut(sent, piece), len(wanted))
    assert messages == wanted
    assert ending == "close 1000 'done'"


@pytest.mark.parametrize(
    "wrong",
    [
        frame(Opcode.BINARY, b"be", fin=False) + frame(Opcode.BINARY, b"another"),
        b"\xc2\x01x",  # a bit of an extension that nobody agreed on
        Frame(Opcode.BINARY, b"masked").serialize(mask=True),
        b"\x83\x01x",  # an opcode that does not exist
    ],
    ids=["message in a message", "extension", "masked", "opcode"],  # the mask is another in each process
)
@pytest.mark.parametrize("piece", [1, 100])
def test_malformed_frames_end_the_connection_after_the_valid_ones(wrong: bytes, piece: int) -> None:
    messages, ending = received(cut(frame(Opcode.BINARY, b"right") + wrong + frame(Opcode.BINARY, b"late"), piece), 1)
    assert messages == [b"right"]
    assert "malformed websocket frame" in ending
