"""Equivalent encodings: other bytes, frames and segments with the same meaning."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from websockets.frames import Frame, Opcode

from hanami_conformance.cases.attribution import attribute_to
from hanami_conformance.cases.checks import observe, require
from hanami_conformance.cases.failures import ConnectionClosed
from hanami_conformance.catalogue import requirement
from hanami_conformance.clients.json_forms import JSON_FORMS
from hanami_conformance.clients.protobuf_variants import CHUNK_FORMS, FLOAT_FORMS
from hanami_conformance.clients.websocket_connection import COMPRESSION, EXTENSIONS, SWITCHING
from hanami_conformance.clients.websocket_forms import SEGMENTS as MESSAGE_SEGMENTS
from hanami_conformance.clients.websocket_forms import MessageForm
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.resources.training import sample_inputs
from hanami_conformance.suite.support.clusters import ANY_SHAPE, expect_same, trained_cluster
from hanami_conformance.suite.support.intact_uploads import expect_intact
from hanami_conformance.suite.support.sample_data import ONE_BRICK, TWO_INPUTS, MnistSample
from hanami_conformance.suite.support.uploads import (
    expect_complete,
    send_labels,
    small_upload,
    split_into_chunks,
    start_upload,
)
from hanami_conformance.target.attach import FILE_UPLOAD, AttachForm, attach, first_message, is_accepted
from hanami_conformance.target.target import Target

pytestmark = pytest.mark.parallel


@requirement("DATA-1")
@pytest.mark.parametrize("form", list(CHUNK_FORMS))
def test_a_chunk_may_be_encoded_differently(resources: ResourceFactory, form: str) -> None:
    """A FileUpload_Message is accepted in every form that protobuf allows."""
    mnist = MnistSample(2000, side=8)
    content = mnist.contents["input"]
    upload = start_upload(resources, mnist.contents)
    send_labels(upload, mnist)
    socket = upload.attach()
    for start, end in split_into_chunks(len(content), 500):
        payload = CHUNK_FORMS[form](resources.target.dialect.codec.encode_chunk(start, content[start:end]))
        socket.send_bytes(payload, f"a chunk of {end - start} bytes at {start}, {form}")
        socket.expect_accepted(start, content[start:end], f"a chunk with {form}")
    socket.close()
    expect_intact(upload, mnist.model, "the file as it was sent")


@requirement("DIO-1")
@pytest.mark.parametrize("form", list(FLOAT_FORMS))
def test_values_may_be_encoded_differently(resources: ResourceFactory, form: str) -> None:
    """A ClusterIO_Message is accepted in every form that protobuf allows."""
    _, socket = trained_cluster(resources, ANY_SHAPE)
    for seed in (1, 2):
        (question,) = sample_inputs(socket.shape, seed)
        expected = socket.request([question])
        encode = resources.target.dialect.codec.encode_io
        payload = FLOAT_FORMS[form](encode(question.name, question.values, is_last=True))
        socket.send_bytes(payload, f"the same values, {form}")
        expect_same(resources, socket, socket.receive_outputs(), expected, f"the answer to the same values with {form}")


PAUSE = 0.005  # seconds


WRITTEN: dict[str, str] = {
    "with line breaks and spaces": "indented",
    "without any space": "compact",
    "with its fields in the other order": "reversed",
    "with escapes": "escaped",
}


# RFC 6455, 4.2.1: header names and these values are case-insensitive, and may stand among others.
HANDSHAKES: dict[str, tuple[dict[str, str], list[int]]] = {
    "Connection in small letters": ({"Connection": "upgrade"}, []),
    "Connection among others": ({"Connection": "keep-alive, Upgrade"}, []),
    "Upgrade in capitals": ({"Upgrade": "WEBSOCKET"}, []),
    "a name in capitals": ({"UPGRADE": "websocket"}, []),
    "cut in two segments": ({}, [20]),
    "cut in many segments": ({}, list(range(1, 100, 9))),
}


@requirement("ATT-1")
@pytest.mark.parametrize("kind", list(HANDSHAKES))
def test_a_handshake_may_be_written_differently(target: Target, kind: str) -> None:
    """A websocket opens with every form of handshake that RFC 6455 allows."""
    headers, cuts = HANDSHAKES[kind]
    websocket = target.websocket()
    try:
        websocket.open(headers, cuts)
    except ConnectionClosed as closed:
        require(False, expected=f"a websocket after a handshake: {kind}", actual=closed.actual)
    require(websocket.is_open, expected=f"a websocket after a handshake: {kind}", actual=websocket.close_info)
    websocket.close()


@requirement("ATT-1")
@pytest.mark.parametrize("offer", [COMPRESSION, "x-unknown; level=1"])
def test_extensions_may_be_offered(resources: ResourceFactory, offer: str) -> None:
    """A websocket works for a client that offers an extension, as browsers do; the server need not use it."""
    upload = resources.csv(100)
    websocket = resources.target.websocket()
    with contextlib.suppress(ConnectionClosed):  # by this client, if an extension is accepted that it does not know
        websocket.open({EXTENSIONS: offer})
    response = websocket.handshake_response
    opened = response is not None and response.status_code == SWITCHING
    actual = websocket.close_info if response is None else f"{response.status_code} {response.reason_phrase}"
    require(opened, expected=f"101 to a handshake that offers {offer}", actual=actual)
    if websocket.is_open:
        with attribute_to("ATT-1"):
            websocket.send_text(first_message(upload.account.token, upload.files["input"].uuid, FILE_UPLOAD))
            answer = websocket.receive(f"an answer to a first message after a handshake that offers {offer}")
        require(is_accepted(answer), expected="JSON whose success is 1 or true", actual=answer)
    websocket.close()


Fields = Mapping[str, Any]


def begin_images(resources: ResourceFactory) -> tuple[str, Fields]:
    """Return the operation that begins an upload of images, and its fields."""
    return "mnist.init", {"name": resources.name("mnist"), "input_data_size": 100, "label_data_size": 50}


def begin_table(resources: ResourceFactory) -> tuple[str, Fields]:
    """Return the operation that begins an upload of a table, and its fields."""
    return "csv.init", {"name": resources.name("csv"), "input_data_size": 100}


def finalize_images(resources: ResourceFactory) -> tuple[str, Fields]:
    """Return the operation that finalizes a complete upload of images, and its fields."""
    upload, _ = small_upload(resources, "mnist")
    expect_complete(upload)
    return "mnist.finalize", upload.finalize_body()


def switch_to_direct(resources: ResourceFactory) -> tuple[str, Fields]:
    """Return the operation that switches a cluster to direct mode, and its fields."""
    direct = resources.target.dialect.modes[1]
    return "cluster.set_mode", {"uuid": resources.any_cluster(ONE_BRICK).uuid, "new_state": direct}


@requirement("ATT-2")
@pytest.mark.parametrize("form", list(WRITTEN))
def test_a_first_message_may_be_written_differently(resources: ResourceFactory, form: str) -> None:
    """A first message is accepted in every form that JSON allows."""
    upload = resources.csv(100)
    fields = {"token": upload.account.token, "uuid": upload.files["input"].uuid, "target": FILE_UPLOAD}
    websocket = resources.target.websocket()
    websocket.open()
    websocket.send_text(JSON_FORMS[WRITTEN[form]](fields))
    answer = websocket.receive(f"an acceptance of a first message {form}")
    websocket.close()
    require(is_accepted(answer), expected=f"JSON whose success is 1 or true, to a first message {form}", actual=answer)


@requirement("ATT-2")
@pytest.mark.parametrize("segments", [segments for segments in MESSAGE_SEGMENTS if segments != "one"])
def test_a_first_message_may_arrive_in_segments(resources: ResourceFactory, segments: str) -> None:
    """A first message is accepted wherever its frame is cut into TCP segments."""
    upload = resources.csv(100)
    form = AttachForm(frames=MessageForm(segments=segments))
    with attribute_to("ATT-2"):
        attach(upload.account, upload.files["input"].uuid, FILE_UPLOAD, form=form).close()


@pytest.mark.parametrize("form", list(WRITTEN))
@pytest.mark.parametrize(
    "prepare",
    [
        pytest.param(begin_images, id="POST of images", marks=pytest.mark.requirement("INIT-1")),
        pytest.param(begin_table, id="POST of a table", marks=pytest.mark.requirement("INIT-2")),
        pytest.param(finalize_images, id="PUT of images", marks=pytest.mark.requirement("FIN-1")),
        pytest.param(switch_to_direct, id="switch", marks=pytest.mark.requirement("MODE-1")),
    ],
)
def test_a_body_may_be_written_differently(
    resources: ResourceFactory, prepare: Callable[[ResourceFactory], tuple[str, Fields]], form: str
) -> None:
    """The body of a request is accepted in every form that JSON allows."""
    operation, fields = prepare(resources)
    target, route = resources.target, resources.target.dialect.route(operation)
    content = JSON_FORMS[WRITTEN[form]](fields).encode()
    answer = target.rest.request(route.method, route.path, token=target.account.token, content=content)
    resources.register_unexpected(answer, operation)
    require(answer.status == 200, expected=f"200 to {operation} with a body {form}", actual=answer)


@requirement("PROG-1")
@pytest.mark.parametrize("name", ["x-auth-token", "X-AUTH-TOKEN"])
def test_the_token_header_may_be_in_any_case(resources: ResourceFactory, name: str) -> None:
    """The token is found in its header whatever the case of the header's name."""
    upload = resources.csv(100)
    path = f"{resources.target.dialect.route('dataset.progress').path}?uuid={upload.uuid}"
    answer = resources.target.rest.request("GET", path, headers={name: upload.account.token})
    complete = answer.object().get("complete")
    expected = f"boolean complete to a question with the header {name}"
    require(isinstance(complete, bool), expected=expected, actual=answer)


