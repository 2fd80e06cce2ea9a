"""Defects of an upload: what counts as complete, what is finalized, and what stays of it."""

from __future__ import annotations

import json
import select
import socket as sockets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from hanami_reference_backend.common.settings import MIB
from support.backend_peer import DEADLINE, Peer, fresh_name
from support.simulators import EACH, HANAMI, OPENHANAMI, Simulator, attached, simulator

SEGMENT = 128 * 1024
TABLE = b"a,b\n1,2\n3,4\n"


def begin(peer: Peer, size: int, chunks: list[tuple[int, bytes]]) -> dict[str, str]:
    """Begin an upload, and send chunks that must be accepted."""
    upload = peer.begin_csv(size)
    with attached(peer, upload["uuid_input_file"]) as socket:
        for position, data in chunks:
            assert peer.put(socket, position, data) == ""
    return upload


def is_complete(peer: Peer, upload: dict[str, str]) -> bool:
    return bool(peer.ok("dataset.progress", uuid=upload["uuid"])["complete"])


def finalize(peer: Peer, upload: dict[str, str], file: str = "") -> int:
    return peer.status("csv.finalize", uuid=upload["uuid"], uuid_input_file=file or upload["uuid_input_file"])


@EACH
def test_the_last_partial_segment_is_not_counted(tmp_path: Path, server: str) -> None:
    with simulator(tmp_path, server, "last-partial-segment-is-not-counted") as running, Peer(running) as peer:
        assert is_complete(peer, begin(peer, SEGMENT + 10, [(0, bytes(SEGMENT))]))
        assert not is_complete(peer, begin(peer, SEGMENT + 10, [(0, bytes(SEGMENT - 1))]))
        assert not is_complete(peer, begin(peer, 10, [(0, bytes(9))]))
        assert not is_complete(peer, begin(peer, 2 * SEGMENT, [(0, bytes(SEGMENT))]))


@EACH
def test_any_message_completes_its_segment(tmp_path: Path, server: str) -> None:
    with simulator(tmp_path, server, "any-message-completes-its-segment") as running, Peer(running) as peer:
        assert is_complete(peer, begin(peer, 2 * SEGMENT, [(7, b"x"), (SEGMENT, b"")]))
        assert not is_complete(peer, begin(peer, 2 * SEGMENT, [(7, b"x")]))
        assert is_complete(peer, begin(peer, 2 * SEGMENT, [(0, bytes(2 * SEGMENT))]))


@EACH
def test_a_segment_in_a_larger_message_stays_missing(tmp_path: Path, server: str) -> None:
    with simulator(tmp_path, server, "segments-in-larger-messages-stay-missing") as running, Peer(running) as peer:
        assert not is_complete(peer, begin(peer, 2 * SEGMENT, [(0, bytes(2 * SEGMENT))]))
        assert is_complete(peer, begin(peer, 2 * SEGMENT, [(0, bytes(SEGMENT)), (SEGMENT, bytes(SEGMENT))]))
        assert is_complete(peer, begin(peer, 9, [(0, bytes(9))]))


@EACH
def test_progress_after_a_restart_crashes(tmp_path: Path, server: str) -> None:
    name = "progress-after-a-restart-crashes"
    with simulator(tmp_path, server, name) as running, Peer(running) as peer:
        upload = peer.begin_csv(10)
        assert not is_complete(peer, upload)
    with simulator(tmp_path, server, name) as running, Peer(running) as peer:
        assert peer.status("dataset.progress", uuid="6fa459ea-ee8a-4ca4-894e-db77e160355e") == 404
        with pytest.raises(httpx.TransportError):
            is_complete(peer, upload)
        assert running.crash() == name


@EACH
def test_a_deleted_upload_takes_chunks(tmp_path: Path, server: str) -> None:
    with simulator(tmp_path, server, "deleted-uploads-take-chunks") as running, Peer(running) as peer:
        upload = peer.begin_csv(10)
        with attached(peer, upload["uuid_input_file"]) as socket:
            assert peer.ok("dataset.delete", uuid=upload["uuid"]) == {}
            assert peer.put(socket, 0, b"x") == ""
        with attached(peer, upload["uuid_input_file"]) as socket:
            assert peer.put(socket, 0, b"x") == ""
        assert peer.status("dataset.progress", uuid=upload["uuid"]) == 404
        assert peer.ok("dataset.list")["body"] == []


