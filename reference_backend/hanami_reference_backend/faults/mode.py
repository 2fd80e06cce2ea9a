"""Faults of the mode of a cluster (MODE-1, MODE-2)."""

from __future__ import annotations

import asyncio
from collections import Counter
from types import SimpleNamespace
from typing import Any
from weakref import WeakSet

from hanami_reference_backend.auth import User
from hanami_reference_backend.common.errors import RequestError, conflict
from hanami_reference_backend.faults import internals, tokens
from hanami_reference_backend.faults.patch import replace_method
from hanami_reference_backend.faults.registry import fault
from hanami_reference_backend.network.clusters import Cluster, ClusterStore
from hanami_reference_backend.network.network import Network
from hanami_reference_backend.rest import fields, operation
from hanami_reference_backend.rest.clusters import ClusterOperations
from hanami_reference_backend.sockets.cluster import ClusterSession

POLL = 0.02  # seconds


@fault("MODE-1", hook=replace_method(ClusterStore, "set_mode"))
def switch_does_nothing(_original: Any, store: ClusterStore, user: User, uuid: str, mode: str) -> Any:
    """A mode switch is answered as done, but the cluster stays in its mode."""
    cluster = store.cluster(user, uuid)
    return SimpleNamespace(uuid=uuid, name=cluster.name, mode=mode)


@fault("MODE-1", hook=replace_method(ClusterStore, "set_mode"))
def no_way_back_to_task_mode(original: Any, store: ClusterStore, user: User, uuid: str, mode: str) -> Any:
    """A switch to the task mode is rejected."""
    if mode == store._task:
        raise conflict("the cluster is busy")
    return original(store, user, uuid, mode)


@fault("MODE-1", hook=replace_method(ClusterOperations, "set_mode"))
async def switch_answers_the_previous_mode(
    original: Any, operations: ClusterOperations, user: User, body: Any
) -> dict[str, object]:
    """The response to a mode switch names the previous mode."""
    before = operations._clusters.cluster(user, body.uuid).mode
    return {**await original(operations, user, body), "new_state": before}


@fault("MODE-1")
def switch_works_once() -> None:
    """A cluster that went back to the task mode cannot enter the direct mode again."""
    used = set()

    @replace_method(ClusterStore, "set_mode")
    def set_mode(original: Any, store: ClusterStore, user: User, uuid: str, mode: str) -> Any:
        if mode == store._direct and uuid in used:
            raise conflict("the cluster is busy")
        used.add(uuid)
        return original(store, user, uuid, mode)


@fault("MODE-1", "DIO-11", hook=replace_method(ClusterStore, "set_mode"))
def training_lost_at_a_switch(original: Any, store: ClusterStore, user: User, uuid: str, mode: str) -> Any:
    """A cluster that is switched to the task mode forgets its training."""
    cluster: Cluster = original(store, user, uuid, mode)
    if mode == store._task:
        cluster.network = Network(cluster.template.layers, store._settings.seed, cluster.uuid)
    return cluster


@fault("MODE-2", hook=internals.change_fields(fields.SetMode))
def unknown_state_means_direct(values: dict[str, Any]) -> dict[str, Any]:
    """Any state but TASK switches to the direct mode."""
    return {**values, "new_state": "TASK" if values.get("new_state") == "TASK" else "DIRECT"}


@fault("MODE-2", hook=internals.change_fields(fields.SetMode))
def state_in_any_case(values: dict[str, Any]) -> dict[str, Any]:
    """The names of the modes may be written in lower case."""
    return {**values, "new_state": str(values.get("new_state")).upper()}


@fault("MODE-1")
def sixteen_switches_at_most() -> None:
    """A cluster rejects mode switches after the sixteenth."""
    switches: Counter[str] = Counter()

    @replace_method(ClusterStore, "set_mode")
    def set_mode(original: Any, store: ClusterStore, user: User, uuid: str, mode: str) -> Any:
        switches[uuid] += 1
        if switches[uuid] > 16:
            raise conflict("the cluster has had sixteen switches")
        return original(store, user, uuid, mode)


