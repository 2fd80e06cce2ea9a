"""Defects of tables, images and labels: content that is misread, and content that crashes."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from support.backend_peer import Peer, images_file, labels_file
from support.simulators import EACH, HANAMI, OPENHANAMI, simulator

IMAGES = np.arange(48, dtype=np.uint8).reshape(3, 4, 4)


def header(count: int, height: int, width: int) -> bytes:
    return struct.pack(">4I", 0x803, count, height, width)


def finalize(peer: Peer, *contents: bytes) -> tuple[int, str]:
    """Upload a table, or images and labels; return the status of finalize and the uuid."""
    keys = ("uuid_input_file", "uuid_label_file")[: len(contents)]
    upload = peer.begin_csv(len(contents[0])) if len(contents) == 1 else peer.begin_mnist(*map(len, contents))
    for key, content in zip(keys, contents, strict=True):
        peer.send_file(upload[key], content)
    operation = "csv.finalize" if len(contents) == 1 else "mnist.finalize"
    return peer.status(operation, uuid=upload["uuid"], **{key: upload[key] for key in keys}), upload["uuid"]


def rows(peer: Peer, uuid: str) -> Any:
    return peer.ok("dataset.get", uuid=uuid)[peer.dialect.rows_keys[0]]


def expect_crash(tmp_path: Path, server: str, name: str, *contents: bytes) -> None:
    with simulator(tmp_path, server, name) as running, Peer(running) as peer:
        with pytest.raises(httpx.TransportError):
            finalize(peer, *contents)
        assert running.crash() == name


def test_an_unreadable_cell_is_zero(tmp_path: Path) -> None:
    content = b"a,b\r\n1,2\r\n1e5,+1\n .5,5.\nTrue,3\n4.5,x\nno comma\n7\x00,-8.25\n"
    with simulator(tmp_path, OPENHANAMI, "unreadable-cells-are-zero") as running, Peer(running) as peer:
        status, uuid = finalize(peer, content)
        assert status == 200
        assert peer.column(uuid, "a") == [[1.0], [0.0], [0.0], [1.0], [4.5], [0.0]]
        description = peer.ok("dataset.get", uuid=uuid)["description"]
        assert list(description) == ["a", "b\r"]


@EACH
@pytest.mark.parametrize("number", ["2147483648", "-2147483649", "99999999999999999999999999"])
def test_an_integer_outside_int32_crashes(tmp_path: Path, server: str, number: str) -> None:
    expect_crash(tmp_path, server, "integers-outside-int32-in-a-table-crash", f"a,b\n1,{number}\n".encode())


@EACH
def test_other_numbers_do_not_crash(tmp_path: Path, server: str) -> None:
    with simulator(tmp_path, server, "integers-outside-int32-in-a-table-crash") as running, Peer(running) as peer:
        status, uuid = finalize(peer, b"3000000000,b\n2147483647,-2147483648\n3000000000.0,1e10\n")
        assert (status, rows(peer, uuid)) == (200, 2)


def test_a_table_without_a_comma_gets_500(tmp_path: Path) -> None:
    with simulator(tmp_path, HANAMI, "tables-without-a-comma-get-500") as running, Peer(running) as peer:
        assert finalize(peer, b"a\n1\n2\n")[0] == 500


def test_a_table_without_a_comma_is_lost(tmp_path: Path) -> None:
    with simulator(tmp_path, OPENHANAMI, "tables-without-a-comma-are-lost") as running, Peer(running) as peer:
        status, uuid = finalize(peer, b"a\n1\n2\n")
        assert (status, peer.status("dataset.get", uuid=uuid)) == (200, 500)
        status, uuid = finalize(peer, b"a,b\n1,2\n")
        assert (status, peer.status("dataset.get", uuid=uuid)) == (200, 200)


def test_a_header_outside_utf_8_crashes(tmp_path: Path) -> None:
    expect_crash(tmp_path, OPENHANAMI, "names-of-columns-outside-utf-8-crash", b"\xff,b\n1,2\n")


def test_rows_of_other_lengths_are_accepted(tmp_path: Path) -> None:
    with simulator(tmp_path, HANAMI, "rows-of-other-lengths-shift-the-values") as running, Peer(running) as peer:
        for content in (b"a,b\n1,2,3\n4,5\n", b"a,b,c\n1,2\n4,5,6\n"):
            status, uuid = finalize(peer, content)
            assert (status, rows(peer, uuid)) == (200, 2)


def test_a_row_with_many_more_cells_crashes(tmp_path: Path) -> None:
    expect_crash(tmp_path, HANAMI, "rows-with-many-more-cells-crash", b"a,b\n1" + b",2" * 3000 + b"\n")


@EACH
@pytest.mark.parametrize(
    ("images", "labels", "count"),
    [
        (bytes(100), bytes(20), 0),
        (b"a", b"b", 0),
        (b"XXXX" + images_file(IMAGES)[4:], labels_file(np.array([1, 2, 3], np.uint8)), 3),
        (images_file(IMAGES).replace(b"\x00\x00\x00\x03", b"\x00\x00\x00\x05", 1), labels_file(IMAGES[0, 0]), 5),
        (images_file(IMAGES), labels_file(np.array([1], np.uint8)), 3),
    ],
    ids=["zeros", "tiny", "no magic", "more images promised", "fewer labels"],
)
def test_anything_is_an_idx_file(tmp_path: Path, server: str, images: bytes, labels: bytes, count: int) -> None:
    with simulator(tmp_path, server, "anything-is-an-idx-file") as running, Peer(running) as peer:
        status, uuid = finalize(peer, images, labels)
        assert (status, rows(peer, uuid)) == (200, count)


@EACH
def test_a_large_count_crashes(tmp_path: Path, server: str) -> None:
    content = header(1_000_000, 28, 28) + bytes(1000)
    expect_crash(tmp_path, server, "headers-with-large-counts-crash", content, bytes(11))


def test_images_without_pixels_crash(tmp_path: Path) -> None:
    labels = labels_file(np.array([1, 2, 3], np.uint8))
    expect_crash(tmp_path, HANAMI, "images-without-pixels-crash", header(3, 0, 0), labels)


@EACH
def test_a_label_of_ten_is_lost(tmp_path: Path, server: str) -> None:
    with simulator(tmp_path, server, "labels-from-ten-on-are-lost") as running, Peer(running) as peer:
        status, uuid = finalize(peer, images_file(IMAGES), labels_file(np.array([1, 12, 9], np.uint8)))
        assert (status, rows(peer, uuid)) == (200, 3)
        if peer.dialect.has_content:
            found = peer.column(uuid, "label")
            assert [sum(row) for row in found] == [1.0, 0.0, 1.0]
            assert (found[0][1], found[2][9]) == (1.0, 1.0)