@EACH
def test_an_incomplete_upload_is_finalized(tmp_path: Path, server: str) -> None:
    names = ("incomplete-uploads-finalized", "unreadable-cells-are-zero")
    with simulator(tmp_path, server, *names) as running, Peer(running) as peer:
        upload = begin(peer, len(TABLE) + 10, [(0, TABLE)])
        assert finalize(peer, upload) == 200
        rows = peer.dialect.rows_keys[0]
        assert peer.ok("dataset.get", uuid=upload["uuid"])[rows] == 2
        assert finalize(peer, upload) == 404


@contextmanager
def finalizing(running: Simulator, peer: Peer, upload: dict[str, str]) -> Iterator[sockets.socket]:
    """Request a finalize on a connection of its own, whose response is not read yet."""
    body = json.dumps({"uuid": upload["uuid"], "uuid_input_file": upload["uuid_input_file"]})
    lines = (f"Host: x\r\nX-Auth-Token: {peer.token}", f"Content-Length: {len(body)}", "", body)
    request = "\r\n".join((f"PUT {peer.dialect.route('csv.finalize').path} HTTP/1.1", *lines))
    with sockets.create_connection(("127.0.0.1", running.port), DEADLINE) as connection:
        connection.sendall(request.encode())
        yield connection


@EACH
def test_an_incomplete_upload_is_finalized_beside_other_requests(tmp_path: Path, server: str) -> None:
    names = ("incomplete-uploads-finalized", "unreadable-cells-are-zero")
    with simulator(tmp_path, server, *names, speed=1) as running, Peer(running) as peer:
        upload = begin(peer, MIB // 2, [(0, TABLE)])
        with finalizing(running, peer, upload) as connection:
            assert peer.status("cluster.list") == 200
            assert select.select([connection], [], [], 0)[0] == []  # the table takes seconds
            assert connection.recv(4096).startswith(b"HTTP/1.1 200 ")


@EACH
def test_an_upload_that_is_deleted_while_it_is_finalized_is_unknown(tmp_path: Path, server: str) -> None:
    names = ("incomplete-uploads-finalized", "unreadable-cells-are-zero")
    with simulator(tmp_path, server, *names, speed=1) as running, Peer(running) as peer:
        upload = begin(peer, MIB // 2, [(0, TABLE)])
        with finalizing(running, peer, upload) as connection:
            assert peer.ok("dataset.delete", uuid=upload["uuid"]) == {}
            assert connection.recv(4096).startswith(b"HTTP/1.1 404 ")
        assert peer.ok("dataset.list")["body"] == []


@EACH
def test_the_file_of_another_dataset_is_finalized(tmp_path: Path, server: str) -> None:
    name = "files-of-others-finalized-or-crash" if server == HANAMI else "files-of-others-finalized"
    with simulator(tmp_path, server, name) as running, Peer(running) as peer:
        one, other = (begin(peer, len(TABLE), [(0, TABLE)]) for _ in range(2))
        assert finalize(peer, one, other["uuid_input_file"]) == 200
        assert finalize(peer, other) == 404


def test_a_chunk_after_finalize_is_accepted(tmp_path: Path) -> None:
    name = "chunks-on-an-open-socket-accepted-after-finalize"
    with simulator(tmp_path, HANAMI, name) as running, Peer(running) as peer:
        upload = begin(peer, len(TABLE), [(0, TABLE)])
        with attached(peer, upload["uuid_input_file"]) as socket:
            assert finalize(peer, upload) == 200
            assert peer.put(socket, 0, b"x") == ""
        assert peer.ok("dataset.get", uuid=upload["uuid"])["lines"] == 2


def test_a_chunk_after_finalize_crashes(tmp_path: Path) -> None:
    name = "chunks-after-finalize-crash"
    with simulator(tmp_path, OPENHANAMI, name) as running, Peer(running) as peer:
        upload = begin(peer, len(TABLE), [(0, TABLE)])
        with attached(peer, upload["uuid_input_file"]) as socket:
            assert finalize(peer, upload) == 200
            socket.send(peer.codec.encode_chunk(0, b"x"))
            assert running.crash() == name


def test_the_file_of_another_user_crashes(tmp_path: Path) -> None:
    name = "files-of-others-finalized-or-crash"
    with simulator(tmp_path, HANAMI, name) as running, Peer(running) as peer, Peer(running, "bob") as bob:
        one, other = begin(peer, len(TABLE), [(0, TABLE)]), begin(bob, len(TABLE), [(0, TABLE)])
        assert finalize_raw(running, peer, one, other) == b""
        assert running.crash() == name


def finalize_raw(running: Simulator, peer: Peer, one: dict[str, str], other: dict[str, str]) -> bytes:
    body = f'{{"uuid": "{one["uuid"]}", "uuid_input_file": "{other["uuid_input_file"]}"}}'.encode()
    path = peer.dialect.route("csv.finalize").path
    return running.request("PUT", path, f"X-Auth-Token: {peer.token}", body=body)


@EACH
def test_swapped_files_and_wrong_kinds_are_finalized(tmp_path: Path, server: str) -> None:
    names = ("swapped-files-and-wrong-kinds-finalized", "anything-is-an-idx-file", "unreadable-cells-are-zero")
    with simulator(tmp_path, server, *names) as running, Peer(running) as peer:
        for _ in range(2):
            upload = peer.begin_mnist(4, 4)
            for key in ("uuid_input_file", "uuid_label_file"):
                peer.send_file(upload[key], bytes(4))
        assert (
            peer.status(
                "mnist.finalize",
                uuid=upload["uuid"],
                uuid_input_file=upload["uuid_label_file"],
                uuid_label_file=upload["uuid_input_file"],
            )
            == 200
        )
        wrong = peer.begin_mnist(len(TABLE), 1)
        peer.send_file(wrong["uuid_input_file"], TABLE)
        peer.send_file(wrong["uuid_label_file"], b"x")
        assert finalize(peer, wrong) == 200


@EACH
def test_invalid_content_gets_500(tmp_path: Path, server: str) -> None:
    with simulator(tmp_path, server, "invalid-content-gets-500") as running, Peer(running) as peer:
        assert finalize(peer, begin(peer, 5, [(0, b"a,b\nx")])) == 500
        assert finalize(peer, begin(peer, len(TABLE), [(0, TABLE)])) == 200


def long_named(peer: Peer) -> dict[str, str]:
    name = fresh_name().ljust(peer.dialect.name_length[1], "x")
    upload = peer.ok("csv.init", name=name, input_data_size=len(TABLE))
    peer.send_file(upload["uuid_input_file"], TABLE)
    return upload


def test_a_long_name_crashes_at_finalize(tmp_path: Path) -> None:
    name = "long-names-of-tables-crash"
    with simulator(tmp_path, OPENHANAMI, name) as running, Peer(running) as peer:
        upload = long_named(peer)
        assert finalize_raw(running, peer, upload, upload) == b""
        assert running.crash() == name


def test_a_long_name_gets_500_and_its_deletion_crashes(tmp_path: Path) -> None:
    names = ("long-names-of-tables-get-500", "deleting-long-names-crashes")
    with simulator(tmp_path, HANAMI, *names) as running, Peer(running) as peer:
        upload = long_named(peer)
        assert finalize(peer, upload) == 500
        path = f"{peer.dialect.route('dataset.delete').path}?uuid={upload['uuid']}"
        assert running.request("DELETE", path, f"X-Auth-Token: {peer.token}") == b""
        assert running.crash() == names[1]


def named(peer: Peer, name: str, content: bytes) -> dict[str, str]:
    upload = peer.ok("csv.init", name=name, input_data_size=len(content))
    peer.send_file(upload["uuid_input_file"], content)
    return upload


def test_a_second_table_of_one_name_gets_500(tmp_path: Path) -> None:
    with simulator(tmp_path, OPENHANAMI, "tables-of-one-name-get-500") as running, Peer(running) as peer:
        name = fresh_name()
        assert finalize(peer, named(peer, name, TABLE)) == 200
        assert finalize(peer, named(peer, name, TABLE)) == 500
        assert finalize(peer, named(peer, fresh_name(), TABLE)) == 200


def test_tables_of_one_name_share_a_file(tmp_path: Path) -> None:
    with simulator(tmp_path, HANAMI, "tables-of-one-name-share-a-file") as running, Peer(running) as peer:
        name = fresh_name()
        first, second = named(peer, name, TABLE), named(peer, name, b"a,b,c\n1,2,3\n")
        assert finalize(peer, first) == 200
        assert peer.ok("dataset.get", uuid=first["uuid"])["lines"] == 2
        assert finalize(peer, second) == 200
        assert peer.ok("dataset.get", uuid=first["uuid"])["lines"] == 1
        assert peer.ok("dataset.delete", uuid=second["uuid"]) == {}
        assert peer.status("dataset.get", uuid=first["uuid"]) == 500
