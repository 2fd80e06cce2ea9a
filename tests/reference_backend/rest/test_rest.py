from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import jwt
import numpy as np
import pytest

from hanami_proto.asyncapi import asyncapi_document
from support.backend_peer import BRICKS, Peer, Server, encoded, fresh_name, images_file, labels_file, running
from support.text import replaced

UNKNOWN = "11111111-1111-4111-8111-111111111111"
TABLE = b"a,b\n1,2.5\n3,0.1\n"
PIXELS = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
LABELS = np.array([4, 0], dtype=np.uint8)


@pytest.fixture(scope="module", name="server")
def _server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    limits = ["--max-file-size", "100000", "--max-storage", "1000000", "--max-parameters", "100000"]
    with running(tmp_path_factory.mktemp("server"), *limits) as server:
        yield server


@pytest.fixture(name="alice")
def _alice(server: Server) -> Iterator[Peer]:
    with Peer(server) as peer:
        yield peer


@pytest.fixture(name="bob")
def _bob(server: Server) -> Iterator[Peer]:
    with Peer(server, "bob") as peer:
        yield peer


def mnist_upload(peer: Peer) -> dict[str, str]:
    """A complete upload; the fields of its finalize."""
    files = {"uuid_input_file": images_file(PIXELS), "uuid_label_file": labels_file(LABELS)}
    upload = peer.begin_mnist(*map(len, files.values()))
    for key, content in files.items():
        peer.send_file(upload[key], content)
    return {key: upload[key] for key in ("uuid", *files)}


@pytest.mark.parametrize("number", ["0", "10001", "-1", "1.0", "x", "\u0661", "9" * 30])
def test_numbers_of_rows(alice: Peer, number: str) -> None:
    fields = {"uuid": alice.csv_dataset(TABLE), "column_name": "a", "row_offset": 0, "number_of_rows": number}
    response = alice.call("dataset.content", **fields)
    assert (response.status_code, "number_of_rows" in response.text) == (400, True)


def test_finalize_before_complete_destroys_nothing(alice: Peer) -> None:
    upload = alice.begin_csv(len(TABLE))
    fields = {"uuid": upload["uuid"], "uuid_input_file": upload["uuid_input_file"]}
    with alice.attach(upload["uuid_input_file"]) as socket:
        for end in range(1, len(TABLE) + 1):
            assert alice.ok("dataset.progress", uuid=upload["uuid"])["complete"] is False
            assert alice.status("csv.finalize", **fields) == 409
            assert alice.put(socket, len(TABLE) - end, TABLE[len(TABLE) - end :]) == ""
        alice.ok("csv.finalize", **fields)
        assert "finalized" in alice.put(socket, 0, b"x")
    assert alice.status("csv.finalize", **fields) == 409


def test_finalize_with_wrong_files_destroys_nothing(alice: Peer, bob: Peer) -> None:
    upload, other, foreign = mnist_upload(alice), mnist_upload(alice), mnist_upload(bob)
    swapped = {"uuid_input_file": upload["uuid_label_file"], "uuid_label_file": upload["uuid_input_file"]}
    wrong = [swapped, *({key: source[key]} for source in (other, foreign) for key in swapped)]
    for fields in [*wrong, {"uuid_input_file": UNKNOWN}, {"uuid_label_file": UNKNOWN}]:
        assert alice.status("mnist.finalize", **(upload | fields)) == 404
    assert alice.status("csv.finalize", uuid=upload["uuid"], uuid_input_file=upload["uuid_input_file"]) == 409
    for peer, fields in ((alice, upload), (alice, other), (bob, foreign)):
        peer.ok("mnist.finalize", **fields)


def test_wrong_content_can_be_corrected(alice: Peer) -> None:
    upload = alice.begin_csv(4)
    fields = {"uuid": upload["uuid"], "uuid_input_file": upload["uuid_input_file"]}
    with alice.attach(upload["uuid_input_file"]) as socket:
        assert alice.put(socket, 0, b"a\nx\n") == ""
        response = alice.call("csv.finalize", **fields)
        assert (response.status_code, response.text) == (400, "line 2, column 'a': 'x' is not a finite number")
        assert alice.put(socket, 2, b"1") == ""
        alice.ok("csv.finalize", **fields)


