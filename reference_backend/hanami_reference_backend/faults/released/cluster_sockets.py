"""Defects of several websockets on one cluster."""

from __future__ import annotations

from typing import Any

from hanami_reference_backend.faults.patch import replace_method
from hanami_reference_backend.faults.released import common
from hanami_reference_backend.faults.released.connections import crash
from hanami_reference_backend.faults.released.registry import HANAMI, defect
from hanami_reference_backend.faults.released.workers import fall_silent
from hanami_reference_backend.network.clusters import Attached, Cluster, ClusterStore
from hanami_reference_backend.sockets.cluster import ClusterSession


@defect("DIO-11", "GEN-2", "DIO-13")
def replaced_sockets_silence_the_cluster() -> None:
    """A websocket that another one replaces is not answered any more; when one of them ends, neither is the other."""

    @replace_method(ClusterStore, "detach")
    def detach(_original: Any, _store: ClusterStore, cluster: Cluster, _socket: Attached) -> None:
        cluster.attached = None

    @replace_method(common, "deliver")
    async def deliver(original: Any, session: ClusterSession, answer: bytes) -> None:
        if session._cluster.attached is not session._channel:
            await fall_silent(session._channel)
        await original(session, answer)


@defect("GEN-2", "DIO-11", "DIO-13", servers=[HANAMI])
def requests_after_a_replaced_socket_crash() -> None:
    """A request crashes the server if a websocket that the present one has replaced has ended."""

    @replace_method(ClusterSession, "request")
    async def request(original: Any, session: ClusterSession) -> Any:
        if session._cluster.attached is None:
            crash("requests-after-a-replaced-socket-crash")
        return await original(session)
