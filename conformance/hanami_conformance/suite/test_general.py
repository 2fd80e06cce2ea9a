"""General: clear errors, isolation, and no input that harms others."""

from __future__ import annotations

import contextlib
import json
import uuid as uuids
from http import HTTPStatus
from typing import Any

import pytest

from hanami_conformance.cases.attribution import attribute_to
from hanami_conformance.cases.checks import observe, require
from hanami_conformance.cases.failures import ConnectionClosed, ResponseTimeout, Unsupported
from hanami_conformance.catalogue import requirement
from hanami_conformance.clients.tcp import RawConnection
from hanami_conformance.common.text import printable_line
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.resources.upload import Upload
from hanami_conformance.suite.support.bystander import expect_other_clients_served, open_socket
from hanami_conformance.suite.support.clusters import direct_cluster
from hanami_conformance.suite.support.malformed import FRAMES, NO_JSON, ODD_JSON, REQUESTS
from hanami_conformance.suite.support.markers import mark_destructive
from hanami_conformance.suite.support.operations import (
    ABOUT_FIELDS,
    WITH_BODY,
    WITH_FIELDS,
    call_with,
    expect_4xx,
    fields_of,
)
from hanami_conformance.suite.support.sample_data import ONE_BRICK, csv_sample
from hanami_conformance.target.target import Account, Target

pytestmark = pytest.mark.parallel

UNKNOWN_USER = "nobody_of_that_name"  # well-formed to every server: letters, digits and underscores
PATHS = ["", "nothing", "dataset/nothing", "csv", "token/token", "%2e%2e/%2e%2e/etc/passwd", "%00", "a" * 2000]


# GEN-1: unknown paths and methods get 4xx; bodies that are not JSON get 400; no request gets a 5xx.
@requirement("GEN-1")
@pytest.mark.parametrize("path", PATHS, ids=lambda path: path[:24] or "the prefix alone")
def test_unknown_paths_are_rejected(target: Target, path: str) -> None:
    """An unknown path gets a 4xx with any method."""
    for method in ("GET", "POST", "PUT", "DELETE"):
        answer = target.rest.request(method, target.dialect.prefix + path, token=target.account.token, content=b"{}")
        expect_4xx(answer, f"{method} of an unknown path")


@requirement("GEN-1")
@pytest.mark.parametrize("where", ["before", "in place of it", "behind"])
def test_operations_exist_under_their_prefix_only(target: Target, where: str) -> None:
    """The path of an operation with another prefix or suffix gets a 4xx."""
    path = target.dialect.route("dataset.list").path
    wrong = {
        "before": f"/nowhere{path}",
        "in place of it": f"/nowhere/{path.removeprefix(target.dialect.prefix)}",
        "behind": f"{path}/nowhere",
    }
    answer = target.rest.request("GET", wrong[where], token=target.account.token)
    expect_4xx(answer, f"another path {where} that of the list")


@requirement("GEN-1")
def test_unknown_methods_are_rejected(target: Target) -> None:
    """A method that a path does not have gets a 4xx."""
    known = {(route.method, route.path) for route in target.dialect.routes.values()}
    paths = sorted({route.path for route in target.dialect.routes.values()})
    for path in paths:
        for method in ("GET", "POST", "PUT", "DELETE", "PATCH"):
            if (method, path) not in known:
                answer = target.rest.request(method, path, token=target.account.token, content=b"{}")
                expect_4xx(answer, f"{method} is no method of {path}")


@requirement("GEN-1")
@pytest.mark.hostile
@pytest.mark.parametrize("kind", [*NO_JSON, *ODD_JSON])
def test_invalid_bodies_are_rejected(target: Target, kind: str) -> None:
    """A body that is not JSON gets 400 on every operation, unusual JSON a 4xx."""
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


@requirement("GEN-1")
@pytest.mark.may_violate(*ABOUT_FIELDS.values())
@pytest.mark.hostile
@pytest.mark.parametrize("operation", WITH_BODY)
def test_invalid_values_never_get_a_5xx(resources: ResourceFactory, operation: str) -> None:
    """An invalid value of any field gets a 4xx."""
    good = fields_of(resources, operation)
    for field in good:
        for value in WRONG_VALUES:
            if (field, value) != ("template", ""):  # which some servers accept
                answer = call_with(resources, operation, good | {field: value})
                expect_4xx(answer, f"{field} = {json.dumps(value)[:40]}", operation)


@requirement("GEN-1")
@pytest.mark.may_violate(*ABOUT_FIELDS.values())
@pytest.mark.hostile
@pytest.mark.parametrize("operation", mark_destructive(WITH_FIELDS, "cluster.create"))
def test_a_missing_field_gets_a_4xx(resources: ResourceFactory, operation: str) -> None:
    """A request without one of the fields of its operation gets a 4xx; a cluster may be created without a template."""
    good = fields_of(resources, operation)
    for field in good:
        answer = call_with(resources, operation, {name: value for name, value in good.items() if name != field})
        if field != "template" or answer.status != HTTPStatus.OK:
            expect_4xx(answer, f"{operation} without {field}", operation)


