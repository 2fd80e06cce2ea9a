"""End-to-end tests of each dialect; everything else is tested in the default dialect only."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from websockets.sync.client import ClientConnection

from hanami_proto.codec import ProcessType, TargetBuffer
from hanami_proto.dialect import dialect_names
from hanami_reference_backend.rest.datasets import BLOCK
from support.backend_peer import AXONS, Peer, closing, images_file, labels_file, running
from support.text import replaced

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


def test_a_table_of_many_columns_is_described_completely(alice: Peer) -> None:
    names = [f"c{number}" for number in range(2 * BLOCK + 5)]
    uuid = alice.csv_dataset(",".join(names).encode() + b"\n" + b",".join(b"%d" % n for n in range(len(names))) + b"\n")
    measures = alice.ok("dataset.get", uuid=uuid)
    dialect = alice.dialect
    assert {sum(measures[key] for key in group) for group in dialect.columns_keys} == {len(names)}
    assert set(dialect.answers["dataset.get"]) <= measures.keys()
    if dialect.has_content:
        begin, end = dialect.column_range
        assert measures["description"] == {name: {begin: n, end: n + 1} for n, name in enumerate(names)}
        assert alice.column(uuid, names[-1]) == [[len(names) - 1.0]]


@pytest.mark.parametrize("width", [BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK])
def test_large_images_are_read_completely(alice: Peer, width: int) -> None:
    pixels = np.random.default_rng(width).integers(0, 256, (3, 1, width), dtype=np.uint8)
    images, labels = images_file(pixels), labels_file(np.zeros(3, dtype=np.uint8))
    upload = alice.begin_mnist(len(images), len(labels))
    alice.send_file(upload["uuid_input_file"], images)
    alice.send_file(upload["uuid_label_file"], labels)
    alice.ok("mnist.finalize", **{key: upload[key] for key in ("uuid", "uuid_input_file", "uuid_label_file")})
    if alice.dialect.has_content:
        rows = pixels.reshape(3, width).tolist()
        for offset, count in ((0, 3), (1, 1), (1, 9), (2, 1)):
            assert alice.column(upload["uuid"], "picture", offset, count) == rows[offset : offset + count]
        assert alice.column(upload["uuid"], "picture", 3, 2) == []


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


UNSIZED = ("openhanami-0.6", "openhanami-0.7")
EXPECTED = {"process_type": TRAIN, "target_buffer": TargetBuffer.EXPECTED}


@pytest.fixture(scope="module", name="carol", params=UNSIZED)
def _carol(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    folder = tmp_path_factory.mktemp("server")
    with running(folder, "--dialect", request.param, "--max-parameters", "20000") as server, Peer(server) as peer:
        yield peer


def train(peer: Peer, socket: ClientConnection, inputs: list[float], expected: list[float]) -> None:
    peer.io(socket, "first_input", inputs, is_last=False, process_type=TRAIN)
    assert peer.io(socket, "first_output", expected, **EXPECTED).is_last


def test_the_first_cycle_sets_the_sizes(carol: Peer) -> None:
    uuid = carol.cluster()
    with carol.attach(uuid, "cluster") as socket:
        unsized = carol.io(socket, "first_input", [1, 0])
        assert (unsized.name, unsized.number_of_values, unsized.values.tolist()) == ("first_output", 0, [])
        for part in ([0.0], [1.0, 1.0, 1.0]):  # the longest message of the cycle sets the size
            carol.io(socket, "first_output", part, is_last=False, **EXPECTED)
        assert carol.io(socket, "first_input", [1, 0], process_type=TRAIN).is_last
        assert carol.io(socket, "first_input", [1, 0]).number_of_values == 3
    with carol.attach(uuid, "cluster") as socket:
        assert carol.io(socket, "first_input", [1]).number_of_values == 3
        socket.send(carol.codec.encode_io("first_input", [1, 0, 1], is_last=True))
        assert closing(socket) == (1007, "more values than 'first_input' holds")


def test_a_wrong_cycle_sets_no_size(carol: Peer) -> None:
    uuid = carol.cluster()
    with carol.attach(uuid, "cluster") as socket:
        carol.io(socket, "first_input", [1, 0, 1], is_last=False)
        socket.send(carol.codec.encode_io("nobody", [1], is_last=True))
        assert closing(socket)[0] == 1008
    with carol.attach(uuid, "cluster") as socket:
        carol.io(socket, "first_input", [1, 0, 1], is_last=False, process_type=TRAIN)
        socket.send(carol.codec.encode_io("first_input", [1], is_last=True, process_type=TRAIN))
        assert closing(socket) == (1008, "training needs expected values for an output")
    with carol.attach(uuid, "cluster") as socket:
        train(carol, socket, [1, 0], [1])
        assert carol.io(socket, "first_input", [1, 0]).number_of_values == 1


def test_too_large_sizes_are_rejected(carol: Peer) -> None:
    uuid = carol.cluster()
    with carol.attach(uuid, "cluster") as socket:
        socket.send(carol.codec.encode_io("first_input", [0.0] * 400, is_last=True))
        assert closing(socket) == (1008, "25664 weights are more than 20000")
    with carol.attach(uuid, "cluster") as socket:
        train(carol, socket, [1, 0], [1])


def test_outputs_of_a_type_are_whole_numbers(carol: Peer) -> None:
    for kind in ("bool", "int"):
        uuid = carol.cluster(replaced(AXONS, "output: 4,1,1", f"output: 4,1,1 ({kind})"))
        with carol.attach(uuid, "cluster") as socket:
            for _ in range(20):
                train(carol, socket, [1, 0], [1, 0])
            assert carol.io(socket, "first_input", [1, 0]).values.tolist() == [1, 0]


def test_two_inputs_get_their_sizes_one_after_the_other(carol: Peer) -> None:
    text = replaced(AXONS, "    3,1,1\n", "    2,1,1\n    3,1,1\n")
    text = replaced(text, "inputs:\n", "inputs:\n    a_second: 2,1,1\n")
    uuid = carol.cluster(text)
    with carol.attach(uuid, "cluster") as socket:
        for _ in range(20):
            train(carol, socket, [1, 0], [1, 0])
        before = carol.io(socket, "first_input", [1, 0]).values
        carol.io(socket, "a_second", [0, 0, 0], is_last=False)
        after = carol.io(socket, "first_input", [1, 0]).values
        assert np.allclose(after, before, atol=1e-6)  # what was learned is kept


def test_the_login_needs_base64(carol: Peer) -> None:
    good = carol.dialect.login("alice", "alice-password")
    assert carol.status("token.create", **good) == 200
    assert carol.status("token.create", **carol.dialect.login("alice", "alice-passwords")) == 401
    for wrong in ("alice-password", "YWJj*GVm", good["passphrase"].rstrip("="), "YWJjZGVm\n", "ä" * 8):
        assert carol.status("token.create", id="alice", passphrase=wrong) == 400, wrong
    assert carol.status("token.create", id="alice", passphrase="/////w==") == 401  # no UTF-8
    assert carol.status("token.create", id="alice", password="alice-password") == 400
    assert carol.status("token.create", id="alice") == 400
