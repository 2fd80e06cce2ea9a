"""Attach: the first message of a socket."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest

from hanami_conformance.cases.attribution import attribute_to
from hanami_conformance.cases.checks import observe, require
from hanami_conformance.cases.failures import ConnectionClosed, PreconditionFailed, ResponseTimeout
from hanami_conformance.catalogue import requirement
from hanami_conformance.clients.upload_socket import describe
from hanami_conformance.clients.websocket import WebSocket
from hanami_conformance.clients.websocket_events import CloseInfo, Message
from hanami_conformance.common.redact import SECRETS
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.stateful.placeholders import MISSING
from hanami_conformance.suite.support.attachable import attachable_uuid
from hanami_conformance.suite.support.intact_uploads import expect_usable
from hanami_conformance.suite.support.invalid import OF_A_JWT, VERY_LONG, invalid_token, message_of
from hanami_conformance.suite.support.markers import mark_destructive
from hanami_conformance.suite.support.near_misses import OTHER_CASE, near_misses
from hanami_conformance.suite.support.sample_data import ONE_BRICK
from hanami_conformance.suite.support.uploads import small_contents, start_upload
from hanami_conformance.target.attach import (
    CLUSTER,
    FILE_UPLOAD,
    expect_rejected,
    first_message,
    is_accepted,
    is_rejected,
)
from hanami_conformance.target.target import Target

pytestmark = pytest.mark.parallel


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


TOKENS = [
    *("missing", "empty", "malformed", "cut short", "expired", "a number", "null", *OF_A_JWT),
    *("with a quote", "a condition", "very long"),
]


# ATT-3: the token authorises: an invalid, malformed, expired or missing token is rejected recognisably and in bounded
# time.
@requirement("ATT-3")
@pytest.mark.parametrize("kind", mark_destructive(TOKENS, "very long"))
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
@pytest.mark.parametrize("kind", ["missing", "malformed", "tampered", "expired", "with a quote", "a condition"])
def test_an_invalid_token_opens_no_cluster(resources: ResourceFactory, kind: str) -> None:
    """A cluster socket with an invalid token is rejected recognisably."""
    cluster = resources.any_cluster(ONE_BRICK)
    cluster.enter_direct_mode()
    first = message_of(invalid_token(kind, resources.target), cluster.uuid, CLUSTER)
    expect_rejected(resources.target, first, f"the token is {kind}")


@requirement("ATT-3")
@pytest.mark.hostile
def test_a_token_is_compared_whole(resources: ResourceFactory) -> None:
    """A socket is rejected for a token that only resembles a valid one."""
    upload = resources.csv(100)
    for change, near_miss in near_misses(upload.account.token, OTHER_CASE):
        SECRETS.add(near_miss, f"token {change}")
        first = first_message(near_miss, upload.files["input"].uuid, FILE_UPLOAD)
        expect_rejected(resources.target, first, f"the token is a valid one {change}")


TARGETS: dict[str, Any] = {
    "unknown": "datasets",
    "empty": "",
    "in capitals": "FILE_UPLOAD",
    "missing": MISSING,
    "a number": 1,
    "null": None,
    "an array": [FILE_UPLOAD],
    "very long": "a" * VERY_LONG,
}


# ATT-5: an unknown or missing target, and a first message that is not a JSON object, are rejected; the server still
# serves others.
@requirement("ATT-5", "GEN-2")
@pytest.mark.parametrize("kind", mark_destructive(TARGETS, "very long"))
def test_an_unknown_target_is_rejected(resources: ResourceFactory, kind: str) -> None:
    """A first message with an unknown target is rejected."""
    upload = resources.csv(100)
    first = message_of(upload.account.token, upload.files["input"].uuid, TARGETS[kind])
    expect_rejected(resources.target, first, f"the target is {kind}")
    with attribute_to("ATT-5"):
        upload.attach().write(0, b"served")


@requirement("ATT-5")
@pytest.mark.hostile
@pytest.mark.parametrize("resource", [FILE_UPLOAD, CLUSTER])
def test_a_target_is_compared_whole(resources: ResourceFactory, resource: str) -> None:
    """A first message is rejected for a target that only resembles a known one."""
    uuid = attachable_uuid(resources, resource)
    for change, near_miss in near_misses(resource, OTHER_CASE):
        first = first_message(resources.target.account.token, uuid, near_miss)
        expect_rejected(resources.target, first, f"the target is {resource} {change}")


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


BEHIND = {"a word": " x", "another object": "{}", "a bracket": "}", "a NUL character": "\x00"}


@requirement("ATT-5")
@pytest.mark.hostile
def test_a_first_message_with_more_behind_it_is_rejected(resources: ResourceFactory) -> None:
    """A first message is rejected if anything follows its JSON object, even if the object is valid."""
    upload = resources.csv(100)
    valid = first_message(upload.account.token, upload.files["input"].uuid, FILE_UPLOAD)
    for what, more in BEHIND.items():
        expect_rejected(resources.target, valid + more, f"{what} follows a valid first message")


NO_TEXTS = {
    "no JSON": b"\x00\xff\xfe\x08\x96\x01 no json",
    "a token that is not UTF-8": b'{"token": "\xff\xfe", "uuid": "a", "target": "cluster"}',
    "a target that is not UTF-8": b'{"token": "a", "uuid": "a", "target": "\xc3"}',
}


@requirement("ATT-5", "GEN-2")
@pytest.mark.hostile
@pytest.mark.parametrize("kind", list(NO_TEXTS))
def test_a_binary_first_message_that_is_no_json_is_rejected(resources: ResourceFactory, kind: str) -> None:
    """Bytes that are not JSON, or not UTF-8, are rejected as first message, and the server goes on serving."""
    upload = resources.csv(100)
    websocket = resources.target.websocket()
    websocket.open()
    websocket.send(NO_TEXTS[kind])
    answer = websocket.receive_or_close("an answer to the first message, or a close")
    websocket.close()
    require(is_rejected(answer), expected="a rejection of bytes that are no JSON", actual=answer)
    with attribute_to("ATT-5"):
        upload.attach().write(0, b"served")


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


@requirement("ATT-8", "DATA-7")
def test_answer_to_a_repeated_first_message(resources: ResourceFactory) -> None:
    """Record the answer to a first message that is repeated on an accepted socket; the upload goes on."""
    contents, model = small_contents("csv")
    upload = start_upload(resources, contents)
    socket = upload.attach()
    socket.write(0, contents["input"][:10])
    socket.websocket.send_text(first_message(upload.account.token, upload.files["input"].uuid, FILE_UPLOAD))
    observe("answer to a repeated first message", socket.websocket.receive_or_close("an answer or a close"))
    socket.close()
    expect_usable(upload, contents, model, "a repeated first message")


@requirement("ATT-8", "DATA-7")
def test_answer_to_a_second_attempt_after_a_rejection(resources: ResourceFactory) -> None:
    """Record the answer to a valid first message after a rejected one on the same socket; the upload goes on."""
    contents, model = small_contents("csv")
    upload = start_upload(resources, contents)
    uuid = upload.files["input"].uuid
    websocket, answer = ask(resources.target, first_message("this-is-no-token", uuid, FILE_UPLOAD))
    try:
        with contextlib.suppress(ConnectionClosed):  # a close is an answer as well
            websocket.send_text(first_message(upload.account.token, uuid, FILE_UPLOAD))
            answer = websocket.receive("an answer or a close")
        observe("answer to a second attempt after a rejection", websocket.close_info or answer)
    finally:
        websocket.close()
    expect_usable(upload, contents, model, "a second attempt after a rejection")


@requirement("ATT-8", "DATA-7")
def test_answer_to_a_second_socket_for_a_file(resources: ResourceFactory) -> None:
    """Record the answer to a second socket for the same file; what either of them acknowledges counts."""
    resources.target.connection_limit.require(2)
    contents, model = small_contents("csv")
    upload = start_upload(resources, contents)
    first = upload.attach()
    try:
        second = upload.attach()
    except PreconditionFailed as failure:
        observe("a second socket for the same file is", f"rejected: {failure}")
    else:
        observe("a second socket for the same file is", "accepted")
        second.close()
    half = len(contents["input"]) // 2
    try:
        answer = describe(first.exchange(0, contents["input"][:half]))
    except (ConnectionClosed, ResponseTimeout) as failure:  # the second socket may take the place of the first
        answer = failure.actual
    observe("a chunk on the first of two sockets", answer)
    first.close()
    expect_usable(upload, contents, model, "a second socket for its file")
