"""General: a ping is answered by a pong with its payload, wherever in the protocol it arrives (RFC 6455, 5.5.2)."""

from __future__ import annotations

import pytest
from websockets.frames import Frame, Opcode

from hanami_conformance.cases.attribution import attribute_to
from hanami_conformance.cases.checks import require
from hanami_conformance.catalogue import requirement
from hanami_conformance.clients.websocket import WebSocket
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.resources.training import sample_inputs
from hanami_conformance.suite.support.bystander import open_socket
from hanami_conformance.suite.support.clusters import expect_same, trained_cluster
from hanami_conformance.suite.support.intact_uploads import expect_intact
from hanami_conformance.suite.support.sample_data import TWO_INPUTS
from hanami_conformance.suite.support.uploads import small_contents, start_upload
from hanami_conformance.target.attach import FILE_UPLOAD, first_message, is_accepted

pytestmark = pytest.mark.parallel

TEXT = b"are you there?"
PAYLOADS = {  # of at most 125 bytes, which need not be text
    "a text": TEXT,
    "nothing": b"",
    "125 bytes": bytes(range(125)),
    "no UTF-8": b"\xff\x00\xfe",
}


def expect_pong(websocket: WebSocket, where: str, payload: bytes = TEXT) -> None:
    """Send a ping, and check that a pong has its payload; a server may send other pongs as well.

    One ping at a time: of several that have arrived, a server need answer only the last one (RFC 6455, 5.5.3).
    """
    send_ping(websocket, payload)
    websocket.receive_pong(payload, f"a pong with the payload of a ping {where}")
    require(True, expected="a pong", actual="a pong")


def send_ping(websocket: WebSocket, payload: bytes) -> None:
    """Send a ping, and leave its answer to the caller."""
    websocket.send_raw(Frame(Opcode.PING, payload).serialize(mask=True), f"a ping of {len(payload)} bytes")


@requirement("ATT-1")
def test_a_ping_before_the_first_message_is_answered(resources: ResourceFactory) -> None:
    """A websocket that is open answers a ping, and takes its first message afterwards."""
    upload = resources.csv(100)
    websocket = open_socket(resources.target)
    expect_pong(websocket, "before the first message")
    with attribute_to("ATT-1"):
        websocket.send_text(first_message(upload.account.token, upload.files["input"].uuid, FILE_UPLOAD))
        answer = websocket.receive("an answer to a first message behind a ping")
    require(is_accepted(answer), expected="JSON whose success is 1 or true", actual=answer)
    websocket.close()


@requirement("ATT-1")
@pytest.mark.parametrize("kind", list(PAYLOADS))
def test_a_pong_has_the_payload_of_its_ping(resources: ResourceFactory, kind: str) -> None:
    """The socket of a file answers pings of any payload with the same one."""
    socket = resources.csv(100).attach()
    expect_pong(socket.websocket, f"whose payload is {kind}", PAYLOADS[kind])
    with attribute_to("ATT-1"):
        socket.write(0, b"x")
    socket.close()


@requirement("DATA-11")
def test_pings_of_an_upload_are_answered(resources: ResourceFactory) -> None:
    """Pings between the chunks of a file and between the fragments of one are answered, and change nothing."""
    contents, model = small_contents("csv")
    content = contents["input"]
    half = len(content) // 2
    upload = start_upload(resources, contents)
    socket = upload.attach()
    expect_pong(socket.websocket, "before the first chunk")
    socket.write(0, content[:half])
    expect_pong(socket.websocket, "between two chunks")
    payload = resources.target.dialect.codec.encode_chunk(half, content[half:])
    first = Frame(Opcode.BINARY, payload[:40], fin=False).serialize(mask=True)
    socket.websocket.send_raw(first, "the first fragment of a chunk")
    # Its pong may wait until the message is whole, so nothing is waited for in between.
    send_ping(socket.websocket, TEXT)
    socket.websocket.send_raw(Frame(Opcode.CONT, payload[40:]).serialize(mask=True), "the last fragment")
    socket.expect_accepted(half, content[half:], "a chunk with a ping between its fragments")
    socket.websocket.receive_pong(TEXT, "a pong with the payload of a ping between two fragments")
    socket.close()
    expect_intact(upload, model, "an upload with pings")


@requirement("DIO-1")
def test_pings_of_a_cluster_are_answered(resources: ResourceFactory) -> None:
    """Pings between two cycles and between the messages of one are answered, and change nothing."""
    _, socket = trained_cluster(resources, TWO_INPUTS)
    first, second = sample_inputs(TWO_INPUTS, seed=1)
    expected = socket.request([first, second])
    expect_pong(socket.websocket, "between two cycles")
    socket.send(first.name, first.values, is_last=False)
    socket.receive_acknowledgement()
    expect_pong(socket.websocket, "within a cycle")
    with attribute_to("DIO-1"):
        socket.send(second.name, second.values, is_last=True)
        actual = socket.receive_outputs()
    expect_same(resources, socket, actual, expected, "the answer as without a ping")
    socket.close()
