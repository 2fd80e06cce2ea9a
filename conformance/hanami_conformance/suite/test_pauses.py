"""General: pauses of seconds within both workflows.

Everything is left alone in the same pause: files and clusters with a socket and without one, and a connection of REST.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from http import HTTPStatus
from itertools import pairwise

import pytest
from websockets.frames import Frame, Opcode

from hanami_conformance.cases.attribution import attribute_to, default_requirement
from hanami_conformance.cases.checks import observe, require
from hanami_conformance.cases.failures import Unsupported
from hanami_conformance.catalogue import requirement
from hanami_conformance.clients.connection_limit import ConnectionLimit
from hanami_conformance.clients.deadline import Deadline
from hanami_conformance.clients.raw_request import send_raw
from hanami_conformance.clients.response_reader import NoResponse
from hanami_conformance.clients.websocket import WebSocket
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.resources.training import sample_inputs
from hanami_conformance.suite.support.clusters import expect_same, trained_cluster
from hanami_conformance.suite.support.intact_uploads import expect_intact, expect_unchanged, expect_usable
from hanami_conformance.suite.support.operations import request_bytes
from hanami_conformance.suite.support.sample_data import TWO_INPUTS
from hanami_conformance.suite.support.uploads import (
    expect_complete,
    send_chunks,
    small_contents,
    small_upload,
    split_into_chunks,
    start_upload,
)

pytestmark = pytest.mark.parallel

CHUNK = 100  # bytes
PARTS = 4  # of the pause, between which slow messages go on; each is longer than a second in the profile gate
POLL = 0.1  # seconds between two looks for pings

# Prepares something and yields in each part of the pause; yields again when its socket is closed, and then checks the
# rest, for which it may need other connections. A part yields the websocket whose pings are to be answered, if any.
Silence = Iterator[WebSocket | None]
ALONE: Sequence[None] = (None,) * PARTS


def upload_without_a_socket(resources: ResourceFactory) -> Silence:
    """Leave an upload alone between its POST and its first socket (INIT-4)."""
    contents, model = small_contents("csv")
    upload = start_upload(resources, contents)
    yield from (*ALONE, None)
    with attribute_to("INIT-4"):
        upload.write_all(contents)
    expect_intact(upload, model, "an upload with a pause between its POST and its socket")


def partly_sent_upload(resources: ResourceFactory) -> Silence:
    """Leave an upload alone of which each file was sent in part, and has no socket (DATA-7)."""
    contents, model = small_contents("mnist")
    upload = start_upload(resources, contents)
    upload.write_all({role: content[: len(content) // 2] for role, content in contents.items()})
    yield from (*ALONE, None)
    expect_usable(upload, contents, model, "a pause in which no file had a socket")


def complete_upload(resources: ResourceFactory) -> Silence:
    """Leave an upload alone between its last chunk and its PUT (PROG-3, FIN-1)."""
    upload, model = small_upload(resources, "csv")
    yield from (*ALONE, None)
    with attribute_to("PROG-3"):
        expect_complete(upload)
    with default_requirement("FIN-1"):
        expect_intact(upload, model, "an upload with a pause between its last chunk and its PUT")


def finalized_dataset(resources: ResourceFactory) -> Silence:
    """Leave a dataset alone (FIN-1)."""
    upload, model = small_upload(resources, "csv")
    finished = expect_intact(upload, model, "a dataset before a pause")
    yield from (*ALONE, None)
    with default_requirement("FIN-1"):
        expect_unchanged(finished, "a pause")


def cluster_without_a_socket(resources: ResourceFactory) -> Silence:
    """Leave a cluster in direct mode alone, without a socket (MODE-1)."""
    cluster, socket = trained_cluster(resources)
    question = sample_inputs(cluster.shape, seed=1)
    expected = socket.request(question)
    socket.close()
    yield from (*ALONE, None)
    with attribute_to("MODE-1"):
        again = cluster.reattach()
        actual = again.request(question)
    expect_same(resources, again, actual, expected, "the answer as before a pause without a socket", "MODE-1")
    again.close()


def file_between_chunks(resources: ResourceFactory) -> Silence:
    """Leave the socket of a file alone between two chunks (DATA-1)."""
    contents, model = small_contents("csv")
    parts = split_into_chunks(len(contents["input"]), CHUNK)
    upload = start_upload(resources, contents)
    socket = upload.attach()
    send_chunks(socket, contents["input"], parts[:1])
    yield from [socket.websocket] * PARTS
    with attribute_to("DATA-1"):
        send_chunks(socket, contents["input"], parts[1:])
    socket.close()
    yield None
    expect_intact(upload, model, "an upload with a pause between two chunks")


def file_within_messages(resources: ResourceFactory) -> Silence:
    """Send a chunk in one frame that arrives slowly (DATA-1), and one in fragments that do (DATA-11)."""
    contents, model = small_contents("csv")
    content = contents["input"]
    half = len(content) // 2
    upload = start_upload(resources, contents)
    socket = upload.attach()
    encode = resources.target.dialect.codec.encode_chunk
    frame = Frame(Opcode.BINARY, encode(0, content[:half])).serialize(mask=True)
    payload = encode(half, content[half:])
    thirds = [0, len(payload) // 3, 2 * len(payload) // 3, len(payload)]
    fragments = [
        Frame(Opcode.CONT if start else Opcode.BINARY, payload[start:end], fin=end == len(payload)).serialize(mask=True)
        for start, end in pairwise(thirds)
    ]
    send = socket.websocket.send_raw
    for start, end in ((0, 1), (1, len(frame) // 2)):
        send(frame[start:end], f"bytes {start} to {end - 1} of a frame of {len(frame)}")
        yield None  # a pong would be taken for the rest of the frame
    send(frame[len(frame) // 2 :], "the rest of the frame")
    with attribute_to("DATA-1"):
        socket.expect_accepted(0, content[:half], "a chunk in a frame that arrived in parts, with pauses")
    for fragment in fragments[:-1]:
        send(fragment, "a fragment")
        yield socket.websocket
    send(fragments[-1], "the last fragment")
    with attribute_to("DATA-11"):
        socket.expect_accepted(half, content[half:], "a chunk in fragments with pauses between them")
    socket.close()
    yield None
    with default_requirement("DATA-11"):
        expect_intact(upload, model, "an upload with pauses within its messages")


def cluster_within_a_cycle(resources: ResourceFactory) -> Silence:
    """Leave the socket of a cluster alone between two messages of a cycle (DIO-2)."""
    _, socket = trained_cluster(resources, TWO_INPUTS)
    first, second = sample_inputs(TWO_INPUTS, seed=1)
    expected = socket.request([first, second])
    socket.send(first.name, first.values, is_last=False)
    socket.receive_acknowledgement()
    yield from [socket.websocket] * PARTS
    with attribute_to("DIO-2"):
        socket.send(second.name, second.values, is_last=True)
        actual = socket.receive_outputs()
    socket.close()
    yield None
    expect_same(resources, socket, actual, expected, "the answer to a cycle with a pause in it", "DIO-2")


def cluster_between_cycles(resources: ResourceFactory) -> Silence:
    """Leave the socket of a cluster alone between two cycles (DIO-9)."""
    _, socket = trained_cluster(resources)
    question = sample_inputs(socket.shape, seed=1)
    expected = socket.request(question)
    yield from [socket.websocket] * PARTS
    with attribute_to("DIO-9"):
        actual = socket.request(question)
    socket.close()
    yield None
    expect_same(resources, socket, actual, expected, "the answer as before a pause between two cycles", "DIO-9")


def kept_connection(resources: ResourceFactory) -> Silence:
    """Leave a connection of REST alone (GEN-1): the server may close it, but not give a wrong answer on it.

    It is used within the pause, too: many servers close a connection that is idle for five seconds.
    """
    target = resources.target
    target.rest.close()
    request = request_bytes(target, "dataset.list", connection=b"keep-alive")
    # This is the connection that a run may have besides its websockets: no other call is made meanwhile.
    with target.raw(ConnectionLimit(1)) as connection:
        send_raw(connection, request, "a list before a pause", target.timeouts)
        for _ in range(2):
            yield from ALONE[: PARTS // 2]
            if not connection.is_reusable or connection.has_ended:
                continue
            with contextlib.suppress(NoResponse):  # closed at this moment
                answer = send_raw(connection, request, "a list over a connection that was idle", target.timeouts)
                right = answer.status in (HTTPStatus.OK, HTTPStatus.REQUEST_TIMEOUT)  # the latter as it closes
                expected = "200 to a list over a connection that was idle"
                require(right, expected=expected, actual=answer, requirement="GEN-1")
        is_kept = connection.is_reusable and not connection.has_ended
        observe("a connection that is idle", "kept" if is_kept else "closed")
    yield None


Scenario = Callable[[ResourceFactory], Silence]
WITHOUT_A_SOCKET: Sequence[Scenario] = (
    upload_without_a_socket,
    partly_sent_upload,
    complete_upload,
    finalized_dataset,
    cluster_without_a_socket,
)
WITH_A_SOCKET: Sequence[Scenario] = (
    file_between_chunks,
    cluster_within_a_cycle,
    cluster_between_cycles,
    file_within_messages,
)


@requirement("DATA-1", "INIT-4", "DATA-7", "DATA-11", "PROG-3", "FIN-1", "MODE-1", "DIO-2", "DIO-9", "GEN-1")
def test_a_pause_of_seconds_changes_nothing(resources: ResourceFactory, pause_seconds: float) -> None:
    """Both workflows go on after a pause, wherever it is: without a socket, between messages, and within one."""
    most = resources.target.connection_limit.most
    groups = [WITH_A_SOCKET[first : first + most] for first in range(0, len(WITH_A_SOCKET), most)]
    leave_alone(resources, (*WITHOUT_A_SOCKET, *groups[0], kept_connection), pause_seconds)
    for group in groups[1:]:
        leave_alone(resources, group, pause_seconds)


def leave_alone(resources: ResourceFactory, scenarios: Sequence[Scenario], seconds: float) -> None:
    """Run scenarios that have their pause at the same time."""
    silences = [scenario(resources) for scenario in scenarios]
    for _ in range(PARTS):
        stay_idle([websocket for silence in silences if (websocket := next(silence)) is not None], seconds / PARTS)
    for silence in reversed(silences):  # the connection of REST first, before there are other calls
        next(silence)
    unsupported: Unsupported | None = None
    for silence in silences:
        try:
            next(silence, None)
        except Unsupported as reason:  # of clusters whose answers change anyway: the others are judged all the same
            unsupported = unsupported or reason
    if unsupported is not None:
        raise unsupported


def stay_idle(websockets: Sequence[WebSocket], seconds: float) -> None:
    """Send nothing but pongs: a server may ping its clients, and end the connection of one that does not answer."""
    deadline = Deadline.after(seconds)
    while not deadline.passed:
        for websocket in websockets:
            websocket.answer_pings()
        time.sleep(min(POLL, deadline.remaining()))
