"""End-to-end tests of each dialect; everything else is tested in the default dialect only."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from hanami_proto.codec import ProcessType, TargetBuffer
from hanami_proto.dialect import dialect_names
from support.backend_peer import Peer, closing, images_file, labels_file, running

TRAIN = ProcessType.TRAIN
TABLE = b"a,b\n1,2.5\n3,0.1\n"
PIXELS = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
LABELS = np.array([4, 0], dtype=np.uint8)


@pytest.fixture(scope="module", name="alice", params=dialect_names())
def _alice(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    with (
        running(tmp_path_factory.mktemp("server"), "--dialect", request.param) as server,
        Peer(server) as peer,
    ):
        yield peer


def test_a_mnist_upload_becomes_a_dataset(alice: Peer) -> None:
    images, labels = images_file(PIXELS), labels_file(LABELS)
    upload = alice.begin_mnist(len(images), len(labels))
    upload = {key: value for key, value in upload.items() if key == "uuid" or key.endswith("_file")}
    assert len(set(upload.values())) == 3
    alice.send_file(upload["uuid_input_file"], images)
    assert alice.ok("dataset.progress", uuid=upload["uuid"])["complete"] is False
    alice.send_file(upload["uuid_label_file"], labels)
    assert alice.ok("dataset.progress", uuid=upload["uuid"])["complete"] is True
    alice.ok("mnist.finalize", **upload)

    measures = alice.ok("dataset.get", uuid=upload["uuid"])
    dialect = alice.dialect
    assert {measures[key] for key in dialect.rows_keys} == {2}
    assert {sum(measures[key] for key in group) for group in dialect.columns_keys} == {19}
    if dialect.has_content:
        assert alice.column(upload["uuid"], "picture") == PIXELS.reshape(2, 9).tolist()
        assert alice.column(upload["uuid"], "label", 1) == np.eye(10)[[0]].tolist()
    table = alice.ok("dataset.list")
    assert upload["uuid"] in [row[table["header"].index("uuid")] for row in table["body"]]
    assert alice.ok("dataset.progress", uuid=upload["uuid"])["complete"] is True


def test_a_table_becomes_a_dataset(alice: Peer) -> None:
    uuid = alice.csv_dataset(TABLE)
    if alice.dialect.has_content:
        assert alice.column(uuid, "b") == [[2.5], [float(np.float32(0.1))]]
        assert alice.column(uuid, "a", 1, 1) == [[3.0]]
        assert alice.column(uuid, "a", 2) == []
        assert (
            alice.call("dataset.content", uuid=uuid, column_name="c", row_offset=0, number_of_rows=1).status_code == 404
        )


def test_a_cluster_learns(alice: Peer) -> None:
    target = {"process_type": TRAIN, "target_buffer": TargetBuffer.EXPECTED}
    uuid = alice.cluster()
    with alice.attach(uuid, "cluster") as socket:
        if not alice.dialect.has_sizes:
            alice.io(socket, "first_input", [1, 0, 1, 0], is_last=False, process_type=TRAIN)
            assert alice.io(socket, "first_output", [0, 1, 0], **target).is_last
        before = alice.io(socket, "first_input", [1, 0, 1])
        outputs = 1
        while not (before if outputs == 1 else alice.answer(socket)).is_last:
            outputs += 1
        for _ in range(20):
            alice.io(socket, "first_input", [1, 0, 1], is_last=False, process_type=TRAIN)
            assert alice.io(socket, "first_output", [1, 0, 1], **target).is_last
        after = alice.io(socket, "first_input", [1, 0, 1])
    assert before.name == after.name == "first_output"
    assert np.abs(after.values - [1, 0, 1]).max() < np.abs(before.values - [1, 0, 1]).max() / 2


def test_buffers_are_distinguished_by_their_type(alice: Peer) -> None:
    if alice.dialect.schema == "buffer":
        peer = alice
        uuid = peer.cluster()
        with peer.attach(uuid, "cluster") as socket:
            answer = peer.io(socket, "first_input", [1, 0, 1, 0], process_type=TRAIN, is_last=False)
            fields = {"process_type": TRAIN, "target_buffer": TargetBuffer.EXPECTED}
            answer = peer.io(socket, "first_output", [1, 0, 1], **fields)
            assert (answer.is_last, answer.process_type) == (True, TRAIN)
            answer = peer.io(socket, "first_input", [1])
            assert (answer.name, answer.target_buffer) == ("first_output", TargetBuffer.OUTPUT)
            socket.send(peer.codec.encode_io("first_output", [1], is_last=True, target_buffer=TargetBuffer.OUTPUT))
            assert closing(socket)[0] == 1008
        for name, buffer, code in (("first_output", 0, 1008), ("first_input", 2, 1008), ("first_input", 9, 1007)):
            with peer.attach(uuid, "cluster") as socket:
                socket.send(peer.codec.encode_io(name, [1], is_last=True, target_buffer=buffer, process_type=TRAIN))
                assert closing(socket)[0] == code
