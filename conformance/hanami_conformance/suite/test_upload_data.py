"""Upload, step 3: the chunks of one file."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Sequence

import pytest

from hanami_conformance.cases.attribution import attribute_to
from hanami_conformance.cases.checks import require
from hanami_conformance.cases.failures import ConnectionClosed, ResponseTimeout, Unsupported
from hanami_conformance.catalogue import requirement
from hanami_conformance.clients.websocket_events import Message
from hanami_conformance.models.file import SEGMENT
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.suite.support.intact_uploads import expect_intact
from hanami_conformance.suite.support.sample_data import MnistSample, random_bytes
from hanami_conformance.suite.support.sockets import expect_nothing_more
from hanami_conformance.suite.support.uploads import (
    Chunks,
    send_chunks,
    send_labels,
    shuffled,
    split_into_chunks,
    start_upload,
)

pytestmark = pytest.mark.parallel


# DATA-1: after acceptance, FileUpload_Message binary messages are accepted, and each is answered by exactly one
# FileUploadResponse_Message, in order.
@requirement("DATA-1")
def test_each_chunk_is_answered_exactly_once(resources: ResourceFactory) -> None:
    """Each chunk is answered by exactly one FileUploadResponse_Message."""
    content = random_bytes(12_000)
    upload = resources.csv(len(content))
    socket = upload.attach()
    parts = split_into_chunks(len(content), 20)  # more than two rounds of a counter of eight bits
    send_chunks(socket, content, parts)
    expect_nothing_more(socket, f"{len(parts)} answers to {len(parts)} chunks")


@requirement("DATA-1")
def test_answers_come_on_the_socket_that_was_asked(resources: ResourceFactory) -> None:
    """A chunk is answered on its own socket."""
    resources.target.connection_limit.require(2)
    upload = resources.mnist(1000, 1000)
    images, labels = upload.attach("input"), upload.attach("label")
    for position in range(0, 1000, 250):
        images.write(position, random_bytes(250))
    expect_nothing_more(labels, "no answer on the socket that sent nothing")
    expect_nothing_more(images, "4 answers to 4 chunks")


def expect_written(
    resources: ResourceFactory, mnist: MnistSample, chunks: Sequence[tuple[int, int]], *, values: bool = False
) -> None:
    """Upload the image file in these chunks and the label file, and check the dataset."""
    upload = start_upload(resources, mnist.contents)
    socket = upload.attach()
    send_chunks(socket, mnist.contents["input"], chunks)
    socket.close()
    send_labels(upload, mnist)
    expect_intact(upload, mnist.model, "the file as it was sent", values=values)


ORDERS: dict[str, Callable[[Chunks], Chunks]] = {
    "ascending": lambda parts: parts,
    "descending": lambda parts: parts[::-1],
    "shuffled": shuffled,
    "odd ones first": lambda parts: parts[1::2] + parts[::2],
    "last one first": lambda parts: parts[-1:] + parts[:-1],
}


# DATA-2: position is the byte offset in the file: chunks in any order give the same file.
@requirement("DATA-2")
@pytest.mark.parametrize("order", list(ORDERS))
def test_chunks_in_any_order_give_the_same_file(resources: ResourceFactory, order: str) -> None:
    """Chunks in any order are written at their byte positions."""
    mnist = MnistSample(7 * SEGMENT // 2)
    expect_written(
        resources, mnist, ORDERS[order](split_into_chunks(len(mnist.contents["input"]), SEGMENT)), values=True
    )


@requirement("DATA-2")
def test_positions_beyond_two_mebibytes_are_right(resources: ResourceFactory) -> None:
    """Chunks are written at their byte positions in a file of more than 2 MiB, also across each multiple of 1 MiB."""
    mnist = MnistSample((2 << 20) + 3 * SEGMENT // 2, side=28)
    with attribute_to("DATA-2"):  # the same files sent plainly have chunks at these positions, too
        parts = split_into_chunks(len(mnist.contents["input"]), SEGMENT - 1)
        expect_written(resources, mnist, shuffled(parts), values=True)


@requirement("DATA-2")
def test_small_chunks_in_any_order_give_the_same_file(resources: ResourceFactory) -> None:
    """Many small chunks at uneven positions are all written."""
    mnist = MnistSample(9000, side=8)
    # Hundreds of chunks, because a server may lose one sporadically.
    expect_written(resources, mnist, shuffled(split_into_chunks(len(mnist.contents["input"]), 29)), values=True)


# DATA-3: chunk sizes other than the 128 KiB of the SDK work: smaller, larger, uneven, unaligned.
@requirement("DATA-3")
@pytest.mark.parametrize("chunk", [1000, 65_536, SEGMENT - 1, SEGMENT + 1, 2 * SEGMENT, 7 * SEGMENT // 2])
def test_other_chunk_sizes_work(resources: ResourceFactory, chunk: int) -> None:
    """Chunks that are smaller or larger than those of the SDK are accepted."""
    mnist = MnistSample(7 * SEGMENT // 2)
    expect_written(resources, mnist, split_into_chunks(len(mnist.contents["input"]), chunk))


# The header of a frame holds the length in 7 bits up to 125 bytes, then in 16, then in 64 (RFC 6455, 5.2).
HEADER_EDGES = (125, 126, 127, 65_535, 65_536)


@requirement("DATA-3")
def test_messages_at_the_edges_of_frame_headers_work(resources: ResourceFactory) -> None:
    """Messages of the lengths at which the frame header changes its form are accepted."""
    encode = resources.target.dialect.codec.encode_chunk
    parts: Chunks = []
    for length in HEADER_EDGES:
        start = parts[-1][1] if parts else 0
        data_size = next(size for size in range(length - 40, length) if len(encode(start, bytes(size))) == length)
        parts.append((start, start + data_size))
    mnist = MnistSample(parts[-1][1] + 1000)  # about as many bytes, in complete images
    expect_written(resources, mnist, [*parts, (parts[-1][1], len(mnist.contents["input"]))])


@requirement("DATA-3", "DATA-1")
def test_a_chunk_of_more_than_a_mebibyte_is_written_whole(resources: ResourceFactory) -> None:
    """A chunk of more than 1 MiB is written completely, and answered once, if it is accepted."""
    mnist = MnistSample((1 << 20) + 100_000, side=28)
    content = mnist.contents["input"]
    upload = start_upload(resources, mnist.contents)
    send_labels(upload, mnist)
    socket = upload.attach()
    accepted = False
    with contextlib.suppress(ConnectionClosed, ResponseTimeout):  # DATA-12 leaves open whether a message is too large
        socket.send(0, content)
        answer = socket.websocket.receive_or_close("an answer to a chunk of more than 1 MiB, or a close")
        accepted = isinstance(answer, Message) and socket.decode(answer).success
    if not accepted:
        raise Unsupported("the server accepts no chunks of more than 1 MiB")
    socket.model.write(0, content)
    with attribute_to("DATA-1"):
        expect_nothing_more(socket, "one answer to a chunk of more than 1 MiB")
    expect_intact(upload, mnist.model, "the file as it was sent", values=True)


@requirement("DATA-3")
def test_single_bytes_work(resources: ResourceFactory) -> None:
    """A file sent byte by byte is accepted."""
    mnist = MnistSample(200, side=8)
    upload = start_upload(resources, mnist.contents)
    for role in ("input", "label"):
        socket = upload.attach(role)
        send_chunks(socket, mnist.contents[role], split_into_chunks(len(mnist.contents[role]), 1))
        socket.close()
    expect_intact(upload, mnist.model, "the file as it was sent")


@requirement("DATA-3")
def test_uneven_chunks_across_segments_work(resources: ResourceFactory) -> None:
    """Chunks of uneven sizes across multiples of 128 KiB are accepted."""
    mnist = MnistSample(5 * SEGMENT // 2)
    content = mnist.contents["input"]
    edges = [0, 1, SEGMENT - 3, SEGMENT + 5, 2 * SEGMENT - 1, 2 * SEGMENT + 1, len(content) - 1, len(content)]
    expect_written(resources, mnist, list(itertools.pairwise(edges)))


# DATA-4: a repeated chunk changes nothing; of overlapping chunks the later one wins.
@requirement("DATA-4")
def test_a_repeated_chunk_changes_nothing(resources: ResourceFactory) -> None:
    """A repeated chunk changes nothing, at once and at the end."""
    mnist = MnistSample(5 * SEGMENT // 2)
    content = mnist.contents["input"]
    parts = split_into_chunks(len(content), SEGMENT)
    expect_written(resources, mnist, [*parts[:1] * 3, *parts[1:], parts[1], parts[-1], *parts[1:2] * 3], values=True)


@requirement("DATA-4")
@pytest.mark.parametrize("sent", ["one by one", "in flight"])
@pytest.mark.parametrize("overlap", ["from the left", "from the right", "inside", "around"])
def test_of_overlapping_chunks_the_later_one_wins(resources: ResourceFactory, overlap: str, sent: str) -> None:
    """Where two chunks overlap, the bytes of the later one are kept, also where both arrive at once."""
    mnist = MnistSample(4000, side=8)
    content = mnist.contents["input"]
    wrong = bytes(255 - byte for byte in content)
    regions: dict[str, tuple[tuple[int, int], tuple[int, int]]] = {
        "from the left": ((1000, 2000), (500, 1500)),
        "from the right": ((1000, 2000), (1500, 2500)),
        "inside": ((1000, 2000), (1300, 1700)),
        "around": ((1000, 2000), (900, 2100)),
    }
    (old_begin, old_end), (new_begin, new_end) = regions[overlap]
    upload = start_upload(resources, mnist.contents)
    socket = upload.attach()
    # The earlier chunk is correct outside of the overlap, and wrong within it.
    earlier = bytearray(content[old_begin:old_end])
    for place in range(max(old_begin, new_begin), min(old_end, new_end)):
        earlier[place - old_begin] = wrong[place]
    chunks = [(old_begin, bytes(earlier)), (new_begin, content[new_begin:new_end])]
    if sent == "in flight":
        with socket.websocket.gathered():
            for begin, data in chunks:
                socket.send(begin, data)
        for begin, data in chunks:
            socket.expect_accepted(begin, data, f"the chunk at {begin}")
    else:
        for begin, data in chunks:
            socket.write(begin, data)
    low, high = min(old_begin, new_begin), max(old_end, new_end)
    send_chunks(socket, content, [(0, low), (high, len(content))])
    socket.close()
    send_labels(upload, mnist)
    expect_intact(upload, mnist.model, "the file as it was sent", values=True)


# DATA-10: pipelined messages (sent before earlier answers are read) are all answered, in order.
@requirement("DATA-10")
def test_pipelined_chunks_are_all_answered(resources: ResourceFactory) -> None:
    """Hundreds of chunks sent before the first answer is read are all answered and kept."""
    mnist = MnistSample(32_000, side=8)
    content = mnist.contents["input"]
    upload = start_upload(resources, mnist.contents)
    send_labels(upload, mnist)
    socket = upload.attach()
    parts = split_into_chunks(len(content), 60)  # more than 2^9
    with socket.websocket.gathered():
        for start, end in parts:
            socket.send(start, content[start:end])
    for start, end in parts:
        socket.expect_accepted(start, content[start:end], f"the chunk at {start}")
    expect_nothing_more(socket, f"{len(parts)} answers to {len(parts)} chunks")
    expect_intact(upload, mnist.model, "the file as it was sent")


@requirement("DATA-10", "DATA-1")
@pytest.mark.may_violate("DATA-5")
def test_pipelined_answers_come_in_order(resources: ResourceFactory) -> None:
    """Valid and invalid chunks sent before the first answer is read are answered in order."""
    upload = resources.csv(1000)
    socket = upload.attach()
    right = [True, False, True, True, False, False, True, False]
    with socket.websocket.gathered():
        for index, fits in enumerate(right):
            socket.send(index * 100 if fits else 1000 + index, random_bytes(100))
    answers = [socket.receive_acknowledgement().success for _ in right]
    expected = "success = false to chunks that end beyond the announced size"
    require(not all(answers), expected=expected, actual="success = true to all chunks", requirement="DATA-5")
    require(answers == right, expected=f"success in the order {right}", actual=answers)


# DATA-11: websocket fragmentation and control frames between fragments make no difference.
@requirement("DATA-11", "DATA-3")
def test_a_large_chunk_in_fragments_is_whole(resources: ResourceFactory) -> None:
    """A message with fragments of more than 64 KiB is assembled correctly."""
    mnist = MnistSample(250_000)
    content = mnist.contents["input"]
    upload = start_upload(resources, mnist.contents)
    send_labels(upload, mnist)
    socket = upload.attach()
    socket.send_fragments(0, content, [1, 70_000, 70_100, 150_000])
    socket.expect_accepted(0, content, "a large chunk in fragments")
    socket.close()
    expect_intact(upload, mnist.model, "the file as it was sent", values=True)


@requirement("DATA-11")
@pytest.mark.parametrize("between", ["", "ping", "pong"], ids=["plain", "with pings between", "with pongs between"])
def test_fragmented_chunks_are_whole(resources: ResourceFactory, between: str) -> None:
    """A message in several frames is assembled correctly, also with control frames in between."""
    mnist = MnistSample(4000, side=8)
    content = mnist.contents["input"]
    upload = start_upload(resources, mnist.contents)
    socket = upload.attach()
    few, many = [1, 5, 5, 700], list(range(0, 1500, 5))
    for number, position in enumerate(range(0, len(content), 1500)):
        data = content[position : position + 1500]
        socket.send_fragments(position, data, [few, many][number % 2], between)
        socket.expect_accepted(position, data, "a chunk in fragments")
    socket.close()
    send_labels(upload, mnist)
    expect_intact(upload, mnist.model, "the file as it was sent")