@fault("MODE-1", hook=replace_method(ClusterStore, "set_mode"))
def switch_of_all_clusters(original: Any, store: ClusterStore, user: User, uuid: str, mode: str) -> Any:
    """A switch back to the task mode switches all clusters of the project."""
    switched = original(store, user, uuid, mode)
    for cluster in store.clusters(user):
        cluster.mode = mode if mode == "TASK" else cluster.mode
    return switched


@fault("GEN-2")
def switch_waits_for_the_cycle() -> None:
    """A mode switch is not answered while a cycle of the cluster is unfinished."""
    sessions: WeakSet[ClusterSession] = WeakSet()

    @replace_method(ClusterSession, "__enter__")
    def enter(original: Any, session: ClusterSession) -> None:
        original(session)
        sessions.add(session)

    @replace_method(ClusterSession, "__exit__")
    def leave(original: Any, session: ClusterSession, *arguments: Any) -> None:
        original(session, *arguments)
        sessions.discard(session)

    @replace_method(ClusterOperations, "set_mode")
    async def set_mode(original: Any, operations: ClusterOperations, user: User, asked: fields.SetMode) -> Any:
        while any(one._cluster.uuid == asked.uuid and one._cycle.inputs.has_values() for one in sessions):
            await asyncio.sleep(POLL)
        return await original(operations, user, asked)


@fault("MODE-2")
def unknown_state_ends_direct_mode() -> None:
    """A switch to an unknown state is rejected, but ends the direct mode."""

    @replace_method(operation, "check")
    def check(original: Any, model: Any, values: dict[str, Any], dialect: Any) -> Any:
        try:
            return original(model, values, dialect)
        except RequestError:
            uuid = values.get("uuid")
            if model is fields.SetMode and uuid in known:
                known[uuid].mode = dialect.modes[0]
            raise

    known: dict[Any, Cluster] = {}

    @replace_method(ClusterStore, "create")
    def create(original: Any, *arguments: Any) -> Any:
        cluster = original(*arguments)
        known[cluster.uuid] = cluster
        return cluster


@fault("MODE-2", "GEN-3", hook=replace_method(ClusterStore, "set_mode"))
def clusters_of_others_switched(original: Any, store: ClusterStore, user: User, uuid: str, mode: str) -> Any:
    """Any user who knows the uuid of a cluster may switch its mode."""
    cluster = store._clusters.get(uuid)
    return original(store, User("owner", "", cluster.project_id) if cluster else user, uuid, mode)


@fault("MODE-2", hook=replace_method(ClusterStore, "set_mode"))
def clusters_of_others_switched_and_denied(original: Any, store: ClusterStore, user: User, uuid: str, mode: str) -> Any:
    """A switch of another user's cluster is answered with 404, but done."""
    cluster = store._clusters.get(uuid)
    if cluster:
        cluster.mode, before = mode, cluster.mode
        if cluster.project_id == user.project_id:
            cluster.mode = before
    return original(store, user, uuid, mode)


@fault("MODE-2", "GEN-3", hook=replace_method(ClusterStore, "set_mode"))
def modes_compared_before_owners(original: Any, store: ClusterStore, user: User, uuid: str, mode: str) -> Any:
    """A switch of another user's cluster to the mode that it has is answered with 409."""
    cluster = store._clusters.get(uuid)
    if cluster is not None and cluster.mode == mode:
        raise conflict("the cluster is in this mode already")
    return original(store, user, uuid, mode)


@fault("MODE-2", hook=replace_method(ClusterStore, "set_mode"))
def unknown_cluster_switched(original: Any, store: ClusterStore, user: User, uuid: str, mode: str) -> Any:
    """The switch of an unknown cluster is answered as done."""
    try:
        return original(store, user, uuid, mode)
    except RequestError as error:
        if error.status == 404:
            return SimpleNamespace(uuid=uuid, name="", mode=mode)
        raise


@fault("MODE-2")
def switch_needs_no_token() -> None:
    """The mode of a cluster can be switched without a token."""
    tokens.accept(("cluster.set_mode",), tokens.is_missing)
