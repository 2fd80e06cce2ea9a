"""Messages of a cluster that carry the output of a brick are distinguished from all others."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from hanami_conformance.cases.failures import ErrorAnswer, Violation
from hanami_conformance.clients.cluster_messages import ClusterShape
from hanami_conformance.clients.cluster_socket import ClusterSocket
from hanami_conformance.clients.websocket_events import Message
from hanami_proto.codec import Codec, ProcessType

CODEC = Codec.for_schema("brick")
SHAPE = ClusterShape({"test_input": 2}, {"test_output": 2}, hidden=2)
OUTPUT = CODEC.encode_io("test_output", [0.5, 0.5], is_last=True)
OTHERS = {
    "the end of training": Message(False, CODEC.encode_io("", [0.0], is_last=True, process_type=ProcessType.TRAIN)),
    "JSON": Message(False, b'{"error": "no such brick"}'),
    "JSON as text": Message(True, b'{"error": "no such brick"}'),
    "a text": Message(True, b"no such brick"),
}


def cluster_socket() -> ClusterSocket:
    return ClusterSocket(SimpleNamespace(), CODEC, SHAPE, {})  # type: ignore[arg-type]


def test_an_output_is_carried_by_a_message_of_the_protocol() -> None:
    assert cluster_socket().carries_output(Message(False, OUTPUT))


@pytest.mark.parametrize("message", OTHERS.values(), ids=OTHERS)
def test_other_messages_carry_no_output(message: Message) -> None:
    assert not cluster_socket().carries_output(message)


def test_an_undecodable_message_is_a_violation() -> None:
    with pytest.raises(Violation) as caught:
        cluster_socket().carries_output(Message(False, b"\xff\xff"))
    assert caught.value.requirement == "DIO-1"


@pytest.mark.parametrize("kind", ["JSON", "JSON as text"])
def test_a_json_object_is_an_error_of_the_target(kind: str) -> None:
    with pytest.raises(ErrorAnswer) as caught:
        cluster_socket().decode(OTHERS[kind])
    assert caught.value.requirement == "DIO-1"
