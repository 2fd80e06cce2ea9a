"""Upload, step 4: progress."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from hanami_conformance.cases.checks import require
from hanami_conformance.catalogue import requirement
from hanami_conformance.clients.upload_socket import UploadSocket
from hanami_conformance.models.file import SEGMENT
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.resources.upload import Upload
from hanami_conformance.stateful.upload_state import missing_spans
from hanami_conformance.suite.support.invalid import INVALID_UUIDS, REST_TOKENS, invalid_header_token
from hanami_conformance.suite.support.sample_data import ONE_BRICK, csv_sample, random_bytes
from hanami_conformance.suite.support.uploads import send_chunks, shuffled, split_into_chunks
from hanami_conformance.target.target import Account, Target

pytestmark = pytest.mark.parallel


def attached(upload: Upload, role: str = "input") -> UploadSocket:
    """Return a socket for a file; a rejection of its chunks violates DATA-1, and says nothing of progress."""
    return upload.attach(role, "DATA-1")


def expect_incomplete(upload: Upload, why: str) -> None:
    """Check that progress is not complete."""
    for _ in range(2):  # twice, to detect a server that counts late
        actual = upload.progress()
        require(not actual, expected=f"complete = false: {why}", actual="complete = true", requirement="PROG-2")


def expect_complete_at_once(upload: Upload) -> None:
    """Check that progress is complete at the first request."""
    assert upload.complete, "a test must send every byte"
    actual = upload.progress()
    expected = "complete = true after every byte was acknowledged"
    require(actual, expected=expected, actual="complete = false", requirement="PROG-3")


# PROG-1: GET progress with the uuid of the dataset is answered with JSON in which complete is a boolean.
@requirement("PROG-1")
@pytest.mark.parametrize("kind", ["csv", "mnist"])
def test_progress_has_a_boolean_complete(resources: ResourceFactory, kind: str) -> None:
    """Progress is a JSON object with a boolean complete."""
    upload = resources.csv(10) if kind == "csv" else resources.mnist(10, 10)
    upload.progress()
    upload.write_all({role: random_bytes(10) for role in upload.files})
    upload.progress()


SIZES = [1, 2, 1000, SEGMENT - 1, SEGMENT, SEGMENT + 1, 2 * SEGMENT, 7 * SEGMENT // 2]
ROUNDED = (4 << 20) + 1  # bytes, of which one is less than a millionth


# PROG-2: complete is never true while a byte of any file is missing.
@requirement("PROG-2", "PROG-3")
@pytest.mark.parametrize(
    ("size", "missing"),
    [*itertools.product(SIZES, ["first", "last", "middle"]), (ROUNDED, "middle")],
)
def test_one_missing_byte_is_not_complete(resources: ResourceFactory, size: int, missing: str) -> None:
    """Progress is not complete while a single byte is missing, and complete with it."""
    content = random_bytes(size)
    place = {"first": 0, "last": size - 1, "middle": size // 2}[missing]
    upload = resources.csv(size)
    expect_incomplete(upload, "nothing was sent")
    socket = attached(upload)
    ahead = [(start, min(end, place)) for start, end in split_into_chunks(size, SEGMENT) if start < place]
    behind = [(max(start, place + 1), end) for start, end in split_into_chunks(size, SEGMENT) if end > place + 1]
    send_chunks(socket, content, ahead + behind)
    expect_incomplete(upload, f"byte {place} of {size} is missing")
    socket.write(place, content[place : place + 1])
    expect_complete_at_once(upload)


@requirement("PROG-2")
def test_as_many_chunks_as_segments_are_not_complete(resources: ResourceFactory) -> None:
    """Progress counts bytes: one byte in each segment of 128 KiB does not complete a file."""
    size = 3 * SEGMENT
    upload = resources.csv(size)
    socket = attached(upload)
    for segment in range(3):
        socket.write(segment * SEGMENT, b"x")
    expect_incomplete(upload, f"3 of {size} bytes were sent, one in each segment")
    for segment in range(3):
        socket.write(segment * SEGMENT + SEGMENT - 1, b"x")
    expect_incomplete(upload, f"6 of {size} bytes were sent, the first and last of each segment")


@requirement("PROG-2")
def test_many_tiny_chunks_are_not_complete(resources: ResourceFactory) -> None:
    """Progress counts bytes: as many messages as the file has bytes do not complete it."""
    upload = resources.csv(40)
    socket = attached(upload)
    for index in range(44):
        socket.write(index % 20, b"x")
    expect_incomplete(upload, "bytes 20 to 39 are missing")


@requirement("PROG-2")
@pytest.mark.parametrize("size", [1000, 2 * SEGMENT])
def test_a_repeated_chunk_counts_once(resources: ResourceFactory, size: int) -> None:
    """Progress counts bytes once: half of a file sent repeatedly does not complete it."""
    content = random_bytes(size)
    for start in (0, size // 2):
        upload = resources.csv(size)
        socket = attached(upload)
        for _ in range(3):
            socket.write(start, content[start : start + size // 2])
        expect_incomplete(upload, f"only bytes {start} to {start + size // 2 - 1} of {size} were sent, three times")
        socket.close()


@requirement("PROG-2", "PROG-3")
def test_overlapping_chunks_count_once(resources: ResourceFactory) -> None:
    """Progress counts bytes once: overlapping chunks do not make up for a gap."""
    content = random_bytes(1000)
    upload = resources.csv(1000)
    socket = attached(upload)
    for start in range(0, 500, 50):
        socket.write(start, content[start : start + 400])
    expect_incomplete(upload, "bytes 850 to 999 are missing, however much of the rest overlapped")
    socket.write(800, content[800:])
    expect_complete_at_once(upload)


BRIDGES: dict[str, tuple[int, int]] = {  # a chunk across parts of 10 bytes with gaps of 10 bytes between them
    "from a part to a part": (105, 195),
    "from a gap to a gap": (95, 205),
    "from an edge to an edge": (100, 190),
    "over every part": (0, 800),
}


@requirement("PROG-2", "PROG-3")
@pytest.mark.parametrize("bridge", list(BRIDGES))
def test_a_chunk_across_several_parts_counts_once(resources: ResourceFactory, bridge: str) -> None:
    """Progress counts bytes once: a chunk across several received parts completes nothing but the gaps between them."""
    content = random_bytes(1000)
    upload = resources.csv(1000)
    socket = attached(upload)
    send_chunks(socket, content, [(begin, begin + 10) for begin in range(100, 800, 20)])
    begin, end = BRIDGES[bridge]
    for _ in range(2):  # the second one brings no byte
        socket.write(begin, content[begin:end])
    whole = upload.files["input"].model
    gaps = missing_spans(whole.received, 1000)
    send_chunks(socket, content, gaps[:-1])
    last, end = gaps[-1]
    socket.write(last, content[last : end - 1])
    expect_incomplete(upload, f"byte {end - 1} is missing, however many parts a chunk crossed")
    socket.write(end - 1, content[end - 1 : end])
    expect_complete_at_once(upload)


@requirement("PROG-2")
def test_the_last_chunk_alone_is_not_complete(resources: ResourceFactory) -> None:
    """Progress does not follow the greatest position: the end of a file alone does not complete it."""
    size = 2 * SEGMENT + 10
    upload = resources.csv(size)
    socket = attached(upload)
    socket.write(2 * SEGMENT, random_bytes(10))
    expect_incomplete(upload, f"bytes 0 to {2 * SEGMENT - 1} are missing")


@requirement("PROG-2")
def test_rejected_chunks_do_not_count(resources: ResourceFactory) -> None:
    """Progress does not count rejected chunks."""
    upload = resources.csv(1000)
    socket = attached(upload)
    socket.write(0, random_bytes(500))
    for _ in range(3):
        acknowledgement = socket.exchange(600, random_bytes(500))
        expected = "success = false to a chunk beyond the end"
        require(not acknowledgement.success, expected=expected, actual="success = true", requirement="DATA-5")
    expect_incomplete(upload, "bytes 500 to 999 were never accepted")


@requirement("PROG-2", "PROG-3")
@pytest.mark.parametrize("first", ["input", "label"])
def test_one_of_two_files_is_not_complete(resources: ResourceFactory, first: str) -> None:
    """Progress of an MNIST upload is not complete until both files are."""
    sizes = {"input": 3000, "label": 500}
    upload = resources.mnist(sizes["input"], sizes["label"])
    other = "label" if first == "input" else "input"
    upload.write_all({first: random_bytes(sizes[first])})
    expect_incomplete(upload, f"nothing of the {other} file was sent")
    socket = attached(upload, other)
    socket.write(0, random_bytes(sizes[other] - 1))
    expect_incomplete(upload, f"the last byte of the {other} file is missing")
    socket.write(sizes[other] - 1, b"z")
    expect_complete_at_once(upload)


@requirement("PROG-2")
def test_bytes_of_one_file_do_not_count_for_the_other(resources: ResourceFactory) -> None:
    """Progress does not count the bytes of one file for the other."""
    upload = resources.mnist(1000, 1000)
    for _ in range(2):
        upload.write_all({"input": random_bytes(1000)})
    expect_incomplete(upload, "nothing of the label file was sent")


@requirement("PROG-2")
def test_progress_of_one_upload_says_nothing_of_another(resources: ResourceFactory) -> None:
    """Progress of an upload does not depend on another upload."""
    full, empty = resources.csv(1000), resources.csv(1000)
    full.write_all({"input": random_bytes(1000)})
    expect_incomplete(empty, "nothing was sent for this upload, all for another")
    expect_complete_at_once(full)


# PROG-3: complete is true once every byte of every file is acknowledged.
@requirement("PROG-3")
@pytest.mark.parametrize("size", [1, 999, SEGMENT, 7 * SEGMENT // 2 + 3])
@pytest.mark.parametrize("chunk", [333, SEGMENT, 2 * SEGMENT])
def test_every_byte_in_any_order_is_complete(resources: ResourceFactory, size: int, chunk: int) -> None:
    """Progress is complete once the last gap is filled, in any order and with any size of chunks."""
    content = random_bytes(size)
    upload = resources.csv(size)
    socket = attached(upload)
    parts = split_into_chunks(size, max(chunk, size // 40))
    send_chunks(socket, content, shuffled(parts))
    expect_complete_at_once(upload)
    send_chunks(socket, content, parts[:1])
    expect_complete_at_once(upload)


@requirement("PROG-3")
def test_progress_stays_complete(resources: ResourceFactory) -> None:
    """Progress stays complete after the sockets are closed."""
    upload = resources.mnist(500, 500)
    upload.write_all({"input": random_bytes(500), "label": random_bytes(500)})
    expect_complete_at_once(upload)
    expect_complete_at_once(upload)


@requirement("PROG-3")
def test_a_finalized_upload_stays_complete(resources: ResourceFactory) -> None:
    """Progress of a finalized dataset is complete or rejected, but not incomplete."""
    content, _ = csv_sample(rows=3)
    upload = resources.dataset("csv", {"input": content})
    answer = resources.target.account.call("dataset.progress", params={"uuid": upload.uuid})
    outcome = "rejected" if answer.rejected else answer.object().get("complete")
    require(outcome in ("rejected", True), expected="complete = true after the PUT, or a 4xx", actual=answer)


# PROG-4: an unknown uuid gets 404, a malformed uuid 400, a request without a token 401, the dataset of another user
# 404.
@requirement("PROG-4")
@pytest.mark.parametrize(("uuid", "status"), [("unknown", 404), ("malformed", 400), ("empty", 400)])
def test_progress_of_an_invalid_uuid_is_rejected(target: Target, uuid: str, status: int) -> None:
    """Progress of an unknown uuid gets 404, of a malformed one 400."""
    answer = target.account.call("dataset.progress", params={"uuid": INVALID_UUIDS[uuid]})
    require(answer.status == status, expected=f"{status}: the uuid is {uuid}", actual=answer)


OTHER_RESOURCES: dict[str, Callable[[ResourceFactory], str]] = {
    "a file": lambda resources: resources.mnist(10, 10).files["input"].uuid,
    "a label file": lambda resources: resources.mnist(10, 10).files["label"].uuid,
    "a cluster": lambda resources: resources.any_cluster(ONE_BRICK).uuid,
}


@requirement("PROG-4")
@pytest.mark.parametrize("kind", list(OTHER_RESOURCES))
def test_progress_of_another_resource_is_rejected(resources: ResourceFactory, kind: str) -> None:
    """Progress with the uuid of a file or a cluster is rejected."""
    answer = resources.target.account.call("dataset.progress", params={"uuid": OTHER_RESOURCES[kind](resources)})
    require(answer.rejected, expected=f"a 4xx: the uuid is that of {kind}", actual=answer)


@requirement("PROG-4")
def test_progress_without_a_uuid_is_rejected(target: Target) -> None:
    """Progress without a uuid gets 400."""
    answer = target.account.call("dataset.progress")
    require(answer.status == 400, expected="400: there is no uuid", actual=answer)


@requirement("PROG-4")
@pytest.mark.parametrize("token", REST_TOKENS)
def test_progress_without_a_valid_token_is_rejected(resources: ResourceFactory, token: str) -> None:
    """Progress without a valid token gets 401."""
    upload = resources.csv(10)
    answer = resources.target.call(
        "dataset.progress", params={"uuid": upload.uuid}, token=invalid_header_token(token, resources.target)
    )
    require(answer.status == 401, expected=f"401: the token is {token}", actual=answer)


@requirement("PROG-4", "GEN-3")
def test_progress_of_another_users_upload_is_rejected(resources: ResourceFactory, other_account: Account) -> None:
    """Progress of another user's upload gets 404."""
    upload = resources.csv(10)
    answer = other_account.call("dataset.progress", params={"uuid": upload.uuid})
    require(answer.status == 404, expected="404: it belongs to another user", actual=answer)
