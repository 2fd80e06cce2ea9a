"""Defects of clusters: templates, and clusters that are deleted while they work."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from hanami_reference_backend.auth import User
from hanami_reference_backend.faults.patch import replace_method
from hanami_reference_backend.faults.released.common import running
from hanami_reference_backend.faults.released.connections import ABORT, crash
from hanami_reference_backend.faults.released.finalize import internal_error
from hanami_reference_backend.faults.released.registry import HANAMI, OPENHANAMI, defect
from hanami_reference_backend.faults.released.workers import stopped_server
from hanami_reference_backend.network.clusters import ClusterStore
from hanami_reference_backend.network.network import Network
from hanami_reference_backend.network.templates import Template, TemplateReader
from hanami_reference_backend.rest import operation
from hanami_reference_backend.rest.clusters import ClusterOperations
from hanami_reference_backend.rest.fields import ClusterCreate
from hanami_reference_backend.rest.uploads import UploadOperations


@defect("GEN-2", "GEN-1", hook=replace_method(operation, "check"))
def clusters_without_a_template_crash(original: Any, model: Any, values: dict[str, Any], dialect: Any) -> Any:
    """The creation of a cluster without the field template crashes the server."""
    if model is ClusterCreate and "template" not in values and "name" in values:
        crash("clusters-without-a-template-crash", ABORT)
    return original(model, values, dialect)


@defect("GEN-2", "DIO-14", servers=[OPENHANAMI], hook=replace_method(ClusterStore, "delete"))
def deleting_a_working_cluster_crashes(original: Any, store: ClusterStore, user: User, uuid: str) -> None:
    """The deletion of a cluster while a cycle runs crashes the server."""
    if store.cluster(user, uuid).uuid in running():
        crash("deleting-a-working-cluster-crashes")
    original(store, user, uuid)


@defect("GEN-2", "DIO-14", servers=[HANAMI])
def deleting_a_working_cluster_stops_the_server() -> None:
    """After the deletion of a cluster while a cycle runs, nothing is answered any more."""
    stopped = stopped_server()

    @replace_method(ClusterStore, "delete")
    def delete(original: Any, store: ClusterStore, user: User, uuid: str) -> None:
        if store.cluster(user, uuid).uuid in running():
            stopped.set()
        original(store, user, uuid)


@defect("GEN-1", servers=[HANAMI])
def clusters_with_the_name_of_a_truth_value_get_500() -> None:
    """The creation of a cluster with the name of a truth value is answered with 500, although the cluster is made."""
    _fail_at_truth_values(ClusterOperations, "create")


@defect("GEN-1", "INIT-1", "INIT-2", servers=[OPENHANAMI])
def names_of_truth_values_get_500() -> None:
    """A cluster or a dataset with the name of a truth value is made, but its creation is answered with 500."""
    _fail_at_truth_values(ClusterOperations, "create")
    for name in ("init_mnist", "init_csv"):
        _fail_at_truth_values(UploadOperations, name)


def _fail_at_truth_values(owner: type, method: str) -> None:
    @replace_method(owner, method)
    async def replaced(original: Any, operations: Any, user: User, fields: Any) -> Any:
        result = await original(operations, user, fields)
        if fields.name.lower() in {"true", "false"}:
            raise internal_error()
        return result


@defect("GEN-2", "GEN-1")
def negative_sizes_crash() -> None:
    """A template with a size below 0 crashes the server."""
    _crash_at_sizes(r"-[1-9][0-9]*", "negative-sizes-crash")


@defect("GEN-2", "GEN-1", servers=[OPENHANAMI])
def sizes_above_int32_crash() -> None:
    """A template with a size that takes more than 32 bits crashes the server."""
    _crash_at_sizes(r"[0-9]{10,}", "sizes-above-int32-crash")


def _crash_at_sizes(pattern: str, name: str) -> None:
    size = re.compile(rf"^\s*number_of_\w+:\s*({pattern})\s*$", re.MULTILINE)

    @replace_method(TemplateReader, "read")
    def read(original: Any, reader: TemplateReader, text: str) -> Any:
        if size.search(text):
            crash(name)
        return original(reader, text)


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
        super().__init__((1, 1))

    def forward(self, values: Any) -> Any:  # noqa: ARG002 - there is nothing to compute
        return np.zeros(0, dtype=np.float32)
