"""General: what a client begins and does not finish has no effect, and keeps nobody from finishing it."""

from __future__ import annotations

from http import HTTPStatus

import pytest
from websockets.frames import Frame, Opcode

from hanami_conformance.cases.attribution import attribute_to
from hanami_conformance.cases.checks import require
from hanami_conformance.catalogue import requirement
from hanami_conformance.clients.websocket import WebSocket
from hanami_conformance.models.dataset import DatasetModel
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.resources.finished_upload import check_dataset
from hanami_conformance.resources.retry import retry_until_released
from hanami_conformance.resources.training import sample_inputs
from hanami_conformance.resources.upload import Upload
from hanami_conformance.suite.support.clusters import ANY_SHAPE, expect_same, trained_cluster
from hanami_conformance.suite.support.intact_uploads import expect_usable, stays_incomplete
from hanami_conformance.suite.support.sockets import LOSSES
from hanami_conformance.suite.support.uploads import small_contents, small_upload, start_upload
from hanami_proto.codec import ProcessType, TargetBuffer

pytestmark = pytest.mark.parallel

ENDS = ("closed", "reset", "ended")  # of LOSSES
INTERRUPTED = "PUT after an interrupted one"  # kind of wait, for its adaptive timeout


def send_without_end(websocket: WebSocket, payload: bytes, what: str) -> None:
    """Send a whole message as its first fragment, without a last one."""
    websocket.send_raw(
        Frame(Opcode.BINARY, payload, fin=False).serialize(mask=True), f"{what}, without its last fragment"
    )


@requirement("DATA-11", "DATA-7")
@pytest.mark.parametrize("loss", ENDS)
def test_a_chunk_without_its_last_fragment_has_no_effect(resources: ResourceFactory, loss: str) -> None:
    """A chunk whose last fragment never comes writes nothing, however its socket ends, and the upload goes on."""
    contents, model = small_contents("csv")
    content = contents["input"]
    half = len(content) // 2
    wrong = bytes(255 - byte for byte in content[:half])
    upload = start_upload(resources, contents)
    encode = resources.target.dialect.codec.encode_chunk
    socket = upload.attach()
    socket.write(0, content[:half])
    with stays_incomplete(upload, "the last fragment of a chunk is missing"):
        for position, data, what in ((0, wrong, "other bytes"), (half, content[half:], "the rest of the file")):
            send_without_end(socket.websocket, encode(position, data), what)
            LOSSES[loss](socket)
            socket = upload.reattach()
        socket.close()
    expect_usable(upload, contents, model, "chunks without their last fragments")


@requirement("DIO-11", "DIO-2")
@pytest.mark.parametrize("loss", ENDS)
def test_training_without_its_last_fragment_has_no_effect(resources: ResourceFactory, loss: str) -> None:
    """A training message whose last fragment never comes trains nothing, however its socket ends."""
    cluster, socket = trained_cluster(resources, ANY_SHAPE)
    (question,) = sample_inputs(socket.shape, seed=1)
    before = socket.request([question])
    ((name, values),) = before.items()
    payload = resources.target.dialect.codec.encode_io(
        name, 1.0 - values, is_last=True, process_type=ProcessType.TRAIN, target_buffer=TargetBuffer.EXPECTED
    )
    socket.send(question.name, question.values, is_last=False, process_type=ProcessType.TRAIN)
    socket.receive_acknowledgement()
    send_without_end(socket.websocket, payload, "expected values")
    LOSSES[loss](socket)
    again = cluster.reattach()
    actual = again.request([question])
    expect_same(resources, again, actual, before, "the answer as before a message without its last fragment")


@requirement("FIN-1", "GEN-4")
@pytest.mark.hostile
@pytest.mark.parametrize("kind", ["csv", "mnist"])
def test_a_put_whose_client_is_gone_does_not_lock_the_upload(resources: ResourceFactory, kind: str) -> None:
    """A client that is gone before the answer to its PUT leaves a dataset, or an upload that can still be finalized."""
    resources.target.connection_limit.require(2)
    upload, model = small_upload(resources, kind)
    upload.wait_complete()
    held = upload.account.hold(f"{kind}.finalize", body=upload.finalize_body())
    held.release()
    held.abandon()
    with attribute_to("FIN-1"):
        retry_until_released(upload.account, INTERRUPTED, lambda: expect_dataset(upload, model))


def expect_dataset(upload: Upload, model: DatasetModel) -> None:
    """Check that an upload becomes the dataset of the model by another PUT, or is it already."""
    answer = upload.finalize()
    finalized = answer.status == HTTPStatus.OK
    require(finalized or answer.rejected, expected="200 to another PUT, or a 4xx where none is needed", actual=answer)
    check_dataset(upload, model)


@requirement("GEN-4")
def test_half_a_frame_does_not_block_its_own_upload(resources: ResourceFactory) -> None:
    """While half of a frame for one file has arrived, progress and the other file of the upload are answered."""
    resources.target.connection_limit.require(2)
    contents, _ = small_contents("mnist")
    upload = start_upload(resources, contents)
    socket = upload.attach()
    payload = resources.target.dialect.codec.encode_chunk(0, contents["input"])
    frame = Frame(Opcode.BINARY, payload).serialize(mask=True)
    socket.websocket.send_raw(frame[: len(frame) // 2], "half a frame")
    with attribute_to("GEN-4"):
        require(not upload.progress(), expected="complete = false", actual="complete = true", requirement="PROG-2")
        labels = upload.attach("label")
        labels.write(0, contents["label"])
        labels.close()
    socket.websocket.send_raw(frame[len(frame) // 2 :], "the rest of the frame")
    with attribute_to("GEN-4"):
        socket.expect_accepted(0, contents["input"], "a chunk that arrived in two parts")
        require(upload.wait_complete(), expected="complete = true", actual="complete = false")
