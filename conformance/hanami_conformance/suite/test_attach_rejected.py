"""Attach: messages on a socket that was not accepted."""

from __future__ import annotations

import contextlib

import pytest

from hanami_conformance.cases.attribution import attribute_to
from hanami_conformance.cases.failures import ConnectionClosed, ResponseTimeout
from hanami_conformance.catalogue import requirement
from hanami_conformance.clients.websocket_events import Message
from hanami_conformance.common.redact import SECRETS
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.resources.training import sample_inputs, training_targets
from hanami_conformance.suite.support.clusters import ANY_SHAPE, direct_cluster, expect_same
from hanami_conformance.suite.support.intact_uploads import expect_complete_as_sent, stays_incomplete
from hanami_conformance.suite.support.sample_data import random_bytes
from hanami_conformance.suite.support.sockets import expect_not_accepted
from hanami_conformance.target.attach import CLUSTER, FILE_UPLOAD, first_message
from hanami_conformance.target.target import Account
from hanami_proto.codec import ProcessType, TargetBuffer

pytestmark = pytest.mark.parallel


# ATT-7: nothing that is sent before acceptance, or after a rejection, has any effect on the resource.
@requirement("ATT-7")
@pytest.mark.may_violate("ATT-3", "ATT-5")
@pytest.mark.parametrize(
    ("message_first", "answer_first"),
    [(False, False), (True, False), (True, True)],
    ids=["before the first message", "together with a rejected one", "after a rejection"],
)
def test_a_chunk_without_acceptance_has_no_effect(
    resources: ResourceFactory, message_first: bool, answer_first: bool
) -> None:
    """A chunk on a socket that is not accepted writes nothing."""
    content = random_bytes(100)
    upload = resources.csv(len(content))
    chunk = resources.target.dialect.codec.encode_chunk(0, content)
    SECRETS.add("this-is-no-token", "malformed token")
    invalid = first_message("this-is-no-token", upload.files["input"].uuid, FILE_UPLOAD)
    with stays_incomplete(upload, "nothing was accepted"):
        websocket = resources.target.websocket()
        websocket.open()
        answers: list[Message] = []
        # The server may close at any point here, which is a rejection as well.
        with contextlib.suppress(ConnectionClosed):
            if message_first:
                websocket.send_text(invalid)
            else:
                websocket.send(chunk, "a chunk as first message")
            if answer_first:
                with contextlib.suppress(ResponseTimeout):  # silence violates ATT-3
                    answers.append(websocket.receive("the rejection"))
            websocket.send(chunk, "a chunk for the whole file")
        answers += websocket.close()
        expect_not_accepted(answers, "ATT-3" if message_first else "ATT-5")
    upload.attach().write(0, content)
    expect_complete_as_sent(upload)


@requirement("ATT-7")
def test_a_chunk_before_an_accepted_first_message_has_no_effect(resources: ResourceFactory) -> None:
    """A chunk sent before the first message is not applied after acceptance."""
    content = random_bytes(100)
    upload = resources.csv(len(content))
    with stays_incomplete(upload, "the chunk was sent before acceptance"):
        websocket = resources.target.websocket()
        websocket.open()
        with contextlib.suppress(ConnectionClosed):
            websocket.send(resources.target.dialect.codec.encode_chunk(0, content), "a chunk as first message")
            websocket.send_text(first_message(upload.account.token, upload.files["input"].uuid, FILE_UPLOAD))
            websocket.receive("an answer to the first message")
        websocket.close()


@requirement("ATT-7", "GEN-3")
@pytest.mark.may_violate("ATT-4")
def test_a_chunk_after_the_rejection_of_another_user_has_no_effect(
    resources: ResourceFactory, other_account: Account
) -> None:
    """A chunk after a rejection writes nothing to the file of another user."""
    content = random_bytes(100)
    upload = resources.csv(len(content))
    with stays_incomplete(upload, "nothing was accepted"):
        websocket = resources.target.websocket()
        websocket.open()
        answers: list[Message] = []
        with contextlib.suppress(ConnectionClosed):
            websocket.send_text(first_message(other_account.token, upload.files["input"].uuid, FILE_UPLOAD))
            with contextlib.suppress(ResponseTimeout):  # silence violates ATT-4
                answers.append(websocket.receive("the rejection"))
            websocket.send(resources.target.dialect.codec.encode_chunk(0, content), "a chunk for the whole file")
        answers += websocket.close()
        expect_not_accepted(answers, "ATT-4")


@requirement("ATT-7")
@pytest.mark.may_violate("ATT-3")
def test_training_after_a_rejection_has_no_effect(resources: ResourceFactory) -> None:
    """Training on a socket that is not accepted has no effect."""
    SECRETS.add("this-is-no-token", "malformed token")
    expect_no_training(resources, "this-is-no-token", "ATT-3")


@requirement("ATT-7", "GEN-3")
@pytest.mark.may_violate("ATT-4")
def test_training_after_the_rejection_of_another_user_has_no_effect(
    resources: ResourceFactory, other_account: Account
) -> None:
    """Training after a rejection does not train the cluster of another user."""
    expect_no_training(resources, other_account.token, "ATT-4")


def expect_no_training(resources: ResourceFactory, token: str, rejection: str) -> None:
    """Check that a cluster answers as before after training on a socket that is rejected for its token.

    Args:
        resources: Factory of the cluster.
        token: Token that the server must reject.
        rejection: Id of the requirement that it violates if it does not.
    """
    cluster, socket = direct_cluster(resources, ANY_SHAPE)
    question, targets = sample_inputs(cluster.shape, seed=1), training_targets(cluster.shape, seed=1)
    before = socket.request(question)
    socket.close()
    encode = resources.target.dialect.codec.encode_io
    websocket = resources.target.websocket()
    websocket.open()
    with contextlib.suppress(ConnectionClosed):
        websocket.send_text(first_message(token, cluster.uuid, CLUSTER))
        for _ in range(10):
            for part in [*question, *targets]:
                is_last = part is targets[-1]
                buffer = TargetBuffer.EXPECTED if part.expected else TargetBuffer.INPUT
                process = ProcessType.TRAIN
                payload = encode(part.name, part.values, is_last=is_last, process_type=process, target_buffer=buffer)
                websocket.send(payload, f"training, {part.name}")
    expect_not_accepted(websocket.close(), rejection)
    with attribute_to("ATT-7"):  # a socket that was rejected must not occupy the cluster, either
        again = cluster.reattach()
    expect_same(resources, again, again.request(question), before, "the same answer as before")
