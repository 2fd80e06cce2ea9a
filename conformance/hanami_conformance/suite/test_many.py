"""General: many messages, sockets, questions, rejections and clusters, one after the other or at the same time."""

from __future__ import annotations

import pytest

from hanami_conformance.cases.attribution import attribute_to, default_requirement, precondition
from hanami_conformance.cases.checks import require
from hanami_conformance.catalogue import requirement
from hanami_conformance.models.cluster import are_equal
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.resources.training import format_answer, sample_inputs, train_once
from hanami_conformance.suite.support.clusters import ANY_SHAPE, expect_same, trained_cluster
from hanami_conformance.suite.support.intact_uploads import expect_intact, stays_incomplete
from hanami_conformance.suite.support.sample_data import ONE_BRICK, MnistSample, random_bytes
from hanami_conformance.suite.support.sockets import expect_nothing_more
from hanami_conformance.suite.support.uploads import (
    expect_4xx_with_reason,
    send_labels,
    small_contents,
    split_into_chunks,
    start_upload,
)

pytestmark = pytest.mark.parallel

# Each is just beyond a limit of 2^n or 10^n that a program may have without anybody knowing.
MESSAGES = 1100  # chunks of one file over one socket, the half of them with a gap before it
IN_FLIGHT = 100  # chunks that are sent before their acknowledgements are read
SOCKETS = 20  # of one file, one after the other
QUESTIONS = 110  # for the progress of one upload
REJECTIONS = 17  # of one kind, one after the other
REQUESTS = 1025  # to one cluster over one socket
BURST = 33  # requests in one write
CLUSTERS = 17  # in direct mode at the same time
MEGABYTE = 1_000_000  # bytes


@requirement("PROG-3", "DATA-1", "DATA-10")
def test_a_file_may_have_hundreds_of_gaps(resources: ResourceFactory) -> None:
    """Every second byte of a file, and then all others, are more than a thousand messages that count, one by one."""
    mnist = MnistSample(MESSAGES, side=2)
    content = mnist.contents["input"]
    upload = start_upload(resources, mnist.contents)
    send_labels(upload, mnist)
    socket = upload.attach()
    single = split_into_chunks(len(content), 1)
    parts = [*single[::2], *single[1::2]]
    for first in range(0, len(parts), IN_FLIGHT):
        group = parts[first : first + IN_FLIGHT]
        with socket.websocket.gathered():
            for begin, end in group:
                socket.send(begin, content[begin:end])
        with attribute_to("DATA-1"):
            for begin, end in group:
                socket.expect_accepted(begin, content[begin:end], f"chunk {first + 1} or later of {len(parts)}")
    with attribute_to("DATA-1"):
        expect_nothing_more(socket, f"{len(parts)} answers to {len(parts)} chunks")
    expect_intact(upload, mnist.model, "a file that had hundreds of gaps")


@requirement("DATA-10", "DATA-1")
def test_a_megabyte_in_flight_is_answered(resources: ResourceFactory) -> None:
    """Chunks of together more than 1 MB that are sent before the first answer is read are all answered."""
    size = 16_000
    content = random_bytes(MEGABYTE + size)
    upload = resources.csv(len(content))
    socket = upload.attach()
    parts = split_into_chunks(len(content), size)
    with socket.websocket.gathered():
        for begin, end in parts:
            socket.send(begin, content[begin:end])
    for begin, end in parts:
        socket.expect_accepted(begin, content[begin:end], f"the chunk at {begin}")
    expect_nothing_more(socket, f"{len(parts)} answers to {len(parts)} chunks")
    require(upload.wait_complete(), expected="complete = true", actual="complete = false", requirement="PROG-3")


