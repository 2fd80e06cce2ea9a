"""A cluster whose mode several clients switch at the same time, while others ask for it and one may delete it."""

from __future__ import annotations

from collections.abc import Sequence

from hanami_conformance.clients.cluster_messages import ClusterShape
from hanami_conformance.stateful.overlap.cluster_model import ClusterModel
from hanami_conformance.stateful.overlap.history import ACCEPTED, Operation
from hanami_conformance.stateful.overlap.linearizability import Unexplained, find_unexplained
from hanami_loadtests.scenarios.direct_io import cluster_body
from hanami_loadtests.scenarios.scenario import Scenario
from hanami_loadtests.scenarios.shared_object import SharedClient, SharedObject

SHAPE = ClusterShape({"input_0": 4}, {"output_0": 2}, hidden=4)  # small: its values are of no interest
OPERATIONS = 8  # of each client
WEIGHTS = {"direct": 8, "task": 8, "get": 4, "delete": 1}  # of the choice of a client


class SharedCluster(SharedObject):
    """A cluster that clients share (requirements MODE-1, DIO-14).

    No client attaches a socket: a second one, and the switch to task mode under one, are left open (DIO-13,
    MODE-3).
    """

    kind = "cluster"

    def __init__(self, scenario: Scenario) -> None:
        super().__init__(scenario)
        self._model = ClusterModel(self.dialect.modes)

    def create(self) -> None:
        """Create the cluster, and leave it in direct mode, where its model begins."""
        created = self.scenario.call("cluster.create", body=cluster_body(self.dialect, self.name, SHAPE))
        self.uuid = self.scenario.text(created, "uuid", "DIO-1")
        self.scenario.call("cluster.set_mode", body=self._switch(self.dialect.modes[1]))

    def share(self, client: SharedClient) -> None:
        """Switch its mode to and fro, and now and then ask for it or delete it."""
        for _ in range(OPERATIONS):
            if self.scenario.over():
                return
            self._act(client, *client.random.choices(list(WEIGHTS), list(WEIGHTS.values())))

    def look(self, client: SharedClient) -> None:
        """Ask for it, switch it to both modes, delete it, and ask for it again."""
        for action in ("get", "task", "direct", "delete", "get"):
            self._act(client, action)

    def search(self, operations: Sequence[Operation], most_places: float) -> Unexplained | None:
        """See :meth:`SharedObject.search`."""
        return find_unexplained(operations, self._model, most_places)

    def _act(self, client: SharedClient, action: str) -> None:
        uuid = {"uuid": self.uuid}
        if action == "delete":
            answer = client.call("cluster.delete", "delete_cluster", "the DELETE", uuid)
            self.is_deleted = self.is_deleted or answer == ACCEPTED
        elif action == "get":
            client.call("cluster.get", "get", "the GET", uuid)
        else:
            mode = self.dialect.modes[action == "direct"]
            what = f"the switch to {mode}"
            client.call("cluster.set_mode", "mode", what, body=self._switch(mode), arguments={"mode": mode})

    def _switch(self, mode: str) -> dict[str, str]:
        return {"uuid": self.uuid, "new_state": mode}
