"""The clusters of a sequence and their sockets: created, attached, closed and lost."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from hanami_conformance.cases.attribution import attribute_to, default_requirement
from hanami_conformance.cases.checks import require
from hanami_conformance.cases.step import Step
from hanami_conformance.clients.cluster_messages import ClusterShape
from hanami_conformance.clients.cluster_socket import ClusterSocket
from hanami_conformance.models.cluster import UNCHANGED
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.resources.training import train_once, train_until_distinguishable
from hanami_conformance.stateful.cluster_state import TrackedCluster
from hanami_conformance.stateful.server_steps import ServerSteps
from hanami_conformance.target.target import Account

MOST_CLUSTERS = 2
HIDDEN = 8


@dataclass
class SequenceClusters:
    """The clusters of a sequence, each with its state and its socket.

    Args:
        resources: Factory of the clusters.
        accounts: Accounts that may have clusters; a sequence names them by number.
    """

    resources: ResourceFactory
    accounts: Sequence[Account]
    clusters: list[TrackedCluster] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.server = ServerSteps(self.resources.target)

    def _used(self) -> list[TrackedCluster]:
        return [tracked for tracked in self.clusters if tracked.state == "used"]

    def _create_cluster(self, step: Step) -> None:
        if len(self.clusters) >= MOST_CLUSTERS:
            return
        input_sizes, output_sizes = step.int_list_argument("inputs"), step.int_list_argument("outputs")
        shape = ClusterShape(
            {f"input_{index}": max(2, size) for index, size in enumerate(input_sizes)},
            # Sizes that differ, because an answer without a name is recognised by its size.
            {f"output_{index}": max(2, size) + 10 * index for index, size in enumerate(output_sizes)},
            hidden=step.int_argument("hidden") if "hidden" in step.arguments else HIDDEN,
        )
        account = self.accounts[step.int_argument("user") % len(self.accounts)]
        tracked = TrackedCluster(self.resources.cluster(shape, account))
        tracked.cluster.enter_direct_mode()
        self.clusters.append(tracked)
        with default_requirement("DIO-3"):  # no precondition but a part of the sequence, which counts as evidence
            train_once(self._socket(tracked))
            train_until_distinguishable(self._socket(tracked), shape, least_rounds=0)

    def _socket(self, tracked: TrackedCluster) -> ClusterSocket:
        """Return the socket of a cluster; attach one if needed, and close another one if the limit is reached."""
        if tracked.socket is None:
            self._make_room()
            last_event = tracked.model.last_event
            with attribute_to("ATT-2" if last_event == UNCHANGED else last_event):
                tracked.socket = tracked.cluster.reattach()
        return tracked.socket

    def _make_room(self) -> None:
        attached = [other for other in self.clusters if other.socket is not None]
        while len(attached) >= self.resources.target.connection_limit.limit:
            self._close(attached.pop(0))

    def _close(self, tracked: TrackedCluster, step: Step | None = None) -> None:  # noqa: ARG002 - signature of a step
        if tracked.socket is None:
            return
        unsolicited = [message for message in tracked.socket.close() if tracked.socket.carries_output(message)]
        self._note_lost_socket(tracked)
        expected, actual = "one output of each brick to a request", f"{len(unsolicited)} more"
        require(not unsolicited, expected=expected, actual=actual, requirement="DIO-3")

    def _drop(self, tracked: TrackedCluster, step: Step) -> None:  # noqa: ARG002
        if tracked.socket is not None:
            tracked.socket.websocket.reset()
            self._note_lost_socket(tracked)

    def _note_lost_socket(self, tracked: TrackedCluster) -> None:
        tracked.model.note_event("DIO-2" if tracked.pending_messages and tracked.trains else "DIO-11")
        tracked.socket = None
        tracked.pending_messages = []
        tracked.model.forget_values()

    # Action to its method, and to the requirement of a failure that names none.
    closing_actions: ClassVar[Mapping[str, tuple[Callable[[SequenceClusters, TrackedCluster, Step], None], str]]] = {
        "close": (_close, "DIO-3"),
        "drop": (_drop, "DIO-11"),
    }