def test_deleting_ends_an_upload_and_a_dataset(alice: Peer) -> None:
    upload, dataset = alice.begin_csv(4), alice.csv_dataset(TABLE)
    for uuid in (upload["uuid"], dataset):
        assert alice.ok("dataset.delete", uuid=uuid) == {}
        for operation in ("dataset.progress", "dataset.get", "dataset.delete"):
            assert alice.status(operation, uuid=uuid) == 404


def test_limits_of_storage(alice: Peer) -> None:
    assert alice.status("csv.init", name=fresh_name(), input_data_size=100_001) == 400
    begun = []
    while (answer := alice.call("csv.init", name=fresh_name(), input_data_size=100_000)).status_code == 200:
        begun.append(answer.json()["uuid"])
    assert answer.status_code == 409
    assert len(begun) <= 10
    for uuid in begun:
        alice.ok("dataset.delete", uuid=uuid)
    alice.begin_csv(100_000)


def test_others_see_nothing(alice: Peer, bob: Peer) -> None:
    upload, dataset, cluster = alice.begin_csv(4), alice.csv_dataset(TABLE), alice.cluster()
    questions: list[tuple[str, dict[str, Any], str]] = [
        ("dataset.progress", {}, upload["uuid"]),
        ("dataset.get", {}, upload["uuid"]),
        ("dataset.get", {}, dataset),
        ("dataset.delete", {}, upload["uuid"]),
        ("dataset.delete", {}, dataset),
        ("csv.finalize", {"uuid_input_file": upload["uuid_input_file"]}, upload["uuid"]),
        ("dataset.content", {"column_name": "a", "row_offset": 0, "number_of_rows": 1}, dataset),
        ("cluster.get", {}, cluster),
        ("cluster.delete", {}, cluster),
        ("cluster.set_mode", {"new_state": "TASK"}, cluster),
    ]
    for operation, fields, uuid in questions:
        foreign, unknown = (bob.call(operation, uuid=asked, **fields) for asked in (uuid, UNKNOWN))
        assert (foreign.status_code, foreign.text) == (404, unknown.text), operation
    assert dataset not in bob.call("dataset.list").text
    assert cluster not in bob.call("cluster.list").text
    assert alice.ok("dataset.progress", uuid=upload["uuid"])["complete"] is False
    alice.ok("cluster.get", uuid=cluster)


def test_clusters(alice: Peer) -> None:
    uuid = alice.cluster(direct=False)
    name = alice.ok("cluster.get", uuid=uuid)["name"]
    assert uuid in alice.call("cluster.list").text
    assert alice.status("cluster.set_mode", uuid=uuid, new_state="TASK") == 409
    answer = alice.ok("cluster.set_mode", uuid=uuid, new_state="DIRECT")
    assert answer == {"uuid": uuid, "name": name, "new_state": "DIRECT"}
    assert alice.status("cluster.set_mode", uuid=uuid, new_state="DIRECT") == 409
    assert alice.status("cluster.set_mode", uuid=uuid, new_state="direct") == 400
    assert alice.ok("cluster.delete", uuid=uuid) == {}
    assert alice.status("cluster.get", uuid=uuid) == 404


def test_wrong_clusters(alice: Peer) -> None:
    name = fresh_name()
    alice.ok("cluster.create", name=name, template=encoded(BRICKS))
    assert alice.status("cluster.create", name=name, template=encoded(BRICKS)) == 409
    wrong = {
        "line 3": encoded(replaced(BRICKS, "10000000.0", "x")),
        "base64": encoded(BRICKS) + "!",
        "base64 of UTF-8": "/w==",
        "more than 100000": encoded(replaced(BRICKS, "number_of_neurons: 8", "number_of_neurons: 80000")),
    }
    for reason, template in wrong.items():
        response = alice.call("cluster.create", name=fresh_name(), template=template)
        assert (response.status_code, reason in response.text) == (400, True), response.text


