"""Second sockets: two of the same cluster, and two of the same file."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from hanami_conformance.cases.attribution import default_requirement
from hanami_conformance.cases.checks import observe
from hanami_conformance.cases.failures import ConnectionClosed, PreconditionFailed, ResponseTimeout, Unsupported
from hanami_conformance.catalogue import requirement
from hanami_conformance.clients.cluster_messages import InputMessage
from hanami_conformance.clients.cluster_socket import ClusterSocket
from hanami_conformance.resources.cluster import Cluster
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.resources.training import sample_inputs
from hanami_conformance.suite.support.clusters import ANY_SHAPE, direct_cluster, expect_same, trained_cluster
from hanami_conformance.suite.support.intact_uploads import expect_intact
from hanami_conformance.suite.support.sample_data import MnistSample
from hanami_conformance.suite.support.uploads import send_labels, start_upload
from hanami_proto.codec import ProcessType

pytestmark = pytest.mark.parallel

WHAT = "a second socket for the same cluster"


def second_socket(cluster: Cluster) -> ClusterSocket | None:
    """Attach a second socket to a cluster; None if the target rejects it, which the protocol leaves open."""
    try:
        socket = cluster.attach()
    except PreconditionFailed as failure:
        observe(WHAT, f"rejected: {failure}")
        return None
    observe(WHAT, "accepted")
    return socket


@requirement("DIO-13")
def test_answer_to_a_second_socket_for_a_cluster(resources: ResourceFactory) -> None:
    """Record the answer to a second socket for the same cluster."""
    resources.target.connection_limit.require(2)
    cluster, _ = direct_cluster(resources, ANY_SHAPE)
    second_socket(cluster)


@requirement("DIO-11", "GEN-2")
@pytest.mark.hostile
@pytest.mark.destructive
@pytest.mark.parametrize("closed", ["the first", "the second"])
def test_a_second_socket_leaves_the_cluster_usable(resources: ResourceFactory, closed: str) -> None:
    """Of two sockets of a cluster one is closed: the other is answered or closed, and a new one works."""
    resources.target.connection_limit.require(2)
    cluster, first = trained_cluster(resources, ANY_SHAPE)
    question = sample_inputs(first.shape, seed=1)
    expected = first.request(question)
    left, second = first, second_socket(cluster)
    if second is not None:
        gone, left = (first, second) if closed == "the first" else (second, first)
        gone.close()
    expect_answered_or_closed(left, question)
    left.close()
    again = cluster.reattach()
    with default_requirement("DIO-11"):
        actual = again.request(question)
    expect_same(resources, again, actual, expected, "the answer as before the second socket")


def expect_answered_or_closed(socket: ClusterSocket, messages: Sequence[InputMessage]) -> None:
    """Check that a request on a socket is answered by any message, or the socket is closed."""
    try:
        socket.send_messages(messages, ProcessType.REQUEST)
        answer = socket.websocket.receive_or_close("an answer to a request, or a close")
    except ConnectionClosed as closed:
        observe("a request on the socket that is left", closed.actual)
    else:
        observe("a request on the socket that is left", answer)


@requirement("DATA-4", "DATA-7")
@pytest.mark.parametrize("closed_first", ["the earlier one", "the later one"])
def test_of_two_sockets_of_a_file_the_later_chunk_wins(resources: ResourceFactory, closed_first: str) -> None:
    """Where two sockets of a file are accepted, the later chunk wins, in whatever order they are closed."""
    resources.target.connection_limit.require(2)
    mnist = MnistSample(2000, side=8)
    content = mnist.contents["input"]
    wrong = bytes(255 - byte for byte in content)
    upload = start_upload(resources, mnist.contents)
    send_labels(upload, mnist)
    earlier = upload.attach()
    earlier.write(0, wrong)
    try:
        later = upload.attach()
    except PreconditionFailed as failure:
        raise Unsupported(f"a second socket for the same file is rejected: {failure}") from failure
    try:
        later.write(0, content)
    except (ConnectionClosed, ResponseTimeout) as failure:
        raise Unsupported(f"a second socket for the same file takes no chunk: {failure.actual}") from failure
    for socket in (earlier, later) if closed_first == "the earlier one" else (later, earlier):
        socket.close()
    expect_intact(upload, mnist.model, "a file that was written over two sockets", values=True)
