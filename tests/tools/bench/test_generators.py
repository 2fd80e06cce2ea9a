"""The processes that the benchmark compares our generator with."""

from __future__ import annotations

import pytest

from hanami_conformance.common.child_process import ProcessError
from hanami_proto.dialect import load_dialect
from tools.bench import sockets
from tools.bench.generator import RequestSpeed, UploadCost, UploadSpeed, generator
from tools.bench.measurement import Plan, measure
from tools.bench.payloads import payloads_of
from tools.bench.servers import Servers
from tools.bench.statistics import Sample

OURS, USUAL, PLAIN = "hanami-load", "Locust user, websocket-client", "plain socket"


def test_every_side_sends_the_same_bytes() -> None:
    codec = load_dialect().codec
    chunks = payloads_of("upload", 1000)
    assert {size for _, size in chunks} == {1000}
    assert [codec.decode_chunk(payload).position for payload, _ in chunks] == [1000 * n for n in range(len(chunks))]
    for payload, size in payloads_of("request", 1000):
        message = codec.decode_io(payload)
        assert (len(message.values), message.is_last, size) == (784, True, 784 * 4)


def test_ratios() -> None:
    samples = {
        OURS: Sample(10, 1.0, 2_000_000, cpu=0.1),
        USUAL: Sample(10, 1.0, 1_000_000, cpu=0.2),
        PLAIN: Sample(20, 1.0, 4_000_000, cpu=0.1),
    }
    assert UploadSpeed().ratio(samples) == 0.5
    assert UploadCost().ratio(samples) == pytest.approx(0.25)
    assert RequestSpeed().ratio(samples) == 0.5
    assert sockets.SocketsMeasurement().ratio({OURS: Sample(10, 1.0, memory=20480)}) == 2.0


def test_held_sockets_are_counted_and_their_memory_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "SOCKETS", 150)
    with Servers() as servers:
        outcome = measure(sockets.SocketsMeasurement(), servers, Plan(None, 1.0, 1000), lambda _: None)
    (samples,) = outcome.rounds
    assert [sample.operations for sample in samples.values()] == [150, 150]
    assert all(sample.memory > 0 for sample in samples.values())


def test_the_end_of_a_generator_is_reported_with_the_end_of_its_log() -> None:
    task = {"url": "ws://127.0.0.1:1/upload", "what": "upload", "chunk": 1000, "window": 1}
    with (
        generator("socket", "the plain socket", task) as side,
        pytest.raises(ProcessError, match=r"plain socket ended.*refused"),
    ):
        side(0.1)
