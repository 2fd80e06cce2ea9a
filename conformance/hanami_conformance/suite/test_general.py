"""General: clear errors, isolation, and no input that harms others."""

from __future__ import annotations

import contextlib
import json
import uuid as uuids
from typing import Any

import pytest

from hanami_conformance.cases.attribution import attribute_to
from hanami_conformance.cases.checks import require
from hanami_conformance.cases.failures import ConnectionClosed, ResponseTimeout, Unsupported
from hanami_conformance.catalogue import requirement
from hanami_conformance.clients.rest import RestResponse
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.resources.upload import Upload
from hanami_conformance.suite.support.bystander import expect_other_clients_served, open_socket
from hanami_conformance.suite.support.clusters import direct_cluster
from hanami_conformance.suite.support.markers import mark_destructive
from hanami_conformance.suite.support.sample_data import ONE_BRICK, csv_sample, random_bytes
from hanami_conformance.target.target import Account, Target


def expect_4xx(answer: RestResponse, why: str) -> None:
    """The answer must be a 4xx."""
    require(answer.rejected, expected=f"a 4xx: {why}", actual=f"{answer} to {answer.request}")


PATHS = ["", "nothing", "dataset/nothing", "csv", "token/token", "%2e%2e/%2e%2e/etc/passwd", "%00", "a" * 2000]


# GEN-1: unknown paths and methods get 4xx; bodies that are not JSON get 400; no request gets a 5xx.
@requirement("GEN-1")
@pytest.mark.parametrize("path", PATHS, ids=lambda path: path[:24] or "the prefix alone")
def test_unknown_paths_are_refused(target: Target, path: str) -> None:
    """The server answers a 4xx to a path that it does not know, with any method."""
    for method in ("GET", "POST", "PUT", "DELETE"):
        answer = target.rest.request(method, target.dialect.prefix + path, token=target.account.token, content=b"{}")
        expect_4xx(answer, f"{method} of an unknown path")


@requirement("GEN-1")
@pytest.mark.parametrize("where", ["before", "in place of it", "behind"])
def test_operations_are_under_their_own_prefix_alone(target: Target, where: str) -> None:
    """The server answers a 4xx to the path of an operation with something in front of it, or behind it."""
    path = target.dialect.route("dataset.list").path
    wrong = {
        "before": f"/nowhere{path}",
        "in place of it": f"/nowhere/{path.removeprefix(target.dialect.prefix)}",
        "behind": f"{path}/nowhere",
    }
    answer = target.rest.request("GET", wrong[where], token=target.account.token)
    expect_4xx(answer, f"another path {where} that of the list")


@requirement("GEN-1")
def test_unknown_methods_are_refused(target: Target) -> None:
    """The server answers a 4xx to a method that a path does not have."""
    known = {(route.method, route.path) for route in target.dialect.routes.values()}
    paths = sorted({route.path for route in target.dialect.routes.values()})
    for path in paths:
        for method in ("GET", "POST", "PUT", "DELETE", "PATCH"):
            if (method, path) not in known:
                answer = target.rest.request(method, path, token=target.account.token, content=b"{}")
                expect_4xx(answer, f"{method} is no method of {path}")


NO_JSON: dict[str, bytes] = {
    "empty": b"",
    "no JSON": b"this is no JSON",
    "cut short": b'{"name": "abcd", "input_data_size": ',
    "single quotes": b"{'name': 'abcd', 'input_data_size': 10}",
    "a comma too many": b'{"name": "abcd", "input_data_size": 10,}',
    "two objects": b'{"name": "abcd", "input_data_size": 10} {}',
    "not UTF-8": b'{"name": "\xff\xfe"}',
    "a NUL byte": b'{"name": "ab\x00cd"}',
    "nested deeply": b"[" * 20_000,
}
ODD_JSON: dict[str, bytes] = {
    "an array": b"[1, 2]",
    "a huge number": b'{"name": "abcd", "input_data_size": 1' + b"0" * 400 + b"}",
    "a number of 5000 digits": b'{"name": "abcd", "input_data_size": ' + b"1" * 5000 + b"}",
    "a number beyond any float": b'{"name": "abcd", "input_data_size": 1e999}',
    "NaN": b'{"name": "abcd", "input_data_size": NaN}',
    "a lone surrogate": b'{"name": "\\ud800abcd", "input_data_size": 5}',
}


@requirement("GEN-1")
@pytest.mark.hostile
@pytest.mark.parametrize("kind", [*NO_JSON, *ODD_JSON])
def test_wrong_bodies_are_refused(target: Target, kind: str) -> None:
    """The server answers 400 to a body that is no JSON, a 4xx to one that is odd, on every operation that takes one."""
    for operation, route in target.dialect.routes.items():
        if route.method in ("POST", "PUT"):
            token = None if operation == "token.create" else target.account.token
            body = NO_JSON.get(kind) if kind in NO_JSON else ODD_JSON[kind]
            answer = target.rest.request(route.method, route.path, token=token, content=body)
            if kind in NO_JSON:
                require(answer.status == 400, expected=f"400 to {route} with a body: {kind}", actual=answer)
            else:
                expect_4xx(answer, f"{route} with a body: {kind}")


