"""Faults of the mode of a cluster (MODE-1, MODE-2)."""

from __future__ import annotations

import asyncio
from collections import Counter
from types import SimpleNamespace
from typing import Any
from weakref import WeakSet

from hanami_reference_backend.auth import User
from hanami_reference_backend.common.errors import RequestError, conflict
from hanami_reference_backend.faults.patch import instead
from hanami_reference_backend.faults.registry import fault
from hanami_reference_backend.network.clusters import Cluster, ClusterStore
from hanami_reference_backend.network.network import Network
from hanami_reference_backend.rest import fields, operation
from hanami_reference_backend.rest.clusters import ClusterOperations
from hanami_reference_backend.sockets.cluster import ClusterSession

POLL = 0.02  # seconds


@fault("MODE-1")
def switch_does_nothing() -> None:
    """A switch of the mode is answered as done, and the cluster stays in the mode that it was in."""

    @instead(ClusterStore, "set_mode")
    def lie(_honest: Any, self: ClusterStore, user: User, uuid: str, mode: str) -> Any:
        cluster = self.cluster(user, uuid)
        return SimpleNamespace(uuid=uuid, name=cluster.name, mode=mode)


@fault("MODE-1")
def no_way_back_to_task_mode() -> None:
    """A switch to the task mode is refused."""

    @instead(ClusterStore, "set_mode")
    def lie(honest: Any, self: ClusterStore, user: User, uuid: str, mode: str) -> Any:
        if mode == self._task:
            raise conflict("the cluster is busy")
        return honest(self, user, uuid, mode)


@fault("MODE-1")
def switch_tells_the_mode_before() -> None:
    """The answer to a switch names the mode that the cluster was in, not the new one."""

    @instead(ClusterOperations, "set_mode")
    async def lie(honest: Any, self: ClusterOperations, user: User, body: Any) -> dict[str, object]:
        before = self._clusters.cluster(user, body.uuid).mode
        return {**await honest(self, user, body), "new_state": before}


@fault("MODE-1")
def switch_works_once() -> None:
    """A cluster that was switched back to the task mode does not get into the direct mode again."""
    used = set()

    @instead(ClusterStore, "set_mode")
    def lie(honest: Any, self: ClusterStore, user: User, uuid: str, mode: str) -> Any:
        if mode == self._direct and uuid in used:
            raise conflict("the cluster is busy")
        used.add(uuid)
        return honest(self, user, uuid, mode)


@fault("MODE-1", "DIO-11")
def training_lost_at_a_switch() -> None:
    """A cluster that is switched to the task mode forgets its training."""

    @instead(ClusterStore, "set_mode")
    def lie(honest: Any, self: ClusterStore, user: User, uuid: str, mode: str) -> Any:
        cluster: Cluster = honest(self, user, uuid, mode)
        if mode == self._task:
            cluster.network = Network(cluster.template.layers, self._settings.seed, cluster.uuid)
        return cluster


@fault("MODE-2")
def unknown_state_means_direct() -> None:
    """Any word but TASK switches to the direct mode."""
    _change_body(lambda body: {**body, "new_state": body["new_state"] if body.get("new_state") == "TASK" else "DIRECT"})


@fault("MODE-2")
def state_in_any_case() -> None:
    """The words for the modes may be written in small letters, too."""
    _change_body(lambda body: {**body, "new_state": str(body.get("new_state")).upper()})


@fault("MODE-1")
def sixteen_switches_at_most() -> None:
    """After sixteen switches a cluster stays in its mode."""
    switches: Counter[str] = Counter()

    @instead(ClusterStore, "set_mode")
    def lie(honest: Any, self: ClusterStore, user: User, uuid: str, mode: str) -> Any:
        switches[uuid] += 1
        if switches[uuid] > 16:
            raise conflict("the cluster has had enough")
        return honest(self, user, uuid, mode)


