"""Defects of the first message: dropped connections, poisoned workers, and clusters that are not one's own."""

from __future__ import annotations

import json
import socket as sockets
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from support.backend_peer import DEADLINE, Peer
from support.simulators import (
    EACH,
    HANAMI,
    OPENHANAMI,
    SOON,
    Simulator,
    lost_workers,
    opened,
    send_first_message,
    simulator,
)

HANDSHAKE = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="
UNKNOWN = "6b0a0b06-9c0c-4f4e-8e0e-6a1c2b3d4e5f"


def answer_of(peer: Peer, fields: object) -> object:
    with opened(peer) as connection:
        return send_first_message(connection, fields)


@EACH
@pytest.mark.parametrize("message", ["[]", '"x"', "1", "true"])
def test_a_first_message_without_an_object_poisons_a_worker(tmp_path: Path, server: str, message: str) -> None:
    with (
        simulator(tmp_path, server, "first-messages-without-an-object-poison-a-worker") as running,
        Peer(running) as peer,
    ):
        assert answer_of(peer, message) is None
        assert peer.status("cluster.list") == 200
        assert lost_workers(peer) == 1
        assert lost_workers(peer) == 0  # it is lost, so it takes no more connections
        assert peer.status("cluster.list") == 200


@EACH
def test_four_poisoned_workers_are_the_end(tmp_path: Path, server: str) -> None:
    with (
        simulator(tmp_path, server, "first-messages-without-an-object-poison-a-worker") as running,
        Peer(running) as peer,
    ):
        for _ in range(4):
            assert answer_of(peer, "[]") is None
        assert lost_workers(peer) == 4
        with pytest.raises(TimeoutError):
            running.raw(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", wait=0.3)


@EACH
@pytest.mark.parametrize("uuid", [None, 1, [], {}])
def test_a_first_message_without_a_uuid_poisons_a_worker(tmp_path: Path, server: str, uuid: object) -> None:
    with simulator(tmp_path, server, "first-messages-without-a-uuid-poison-a-worker") as running, Peer(running) as peer:
        assert answer_of(peer, {"token": "x", "uuid": uuid, "target": "cluster"}) is not None
        assert lost_workers(peer) == 0
        assert answer_of(peer, {"token": peer.token, "uuid": uuid, "target": "cluster"}) is None
        assert lost_workers(peer) == 1


@EACH
def test_a_reset_after_the_first_message_poisons_a_worker(tmp_path: Path, server: str) -> None:
    with (
        simulator(tmp_path, server, "resets-after-the-first-message-poison-a-worker") as running,
        Peer(running) as peer,
    ):
        with connected(running) as connection:
            message = json.dumps({"token": peer.token, "uuid": UNKNOWN, "target": "file_upload"}).encode()
            connection.sendall(masked_text(message))
            connection.setsockopt(sockets.SOL_SOCKET, sockets.SO_LINGER, struct.pack("ii", 1, 0))
        assert lost_workers(peer) == 1


@contextmanager
def connected(running: Simulator) -> Iterator[sockets.socket]:
    """Finish the handshake of a websocket on a plain connection, whose end is ours to choose."""
    request = f"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{HANDSHAKE}\r\n\r\n"
    with sockets.create_connection(("127.0.0.1", running.port), DEADLINE) as connection:
        connection.sendall(request.encode())
        assert connection.recv(4096).startswith(b"HTTP/1.1 101 ")
        yield connection


def masked_text(content: bytes) -> bytes:
    """Return a text frame of 126 to 65535 bytes with a mask of zeros."""
    return struct.pack(">BBH4x", 0x81, 0x80 | 126, len(content)) + content


def test_an_unknown_cluster_crashes(tmp_path: Path) -> None:
    with simulator(tmp_path, HANAMI, "unknown-clusters-crash") as running, Peer(running) as peer:
        assert answer_of(peer, {"token": "x", "uuid": UNKNOWN, "target": "cluster"}) is not None
        assert answer_of(peer, {"token": peer.token, "uuid": UNKNOWN, "target": "cluster"}) is None
        assert running.crash() == "unknown-clusters-crash"


def test_an_unknown_cluster_is_rejected(tmp_path: Path) -> None:
    with simulator(tmp_path, OPENHANAMI, "answers-drift") as running, Peer(running) as peer:
        answer = answer_of(peer, {"token": peer.token, "uuid": UNKNOWN, "target": "cluster"})
        assert isinstance(answer, dict)
        assert answer["success"] is False


def test_a_condition_in_a_uuid_crashes(tmp_path: Path) -> None:
    name = "conditions-in-a-uuid-crash"
    with simulator(tmp_path, OPENHANAMI, name) as running, Peer(running) as peer:
        fields = {"token": peer.token, "uuid": "x' OR 'x'='x", "target": "cluster"}
        assert answer_of(peer, fields | {"token": "x"}) is not None
        assert answer_of(peer, fields) is None
        assert running.crash() == name


@EACH
def test_a_quote_in_a_uuid_stops_the_server(tmp_path: Path, server: str) -> None:
    with simulator(tmp_path, server, "quotes-in-a-uuid-stop-the-server") as running, Peer(running) as peer:
        fields = {"token": peer.token, "uuid": f"{UNKNOWN}'", "target": "cluster"}
        assert answer_of(peer, fields | {"token": "x"}) is not None
        assert peer.status("cluster.list") == 200
        assert answer_of(peer, fields) is not None
        with pytest.raises(httpx.ReadTimeout):
            peer.http.get(running.dialect.route("cluster.list").path, timeout=SOON)


def test_the_cluster_of_another_user_is_taken(tmp_path: Path) -> None:
    with simulator(tmp_path, HANAMI, "clusters-of-others-taken") as running, Peer(running) as peer:
        uuid = peer.cluster()
        with Peer(running, "bob") as bob:
            assert answer_of(bob, {"token": bob.token, "uuid": uuid, "target": "cluster"}) == {"success": True}
            assert bob.status("cluster.get", uuid=uuid) == 404
