"""Messages of load users, and how correct answers are distinguished from wrong ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanami_conformance.cases.recording import CaseRecording, begin_case
from hanami_conformance.cases.sequence import StepSequence
from hanami_conformance.clients.cluster_messages import ClusterShape
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.stateful.execute import execute
from hanami_loadtests.engine.direct_io_messages import (
    OutputExpected,
    TrainingEnded,
    new_knowledge,
    request_message,
    train_message,
)
from hanami_loadtests.engine.failures import IncorrectAnswer
from hanami_loadtests.engine.stream import INCOMPLETE
from hanami_loadtests.engine.upload_messages import Content, csv_content, mnist_content, scattered_order
from hanami_proto.codec import ProcessType, TargetBuffer
from hanami_proto.dialect import load_dialect
from support.sequences import resources_at
from support.suite_runs import faulty_backend

DIALECTS = ("documented", "hanami-0.4", "openhanami-0.5")
SHAPE = ClusterShape({"input_0": 4}, {"output_0": 3}, 5)
TWO = ClusterShape({"input_0": 4, "input_1": 2}, {"output_0": 3, "output_1": 5}, 5)


def as_received(content: Content, role: str) -> bool:
    """Whether all bytes of a file are among the chunks."""
    seen = np.zeros(len(content.files[role]), dtype=bool)
    for position, length in content.chunks[role]:
        seen[position : position + length] = True
    return bool(seen.all())


@given(st.integers(64, 200_000), st.integers(1000, 70_000), st.integers(0, 5), st.booleans())
def test_every_byte_of_a_file_is_sent(size: int, chunk: int, variant: int, scattered: bool) -> None:
    for make in (csv_content, mnist_content):
        content = make(load_dialect(), size, chunk, variant, scattered=scattered)
        for role, file in content.files.items():
            assert as_received(content, role)
            assert max(position + length for position, length in content.chunks[role]) == len(file)
            sent = sum(message.size for message in content.messages[role])
            assert sent == len(file) if not scattered else sent > len(file)


def test_contents_of_different_number_differ() -> None:
    assert len({csv_content(load_dialect(), 5000, 1000, variant).files["input"] for variant in range(3)}) == 3
    assert len({mnist_content(load_dialect(), 5000, 1000, variant).files["input"] for variant in range(3)}) == 3


@given(st.integers(2, 300), st.integers(0, 20))
def test_scattered_chunks_are_out_of_order_and_some_come_twice(count: int, seed: int) -> None:
    order = list(scattered_order(count, seed))
    assert set(order) == set(range(count))
    assert order != sorted(order)
    assert order[-1] not in order[:-1]
    assert len(order) == count + -(-count // 10)


def test_acknowledgements_are_distinguished_from_rejections_and_invalid_replies() -> None:
    codec = load_dialect().codec
    content = csv_content(load_dialect(), 5000, 1000, 0)
    reply = content.messages["input"][1].reply
    assert reply.verify(codec.encode_acknowledgement(success=True)) == 0
    assert reply.verify(codec.encode_acknowledgement(success=True, error="fine")) == 0
    for payload, requirement in (
        (codec.encode_acknowledgement(success=False, error="no room"), "DATA-3"),
        (b"\xff", "DATA-1"),
    ):
        with pytest.raises(IncorrectAnswer) as raised:
            reply.verify(payload)
        assert raised.value.requirement == requirement
        sequence = reply.sequence(raised.value)
        assert isinstance(sequence, StepSequence)
        assert (sequence.kind, sequence.requirement) == ("upload", requirement)


@pytest.fixture
def resources() -> Iterator[ResourceFactory]:
    with faulty_backend() as url, resources_at(url) as made:
        yield made


def replayed(sequence: StepSequence, resources: ResourceFactory) -> CaseRecording:
    """Execute a kept exchange on a correct server, which must be possible, and return the recording."""
    case = begin_case("test")
    execute(sequence, resources)
    return case


@pytest.mark.parametrize("make", [csv_content, mnist_content])
@pytest.mark.parametrize("scattered", [False, True], ids=["in order", "scattered"])
def test_an_upload_can_be_replayed(resources: ResourceFactory, make: Callable[..., Content], scattered: bool) -> None:
    content = make(load_dialect(), 5000, 1000, 0, scattered=scattered)
    error = IncorrectAnswer("DATA-3", "success", "none")
    case = replayed(content.sequence(error), resources)
    chunks = sum(len(spans) for spans in content.chunks.values())
    assert case.checks_by_requirement["DATA-3"] >= chunks
    assert case.checks_by_requirement["FIN-2"]
    for role in content.files:
        assert replayed(content.sequence(error, role), resources).checks_by_requirement["DATA-3"]


@pytest.mark.parametrize("is_trained", [False, True])
def test_an_exchange_with_a_cluster_can_be_replayed(resources: ResourceFactory, is_trained: bool) -> None:
    knowledge = new_knowledge(load_dialect(), SHAPE)
    knowledge.is_trained = is_trained
    sequence = knowledge.sequence(IncorrectAnswer("DIO-7", "the answer as before", "another"), 0, 1)
    case = replayed(sequence, resources)
    assert case.checks_by_requirement["DIO-7"] >= len(sequence.steps) - 3 - is_trained


def output(values: list[float], name: str = "output_0", **more: int) -> bytes:
    return load_dialect().codec.encode_io(name, np.array(values, dtype=np.float32), is_last=True, **more)


def placeholder() -> bytes:
    return load_dialect().codec.encode_io("", [0.0], is_last=False, process_type=ProcessType.TRAIN)


def test_the_same_answer_is_right_and_another_is_wrong() -> None:
    knowledge = new_knowledge(load_dialect(), SHAPE)
    expected = OutputExpected(knowledge, 0)
    assert expected.verify(output([0.1, 0.2, 0.3])) == 12
    assert expected.verify(output([0.1, 0.2, 0.3])) == 12
    assert expected.verify(output([0.1, 0.2, 0.3000001])) == 12  # as close as float32 is
    assert OutputExpected(knowledge, 1).verify(output([0.9, 0.2, 0.3])) == 12  # other values, another answer
    with pytest.raises(IncorrectAnswer, match="DIO-7") as raised:
        expected.verify(output([0.1, 0.2, 0.31]))
    assert "may be missing" not in str(raised.value)
    with pytest.raises(IncorrectAnswer, match="the answer to other values: one before it may be missing"):
        expected.verify(output([0.9, 0.2, 0.3]))


@pytest.mark.parametrize(
    "payload",
    [
        output([0.1, 0.2]),
        output([0.1, 0.2, 0.3, 0.4]),
        output([0.1, float("nan"), 0.3]),
        output([0.1, 0.2, 0.3], number_of_values=2),
        output([0.1, 0.2, 0.3], process_type=ProcessType.TRAIN),
        output([0.1, 0.2, 0.3], name="nobody"),
        b"\xff\xff",
    ],
)
def test_an_answer_of_the_wrong_form_is_wrong(payload: bytes) -> None:
    with pytest.raises(IncorrectAnswer, match="DIO-3"):
        OutputExpected(new_knowledge(load_dialect(), SHAPE), 0).verify(payload)


def test_placeholders_and_nameless_outputs_of_real_servers_are_no_violation() -> None:
    expected = OutputExpected(new_knowledge(load_dialect(), SHAPE), 0)
    assert expected.verify(placeholder()) == INCOMPLETE
    assert expected.verify(b'{"success": true}') == INCOMPLETE
    assert expected.verify(output([0.1, 0.2, 0.3], name="")) == 12


def test_a_request_is_answered_by_every_output_brick() -> None:
    expected = OutputExpected(new_knowledge(load_dialect(), TWO), 0)
    for _ in range(2):
        assert expected.verify(output([0.1, 0.2, 0.3])) == INCOMPLETE
        assert expected.verify(output([1, 2, 3, 4, 5], name="output_1")) == 32
    assert expected.verify(output([0.1, 0.2, 0.3])) == INCOMPLETE
    with pytest.raises(IncorrectAnswer, match="DIO-7"):
        expected.verify(output([1, 2, 3, 4, 6], name="output_1"))


def test_training_is_answered_as_often_as_the_target_does_and_by_no_output() -> None:
    ended = TrainingEnded(new_knowledge(load_dialect(), SHAPE), 2, 0)
    for _ in range(2):
        assert ended.verify(placeholder()) == INCOMPLETE
        assert ended.verify(placeholder()) == 0
    with pytest.raises(IncorrectAnswer, match="DIO-5"):
        ended.verify(output([0.1, 0.2, 0.3]))


def test_a_trained_cluster_may_answer_otherwise() -> None:
    knowledge = new_knowledge(load_dialect(), SHAPE)
    knowledge.is_trained = True
    expected = OutputExpected(knowledge, 0)
    assert expected.verify(output([0.1, 0.2, 0.3])) == expected.verify(output([0.4, 0.2, 0.3])) == 12


@pytest.mark.parametrize("name", DIALECTS)
def test_a_cycle_ends_with_its_last_message_alone(name: str) -> None:
    dialect = load_dialect(name)
    knowledge = new_knowledge(dialect, TWO)
    for message, process, parts in (
        (request_message(knowledge, 0), ProcessType.REQUEST, 2),
        (train_message(knowledge, 0, 1), ProcessType.TRAIN, 4),
    ):
        messages = [dialect.codec.decode_io(payload) for payload in unmasked(message.frame)]
        assert [one.is_last for one in messages] == [False] * (parts - 1) + [True]
        assert {one.process_type for one in messages} == {process}
        assert message.size == 4 * sum(len(one.values) for one in messages)
        if name == "openhanami-0.5" and process == ProcessType.TRAIN:
            assert [one.target_buffer for one in messages[2:]] == [TargetBuffer.EXPECTED] * 2


def unmasked(wire: bytes) -> list[bytes]:
    """Payloads of small frames as a client sends them."""
    payloads = []
    while wire:
        length = wire[1] & 0x7F
        start = 2
        if length == 126:
            length, start = int.from_bytes(wire[2:4], "big"), 4
        mask, data = wire[start : start + 4], wire[start + 4 : start + 4 + length]
        payloads.append(bytes(byte ^ mask[index % 4] for index, byte in enumerate(data)))
        wire = wire[start + 4 + length :]
    return payloads
