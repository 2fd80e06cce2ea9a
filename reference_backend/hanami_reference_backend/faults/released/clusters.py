"""Defects of clusters: templates, and clusters that are deleted while they work."""

from __future__ import annotations

from typing import Any

import numpy as np

from hanami_reference_backend.auth import User
from hanami_reference_backend.faults.patch import replace_method
from hanami_reference_backend.faults.released.common import running
from hanami_reference_backend.faults.released.connections import ABORT, crash
from hanami_reference_backend.faults.released.registry import HANAMI, defect
from hanami_reference_backend.network.clusters import ClusterStore
from hanami_reference_backend.network.network import Network
from hanami_reference_backend.network.templates import Template
from hanami_reference_backend.rest import operation
from hanami_reference_backend.rest.clusters import ClusterOperations
from hanami_reference_backend.rest.fields import ClusterCreate


@defect("GEN-2", "GEN-1", hook=replace_method(operation, "check"))
def clusters_without_a_template_crash(original: Any, model: Any, values: dict[str, Any], dialect: Any) -> Any:
    """The creation of a cluster without the field template crashes the server."""
    if model is ClusterCreate and "template" not in values and "name" in values:
        crash("clusters-without-a-template-crash", ABORT)
    return original(model, values, dialect)


@defect("GEN-2", "DIO-14", hook=replace_method(ClusterStore, "delete"))
def deleting_a_working_cluster_crashes(original: Any, store: ClusterStore, user: User, uuid: str) -> None:
    """The deletion of a cluster while a cycle runs crashes the server."""
    if store.cluster(user, uuid).uuid in running():
        crash("deleting-a-working-cluster-crashes")
    original(store, user, uuid)


@defect("GEN-2", "GEN-1", servers=[HANAMI])
def deleting_an_empty_cluster_crashes() -> None:
    """The deletion of a cluster that was made of an empty template crashes the server."""
    _accept_empty_templates()

    @replace_method(ClusterStore, "delete")
    def delete(original: Any, store: ClusterStore, user: User, uuid: str) -> None:
        if not store.cluster(user, uuid).template.inputs:
            crash("deleting-an-empty-cluster-crashes")
        original(store, user, uuid)


def _accept_empty_templates() -> None:
    @replace_method(ClusterOperations, "build")
    def build(original: Any, operations: ClusterOperations, encoded: str) -> Any:
        if encoded:
            return original(operations, encoded)
        return Template((), (), ()), _EmptyNetwork()


class _EmptyNetwork(Network):
    """A network without neurons."""

    def __init__(self) -> None:
        super().__init__((0, 0))

    def forward(self, values: Any) -> Any:  # noqa: ARG002 - there is nothing to compute
        return np.zeros(0, dtype=np.float32)
