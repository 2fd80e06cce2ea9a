"""The Python clients of the released servers work with the reference backend in their dialects, byte for byte."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from hanami_proto.codec import Codec, ProcessType, TargetBuffer
from hanami_proto.dialect import dialect_names, load_dialect
from hanami_reference_backend.network.template_lines import TemplateError
from hanami_reference_backend.network.templates import TemplateReader
from support.backend_peer import PASSWORDS, images_file, labels_file, running
from support.sdk_client import EXPECTED, RELEASES, TRAIN, SdkClient, SdkError, chunk_message, release, varint

IMAGES = np.random.default_rng(1).integers(0, 256, (400, 28, 28), dtype=np.uint8)
LABELS = np.arange(400, dtype=np.uint8) % 10
TABLE = b"height,width\n" + b"".join(b"%d,%d.5\n" % (row, row) for row in range(200))
MALFORMED = "fail_dataset"


@pytest.fixture(scope="module", name="client", params=RELEASES)
def _client(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SdkClient]:
    folder = tmp_path_factory.mktemp("server")
    with running(folder, "--dialect", request.param) as server:
        yield SdkClient(request.param, server.url, "alice", PASSWORDS["alice"])


def status(client: SdkClient, operation: str, **words: object) -> int:
    with pytest.raises(SdkError) as raised:
        client.call(operation, **words)
    return raised.value.status


def test_every_released_dialect_has_a_client() -> None:
    assert {"documented", *RELEASES} == set(dialect_names())
    for name in RELEASES:
        data, dialect = release(name), load_dialect(name)
        assert data["dialect"] == name
        assert data["login"]["path"] == dialect.route("token.create").path
        paths = {(method, path) for method, path, _ in data["rest"].values()}
        assert paths <= {(route.method, route.path) for route in dialect.routes.values()}


def test_wrong_passwords_are_reported(client: SdkClient) -> None:
    with pytest.raises(SdkError, match="401"):
        SdkClient(client.data["dialect"], f"http://{client._address}", "alice", "another-password")


def test_mnist_files_become_a_dataset(client: SdkClient) -> None:
    images = images_file(IMAGES)
    assert len(images) > 2 * client.data["socket"]["chunk_size"]
    uuid = client.upload("mnist", "train_test_dataset", (images, labels_file(LABELS)))
    assert uuid in client.uuids("dataset")
    assert client.answer("dataset_get", uuid=uuid)["uuid"] == uuid
    if "content" in client.data["rest"]:
        rows = client.answer("content", uuid=uuid, column="label", offset=100, rows=10)["data"]
        assert rows == np.eye(10)[LABELS[100:110]].tolist()
        picture = client.answer("content", uuid=uuid, column="picture", offset=399, rows=1)["data"]
        assert picture == [IMAGES[399].ravel().tolist()]  # also the last chunk, which is not full
    assert status(client, "dataset_get", uuid=MALFORMED) == 400
    assert client.call("dataset_delete", uuid=uuid) == b"{}"
    assert status(client, "dataset_delete", uuid=uuid) == 404


def test_a_table_becomes_a_dataset(client: SdkClient) -> None:
    uuid = client.upload("csv", "table", (TABLE,))
    if "content" in client.data["rest"]:
        assert client.answer("content", uuid=uuid, column="width", offset=0, rows=2)["data"] == [[0.5], [1.5]]
    assert uuid in client.uuids("dataset")
    client.delete_all("dataset")
    assert client.uuids("dataset") == []


def test_a_cluster_learns_a_digit(client: SdkClient) -> None:
    uuid = client.create_cluster("test_cluster")
    with pytest.raises(SdkError, match="409"):
        client.create_cluster("test_cluster")
    assert client.answer("cluster_get", uuid=uuid)["uuid"] == uuid
    assert status(client, "cluster_get", uuid=MALFORMED) == 400
    inputs = (IMAGES[0].ravel() / 255.0 * client.data["io"]["scale"]).tolist()
    expected = np.eye(10)[5].tolist()
    client.call("direct_mode", uuid=uuid)
    with client.attach("cluster", uuid) as socket:
        for _ in range(100):
            client.train(socket, inputs, expected)
        outputs = client.request(socket, inputs)
    client.call("task_mode", uuid=uuid)
    assert len(outputs) == 10
    assert outputs.index(max(outputs)) == 5
    assert uuid in client.uuids("cluster")
    client.delete_all("cluster")
    assert client.uuids("cluster") == []
    assert status(client, "cluster_delete", uuid=uuid) == 404


def test_answers_have_the_keys_and_columns_of_the_release(client: SdkClient) -> None:
    dialect = load_dialect(client.data["dialect"])
    answers = dialect.answers
    dataset = client.upload("csv", "columns", (TABLE,))
    cluster = client.create_cluster("columns")
    started = client.answer("csv_init", name="columns", input_size=5)
    assert list(started) == [*answers["dataset.init"], "uuid_input_file"]
    assert tuple(client.answer("dataset_list")["header"]) == answers["dataset.list"]
    assert tuple(client.answer("cluster_list")["header"]) == answers["cluster.list"]
    assert set(answers["dataset.get"]) <= client.answer("dataset_get", uuid=dataset).keys()
    assert tuple(client.answer("cluster_get", uuid=cluster)) == answers["cluster.get"]
    assert tuple(client.answer("direct_mode", uuid=cluster)) == answers["cluster.set_mode"]
    for kind, uuid in (("dataset", dataset), ("cluster", cluster)):
        listed = client.answer(f"{kind}_list")
        (row,) = listed["body"]
        values = dict(zip(listed["header"], row, strict=True))
        assert (values["uuid"], values["name"], values["owner_id"]) == (uuid, "columns", "alice")
        if "created_at" in values:
            assert len(values["created_at"]) == len("2024-08-11 12:00:00")
        if "created_by" in values:
            assert (values["created_by"], values["updated_at"], values["updated_by"]) == ("alice", "", "")
    for kind in ("dataset", "cluster"):
        client.delete_all(kind)
    client.call("dataset_delete", uuid=started["uuid"])


def test_the_description_of_columns(client: SdkClient) -> None:
    dialect = load_dialect(client.data["dialect"])
    if dialect.has_content:
        uuid = client.upload("csv", "columns", (TABLE,))
        start, end = dialect.column_range
        described = client.answer("dataset_get", uuid=uuid)["description"]
        assert described == {"height": {start: 0, end: 1}, "width": {start: 1, end: 2}}
        client.call("dataset_delete", uuid=uuid)


def test_ranges_of_the_content_have_limits(client: SdkClient) -> None:
    if "content" in client.data["rest"]:
        uuid = client.upload("csv", "ranges", (TABLE,))
        right = {"uuid": uuid, "column": "height", "offset": 0, "rows": 1}
        for wrong in ({"rows": 0}, {"rows": 10_001}, {"offset": 1_000_000_001}, {"offset": -1}, {"uuid": "x"}):
            assert status(client, "content", **(right | wrong)) == 400, wrong
        assert status(client, "content", **(right | {"column": "depth"})) == 404
        assert client.answer("content", **(right | {"offset": 1_000_000_000}))["data"] == []
        assert client.answer("content", **(right | {"offset": 199, "rows": 10_000}))["data"] == [[199.0]]
        client.call("dataset_delete", uuid=uuid)


@pytest.mark.parametrize("name", RELEASES)
@pytest.mark.parametrize("other", RELEASES)
def test_templates_of_other_releases_are_rejected(name: str, other: str) -> None:
    dialect = load_dialect(name)
    reader = TemplateReader(
        dialect.template,
        dialect.name_pattern,
        max_bricks=9,
        hidden_size=64,
        settings=dialect.template_settings,
        types={"inputs": dialect.input_types, "outputs": dialect.output_types},
    )
    if name == other or (name, other) == ("openhanami-0.6", "openhanami-0.7"):  # 0.7 has fewer words
        template = reader.read(release(other)["template"])
        assert [port.size for port in template.inputs] == [784 if dialect.has_sizes else 0]
    else:
        with pytest.raises(TemplateError):
            reader.read(release(other)["template"])


@pytest.mark.parametrize("schema", ["brick", "buffer"])
def test_the_messages_are_those_of_the_schema(schema: str) -> None:
    codec = Codec.for_schema(schema)
    chunk = codec.decode_chunk(chunk_message(131_072, b"\x00\xff"))
    assert (chunk.position, chunk.data) == (131_072, b"\x00\xff")
    assert chunk_message(0, b"a") == b"\x12\x01a"
    assert (varint(0), varint(300)) == (b"\x00", b"\xac\x02")
    client = SdkClient.__new__(SdkClient)  # without a server
    client._io = release("hanami-0.4" if schema == "brick" else "openhanami-0.7")["io"]
    message = codec.decode_io(client.io_message("label", [0.5, 1.0], EXPECTED, TRAIN, is_last=True))
    assert (message.name, message.values.tolist(), message.is_last) == ("label", [0.5, 1.0], True)
    assert (message.process_type, message.number_of_values) == (ProcessType.TRAIN, 2)
    assert schema == "brick" or message.target_buffer == TargetBuffer.EXPECTED