@pytest.mark.parametrize(
    ("change", "field"),
    [
        pytest.param({"name": None}, "name", id="null"),
        pytest.param({"name": "abc"}, "name", id="short name"),
        pytest.param({"name": "a" * 255}, "name", id="long name"),
        pytest.param({"name": "1abc"}, "name", id="digit first"),
        pytest.param({"name": "abcd\n"}, "name", id="newline at the end"),
        pytest.param({"name": "abcä"}, "name", id="letter"),
        pytest.param({"name": "abc\0"}, "name", id="NUL"),
        pytest.param({"name": "abc\ud800"}, "name", id="lone surrogate"),
        pytest.param({"input_data_size": 0}, "input_data_size", id="zero"),
        pytest.param({"input_data_size": -1}, "input_data_size", id="negative"),
        pytest.param({"input_data_size": 10_000_000_001}, "input_data_size", id="too large"),
        pytest.param({"input_data_size": 10**4000}, "input_data_size", id="huge"),
        pytest.param({"input_data_size": True}, "input_data_size", id="bool"),
        pytest.param({"input_data_size": "5"}, "input_data_size", id="text"),
        pytest.param({"input_data_size": 5.5}, "input_data_size", id="fraction"),
        pytest.param({"input_data_size": [5]}, "input_data_size", id="list"),
        pytest.param({"label_data_size": 5}, "label_data_size", id="extra"),
        pytest.param({"\ud800\r\nX: y": 5}, "ud800", id="hostile name"),
        pytest.param({"x" * 10_000: 5}, "xxx", id="long key"),
    ],
)
def test_wrong_fields_are_named(alice: Peer, change: dict[str, object], field: str) -> None:
    body = json.dumps({"name": "some name", "input_data_size": 5} | change)
    response = alice.http.post(alice.dialect.route("csv.init").path, content=body)
    assert (response.status_code, field in response.text) == (400, True), response.text
    assert response.headers["content-type"].startswith("text/plain")
    assert response.text.isprintable()
    assert len(response.text) <= 200


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"text"',
        b"5",
        b"{}{}",
        b"\xff\xfe",
        b'{"name": "abcd\xff", "input_data_size": 5}',
        '{"name": "abcd", "input_data_size": 5}'.encode("utf-16"),
        b'\xef\xbb\xbf{"name": "abcd", "input_data_size": 5}',
        b'{"name": "abcd", "input_data_size": NaN}',
        b'{"name": "abcd", "input_data_size": Infinity}',
        b'{"name": "abcd", "input_data_size": 1e999}',
        b'{"name": "abcd", "input_data_size": ' + b"9" * 5000 + b"}",
        b'{"name": "abcd", "input_data_size": 5, "input_data_size": 6}',
        b'{"name": "abcd"}',
        b'{"input_data_size": 5}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
    ],
    ids=range(21),
)
def test_invalid_bodies_are_rejected(alice: Peer, body: bytes) -> None:
    response = alice.http.post(alice.dialect.route("csv.init").path, content=body)
    assert response.status_code == 400, response.text
    assert response.text.isprintable()


@pytest.mark.parametrize("number", ["5", "5.0", "5e0", "0.5E1"])
def test_a_whole_number_is_one_however_it_is_written(alice: Peer, number: str) -> None:
    path = alice.dialect.route("csv.init").path
    body = f'{{"name": "some name", "input_data_size": {number}}}'
    uuid = alice.http.post(path, content=body).json()["uuid_input_file"]
    with alice.attach(uuid) as socket:
        assert alice.put(socket, 0, b"a\n1\n2") == ""
        assert "5 bytes" in alice.put(socket, 5, b"x")


def test_a_body_is_json_whatever_its_content_type(alice: Peer) -> None:
    path, body = alice.dialect.route("csv.init").path, b'{"name": "abcd", "input_data_size": 5}'
    for claim in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "nonsense"):
        assert alice.http.post(path, content=body, headers={"Content-Type": claim}).status_code == 200


def test_a_body_beyond_the_limit(alice: Peer) -> None:
    path = alice.dialect.route("csv.init").path
    assert alice.http.post(path, content=b" " * (2**20 + 1)).status_code == 413
    assert alice.http.post(path, content=(b" " * 2**16 for _ in range(17))).status_code == 413
    alice.begin_csv(1)


@pytest.mark.parametrize(
    "token",
    [b"", b"x", b"x.y.z", b"\xff", b"a" * 5000, b"W" * 3000 + b".e30.x", b"eyJhbGciOiJub25lIn0.e30."],
    ids=range(7),
)
def test_without_a_valid_token_nothing_is_done(alice: Peer, token: bytes) -> None:
    for name, route in alice.dialect.routes.items():
        if name != "token.create":
            response = alice.http.request(route.method, route.path, headers=[(b"X-Auth-Token", token)])
            assert response.status_code == 401, name


