"""The bystander: another client that must be served whatever one client does."""

from __future__ import annotations

from hanami_conformance.cases.checks import require
from hanami_conformance.clients.websocket import WebSocket
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.resources.training import sample_inputs
from hanami_conformance.suite.support.clusters import ANY_SHAPE, direct_cluster
from hanami_conformance.suite.support.sample_data import csv_sample
from hanami_conformance.target.target import Target


def expect_other_clients_served(resources: ResourceFactory) -> None:
    """Check that another client gets an upload and a cluster served from end to end."""
    content, _ = csv_sample(rows=3)
    upload = resources.csv(len(content))
    socket = upload.attach()
    socket.write(0, content)
    require(upload.wait_complete(), expected="complete = true for another client", actual="complete = false")
    answer = upload.finalize()
    require(answer.status == 200, expected="200 to the PUT of another client", actual=answer)
    socket.close()
    _, cluster_socket = direct_cluster(resources, ANY_SHAPE)
    cluster_socket.request(sample_inputs(cluster_socket.shape, seed=1))
    cluster_socket.close()


def open_socket(target: Target) -> WebSocket:
    """Return an open websocket on which nothing was sent."""
    websocket = target.websocket()
    websocket.open()
    return websocket
