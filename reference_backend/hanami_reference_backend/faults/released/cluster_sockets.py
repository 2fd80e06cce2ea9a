"""Defects of several websockets on one cluster."""

from __future__ import annotations

from typing import Any

from hanami_proto.codec import ProcessType
from hanami_reference_backend.faults.patch import replace_method
from hanami_reference_backend.faults.released import common
from hanami_reference_backend.faults.released.connections import crash
from hanami_reference_backend.faults.released.registry import HANAMI, OPENHANAMI, defect
from hanami_reference_backend.network.clusters import Attached, Cluster, ClusterStore
from hanami_reference_backend.sockets.cluster import ClusterSession


def _forget_at_any_end() -> None:
    @replace_method(ClusterStore, "detach")
    def detach(_original: Any, _store: ClusterStore, cluster: Cluster, _socket: Attached) -> None:
        cluster.attached = None

    @replace_method(common, "deliver")
    async def deliver(original: Any, session: ClusterSession, answer: bytes) -> None:
        if session._cluster.attached is not None:
            await original(session, answer)


@defect("DIO-11", "GEN-2", servers=[OPENHANAMI])
def replaced_sockets_silence_the_cluster() -> None:
    """When one of two websockets of a cluster ends, the other one is not answered any more."""
    _forget_at_any_end()


@defect("GEN-2", "DIO-11", servers=[HANAMI])
def requests_after_a_replaced_socket_crash() -> None:
    """When one of two websockets of a cluster ends, a request on the other one crashes the server."""
    _forget_at_any_end()

    @replace_method(ClusterSession, "answer")
    async def answer(original: Any, session: ClusterSession, payload: bytes | str) -> Any:
        if session._cluster.attached is None:
            message = session.decode(payload)
            if message.is_last and message.process_type == ProcessType.REQUEST:
                crash("requests-after-a-replaced-socket-crash")
        return await original(session, payload)