@requirement("GEN-1")
@pytest.mark.parametrize(
    "operation", ["dataset.get", "dataset.progress", "dataset.delete", "cluster.get", "cluster.delete"]
)
def test_invalid_queries_never_get_a_5xx(target: Target, operation: str) -> None:
    """A query with no uuid, several or an unknown one gets a 4xx."""
    for params in ({}, {"uuid": ""}, {"uuid": "x"}, {"uuid": "%00"}, {"uuid": "a" * 5000}, {"id": "x"}):
        expect_4xx(target.account.call(operation, params=params), f"the query is {str(params)[:40]}")
    route = target.dialect.route(operation)
    answer = target.rest.request(route.method, f"{route.path}?uuid=x&uuid=y", token=target.account.token)
    expect_4xx(answer, "the query has two uuids")
    unknown = target.account.call(operation, params={"uuid": str(uuids.UUID("6fa459ea-ee8a-4ca4-894e-db77e160355e"))})
    require(unknown.status == 404, expected=f"404 to {operation} of an unknown uuid", actual=unknown)


PLACES = {"no numbers": ["", "x", "1.5"], "beside the rows": ["-1", "4"], "huge": ["99999999999", str(2**64)]}


@requirement("GEN-1")
@pytest.mark.hostile
@pytest.mark.parametrize("wrong", mark_destructive(PLACES, "huge"))
def test_invalid_ranges_of_the_content_never_get_a_5xx(resources: ResourceFactory, wrong: str) -> None:
    """A request for rows or columns that do not exist gets no 5xx."""
    content, _ = csv_sample(rows=3)
    upload = resources.dataset("csv", {"input": content})
    right = {"uuid": upload.uuid, "column_name": "first", "row_offset": "0", "number_of_rows": "1"}
    for field in ("column_name", "row_offset", "number_of_rows"):
        for value in PLACES[wrong]:
            answer = upload.account.call("dataset.content", params={**right, field: value})
            require(not answer.failed, expected=f"an answer below 500 to {field} = {value!r}", actual=answer)


@requirement("GEN-1")
@pytest.mark.parametrize(
    "operation", ["dataset.get", "dataset.list", "dataset.delete", "cluster.get", "cluster.list", "cluster.delete"]
)
@pytest.mark.parametrize(
    "token", [None, "this-is-no-token", "a" * 5000], ids=["no token", "a bad token", "a very long token"]
)
def test_every_operation_needs_a_token(target: Target, operation: str, token: str | None) -> None:
    """Every operation gets a 4xx without a valid token."""
    params = {} if operation.endswith("list") else {"uuid": "6fa459ea-ee8a-4ca4-894e-db77e160355e"}
    answer = target.call(operation, params=params, token=token)
    expect_4xx(answer, "there is no valid token")


@requirement("GEN-1")
def test_unknown_users_get_401(target: Target) -> None:
    """An unknown user gets 401."""
    unknown = target.call("token.create", body=target.dialect.login(UNKNOWN_USER, "wrong-password"), token=None)
    require(unknown.status == 401, expected="401 to an unknown user", actual=unknown)


@requirement("GEN-1")
def test_wrong_passwords_get_401(target: Target) -> None:
    """A wrong password gets 401."""
    user = target.account.credentials.user
    if not user:
        raise Unsupported("needs the name of the user, not a token alone (--user)")
    answer = target.call("token.create", body=target.dialect.login(user, "certainly-a-wrong-one"), token=None)
    require(answer.status == 401, expected="401 to a wrong password", actual=answer)


@requirement("GEN-2")
@pytest.mark.hostile
@pytest.mark.destructive
def test_oversized_requests_harm_nobody(resources: ResourceFactory) -> None:
    """A body of 2 MiB does not keep the server from serving others."""
    target = resources.target
    body = b'{"name": "' + b"a" * (2 << 20) + b'", "input_data_size": 5}'
    route = target.dialect.route("csv.init")
    with contextlib.suppress(ConnectionClosed):  # one way to reject it
        answer = target.rest.request(route.method, route.path, token=target.account.token, content=body)
        require(not answer.failed, expected="no 5xx to a body of 2 MiB", actual=answer)
    with attribute_to("GEN-2"):
        expect_other_clients_served(resources)


@requirement("GEN-2")
@pytest.mark.hostile
def test_text_messages_harm_nobody(resources: ResourceFactory) -> None:
    """Text messages on the sockets of a file and a cluster do not keep the server from serving others."""
    socket = resources.csv(100).attach()
    socket.websocket.send_text("hello")
    socket.close()
    with attribute_to("GEN-2"):  # the text message to the file's socket was sent before
        _, bricks = direct_cluster(resources)
    bricks.websocket.send_text("hello")
    bricks.close()
    with attribute_to("GEN-2"):
        expect_other_clients_served(resources)