@requirement("GEN-1")
def test_an_encoded_query_never_gets_a_5xx(resources: ResourceFactory) -> None:
    """A query with percent-encoded characters is decoded, or rejected: the protocol does not say which."""
    upload = resources.csv(100)
    route = resources.target.dialect.route("dataset.progress")
    query = "".join(f"%{ord(character):02X}" for character in upload.uuid)
    answer = resources.target.rest.request(route.method, f"{route.path}?uuid={query}", token=upload.account.token)
    require(not answer.failed, expected="an answer below 500 to a query of encoded characters", actual=answer)
    observe("a query of percent-encoded characters", f"rejected: {answer}" if answer.rejected else "decoded")


@requirement("DIO-4", "DIO-2")
@pytest.mark.parametrize("opcode", [Opcode.PING, Opcode.PONG], ids=["a ping", "a pong"])
def test_control_frames_between_the_parts_change_nothing(resources: ResourceFactory, opcode: Opcode) -> None:
    """Values sent before a control frame take part in the cycle that goes on after it."""
    _, socket = trained_cluster(resources, TWO_INPUTS)
    first, second = sample_inputs(TWO_INPUTS, seed=1)
    expected = socket.request([first, second])
    socket.send(first.name, first.values, is_last=False)
    socket.receive_acknowledgement()
    socket.websocket.send_raw(Frame(opcode, b"between").serialize(mask=True), f"a {opcode.name.lower()}")
    socket.send(second.name, second.values, is_last=True)
    actual = socket.receive_outputs()
    expect_same(
        resources, socket, actual, expected, "the answer to the same values without a control frame between them"
    )