WRONG_VALUES: list[Any] = [None, "", 0, -1, 1.5, True, [], {}, "\x00", "'; DROP TABLE users; --", "a" * 10_000]
FIELDS = {
    "token.create": ["id", "password"],
    "csv.init": ["name", "input_data_size"],
    "mnist.init": ["name", "input_data_size", "label_data_size"],
    "csv.finalize": ["uuid", "uuid_input_file"],
    "mnist.finalize": ["uuid", "uuid_input_file", "uuid_label_file"],
    "cluster.create": ["name", "template"],
    "cluster.set_mode": ["uuid", "new_state"],
}
GOOD_VALUES: dict[str, Any] = {
    "id": "nobody",
    "password": "wrong-password",
    "input_data_size": 10,
    "label_data_size": 10,
    "uuid": "6fa459ea-ee8a-4ca4-894e-db77e160355e",
    "uuid_input_file": "6fa459ea-ee8a-4ca4-894e-db77e160355e",
    "uuid_label_file": "6fa459ea-ee8a-4ca4-894e-db77e160355e",
    "template": "bm8gdGVtcGxhdGU=",
    "new_state": "DIRECT",
}


@requirement("GEN-1")
@pytest.mark.hostile
@pytest.mark.parametrize("operation", list(FIELDS))
def test_wrong_values_never_get_a_5xx(resources: ResourceFactory, operation: str) -> None:
    """The server answers a 4xx, never a 5xx, to any value of any field that is not right."""
    target = resources.target
    good = {**GOOD_VALUES, "name": resources.name("probe")}
    for field in FIELDS[operation]:
        for value in WRONG_VALUES:
            body = {name: good[name] for name in FIELDS[operation]} | {field: value}
            answer = target.call(operation, body=body, token=target.account.token)
            resources.register_unexpected(answer, operation)
            expect_4xx(answer, f"{field} = {json.dumps(value)[:40]}")


@requirement("GEN-1")
@pytest.mark.parametrize(
    "operation", ["dataset.get", "dataset.progress", "dataset.delete", "cluster.get", "cluster.delete"]
)
def test_wrong_queries_never_get_a_5xx(target: Target, operation: str) -> None:
    """The server answers a 4xx to a query without a uuid, or with one of nothing."""
    for params in ({}, {"uuid": ""}, {"uuid": "x"}, {"uuid": "%00"}, {"uuid": "a" * 5000}, {"id": "x"}):
        expect_4xx(target.account.call(operation, params=params), f"the query is {str(params)[:40]}")
    route = target.dialect.route(operation)
    answer = target.rest.request(route.method, f"{route.path}?uuid=x&uuid=y", token=target.account.token)
    expect_4xx(answer, "the query has two uuids")
    unknown = target.account.call(operation, params={"uuid": str(uuids.UUID("6fa459ea-ee8a-4ca4-894e-db77e160355e"))})
    require(unknown.status == 404, expected=f"404 to {operation} of an unknown uuid", actual=unknown)


PLACES = {
    "no numbers": ["", "x", "1.5"],
    "beside the rows": ["-1", "4"],
    "huge": ["99999999999", str(2**64)],
}


@requirement("GEN-1")
@pytest.mark.hostile
@pytest.mark.parametrize("wrong", mark_destructive(PLACES, "huge"))
def test_wrong_places_in_the_content_never_get_a_5xx(resources: ResourceFactory, wrong: str) -> None:
    """The server refuses, or answers by what there is, where rows or columns are asked for that there are not."""
    content, _ = csv_sample(rows=3)
    upload = resources.dataset("csv", {"input": content})
    right = {"uuid": upload.uuid, "column_name": "first", "row_offset": "0", "number_of_rows": "1"}
    for field in ("column_name", "row_offset", "number_of_rows"):
        for value in PLACES[wrong]:
            answer = upload.account.call("dataset.content", params={**right, field: value})
            require(answer.status < 500, expected=f"an answer below 500 to {field} = {value!r}", actual=answer)


@requirement("GEN-1")
@pytest.mark.parametrize(
    "operation", ["dataset.get", "dataset.list", "dataset.delete", "cluster.get", "cluster.list", "cluster.delete"]
)
@pytest.mark.parametrize(
    "token", [None, "this-is-no-token", "a" * 5000], ids=["no token", "a bad token", "a very long token"]
)
def test_every_operation_needs_a_token(target: Target, operation: str, token: str | None) -> None:
    """The server answers a 4xx without a valid token."""
    params = {} if operation.endswith("list") else {"uuid": "6fa459ea-ee8a-4ca4-894e-db77e160355e"}
    answer = target.call(operation, params=params, token=token)
    expect_4xx(answer, "there is no valid token")


