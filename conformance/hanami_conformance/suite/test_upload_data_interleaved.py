"""Upload, step 3: chunks over several sockets: after a lost one, of two files, of several uploads."""

from __future__ import annotations

import itertools

import pytest

from hanami_conformance.cases.attribution import attribute_to
from hanami_conformance.catalogue import requirement
from hanami_conformance.clients.websocket_forms import MessageForm
from hanami_conformance.models.file import SEGMENT
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.suite.support.intact_uploads import expect_intact, stays_incomplete
from hanami_conformance.suite.support.markers import alone
from hanami_conformance.suite.support.sample_data import MnistSample
from hanami_conformance.suite.support.sockets import LOSSES, log_in_again
from hanami_conformance.suite.support.uploads import (
    send_chunks,
    send_labels,
    small_contents,
    split_into_chunks,
    start_upload,
)
from hanami_conformance.target.target import Account


# DATA-7: an upload survives the loss of its socket: it can continue on a new one, and no acknowledged byte is lost.
@requirement("DATA-7")
@pytest.mark.parametrize("loss", list(LOSSES))
def test_an_upload_survives_the_loss_of_its_socket(resources: ResourceFactory, loss: str) -> None:
    """Acknowledged chunks are kept when a socket is lost, and the upload goes on with the next one."""
    mnist = MnistSample(7 * SEGMENT // 2)
    content = mnist.contents["input"]
    parts = split_into_chunks(len(content), SEGMENT)
    upload = start_upload(resources, mnist.contents)
    for part in parts:
        socket = upload.reattach()
        send_chunks(socket, content, [part])
        LOSSES[loss](socket)
    send_labels(upload, mnist)
    expect_intact(upload, mnist.model, "the file as it was sent")


@requirement("DATA-1", "DATA-7")
def test_a_login_leaves_an_upload(resources: ResourceFactory) -> None:
    """Another login of the owner does not disturb the socket of a file: its next chunks are accepted."""
    resources.target.connection_limit.require(2)
    contents, model = small_contents("csv")
    upload = start_upload(resources, contents)
    socket = upload.attach()
    first, *others = split_into_chunks(len(contents["input"]), 100)
    send_chunks(socket, contents["input"], [first])
    log_in_again(resources.target)
    with attribute_to("DATA-1"):
        send_chunks(socket, contents["input"], others)
        socket.close()
    expect_intact(upload, model, "an upload with another login of its owner")


# DATA-8: the two files of an MNIST upload are written over two sockets, in turn or at the same time, and do not mix.
@requirement("DATA-8")
@pytest.mark.parametrize("roles", [("input", "label"), ("label", "input")], ids=["images first", "labels first"])
def test_two_files_in_turn_do_not_mix(resources: ResourceFactory, roles: tuple[str, str]) -> None:
    """Images and labels sent one file after the other do not mix."""
    mnist = MnistSample(SEGMENT + 1000)
    upload = start_upload(resources, mnist.contents)
    upload.write_all({role: mnist.contents[role] for role in roles})
    expect_intact(upload, mnist.model, "the file as it was sent", values=True)


@requirement("DATA-8")
def test_two_files_at_the_same_time_do_not_mix(resources: ResourceFactory) -> None:
    """Images and labels sent alternately on two sockets do not mix."""
    resources.target.connection_limit.require(2)
    mnist = MnistSample(20_000, side=4)
    upload = start_upload(resources, mnist.contents)
    with attribute_to("DATA-8"):
        images, labels = upload.attach("input"), upload.attach("label")
    image_parts = split_into_chunks(len(mnist.contents["input"]), 700)
    label_parts = split_into_chunks(len(mnist.contents["label"]), 50)
    for index in range(max(len(image_parts), len(label_parts))):
        send_chunks(images, mnist.contents["input"], image_parts[index : index + 1])
        send_chunks(labels, mnist.contents["label"], label_parts[index : index + 1])
    images.close()
    labels.close()
    expect_intact(upload, mnist.model, "the file as it was sent", values=True)


@requirement("DATA-8")
def test_a_file_goes_on_when_the_socket_of_the_other_closes(resources: ResourceFactory) -> None:
    """One file of an upload goes on after the other one is complete and its socket closed."""
    resources.target.connection_limit.require(2)
    mnist = MnistSample(20_000, side=4)
    upload = start_upload(resources, mnist.contents)
    with attribute_to("DATA-8"):
        images, labels = upload.attach("input"), upload.attach("label")
    first, *others = split_into_chunks(len(mnist.contents["input"]), 5000)
    send_chunks(images, mnist.contents["input"], [first])
    send_chunks(labels, mnist.contents["label"], split_into_chunks(len(mnist.contents["label"]), 500))
    labels.close()
    send_chunks(images, mnist.contents["input"], others)
    images.close()
    expect_intact(upload, mnist.model, "the file as it was sent", values=True)


# DATA-9: several uploads at the same time, by one or several users, do not mix.
@requirement("DATA-9")
def test_two_uploads_at_the_same_time_do_not_mix(resources: ResourceFactory) -> None:
    """Two uploads of one user with alternating chunks do not mix."""
    alternate(resources, None)


@requirement("DATA-9")
def test_many_unfinished_uploads_do_not_mix(resources: ResourceFactory) -> None:
    """A dozen uploads started before the first one is finalized do not mix."""
    samples = [MnistSample(600, seed=seed, side=4) for seed in range(12)]
    uploads = [start_upload(resources, mnist.contents) for mnist in samples]
    for upload, mnist in zip(uploads, samples, strict=True):
        upload.write_all(mnist.contents)
    for upload, mnist in zip(uploads, samples, strict=True):
        expect_intact(upload, mnist.model, "the file as it was sent", values=True)


@requirement("DATA-9")
def test_uploads_of_two_users_at_the_same_time_do_not_mix(resources: ResourceFactory, other_account: Account) -> None:
    """The uploads of two users with alternating chunks do not mix."""
    alternate(resources, other_account)


@requirement("DATA-9", "GEN-3")
def test_uploads_of_two_users_under_one_name_do_not_mix(resources: ResourceFactory, other_account: Account) -> None:
    """Two uploads of the same name by two users do not mix."""
    alternate(resources, other_account, resources.name("mnist"))


MOST_UPLOADS = 4  # with two sockets each


@requirement("DATA-9", "DATA-8")
@alone
def test_the_files_of_several_uploads_at_the_same_time_do_not_mix(resources: ResourceFactory) -> None:
    """The files of two and more uploads of images, each with its socket, do not mix, whoever uploads them."""
    limit = resources.target.connection_limit
    limit.require(4)
    count = min(limit.limit // 2, MOST_UPLOADS)
    accounts = list(itertools.islice(itertools.cycle(resources.target.accounts), count))
    samples = [MnistSample(600, seed=seed, side=4) for seed in range(count)]
    pairs = zip(accounts, samples, strict=True)
    uploads = [start_upload(resources, mnist.contents, account) for account, mnist in pairs]
    with attribute_to("DATA-9"):
        sockets = [(upload.attach(role), role) for upload in uploads for role in upload.files]
    for part in range(2):  # the first sockets go on when the last ones are attached
        for number, (socket, role) in enumerate(sockets):
            content = samples[number // 2].contents[role]
            half = len(content) // 2
            send_chunks(socket, content, [(0, half), (half, len(content))][part : part + 1])
    for socket, _ in sockets:
        socket.close()
    for upload, mnist in zip(uploads, samples, strict=True):
        expect_intact(upload, mnist.model, "one of several uploads at the same time", values=True)


@requirement("DATA-9", "DATA-11")
def test_a_chunk_between_the_fragments_of_another_upload_does_not_mix(resources: ResourceFactory) -> None:
    """A chunk of one upload that arrives between two fragments of another upload's chunk does not mix with it."""
    resources.target.connection_limit.require(2)
    samples = [MnistSample(600, seed=seed, side=4) for seed in (1, 2)]
    uploads = [start_upload(resources, mnist.contents) for mnist in samples]
    for upload, mnist in zip(uploads, samples, strict=True):
        send_labels(upload, mnist)
    with attribute_to("DATA-9"):
        cut, whole = [upload.attach() for upload in uploads]
        content, other = [mnist.contents["input"] for mnist in samples]
        release = cut.hold(0, content, MessageForm("two fragments"))
        whole.write(0, other)
        release()
        cut.expect_accepted(0, content, "a chunk in fragments")
    cut.close()
    whole.close()
    for upload, mnist in zip(uploads, samples, strict=True):
        expect_intact(upload, mnist.model, "the file as it was sent", values=True)


def alternate(resources: ResourceFactory, other: Account | None, name: str = "") -> None:
    """Send two uploads alternately with chunks at the same positions, and check both."""
    resources.target.connection_limit.require(2)
    samples = [MnistSample(30_000, seed=1), MnistSample(30_000, seed=2)]
    uploads = [
        start_upload(resources, samples[0].contents, name=name),
        start_upload(resources, samples[1].contents, other, name),
    ]
    with attribute_to("DATA-9"):
        sockets = [upload.attach() for upload in uploads]
    for part in split_into_chunks(len(samples[0].contents["input"]), 4000):
        for socket, mnist in zip(sockets, samples, strict=True):
            send_chunks(socket, mnist.contents["input"], [part])
    for socket in sockets:
        socket.close()
    with stays_incomplete(uploads[1], "its labels are missing"):
        send_labels(uploads[0], samples[0])
    send_labels(uploads[1], samples[1])
    for upload, mnist in zip(uploads, samples, strict=True):
        expect_intact(upload, mnist.model, "the file as it was sent", values=True)