@requirement("DATA-7", "PROG-1")
def test_an_upload_may_take_many_sockets_and_questions(resources: ResourceFactory) -> None:
    """An upload goes on with a new socket for each chunk, and its progress is answered as often as it is asked for."""
    contents, model = small_contents("csv")
    content = contents["input"]
    upload = start_upload(resources, contents)
    parts = split_into_chunks(len(content), -(-len(content) // SOCKETS))
    for begin, end in parts:
        socket = upload.reattach()
        with default_requirement("DATA-7"):
            socket.write(begin, content[begin:end])
        socket.close()
    with attribute_to("PROG-1"):
        for _ in range(QUESTIONS):
            upload.progress()
    expect_intact(upload, model, "an upload over many sockets")


@requirement("FIN-3")
@pytest.mark.parametrize("kind", ["csv", "mnist"])
def test_many_early_puts_destroy_nothing(resources: ResourceFactory, kind: str) -> None:
    """An upload can be completed and finalized however often it was finalized too early."""
    contents, model = small_contents(kind)
    upload = start_upload(resources, contents)
    last = list(contents)[-1]
    upload.write_all({role: content for role, content in contents.items() if role != last})
    socket = upload.attach(last)
    socket.write(0, contents[last][:-1])
    for _ in range(REJECTIONS):
        expect_4xx_with_reason(upload.finalize(), "a byte is missing")
    with attribute_to("FIN-3"):
        socket.write(len(contents[last]) - 1, contents[last][-1:])
    socket.close()
    expect_intact(upload, model, "an upload that was completed after many rejected PUTs")


@requirement("DATA-5")
@pytest.mark.hostile
def test_many_rejected_chunks_leave_the_socket_usable(resources: ResourceFactory) -> None:
    """Chunks beyond the end are rejected, however many there are, and valid ones are accepted on the same socket."""
    contents, model = small_contents("csv")
    content = contents["input"]
    upload = start_upload(resources, contents)
    socket = upload.attach()
    socket.write(0, content[:-1])
    with stays_incomplete(upload, "the last byte is missing"):
        for excess in range(1, REJECTIONS + 1):
            socket.write_rejected(len(content) - 1, b"x" * (1 + excess), f"which ends {excess} bytes beyond the file")
    socket.write(len(content) - 1, content[-1:])
    expect_nothing_more(socket, f"{REJECTIONS + 2} answers to as many messages")
    expect_intact(upload, model, "an upload with many rejected chunks")


@requirement("DIO-9", "DIO-7")
def test_a_thousand_requests_get_the_same_answers(resources: ResourceFactory) -> None:
    """Requests in bursts are answered in order, and the thousandth as the first."""
    cluster, socket = trained_cluster(resources, ANY_SHAPE)
    questions = [sample_inputs(socket.shape, seed)[0] for seed in range(1, BURST + 1)]
    expected = [socket.request([question]) for question in questions]
    for burst in range(REQUESTS // BURST):
        with socket.websocket.gathered():
            for question in questions:
                socket.send(question.name, question.values, is_last=True)
        answers = [socket.receive_outputs() for _ in questions]
        for number, (actual, right) in enumerate(zip(answers, expected, strict=True)):
            if are_equal(actual, right):
                continue
            elsewhere = any(are_equal(actual, other) for other in expected)
            what = f"the answer to request {number + 1} of {BURST} in burst {burst + 1}: {format_answer(right)}"
            violated = "DIO-9" if elsewhere else "DIO-7"
            require(False, expected=what, actual=format_answer(actual), requirement=violated)
    expect_nothing_more(socket, "one answer to each request")
    again = cluster.reattach()
    actual = again.request([questions[0]])
    what = f"the answer to the first of {REQUESTS} requests, on another socket"
    expect_same(resources, again, actual, expected[0], what, "DIO-7")


@requirement("MODE-1", "DIO-10")
def test_many_clusters_are_in_direct_mode_at_once(resources: ResourceFactory) -> None:
    """A cluster stays in direct mode however many others are switched after it, and they work like it."""
    clusters = [resources.cluster(ONE_BRICK) for _ in range(CLUSTERS)]
    for cluster in clusters:
        with precondition("switching many clusters to direct mode"):
            cluster.enter_direct_mode()
    for cluster in (clusters[0], clusters[CLUSTERS // 2], clusters[-1]):
        with attribute_to("MODE-1"):
            socket = cluster.attach()
            train_once(socket)
            socket.close()
