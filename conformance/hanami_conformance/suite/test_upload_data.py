"""Upload, step 3: chunks over the socket."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable

import pytest

from hanami_conformance.cases.attribution import attribute_to
from hanami_conformance.cases.checks import require
from hanami_conformance.cases.failures import ConnectionClosed, ResponseTimeout, Unsupported
from hanami_conformance.catalogue import requirement
from hanami_conformance.clients.websocket_events import Message
from hanami_conformance.models.file import SEGMENT
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.suite.support.sample_data import MnistSample, random_bytes
from hanami_conformance.suite.support.uploads import (
    Chunks,
    expect_content,
    send_chunks,
    send_labels,
    shuffled,
    split_into_chunks,
    start_image_upload,
)
from hanami_conformance.target.target import Account


# DATA-1: after acceptance FileUpload_Message binary messages are taken, each answered by exactly one
# FileUploadResponse_Message, in order.
@requirement("DATA-1")
def test_each_chunk_is_answered_exactly_once(resources: ResourceFactory) -> None:
    """The server answers each chunk with one FileUploadResponse_Message, no more and no fewer."""
    content = random_bytes(10_000)
    upload = resources.csv(len(content))
    socket = upload.attach()
    parts = split_into_chunks(len(content), 50)
    send_chunks(socket, content, parts)
    surplus = socket.close()
    require(not surplus, expected=f"{len(parts)} answers to {len(parts)} chunks", actual=f"{len(surplus)} more")


@requirement("DATA-1")
def test_answers_come_on_the_socket_that_was_asked(resources: ResourceFactory) -> None:
    """The server answers a chunk on its own socket, not on that of the other file."""
    resources.target.connection_limit.require(2)
    upload = resources.mnist(1000, 1000)
    images, labels = upload.attach("input"), upload.attach("label")
    for position in range(0, 1000, 250):
        images.write(position, random_bytes(250))
    surplus = labels.close()
    require(not surplus, expected="no answer on the socket that sent nothing", actual=f"{len(surplus)} answers")
    surplus = images.close()
    require(not surplus, expected="4 answers to 4 chunks", actual=f"{len(surplus)} more")


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
    """The server puts each chunk at its byte position, in whatever order the chunks come."""
    mnist = MnistSample(7 * SEGMENT // 2)
    upload = start_image_upload(resources, mnist)
    socket = upload.attach()
    send_chunks(
        socket, mnist.contents["input"], ORDERS[order](split_into_chunks(len(mnist.contents["input"]), SEGMENT))
    )
    socket.close()
    send_labels(upload, mnist)
    expect_content(upload, mnist, values=True)


@requirement("DATA-2")
def test_positions_beyond_a_mebibyte_are_right(resources: ResourceFactory) -> None:
    """The server puts chunks where they belong in a file of more than 1 MiB, too."""
    mnist = MnistSample((1 << 20) + 3 * SEGMENT // 2, side=28)
    upload = start_image_upload(resources, mnist)
    socket = upload.attach()
    send_chunks(socket, mnist.contents["input"], shuffled(split_into_chunks(len(mnist.contents["input"]), SEGMENT)))
    socket.close()
    send_labels(upload, mnist)
    expect_content(upload, mnist, values=True)


@requirement("DATA-2")
def test_small_chunks_in_any_order_give_the_same_file(resources: ResourceFactory) -> None:
    """The server counts positions in bytes also where no chunk begins at a round number, and loses none of many."""
    mnist = MnistSample(9000, side=8)
    upload = start_image_upload(resources, mnist)
    socket = upload.attach()
    # Some hundreds of them: a server may lose one now and then.
    send_chunks(socket, mnist.contents["input"], shuffled(split_into_chunks(len(mnist.contents["input"]), 29)))
    socket.close()
    send_labels(upload, mnist)
    expect_content(upload, mnist, values=True)


# DATA-3: chunk sizes other than the SDK's 128 KiB work: smaller, larger, uneven, unaligned.
@requirement("DATA-3")
@pytest.mark.parametrize("chunk", [1000, 65_536, SEGMENT - 1, SEGMENT + 1, 2 * SEGMENT, 7 * SEGMENT // 2])
def test_other_chunk_sizes_work(resources: ResourceFactory, chunk: int) -> None:
    """The server takes chunks that are smaller and larger than those of the SDK."""
    mnist = MnistSample(7 * SEGMENT // 2)
    upload = start_image_upload(resources, mnist)
    socket = upload.attach()
    send_chunks(socket, mnist.contents["input"], split_into_chunks(len(mnist.contents["input"]), chunk))
    socket.close()
    send_labels(upload, mnist)
    expect_content(upload, mnist)


# The header of a frame holds the length in 7 bits up to 125 bytes, then in 16, then in 64 (RFC 6455, 5.2).
HEADER_EDGES = (125, 126, 127, 65_535, 65_536)


@requirement("DATA-3")
def test_messages_at_the_edges_of_frame_headers_work(resources: ResourceFactory) -> None:
    """The server takes messages of just the lengths at which the header of their frame changes its form."""
    encode = resources.target.dialect.codec.encode_chunk
    parts: Chunks = []
    for length in HEADER_EDGES:
        start = parts[-1][1] if parts else 0
        wanted = next(size for size in range(length - 40, length) if len(encode(start, bytes(size))) == length)
        parts.append((start, start + wanted))
    mnist = MnistSample(parts[-1][1] + 1000)  # that many bytes about, in whole images
    upload = start_image_upload(resources, mnist)
    socket = upload.attach()
    send_chunks(socket, mnist.contents["input"], [*parts, (parts[-1][1], len(mnist.contents["input"]))])
    socket.close()
    send_labels(upload, mnist)
    expect_content(upload, mnist)


@requirement("DATA-3")
def test_a_chunk_of_more_than_a_mebibyte_is_written_whole(resources: ResourceFactory) -> None:
    """The server writes all of a very large chunk, where it takes such a chunk at all."""
    mnist = MnistSample((1 << 20) + 100_000, side=28)
    content = mnist.contents["input"]
    upload = start_image_upload(resources, mnist)
    send_labels(upload, mnist)
    socket = upload.attach()
    taken = False
    with contextlib.suppress(ConnectionClosed, ResponseTimeout):  # a message may be too large: DATA-12 leaves that open
        socket.send(0, content)
        answer = socket.websocket.receive_or_close("an answer to a chunk of more than 1 MiB, or a close")
        taken = isinstance(answer, Message) and socket.decode(answer).success
    if not taken:
        raise Unsupported("the server takes no chunks of more than 1 MiB")
    socket.model.write(0, content)
    socket.close()
    expect_content(upload, mnist, values=True)


@requirement("DATA-3")
def test_single_bytes_work(resources: ResourceFactory) -> None:
    """The server takes a file byte by byte."""
    mnist = MnistSample(200, side=8)
    upload = start_image_upload(resources, mnist)
    for role in ("input", "label"):
        socket = upload.attach(role)
        send_chunks(socket, mnist.contents[role], split_into_chunks(len(mnist.contents[role]), 1))
        socket.close()
    expect_content(upload, mnist)


@requirement("DATA-3")
def test_uneven_chunks_across_segments_work(resources: ResourceFactory) -> None:
    """The server takes chunks of uneven sizes that cross the multiples of 128 KiB."""
    mnist = MnistSample(5 * SEGMENT // 2)
    content = mnist.contents["input"]
    edges = [0, 1, SEGMENT - 3, SEGMENT + 5, 2 * SEGMENT - 1, 2 * SEGMENT + 1, len(content) - 1, len(content)]
    upload = start_image_upload(resources, mnist)
    socket = upload.attach()
    send_chunks(socket, content, list(itertools.pairwise(edges)))
    socket.close()
    send_labels(upload, mnist)
    expect_content(upload, mnist)


# DATA-4: a repeated chunk changes nothing; of overlapping chunks the later one wins.
@requirement("DATA-4")
def test_a_repeated_chunk_changes_nothing(resources: ResourceFactory) -> None:
    """The server takes a chunk again without harm, at once and at the end."""
    mnist = MnistSample(5 * SEGMENT // 2)
    content = mnist.contents["input"]
    parts = split_into_chunks(len(content), SEGMENT)
    upload = start_image_upload(resources, mnist)
    socket = upload.attach()
    send_chunks(socket, content, [*parts[:1] * 3, *parts[1:], parts[1], parts[-1], *parts[1:2] * 3])
    socket.close()
    send_labels(upload, mnist)
    expect_content(upload, mnist, values=True)


@requirement("DATA-4")
@pytest.mark.parametrize("overlap", ["from the left", "from the right", "inside", "around"])
def test_of_overlapping_chunks_the_later_one_wins(resources: ResourceFactory, overlap: str) -> None:
    """The server keeps the bytes that came last where two chunks overlap."""
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
    upload = start_image_upload(resources, mnist)
    socket = upload.attach()
    # The earlier chunk is right where the later one does not reach, and wrong where it does.
    earlier = bytearray(content[old_begin:old_end])
    for place in range(max(old_begin, new_begin), min(old_end, new_end)):
        earlier[place - old_begin] = wrong[place]
    socket.write(old_begin, bytes(earlier))
    socket.write(new_begin, content[new_begin:new_end])
    low, high = min(old_begin, new_begin), max(old_end, new_end)
    send_chunks(socket, content, [(0, low), (high, len(content))])
    socket.close()
    send_labels(upload, mnist)
    expect_content(upload, mnist, values=True)


# DATA-7: an upload survives losing its socket: re-attach and go on, nothing already acknowledged is lost.
@requirement("DATA-7")
@pytest.mark.parametrize("how", ["closed", "broken off"])
def test_an_upload_survives_the_loss_of_its_socket(resources: ResourceFactory, how: str) -> None:
    """The server keeps what it acknowledged when a socket goes, and goes on with the next one."""
    mnist = MnistSample(7 * SEGMENT // 2)
    content = mnist.contents["input"]
    parts = split_into_chunks(len(content), SEGMENT)
    upload = start_image_upload(resources, mnist)
    for part in parts:
        socket = upload.reattach()
        send_chunks(socket, content, [part])
        if how == "closed":
            socket.close()
        else:
            socket.websocket.reset()
    send_labels(upload, mnist)
    expect_content(upload, mnist)


# DATA-8: the two files of an MNIST upload are written over two sockets, in turn or at the same time, without mixing.
@requirement("DATA-8")
@pytest.mark.parametrize("order", ["images first", "labels first"])
def test_two_files_in_turn_do_not_mix(resources: ResourceFactory, order: str) -> None:
    """The server keeps images and labels apart that come one file after the other."""
    mnist = MnistSample(SEGMENT + 1000)
    upload = start_image_upload(resources, mnist)
    roles = ["input", "label"] if order == "images first" else ["label", "input"]
    upload.write_all({role: mnist.contents[role] for role in roles})
    expect_content(upload, mnist, values=True)


@requirement("DATA-8")
def test_two_files_at_the_same_time_do_not_mix(resources: ResourceFactory) -> None:
    """The server keeps images and labels apart that come alternately over two sockets."""
    resources.target.connection_limit.require(2)
    mnist = MnistSample(20_000, side=4)
    upload = start_image_upload(resources, mnist)
    with attribute_to("DATA-8"):
        images, labels = upload.attach("input"), upload.attach("label")
    image_parts = split_into_chunks(len(mnist.contents["input"]), 700)
    label_parts = split_into_chunks(len(mnist.contents["label"]), 50)
    for index in range(max(len(image_parts), len(label_parts))):
        send_chunks(images, mnist.contents["input"], image_parts[index : index + 1])
        send_chunks(labels, mnist.contents["label"], label_parts[index : index + 1])
    images.close()
    labels.close()
    expect_content(upload, mnist, values=True)


@requirement("DATA-8")
def test_a_file_goes_on_when_the_socket_of_the_other_closes(resources: ResourceFactory) -> None:
    """The server goes on with one file of an upload when the other one is whole and its socket closed."""
    resources.target.connection_limit.require(2)
    mnist = MnistSample(20_000, side=4)
    upload = start_image_upload(resources, mnist)
    with attribute_to("DATA-8"):
        images, labels = upload.attach("input"), upload.attach("label")
    first, *others = split_into_chunks(len(mnist.contents["input"]), 5000)
    send_chunks(images, mnist.contents["input"], [first])
    send_chunks(labels, mnist.contents["label"], split_into_chunks(len(mnist.contents["label"]), 500))
    labels.close()
    send_chunks(images, mnist.contents["input"], others)
    images.close()
    expect_content(upload, mnist, values=True)


# DATA-9: several uploads at once, by one or several users, do not mix.
@requirement("DATA-9")
def test_two_uploads_at_the_same_time_do_not_mix(resources: ResourceFactory) -> None:
    """The server keeps two uploads of one user apart whose chunks come alternately."""
    alternate(resources, None)


@requirement("DATA-9")
def test_many_unfinished_uploads_do_not_mix(resources: ResourceFactory) -> None:
    """The server keeps a dozen uploads apart that are begun before the first of them is finalized."""
    materials = [MnistSample(600, seed=seed, side=4) for seed in range(12)]
    uploads = [start_image_upload(resources, mnist) for mnist in materials]
    for upload, mnist in zip(uploads, materials, strict=True):
        upload.write_all(mnist.contents)
    for upload, mnist in zip(uploads, materials, strict=True):
        expect_content(upload, mnist, values=True)


@requirement("DATA-9")
def test_uploads_of_two_users_at_the_same_time_do_not_mix(resources: ResourceFactory, other_account: Account) -> None:
    """The server keeps the uploads of two users apart whose chunks come alternately."""
    alternate(resources, other_account)


@requirement("DATA-9", "GEN-3")
def test_uploads_of_two_users_under_one_name_do_not_mix(resources: ResourceFactory, other_account: Account) -> None:
    """The server keeps the uploads of two users apart who gave them the same name."""
    alternate(resources, other_account, resources.name("mnist"))


def alternate(resources: ResourceFactory, other: Account | None, name: str = "") -> None:
    """Send two uploads alternately, chunks at the same positions, and compare both."""
    resources.target.connection_limit.require(2)
    materials = [MnistSample(30_000, seed=1), MnistSample(30_000, seed=2)]
    uploads = [
        start_image_upload(resources, materials[0], name=name),
        start_image_upload(resources, materials[1], other, name),
    ]
    with attribute_to("DATA-9"):
        sockets = [upload.attach() for upload in uploads]
    for part in split_into_chunks(len(materials[0].contents["input"]), 4000):
        for socket, mnist in zip(sockets, materials, strict=True):
            send_chunks(socket, mnist.contents["input"], [part])
    for socket in sockets:
        socket.close()
    send_labels(uploads[0], materials[0])
    require(
        not uploads[1].progress(),
        expected="complete = false of the upload whose labels are missing",
        actual="complete = true",
    )
    send_labels(uploads[1], materials[1])
    for upload, mnist in zip(uploads, materials, strict=True):
        expect_content(upload, mnist, values=True)


# DATA-10: pipelined messages (sent before earlier answers were read) are all answered, in order.
@requirement("DATA-10")
def test_pipelined_chunks_are_all_answered(resources: ResourceFactory) -> None:
    """The server answers, and keeps, every chunk of a row that was sent before the first answer was read."""
    mnist = MnistSample(32_000, side=8)
    content = mnist.contents["input"]
    upload = start_image_upload(resources, mnist)
    send_labels(upload, mnist)
    socket = upload.attach()
    parts = split_into_chunks(len(content), 1000)
    for start, end in parts:
        socket.send(start, content[start:end])
    for start, end in parts:
        socket.expect_accepted(start, content[start:end], f"the chunk at {start}")
    surplus = socket.close()
    require(not surplus, expected=f"{len(parts)} answers to {len(parts)} chunks", actual=f"{len(surplus)} more")
    expect_content(upload, mnist)


@requirement("DATA-10", "DATA-1")
def test_pipelined_answers_come_in_order(resources: ResourceFactory) -> None:
    """The server answers a row of right and wrong chunks in the order in which they were sent."""
    upload = resources.csv(1000)
    socket = upload.attach()
    right = [True, False, True, True, False, False, True, False]
    for index, fits in enumerate(right):
        socket.send(index * 100 if fits else 1000 + index, random_bytes(100))
    answers = [socket.receive_acknowledgement().success for _ in right]
    require(answers == right, expected=f"success in the order {right}", actual=answers)


# DATA-11: websocket fragmentation and control frames between fragments make no difference.
@requirement("DATA-11", "DATA-3")
def test_a_large_chunk_in_fragments_is_whole(resources: ResourceFactory) -> None:
    """The server puts a message together of which single frames are larger than 64 KiB."""
    mnist = MnistSample(250_000)
    content = mnist.contents["input"]
    upload = start_image_upload(resources, mnist)
    send_labels(upload, mnist)
    socket = upload.attach()
    socket.send_fragments(0, content, [1, 70_000, 70_100, 150_000])
    socket.expect_accepted(0, content, "a large chunk in fragments")
    socket.close()
    expect_content(upload, mnist, values=True)


@requirement("DATA-11")
@pytest.mark.parametrize("between", ["", "ping", "pong"], ids=["plain", "with pings between", "with pongs between"])
def test_fragmented_chunks_are_whole(resources: ResourceFactory, between: str) -> None:
    """The server puts a message together that comes in several frames, also with control frames between them."""
    mnist = MnistSample(4000, side=8)
    content = mnist.contents["input"]
    upload = start_image_upload(resources, mnist)
    socket = upload.attach()
    few, many = [1, 5, 5, 700], list(range(0, 1500, 5))
    for number, position in enumerate(range(0, len(content), 1500)):
        data = content[position : position + 1500]
        socket.send_fragments(position, data, [few, many][number % 2], between)
        socket.expect_accepted(position, data, "a chunk in fragments")
    socket.close()
    send_labels(upload, mnist)
    expect_content(upload, mnist)
