"""Direct interaction: deleting a cluster, between its cycles and during them."""

from __future__ import annotations

import pytest

from hanami_conformance.cases.attribution import attribute_to
from hanami_conformance.cases.checks import require
from hanami_conformance.catalogue import requirement
from hanami_conformance.resources.cluster import Cluster
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.resources.training import (
    sample_inputs,
    training_targets,
    vector,
)
from hanami_conformance.stateful.access_checks import expect_no_output
from hanami_conformance.suite.support.clusters import direct_cluster
from hanami_conformance.suite.support.markers import alone
from hanami_conformance.suite.support.sample_data import ONE_BRICK
from hanami_proto.codec import ProcessType, TargetBuffer

pytestmark = pytest.mark.parallel

DELETED = 4  # clusters, since a DELETE may arrive between two cycles
IN_FLIGHT = 200  # cycles that are sent before a DELETE, and whose answers are not read


# DIO-14: deleting a cluster with a socket attached ends the access of the socket; the server still serves others.
@requirement("DIO-14")
@pytest.mark.parametrize("in_cycle", [False, True], ids=["between cycles", "in a cycle"])
def test_a_deleted_cluster_answers_no_more(resources: ResourceFactory, in_cycle: bool) -> None:
    """Deleting a cluster ends the access of its socket, and the server goes on."""
    cluster, socket = direct_cluster(resources)
    socket.request(sample_inputs(ONE_BRICK, seed=1))
    if in_cycle:
        socket.send("test_input", vector(12, seed=1), is_last=False)
        socket.receive_acknowledgement()
    answer = cluster.delete()
    require(answer.status == 200, expected="200 to the DELETE", actual=answer)
    expect_no_output(socket)
    expect_gone(cluster)
    with attribute_to("DIO-14"):
        _, other = direct_cluster(resources)
        other.request(sample_inputs(ONE_BRICK, seed=1))


@requirement("DIO-14", "GEN-2")
@pytest.mark.hostile
@pytest.mark.destructive
@pytest.mark.parametrize("process", [ProcessType.REQUEST, ProcessType.TRAIN], ids=["requests", "training cycles"])
@alone
def test_a_cluster_may_be_deleted_with_cycles_in_flight(resources: ResourceFactory, process: ProcessType) -> None:
    """A DELETE is answered while the cluster has cycles to run, and the server goes on."""
    for _ in range(DELETED):
        delete_at_work(resources, process)
    with attribute_to("DIO-14"):
        _, other = direct_cluster(resources)
        other.request(sample_inputs(ONE_BRICK, seed=1))


def delete_at_work(resources: ResourceFactory, process: ProcessType) -> None:
    """Check that the DELETE of a cluster is answered while it has cycles to run, and takes effect."""
    cluster, socket = direct_cluster(resources)
    messages = sample_inputs(ONE_BRICK, seed=1)
    if process is ProcessType.TRAIN:
        messages += training_targets(ONE_BRICK, seed=1)
    payloads = [
        resources.target.dialect.codec.encode_io(
            part.name,
            part.values,
            is_last=part is messages[-1],
            process_type=process,
            target_buffer=TargetBuffer.EXPECTED if part.expected else TargetBuffer.INPUT,
        )
        for part in messages
    ]
    socket.websocket.send_without_reading(payloads * IN_FLIGHT, f"{IN_FLIGHT} cycles of {process.name}")
    answer = cluster.delete()
    expected = "200 to the DELETE, or a 4xx to that of a cluster at work"
    require(answer.status == 200 or answer.rejected, expected=expected, actual=answer)
    socket.close()
    if answer.status == 200:
        expect_gone(cluster)


def expect_gone(cluster: Cluster) -> None:
    """Check that a cluster has no entry any more."""
    gone = cluster.account.call("cluster.get", params={"uuid": cluster.uuid})
    require(gone.status == 404, expected="404 to a cluster that was deleted with a socket attached", actual=gone)
    listed = cluster.account.call("cluster.list")
    require(cluster.uuid not in listed.text, expected=f"a list without {cluster.uuid}", actual=listed)
