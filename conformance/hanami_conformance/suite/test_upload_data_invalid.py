"""Upload, step 3: invalid chunks, and messages that the protocol leaves open."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hanami_conformance.cases.checks import observe
from hanami_conformance.catalogue import requirement
from hanami_conformance.clients.upload_socket import describe
from hanami_conformance.clients.websocket_events import CloseInfo
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.suite.support.intact_uploads import (
    expect_complete_as_sent,
    expect_intact,
    expect_usable,
    stays_incomplete,
)
from hanami_conformance.suite.support.markers import mark_destructive
from hanami_conformance.suite.support.sample_data import MnistSample, random_bytes
from hanami_conformance.suite.support.sockets import expect_nothing_more
from hanami_conformance.suite.support.uploads import send_labels, small_contents, start_upload

pytestmark = pytest.mark.parallel

BEYOND: dict[str, Callable[[int], tuple[int, int]]] = {
    "ends one byte beyond": lambda size: (size - 9, 10),
    "begins at the end": lambda size: (size, 1),
    "begins beyond the end": lambda size: (size + 100, 10),
    "is longer than the file": lambda size: (0, size + 1),
    "position 2^32": lambda _: (2**32, 10),
    "position 2^63": lambda _: (2**63, 10),
    "position 2^64 - 1": lambda _: (2**64 - 1, 1),
    "end wraps around": lambda _: (2**64 - 5, 10),
}


# DATA-5: a chunk that ends beyond the announced size is answered with success false and a reason, writes nothing and
# counts for nothing; the socket stays usable.
@requirement("DATA-5")
@pytest.mark.hostile
@pytest.mark.parametrize(
    "case", mark_destructive(BEYOND, "position 2^32", "position 2^63", "position 2^64 - 1", "end wraps around")
)
def test_a_chunk_beyond_the_end_is_rejected(resources: ResourceFactory, case: str) -> None:
    """A chunk beyond the announced size is rejected and writes nothing, and the socket stays usable."""
    mnist = MnistSample(2000, side=8)
    content = mnist.contents["input"]
    upload = start_upload(resources, mnist.contents)
    socket = upload.attach()
    half = len(content) // 2
    socket.write(0, content[:half])
    socket.close()
    send_labels(upload, mnist)
    socket = upload.attach()
    position, length = BEYOND[case](len(content))
    with stays_incomplete(upload, "half of the file is missing"):
        socket.write_rejected(position, bytes(length), "which ends beyond the announced size")
    socket.write(half, content[half:])
    socket.write_rejected(position, bytes(length), "which ends beyond the announced size")
    socket.close()
    expect_intact(upload, mnist.model, "the file as it was sent")


@requirement("DATA-5")
def test_a_rejected_chunk_leaves_the_socket_usable(resources: ResourceFactory) -> None:
    """Valid chunks are accepted on the same socket after a rejected one."""
    content = random_bytes(1000)
    upload = resources.csv(len(content))
    socket = upload.attach()
    socket.write_rejected(1000, b"x", "which begins at the end of the file")
    socket.write(0, content[:500])
    socket.write_rejected(999, b"xy", "which ends one byte beyond the file")
    socket.write(500, content[500:])
    expect_nothing_more(socket, "4 answers to 4 messages")
    expect_complete_as_sent(upload)


UNDECODABLE = {
    "cut short": b"\x08\x00\x12\xff\xff\x03abc",
    "an endless varint": b"\x08" + b"\xff" * 12,
    "an unknown wire type": b"\x0f\x00\x01",
    "text in JSON": b'{"position": 0, "data": "abc"}',
    "zeros": bytes(16),
}


# DATA-6: bytes that are not a FileUpload_Message are answered with success false and a reason; the socket stays usable.
@requirement("DATA-6")
@pytest.mark.hostile
@pytest.mark.destructive
@pytest.mark.parametrize("case", list(UNDECODABLE))
def test_bytes_that_are_no_message_are_rejected(resources: ResourceFactory, case: str) -> None:
    """Bytes that are not a FileUpload_Message are rejected with a reason, and the socket stays usable."""
    content = random_bytes(100)
    upload = resources.csv(len(content))
    socket = upload.attach()
    socket.write(0, content[:50])
    with stays_incomplete(upload, "the second half is missing"):
        socket.send_bytes(UNDECODABLE[case], case)
        socket.expect_rejected(f"bytes that are no FileUpload_Message ({case})")
    socket.write(50, content[50:])
    expect_complete_as_sent(upload)


@requirement("DATA-6")
@pytest.mark.hostile
@pytest.mark.destructive
def test_a_truncated_chunk_writes_nothing(resources: ResourceFactory) -> None:
    """A truncated FileUpload_Message is rejected and writes nothing."""
    mnist = MnistSample(2000, side=8)
    content = mnist.contents["input"]
    upload = start_upload(resources, mnist.contents)
    send_labels(upload, mnist)
    socket = upload.attach()
    socket.write(0, content[:-1])
    with stays_incomplete(upload, "the last byte is missing"):
        # A server may parse in any order, so one wrong chunk overlaps acknowledged bytes, and one the missing byte.
        for position, data in ((100, bytes(255 - byte for byte in content[100:400])), (len(content) - 2, b"ab")):
            whole = resources.target.dialect.codec.encode_chunk(position, data)
            for lacking in (1, len(data) // 2, len(data)):
                socket.send_bytes(whole[: len(whole) - lacking], f"a chunk without its last {lacking} bytes")
                socket.expect_rejected("a chunk that was cut short")
    socket.write(len(content) - 1, content[-1:])
    socket.close()
    expect_intact(upload, mnist.model, "the file as it was sent", values=True)


# DATA-12: empty data, very large messages, text frames.
@requirement("DATA-12", "DATA-7")
@pytest.mark.parametrize("position", [0, 50, 100], ids=["at the beginning", "in the middle", "at the end"])
def test_answer_to_an_empty_chunk(resources: ResourceFactory, position: int) -> None:
    """Record the answer to a chunk without data, which completes nothing; the upload goes on."""
    contents, model = small_contents("csv")
    upload = start_upload(resources, contents)
    socket = upload.attach()
    socket.write(0, contents["input"][:10])
    place = position * len(contents["input"]) // 100
    observe(f"an empty chunk at {position} % of the file", describe(socket.exchange(place, b"")))
    socket.close()
    with stays_incomplete(upload, "an empty chunk has no bytes"):
        pass
    expect_usable(upload, contents, model, "an empty chunk")


@requirement("DATA-12", "DATA-7")
@pytest.mark.hostile
@pytest.mark.destructive
def test_answer_to_a_very_large_message(resources: ResourceFactory) -> None:
    """Record the answer to a chunk of 4 MiB; an upload that was begun before goes on."""
    size = 4 << 20
    contents, model = small_contents("csv")
    begun = start_upload(resources, contents)
    socket = resources.csv(size).attach()
    socket.send(0, bytes(size))
    answer = socket.websocket.receive_or_close("an answer to 4 MiB, or a close")
    observe("a chunk of 4 MiB", answer if isinstance(answer, CloseInfo) else describe(socket.decode(answer)))
    socket.close()
    expect_usable(begun, contents, model, "a message of 4 MiB to another file")


@requirement("DATA-12", "DATA-7")
@pytest.mark.hostile
def test_answer_to_a_text_message(resources: ResourceFactory) -> None:
    """Record the answer to a text message on a file socket; the upload goes on."""
    contents, model = small_contents("csv")
    upload = start_upload(resources, contents)
    socket = upload.attach()
    socket.write(0, contents["input"][:10])
    socket.websocket.send_text("hello")
    observe("a text frame on a file socket", socket.websocket.receive_or_close("an answer to a text frame, or a close"))
    socket.close()
    expect_usable(upload, contents, model, "a text frame on its socket")