@requirement("GEN-1")
def test_a_name_that_is_taken_never_gets_a_5xx(resources: ResourceFactory) -> None:
    """The server refuses a second cluster of one name with a 4xx, where it does not make it."""
    cluster = resources.cluster(ONE_BRICK)
    answer = cluster.account.call("cluster.create", body=resources.cluster_body(cluster.name, ONE_BRICK))
    resources.register_unexpected(answer, "cluster.create")
    require(answer.status < 500, expected="an answer below 500: the name is taken", actual=answer)


@requirement("GEN-1")
def test_unknown_users_get_401(target: Target) -> None:
    """The server answers 401 to a user that it does not know."""
    unknown = target.call("token.create", body={"id": "nobody-of-that-name", "password": "wrong"}, token=None)
    require(unknown.status == 401, expected="401 to an unknown user", actual=unknown)


@requirement("GEN-1")
def test_wrong_passwords_get_401(target: Target) -> None:
    """The server answers 401 to a wrong password."""
    user = target.account.credentials.user
    if not user:
        raise Unsupported("needs the name of the user, not a token alone (--user)")
    answer = target.call("token.create", body={"id": user, "password": "certainly-a-wrong-one"}, token=None)
    require(answer.status == 401, expected="401 to a wrong password", actual=answer)


@requirement("GEN-2")
@pytest.mark.hostile
@pytest.mark.destructive
def test_oversized_requests_harm_nobody(resources: ResourceFactory) -> None:
    """A body of 2 MiB is refused, and others are served."""
    target = resources.target
    body = b'{"name": "' + b"a" * (2 << 20) + b'", "input_data_size": 5}'
    route = target.dialect.route("csv.init")
    with contextlib.suppress(ConnectionClosed):  # one way to refuse so much
        answer = target.rest.request(route.method, route.path, token=target.account.token, content=body)
        require(answer.status < 500, expected="no 5xx to a body of 2 MiB", actual=answer)
    with attribute_to("GEN-2"):
        expect_other_clients_served(resources)


@requirement("GEN-2")
@pytest.mark.hostile
def test_text_frames_harm_nobody(resources: ResourceFactory) -> None:
    """Text frames on a file's and a cluster's socket leave the server as it was for others."""
    socket = resources.csv(100).attach()
    socket.websocket.send_text("hello")
    socket.close()
    with attribute_to("GEN-2"):  # the first of them was sent
        _, bricks = direct_cluster(resources)
    bricks.websocket.send_text("hello")
    bricks.close()
    with attribute_to("GEN-2"):
        expect_other_clients_served(resources)


FRAMES = {
    "bytes that are no frame": b"\xff" * 8,
    "a frame without a mask": b"\x82\x05hello",
    "a frame that announces a tebibyte": b"\x82\xff" + (1 << 40).to_bytes(8, "big") + b"mask" + b"x",
    "a ping in fragments": b"\x09\x80\x00\x00\x00\x00\x80\x80\x00\x00\x00\x00",
    "a ping of 126 bytes": b"\x89\xfe\x00\x7e\x00\x00\x00\x00" + bytes(126),
    "a text frame that is no UTF-8": b"\x81\x84\x00\x00\x00\x00\xff\xfe\xfd\xfc",
    "a close frame of one byte": b"\x88\x81\x00\x00\x00\x00\x03",
    "a continuation of nothing": b"\x80\x82\x00\x00\x00\x00ab",
    "an unknown opcode": b"\x83\x80\x00\x00\x00\x00",
}


@requirement("GEN-2")
@pytest.mark.hostile
@pytest.mark.destructive
@pytest.mark.parametrize("attached", [True, False], ids=["on a file's socket", "before the first message"])
@pytest.mark.parametrize("frame", list(FRAMES))
def test_broken_frames_harm_nobody(resources: ResourceFactory, frame: str, attached: bool) -> None:
    """Whatever a socket sends in place of a right frame, others are served."""
    resources.target.connection_limit.require(2)
    websocket = resources.csv(100).attach().websocket if attached else open_socket(resources.target)
    websocket.send_raw(FRAMES[frame], frame)
    with attribute_to("GEN-2"):
        expect_other_clients_served(resources)
    websocket.reset()


REQUESTS = {
    "no HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + random_bytes(200) + b"\r\n\r\n",
    "a request line cut short": b"GET\r\n\r\n",
    "a header without a colon": b"GET / HTTP/1.1\r\nno header\r\n\r\n",
    "a content length that is no number": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: many\r\n\r\n",
    "a negative content length": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    "a very long target": b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "a very long header": b"GET / HTTP/1.1\r\nX: " + b"a" * 100_000 + b"\r\n\r\n",
    "a chunk size that is no number": b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "a handshake without a key": b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
}