@fault("MODE-1")
def switch_of_all_clusters() -> None:
    """A switch back to the task mode is one of all clusters of the project."""

    @instead(ClusterStore, "set_mode")
    def lie(honest: Any, self: ClusterStore, user: User, uuid: str, mode: str) -> Any:
        switched = honest(self, user, uuid, mode)
        for cluster in self.clusters(user):
            cluster.mode = mode if mode == "TASK" else cluster.mode
        return switched


@fault("GEN-2")
def switch_waits_for_the_cycle() -> None:
    """A switch is not answered while a cycle of the cluster was begun and not ended."""
    sessions: WeakSet[ClusterSession] = WeakSet()

    @instead(ClusterSession, "__enter__")
    def noting(honest: Any, self: ClusterSession) -> None:
        honest(self)
        sessions.add(self)

    @instead(ClusterSession, "__exit__")
    def forgetting(honest: Any, self: ClusterSession, *arguments: Any) -> None:
        honest(self, *arguments)
        sessions.discard(self)

    @instead(ClusterOperations, "set_mode")
    async def waiting(honest: Any, self: ClusterOperations, user: User, asked: fields.SetMode) -> Any:
        while any(one._cluster.uuid == asked.uuid and one._cycle.inputs.has_values() for one in sessions):  # noqa: SLF001
            await asyncio.sleep(POLL)
        return await honest(self, user, asked)


@fault("MODE-2")
def unknown_state_ends_direct_mode() -> None:
    """A switch to an unknown state is refused, and ends the direct mode all the same."""

    @instead(operation, "check")
    def lie(honest: Any, model: Any, values: dict[str, Any], dialect: Any) -> Any:
        try:
            return honest(model, values, dialect)
        except RequestError:
            uuid = values.get("uuid")
            if model is fields.SetMode and uuid in known:
                known[uuid].mode = dialect.modes[0]
            raise

    known: dict[Any, Cluster] = {}

    @instead(ClusterStore, "create")
    def noting(honest: Any, *arguments: Any) -> Any:
        cluster = honest(*arguments)
        known[cluster.uuid] = cluster
        return cluster


def _change_body(change: Any) -> None:
    @instead(operation, "check")
    def lie(honest: Any, model: Any, values: dict[str, Any], dialect: Any) -> Any:
        return honest(model, change(values) if model is fields.SetMode else values, dialect)


@fault("MODE-2", "GEN-3")
def clusters_of_others_switched() -> None:
    """Whoever knows the uuid of a cluster may switch its mode."""

    @instead(ClusterStore, "set_mode")
    def lie(honest: Any, self: ClusterStore, user: User, uuid: str, mode: str) -> Any:
        cluster = self._clusters.get(uuid)
        return honest(self, User("owner", "", cluster.project_id) if cluster else user, uuid, mode)


@fault("MODE-2")
def clusters_of_others_switched_and_denied() -> None:
    """The switch of another user's cluster is answered by 404, and done."""

    @instead(ClusterStore, "set_mode")
    def lie(honest: Any, self: ClusterStore, user: User, uuid: str, mode: str) -> Any:
        cluster = self._clusters.get(uuid)
        if cluster:
            cluster.mode, before = mode, cluster.mode
            if cluster.project_id == user.project_id:
                cluster.mode = before
        return honest(self, user, uuid, mode)


@fault("MODE-2")
def unknown_cluster_switched() -> None:
    """The switch of a cluster that is unknown is answered as done."""

    @instead(ClusterStore, "set_mode")
    def lie(honest: Any, self: ClusterStore, user: User, uuid: str, mode: str) -> Any:
        try:
            return honest(self, user, uuid, mode)
        except RequestError as error:
            if error.status == 404:
                return SimpleNamespace(uuid=uuid, name="", mode=mode)
            raise


@fault("MODE-2")
def switch_needs_no_token() -> None:
    """The mode of a cluster is switched without a token, too."""

    @instead(operation, "caller")
    def lie(honest: Any, request: Any, users: Any) -> Any:
        try:
            return honest(request, users)
        except RequestError:
            if request.url.path.endswith("set_mode"):
                return next(iter(users))
            raise