def test_tokens_of_others_prove_nothing(server: Server, alice: Peer) -> None:
    unsigned = jwt.encode({"sub": "alice", "exp": 2**33}, "", algorithm="none")
    foreign = jwt.encode({"sub": "alice", "exp": 2**33}, b"x" * 32, algorithm="HS256")
    path = server.dialect.route("dataset.list").path
    for token in (unsigned, foreign, alice.token[:-4] + "AAAA", *server.announced["expired_tokens"].values()):
        assert alice.http.get(path, headers={"X-Auth-Token": token}).status_code == 401
    with httpx.Client(trust_env=False) as client:
        twice = [("X-Auth-Token", alice.token), ("X-Auth-Token", alice.token)]
        assert client.get(server.url + path, headers=twice).status_code == 401
    assert alice.http.get(path).status_code == 200


def test_logging_in(alice: Peer) -> None:
    answers = [
        alice.call("token.create", id=user, password=password)
        for user, password in (("alice", "wrong"), ("nobody", "wrong"), ("alice", ""))
    ]
    assert {(answer.status_code, answer.text) for answer in answers} == {(401, answers[0].text)}
    surrogate = alice.http.post(alice.dialect.route("token.create").path, content=b'{"id": "\\ud800", "password": ""}')
    assert surrogate.status_code == 401
    assert alice.status("token.create", id="alice") == 400
    assert alice.status("token.create", id="alice", password=5) == 400
    answer = alice.ok("token.create", id="alice", password="alice-password")
    assert (answer["id"], answer["is_admin"]) == ("alice", False)


@pytest.mark.parametrize("uuid", ["", "x", "A" + UNKNOWN[1:], "11111111-1111-1111-8111-111111111111", UNKNOWN + "\n"])
def test_malformed_uuids(alice: Peer, uuid: str) -> None:
    for operation in ("dataset.progress", "dataset.get", "dataset.delete", "cluster.get", "cluster.delete"):
        assert alice.status(operation, uuid=uuid) == 400


def test_queries(alice: Peer) -> None:
    path = alice.dialect.route("dataset.get").path
    for query in ("", "uuid", "uuid=%ff%zz", f"uuid={UNKNOWN}&uuid={UNKNOWN}", f"uuid={UNKNOWN}&x=1", "%00=%00"):
        assert alice.http.get(f"{path}?{query}").status_code == 400, query


def test_unknown_paths_and_methods(alice: Peer) -> None:
    prefix = alice.dialect.prefix
    for path in (
        "/",
        prefix,
        prefix + "nothing",
        prefix + "dataset/",
        "/%00",
        "/%ff",
        "/../..",
        "/static-offline-docs/%00",
    ):
        response = alice.http.get(path)
        assert response.status_code == 404, path
        assert response.text.startswith("there is no path /"), path
    path = alice.dialect.route("dataset.get").path
    for method in ("PATCH", "HEAD", "OPTIONS", "TRACE", "POST"):
        response = alice.http.request(method, path)
        assert (response.status_code, response.headers["allow"]) == (405, "DELETE, GET")
        assert method == "HEAD" or response.text == f"{path} takes DELETE, GET, not {method}"


def test_answers_before_the_operation_are_described_too(alice: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    path = alice.dialect.route("dataset.list").path
    many = {f"X-{number}": "y" for number in range(200)}
    assert alice.http.get(path, headers=many).status_code == 431
    monkeypatch.delitem(alice.server.api[path]["get"]["responses"], "431")
    with pytest.raises(AssertionError, match=r"^GET .*: 431"):  # so the descriptions are really looked at
        alice.http.get(path, headers=many)


def test_the_api_page_needs_no_network(alice: Peer) -> None:
    page = alice.http.get("/docs").text
    assert "https://" not in page
    description = alice.http.get("/openapi.json").json()
    for route in alice.dialect.routes.values():
        assert route.method.lower() in description["paths"][route.path]


def test_the_websocket_is_described_beside_the_rest_api(alice: Peer) -> None:
    described = httpx.get(f"{alice.http.base_url}/asyncapi.json").json()  # without a token
    assert described == json.loads(json.dumps(asyncapi_document(alice.dialect, described["info"]["version"])))
    assert "/asyncapi.json" in alice.http.get("/openapi.json").json()["info"]["description"]
    assert "/asyncapi.json" not in alice.http.get("/openapi.json").json()["paths"]
