"""Attach: the first message of a socket."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from hanami_conformance.cases.attribution import attribute_to
from hanami_conformance.cases.checks import observe, require
from hanami_conformance.cases.failures import ConnectionClosed, Violation
from hanami_conformance.catalogue import requirement
from hanami_conformance.clients.websocket import WebSocket
from hanami_conformance.clients.websocket_events import CloseInfo, Message
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.stateful.placeholders import MISSING, drop_missing
from hanami_conformance.suite.support.invalid import INVALID_UUIDS, invalid_token
from hanami_conformance.suite.support.sample_data import ONE_BRICK
from hanami_conformance.target.attach import (
    CLUSTER,
    FILE_UPLOAD,
    attach,
    expect_rejected,
    first_message,
    is_accepted,
    is_rejected,
)
from hanami_conformance.target.target import Account, Target


def ask(target: Target, first: str) -> tuple[WebSocket, Message | CloseInfo]:
    """Open a socket, send a first message, and wait for the answer or the close."""
    websocket = target.websocket()
    websocket.open()
    try:
        websocket.send_text(first)
        return websocket, websocket.receive_or_close("an answer to the first message, or a close")
    except BaseException:
        websocket.close()
        raise


def expect_acceptance(target: Target, first: str) -> None:
    """Check that a first message is accepted by one answer."""
    websocket, answer = ask(target, first)
    unsolicited = websocket.close()
    require(
        isinstance(answer, Message) and is_accepted(answer), expected="JSON whose success is 1 or true", actual=answer
    )
    require(not unsolicited, expected="one answer to the first message", actual=f"{len(unsolicited)} more")


def message_of(token: Any, uuid: Any, target: Any) -> str:
    """Return a first message without the MISSING fields."""
    return json.dumps(drop_missing({"token": token, "uuid": uuid, "target": target}))


# ATT-1: a websocket opens at `ws://<ADDRESS>`, the address of the REST API.
@requirement("ATT-1")
def test_a_websocket_opens_at_the_address_of_the_rest_api(target: Target) -> None:
    """A websocket opens at the host and port of the REST API."""
    target.account.call("dataset.list")
    websocket = target.websocket()
    try:
        websocket.open()
    except ConnectionClosed as closed:
        require(False, expected=f"a websocket at {target.websocket_url}", actual=closed.actual)
    require(websocket.is_open, expected=f"a websocket at {target.websocket_url}", actual=websocket.close_info)
    websocket.close()


# ATT-2: the first message is JSON with token, uuid and target; on acceptance the answer is JSON whose success is 1
# (true counts).
@requirement("ATT-2")
@pytest.mark.parametrize("role", ["input", "label"])
def test_a_file_socket_is_accepted(resources: ResourceFactory, role: str) -> None:
    """A socket is accepted for each temporary file of an upload."""
    upload = resources.mnist(100, 100)
    first = first_message(upload.account.token, upload.files[role].uuid, FILE_UPLOAD)
    expect_acceptance(resources.target, first)


@requirement("ATT-2")
def test_a_cluster_socket_is_accepted(resources: ResourceFactory) -> None:
    """A socket is accepted for a cluster in direct mode."""
    cluster = resources.any_cluster(ONE_BRICK)
    cluster.enter_direct_mode()
    expect_acceptance(resources.target, first_message(cluster.account.token, cluster.uuid, CLUSTER))


TOKENS = ["missing", "empty", "malformed", "cut short", "tampered", "unsigned", "expired", "a number", "null"]


# ATT-3: the token authorises: an invalid, malformed, expired or missing token is rejected recognisably and in bounded
# time.
@requirement("ATT-3")
@pytest.mark.parametrize("kind", TOKENS)
def test_an_invalid_token_opens_no_file(resources: ResourceFactory, kind: str) -> None:
    """A file socket with an invalid token is rejected recognisably."""
    upload = resources.csv(100)
    first = message_of(invalid_token(kind, resources.target), upload.files["input"].uuid, FILE_UPLOAD)
    expect_rejected(resources.target, first, f"the token is {kind}")


@requirement("ATT-3")
@pytest.mark.parametrize("kind", ["malformed", "tampered"])
def test_an_invalid_token_opens_no_file_that_was_open(resources: ResourceFactory, kind: str) -> None:
    """An invalid token is rejected even for a file that a valid one has opened before."""
    upload = resources.csv(100)
    upload.attach().close()
    first = message_of(invalid_token(kind, resources.target), upload.files["input"].uuid, FILE_UPLOAD)
    expect_rejected(resources.target, first, f"the token is {kind}")


@requirement("ATT-3")
@pytest.mark.parametrize("kind", ["missing", "malformed", "tampered", "expired"])
def test_an_invalid_token_opens_no_cluster(resources: ResourceFactory, kind: str) -> None:
    """A cluster socket with an invalid token is rejected recognisably."""
    cluster = resources.any_cluster(ONE_BRICK)
    cluster.enter_direct_mode()
    first = message_of(invalid_token(kind, resources.target), cluster.uuid, CLUSTER)
    expect_rejected(resources.target, first, f"the token is {kind}")


# ATT-4: an unknown, malformed or missing uuid and a resource of another user or project are rejected alike.
@requirement("ATT-4")
@pytest.mark.parametrize("resource", [FILE_UPLOAD, CLUSTER])
@pytest.mark.parametrize("kind", list(INVALID_UUIDS))
def test_an_invalid_uuid_is_rejected(resources: ResourceFactory, resource: str, kind: str) -> None:
    """A socket for an unknown, malformed or missing uuid is rejected."""
    # A resource of the kind exists, to detect a server that falls back on another one.
    if resource == CLUSTER:
        resources.cluster(ONE_BRICK).enter_direct_mode()
    else:
        resources.csv(100)
    target = resources.target
    expect_rejected(target, message_of(target.account.token, INVALID_UUIDS[kind], resource), f"the uuid is {kind}")


# Unknown or malformed uuids made from a valid one.
NEAR_MISSES: dict[str, Callable[[str], str]] = {
    "cut short": lambda uuid: uuid[:-4],
    "with a suffix": lambda uuid: uuid + "00",
    "with a blank": lambda uuid: uuid + " ",
    "with a wildcard": lambda _uuid: "%",
    "with another end": lambda uuid: uuid[:-1] + other_digit(uuid[-1]),
    "with another beginning": lambda uuid: other_digit(uuid[0]) + uuid[1:],
}


def other_digit(digit: str) -> str:
    """Return a different hexadecimal digit."""
    return "0" if digit != "0" else "1"


@requirement("ATT-4")
@pytest.mark.parametrize("change", list(NEAR_MISSES))
def test_a_uuid_is_compared_whole(resources: ResourceFactory, change: str) -> None:
    """A socket is rejected for a uuid that only resembles that of a file."""
    upload = resources.csv(100)
    first = first_message(upload.account.token, NEAR_MISSES[change](upload.files["input"].uuid), FILE_UPLOAD)
    expect_rejected(resources.target, first, f"the uuid is one of a file, {change}")


@requirement("ATT-4", "GEN-2")
@pytest.mark.hostile
@pytest.mark.parametrize("resource", [FILE_UPLOAD, CLUSTER])
@pytest.mark.parametrize("uuid", [[], ["a"], {"a": 1}, True, 1.5, "x" * 100_000], ids=lambda uuid: str(uuid)[:12])
def test_a_uuid_of_another_type_is_rejected(resources: ResourceFactory, resource: str, uuid: Any) -> None:
    """A uuid that is not a string, or is very long, is rejected, and the server goes on serving."""
    upload = resources.csv(100)
    expect_rejected(resources.target, message_of(upload.account.token, uuid, resource), "the uuid is of another type")
    with attribute_to("GEN-2"):
        upload.attach().write(0, b"served")


@requirement("ATT-4", "GEN-3")
@pytest.mark.parametrize("resource", [FILE_UPLOAD, CLUSTER])
def test_a_resource_of_another_user_looks_unknown(
    resources: ResourceFactory, other_account: Account, resource: str
) -> None:
    """A resource of another user is rejected in the same words as an unknown one."""
    if resource == CLUSTER:
        cluster = resources.any_cluster(ONE_BRICK)
        cluster.enter_direct_mode()
        uuid = cluster.uuid
    else:
        uuid = resources.csv(100).files["input"].uuid
    foreign = expect_rejected(
        resources.target, first_message(other_account.token, uuid, resource), "it belongs to another user"
    )
    nothing = expect_rejected(
        resources.target, first_message(other_account.token, INVALID_UUIDS["unknown"], resource), "it is unknown"
    )
    alike = wording(foreign, uuid) == wording(nothing, INVALID_UUIDS["unknown"])
    require(alike, expected=f"the answer to an unknown uuid: {nothing}", actual=foreign, requirement="ATT-4")


def wording(answer: Message | CloseInfo, uuid: str) -> str:
    """Return the words of an answer without uuids, numbers and times."""
    text = answer.data.decode("utf-8", "replace") if isinstance(answer, Message) else str(answer)
    return re.sub(r"[0-9]+", "", text.replace(uuid, ""))


# ATT-5: an unknown or missing target, and a first message that is not a JSON object, are rejected; the server still
# serves others.
@requirement("ATT-5", "GEN-2")
@pytest.mark.parametrize("kind", ["unknown", "empty", "in capitals", "missing", "a number", "null", "an array"])
def test_an_unknown_target_is_rejected(resources: ResourceFactory, kind: str) -> None:
    """A first message with an unknown target is rejected."""
    wrong: dict[str, Any] = {
        "unknown": "datasets",
        "empty": "",
        "in capitals": "FILE_UPLOAD",
        "missing": MISSING,
        "a number": 1,
        "null": None,
        "an array": [FILE_UPLOAD],
    }
    upload = resources.csv(100)
    first = message_of(upload.account.token, upload.files["input"].uuid, wrong[kind])
    expect_rejected(resources.target, first, f"the target is {kind}")
    with attribute_to("ATT-5"):
        upload.attach().write(0, b"served")


NO_OBJECTS = {
    "no JSON": "hello",
    "empty": "",
    "cut short": '{"token": "',
    "an array": "[]",
    "a number": "42",
    "a string": '"file_upload"',
    "null": "null",
    "true": "true",
    "an empty object": "{}",
    "deeply nested": "[" * 2000,
}


@requirement("ATT-5", "GEN-2")
@pytest.mark.hostile
@pytest.mark.parametrize("kind", list(NO_OBJECTS))
def test_a_first_message_that_is_no_object_is_rejected(resources: ResourceFactory, kind: str) -> None:
    """A first message that is not a JSON object is rejected, and the server goes on serving."""
    upload = resources.csv(100)
    expect_rejected(resources.target, NO_OBJECTS[kind], f"the first message is {kind}")
    with attribute_to("ATT-5"):
        upload.attach().write(0, b"served")


@requirement("ATT-5", "GEN-2")
@pytest.mark.hostile
def test_a_binary_first_message_that_is_no_json_is_rejected(resources: ResourceFactory) -> None:
    """Arbitrary bytes as first message are rejected, and the server goes on serving."""
    upload = resources.csv(100)
    websocket = resources.target.websocket()
    websocket.open()
    websocket.send(b"\x00\xff\xfe\x08\x96\x01 no json")
    answer = websocket.receive_or_close("an answer to the first message, or a close")
    websocket.close()
    require(is_rejected(answer), expected="a rejection of bytes that are no JSON", actual=answer)
    with attribute_to("ATT-5"):
        upload.attach().write(0, b"served")


# ATT-6: a uuid of the wrong kind (dataset for file, file for cluster, cluster for file) is rejected.
@requirement("ATT-6")
@pytest.mark.parametrize(
    ("kind", "resource"),
    [("dataset", FILE_UPLOAD), ("file", CLUSTER), ("cluster", FILE_UPLOAD), ("dataset", CLUSTER)],
    ids=["dataset as file", "file as cluster", "cluster as file", "dataset as cluster"],
)
def test_a_uuid_of_the_wrong_kind_is_rejected(resources: ResourceFactory, kind: str, resource: str) -> None:
    """A socket is rejected if its uuid belongs to another kind of resource than its target."""
    token = resources.target.account.token
    if kind == "cluster":
        cluster = resources.any_cluster(ONE_BRICK)
        cluster.enter_direct_mode()
        uuid = cluster.uuid
    else:
        upload = resources.csv(100)
        uuid = upload.uuid if kind == "dataset" else upload.files["input"].uuid
    expect_rejected(
        resources.target, first_message(token, uuid, resource), f"the uuid is of a {kind}, the target {resource}"
    )


# ATT-8: frame type of the answer, extra keys, whether a rejected socket may try again, another first message on an
# accepted socket, several sockets on one resource.
@requirement("ATT-8")
def test_form_of_an_acceptance(resources: ResourceFactory) -> None:
    """Record the frame type and the keys of an acceptance."""
    upload = resources.csv(100)
    first = first_message(upload.account.token, upload.files["input"].uuid, FILE_UPLOAD)
    websocket, answer = ask(resources.target, first)
    websocket.close()
    require(isinstance(answer, Message), expected="an answer in a message", actual=answer)
    assert isinstance(answer, Message)
    observe("frame type of an acceptance", "text frame" if answer.text else "binary frame")
    observe("content of an acceptance", answer.data.decode("utf-8", "replace"))


@requirement("ATT-8")
def test_answer_to_a_repeated_first_message(resources: ResourceFactory) -> None:
    """Record the answer to a first message that is repeated on an accepted socket."""
    upload = resources.csv(100)
    socket = upload.attach()
    socket.websocket.send_text(first_message(upload.account.token, upload.files["input"].uuid, FILE_UPLOAD))
    observe("answer to a repeated first message", socket.websocket.receive_or_close("an answer or a close"))


@requirement("ATT-8")
def test_answer_to_a_second_attempt_after_a_rejection(resources: ResourceFactory) -> None:
    """Record the answer to a valid first message after a rejected one on the same socket."""
    upload = resources.csv(100)
    uuid = upload.files["input"].uuid
    websocket, answer = ask(resources.target, first_message("this-is-no-token", uuid, FILE_UPLOAD))
    try:
        with contextlib.suppress(ConnectionClosed):  # a close is an answer as well
            websocket.send_text(first_message(upload.account.token, uuid, FILE_UPLOAD))
            answer = websocket.receive("an answer or a close")
        observe("answer to a second attempt after a rejection", websocket.close_info or answer)
    finally:
        websocket.close()


@requirement("ATT-8")
def test_answer_to_a_second_socket_for_a_file(resources: ResourceFactory) -> None:
    """Record the answer to a second socket for the same file."""
    resources.target.connection_limit.require(2)
    upload = resources.csv(100)
    upload.attach()
    try:
        attach(upload.account, upload.files["input"].uuid, FILE_UPLOAD).close()
    except Violation as violation:
        observe("a second socket for the same file is", f"rejected: {violation.actual}")
    else:
        observe("a second socket for the same file is", "accepted")
