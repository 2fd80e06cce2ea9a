"""A cluster on the target and its operations."""

from __future__ import annotations

from dataclasses import dataclass

from hanami_conformance.cases.attribution import precondition
from hanami_conformance.clients.cluster_messages import ClusterShape
from hanami_conformance.clients.cluster_socket import ClusterSocket
from hanami_conformance.clients.rest_response import RestResponse
from hanami_conformance.clients.websocket import WebSocket
from hanami_conformance.resources.retry import reattach, retry_until_released
from hanami_conformance.resources.training import sample_inputs, training_targets
from hanami_conformance.target.attach import ATTACHING_TO, CLUSTER, USUAL, AttachForm, attach
from hanami_conformance.target.target import Account

SWITCHING = "switch after a lost socket"


@dataclass
class Cluster:
    """A cluster on the target.

    Attributes:
        account: Owner of the cluster.
        name: Name of the cluster.
        uuid: Uuid of the cluster.
        shape: Bricks of the cluster and their sizes.
        is_sized: Whether its bricks have these sizes; where templates give none, the first training cycle does.
    """

    account: Account
    name: str
    uuid: str
    shape: ClusterShape
    is_sized: bool = True

    def set_mode(self, mode: str) -> RestResponse:
        """Switch the mode (requirement MODE-1)."""
        return self.account.call("cluster.set_mode", body={"uuid": self.uuid, "new_state": mode})

    def switch_when_released(self, mode: str) -> None:
        """Switch the mode after a socket was closed or lost, repeated until the server has detected that (MODE-3).

        Raises:
            Violation: If the switch is rejected until the deadline.
        """
        retry_until_released(self.account, SWITCHING, lambda: self.set_mode(mode).object())

    def enter_direct_mode(self) -> None:
        """Switch to direct mode, as a precondition.

        Raises:
            PreconditionFailed: If the target rejects the switch.
        """
        with precondition("switching to direct mode"):
            self.set_mode(self.account.target.dialect.modes[1]).object()

    def attach(self, form: AttachForm = USUAL) -> ClusterSocket:
        """Attach a socket to the cluster, as a precondition.

        Args:
            form: Form of handshake and first message on the wire.

        Raises:
            PreconditionFailed: If the target does not accept the socket.
        """
        with precondition(ATTACHING_TO[CLUSTER]):
            return self._socket(attach(self.account, self.uuid, CLUSTER, form=form))

    def reattach(self) -> ClusterSocket:
        """Attach a socket after an earlier one was lost (requirement DIO-11); see :func:`.retry.reattach`."""
        websocket = reattach(self.account, self.uuid, CLUSTER, "DIO-11")
        return self._socket(websocket)

    def delete(self) -> RestResponse:
        """Delete the cluster."""
        return self.account.call("cluster.delete", params={"uuid": self.uuid})

    def _socket(self, websocket: WebSocket) -> ClusterSocket:
        target = self.account.target
        socket = ClusterSocket(websocket, target.dialect.codec, self.shape, target.optional_replies)
        if not self.is_sized:
            self.is_sized = True  # also if the cycle fails, so that no later socket fails for the same reason
            with precondition("giving a cluster its sizes by a training cycle"):
                socket.train([*sample_inputs(self.shape, seed=1), *training_targets(self.shape, seed=1)])
        return socket