@requirement("GEN-2")
@pytest.mark.hostile
@pytest.mark.destructive
@pytest.mark.parametrize("request_kind", list(REQUESTS))
def test_broken_requests_harm_nobody(resources: ResourceFactory, request_kind: str) -> None:
    """Whatever a connection sends in place of a right HTTP request, others are served."""
    resources.target.connection_limit.require(2)
    with resources.target.raw() as connection:
        connection.send(REQUESTS[request_kind], request_kind)
        with attribute_to("GEN-2"):
            expect_other_clients_served(resources)


@requirement("GEN-2")
@pytest.mark.hostile
@pytest.mark.destructive
def test_repeated_mistakes_harm_nobody(resources: ResourceFactory) -> None:
    """Twenty refused first messages in a row leave the server as it was."""
    target = resources.target
    for index in range(20):
        websocket = target.websocket()
        websocket.open()
        websocket.send_text('{"token": ' + "[" * index)
        with contextlib.suppress(ResponseTimeout):  # silence is for ATT-5 to judge
            websocket.receive_or_close("a refusal")
        websocket.close()
    with attribute_to("GEN-2"):
        expect_other_clients_served(resources)


# GEN-3: one user's or project's datasets, files and clusters are invisible to another's.
@requirement("GEN-3")
def test_datasets_of_others_are_invisible(resources: ResourceFactory, other_account: Account) -> None:
    """A dataset is not listed, shown, read or deleted for a user of another project."""
    content, _ = csv_sample()
    upload = resources.dataset("csv", {"input": content})
    listed = other_account.call("dataset.list")
    require(
        listed.status == 200 and upload.uuid not in listed.text, expected=f"a list without {upload.uuid}", actual=listed
    )
    expect_hidden(upload, other_account)


def expect_hidden(upload: Upload, other: Account) -> None:
    """Every operation on the dataset must answer 404 to the other user."""
    operations = ["dataset.get", "dataset.progress", "dataset.delete"]
    for operation in operations:
        answer = other.call(operation, params={"uuid": upload.uuid})
        require(answer.status == 404, expected=f"404 to {operation} of another user's dataset", actual=answer)
    if upload.account.target.serves_content(upload.account, upload.uuid, "first"):
        params = {"uuid": upload.uuid, "column_name": "first", "row_offset": "0", "number_of_rows": "1"}
        answer = other.call("dataset.content", params=params)
        require(answer.status == 404, expected="404 to the content of another user's dataset", actual=answer)
    own = upload.description()
    require(own.status == 200, expected="200 to the owner, afterwards as before", actual=own)


@requirement("GEN-3")
def test_clusters_of_others_are_invisible(resources: ResourceFactory, other_account: Account) -> None:
    """A cluster is not listed, shown or deleted for a user of another project, in whatever mode it is."""
    cluster = resources.cluster(ONE_BRICK)
    for mode in ("task", "direct"):
        if mode == "direct":
            cluster.enter_direct_mode()
        listed = other_account.call("cluster.list")
        unlisted = listed.status == 200 and cluster.uuid not in listed.text
        require(unlisted, expected=f"a list without {cluster.uuid}, in {mode} mode", actual=listed)
    for operation in ("cluster.get", "cluster.delete"):
        answer = other_account.call(operation, params={"uuid": cluster.uuid})
        require(answer.status == 404, expected=f"404 to {operation} of another user's cluster", actual=answer)
    own = cluster.account.call("cluster.get", params={"uuid": cluster.uuid})
    require(own.status == 200, expected="200 to the owner, afterwards as before", actual=own)


@requirement("DIO-14")
def test_own_clusters_are_visible_until_deleted(resources: ResourceFactory) -> None:
    """A cluster is listed and shown to its own user, and gone after the DELETE."""
    cluster = resources.cluster(ONE_BRICK)
    listed = cluster.account.call("cluster.list")
    require(cluster.uuid in listed.text, expected=f"a list with {cluster.uuid}", actual=listed)
    shown = cluster.account.call("cluster.get", params={"uuid": cluster.uuid})
    require(shown.object().get("uuid") == cluster.uuid, expected=f"uuid {cluster.uuid}", actual=shown)
    answer = cluster.delete()
    require(answer.status == 200, expected="200 to the DELETE", actual=answer)
    gone = cluster.account.call("cluster.get", params={"uuid": cluster.uuid})
    require(gone.status == 404, expected="404 to a deleted cluster", actual=gone)
    listed = cluster.account.call("cluster.list")
    require(cluster.uuid not in listed.text, expected=f"a list without {cluster.uuid}", actual=listed)