@requirement("DATA-11", "DATA-8")
def test_fragments_of_two_sockets_do_not_mix(resources: ResourceFactory) -> None:
    """Messages of two sockets with alternating fragments are assembled correctly."""
    resources.target.connection_limit.require(2)
    mnist = MnistSample(4000, side=4)
    upload = start_upload(resources, mnist.contents)
    with attribute_to("DATA-8"):
        sockets = {role: upload.attach(role) for role in upload.files}
    pieces = {role: split_into_chunks(len(content), len(content) // 2 + 1) for role, content in mnist.contents.items()}
    for index in range(2):
        for opcode, part in ((Opcode.BINARY, slice(0, 40)), (Opcode.CONT, slice(40, None))):
            for role, socket in sockets.items():
                start, end = pieces[role][index]
                payload = resources.target.dialect.codec.encode_chunk(start, mnist.contents[role][start:end])
                frame = Frame(opcode, payload[part], fin=opcode is Opcode.CONT).serialize(mask=True)
                socket.websocket.send_raw(frame, f"a fragment of the {role} chunk at {start}")
                time.sleep(PAUSE)  # so that the fragments arrive in this order
        for role, socket in sockets.items():
            start, end = pieces[role][index]
            socket.expect_accepted(start, mnist.contents[role][start:end], f"the {role} chunk at {start}")
    for socket in sockets.values():
        socket.close()
    expect_intact(upload, mnist.model, "the file as it was sent")


# Positions at which two frames of about 1000 bytes are cut, from the length of the first one.
SEGMENTS: dict[str, Callable[[int], list[int]]] = {
    "all in one segment": lambda _first: [],
    "the first byte alone": lambda _first: [1],
    "cut in header and mask": lambda _first: [1, 2, 3, 4, 6, 8],
    "cut in the data": lambda _first: [100, 700],
    "cut between the messages": lambda first: [first],
    "cut in the second header": lambda first: [first + 1],
    "cut everywhere": lambda first: list(range(1, first + 500, 37)),
}
FRAME_HEADER = 8  # bytes: two, two of the length, four of the mask


@requirement("DATA-1", "DATA-10")
@pytest.mark.parametrize("segments", list(SEGMENTS))
def test_chunks_may_come_in_any_segments(resources: ResourceFactory, segments: str) -> None:
    """Chunks are accepted in any segmentation of their frames."""
    mnist = MnistSample(6000, side=8)
    content = mnist.contents["input"]
    upload = start_upload(resources, mnist.contents)
    send_labels(upload, mnist)
    socket = upload.attach()
    parts = split_into_chunks(len(content), 1000)
    for pair in (parts[index : index + 2] for index in range(0, len(parts), 2)):
        first = FRAME_HEADER + len(resources.target.dialect.codec.encode_chunk(pair[0][0], content[slice(*pair[0])]))
        socket.send_segments([(start, content[start:end]) for start, end in pair], SEGMENTS[segments](first))
        for start, end in pair:
            socket.expect_accepted(start, content[start:end], f"the chunk at {start}")
    socket.close()
    expect_intact(upload, mnist.model, "the file as it was sent")