@requirement("GEN-2")
@pytest.mark.hostile
@pytest.mark.destructive
@pytest.mark.parametrize("attached", [True, False], ids=["on a file's socket", "before the first message"])
@pytest.mark.parametrize("frame", list(FRAMES))
def test_malformed_frames_harm_nobody(resources: ResourceFactory, frame: str, attached: bool) -> None:
    """A malformed websocket frame does not keep the server from serving others."""
    resources.target.connection_limit.require(2)
    websocket = resources.csv(100).attach().websocket if attached else open_socket(resources.target)
    websocket.send_raw(FRAMES[frame], frame)
    with attribute_to("GEN-2"):
        expect_other_clients_served(resources)
    websocket.reset()


ALREADY_ARRIVED = 0.05  # seconds, since other clients were served meanwhile


@requirement("GEN-2")
@pytest.mark.hostile
@pytest.mark.destructive
@pytest.mark.parametrize("request_kind", list(REQUESTS))
def test_malformed_requests_harm_nobody(resources: ResourceFactory, request_kind: str) -> None:
    """A malformed HTTP request does not keep the server from serving others."""
    resources.target.connection_limit.require(2)
    with resources.target.raw() as connection:
        request = REQUESTS[request_kind].replace(b"HOST", resources.target.endpoint.authority.encode())
        connection.send(request, request_kind)
        with attribute_to("GEN-2"):
            expect_other_clients_served(resources)
        # Bytes that are not HTTP have no right to an answer.
        observe(f"answer to {request_kind}", answer_so_far(connection))


def answer_so_far(connection: RawConnection) -> str:
    """Return the first line that arrived on a connection."""
    try:
        received = connection.receive(ALREADY_ARRIVED)
    except TimeoutError:
        return "nothing so far"
    return printable_line(received.decode("latin-1").partition("\r\n")[0]) or "the end of the connection"


@requirement("GEN-2")
@pytest.mark.hostile
@pytest.mark.destructive
def test_repeated_mistakes_harm_nobody(resources: ResourceFactory) -> None:
    """Twenty rejected first messages do not keep the server from serving others."""
    target = resources.target
    for index in range(20):
        websocket = target.websocket()
        websocket.open()
        websocket.send_text('{"token": ' + "[" * index)
        with contextlib.suppress(ResponseTimeout):  # silence violates ATT-5
            websocket.receive_or_close("a rejection")
        websocket.close()
    with attribute_to("GEN-2"):
        expect_other_clients_served(resources)


# GEN-3: datasets, files and clusters of a user or project are invisible to others.
@requirement("GEN-3")
def test_datasets_of_others_are_invisible(resources: ResourceFactory, other_account: Account) -> None:
    """A dataset is not listed, described, read or deleted for a user of another project."""
    content, _ = csv_sample()
    upload = resources.dataset("csv", {"input": content})
    listed = other_account.call("dataset.list")
    expected = f"a list without {upload.uuid}"
    require(listed.status == 200 and upload.uuid not in listed.text, expected=expected, actual=listed)
    expect_hidden(upload, other_account)


def expect_hidden(upload: Upload, other: Account) -> None:
    """Check that every operation on the dataset gets 404 for the other user."""
    operations = ["dataset.get", "dataset.progress", "dataset.delete"]
    for operation in operations:
        if operation != "dataset.delete":  # what the owner has just got may be in a cache
            upload.account.call(operation, params={"uuid": upload.uuid}).object()
        answer = other.call(operation, params={"uuid": upload.uuid})
        require(answer.status == 404, expected=f"404 to {operation} of another user's dataset", actual=answer)
    if upload.account.target.serves_content(upload.account, upload.uuid, "first"):
        params = {"uuid": upload.uuid, "column_name": "first", "row_offset": "0", "number_of_rows": "1"}
        upload.account.call("dataset.content", params=params).object()
        answer = other.call("dataset.content", params=params)
        require(answer.status == 404, expected="404 to the content of another user's dataset", actual=answer)
    own = upload.description()
    require(own.status == 200, expected="200 to the owner, afterwards as before", actual=own)


@requirement("GEN-3")
def test_clusters_of_others_are_invisible(resources: ResourceFactory, other_account: Account) -> None:
    """A cluster is not listed, described or deleted for a user of another project, in any mode."""
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
    """A cluster is listed and described for its own user until it is deleted."""
    cluster = resources.cluster(ONE_BRICK)
    listed = cluster.account.call("cluster.list")
    require(cluster.uuid in listed.text, expected=f"a list with {cluster.uuid}", actual=listed)
    described = cluster.account.call("cluster.get", params={"uuid": cluster.uuid})
    require(described.object().get("uuid") == cluster.uuid, expected=f"uuid {cluster.uuid}", actual=described)
    answer = cluster.delete()
    require(answer.status == 200, expected="200 to the DELETE", actual=answer)
    gone = cluster.account.call("cluster.get", params={"uuid": cluster.uuid})
    require(gone.status == 404, expected="404 to a deleted cluster", actual=gone)
    listed = cluster.account.call("cluster.list")
    require(cluster.uuid not in listed.text, expected=f"a list without {cluster.uuid}", actual=listed)
