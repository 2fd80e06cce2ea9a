"""Faults of clusters of one name, and of what logins and vanished clients leave behind (DIO-10, DIO-11, DIO-14)."""

from __future__ import annotations

from typing import Any
from weakref import WeakSet

from hanami_reference_backend.auth import User
from hanami_reference_backend.common.errors import conflict
from hanami_reference_backend.faults.patch import replace_method
from hanami_reference_backend.faults.registry import fault
from hanami_reference_backend.network.clusters import ClusterStore
from hanami_reference_backend.rest.tokens import TokenOperations
from hanami_reference_backend.serving.socket_protocol import SocketProtocol
from hanami_reference_backend.sockets.attach import SocketServer
from hanami_reference_backend.sockets.channel import Channel
from hanami_reference_backend.sockets.cluster import ClusterSession

POLICY_VIOLATION = 1008  # RFC 6455, 7.4.1


@fault("GEN-3", "DIO-10", hook=replace_method(ClusterStore, "create"))
def clusters_of_two_users_under_one_name_learn_together(
    original: Any, store: ClusterStore, user: User, name: str, template: Any, network: Any
) -> Any:
    """A cluster with the name and shape of another user's learns what that one learns."""
    for other in store._clusters.values():
        if other.name == name and other.project_id != user.project_id and other.template.layers == template.layers:
            network = other.network
    return original(store, user, name, template, network)


@fault("DIO-10", hook=replace_method(ClusterStore, "create"))
def second_cluster_of_a_name_replaces_the_first(
    original: Any, store: ClusterStore, user: User, name: str, *arguments: Any
) -> Any:
    """A cluster whose name is in use is created, and the first one of the name is deleted."""
    for cluster in store.clusters(user):
        if cluster.name == name:
            store.delete(user, cluster.uuid)
    return original(store, user, name, *arguments)


@fault("DIO-14")
def names_of_deleted_clusters_stay_in_use() -> None:
    """The name of a deleted cluster is rejected as in use."""
    used: set[tuple[str, str]] = set()

    @replace_method(ClusterStore, "delete")
    def delete(original: Any, store: ClusterStore, user: User, uuid: str) -> None:
        cluster = store.cluster(user, uuid)
        original(store, user, uuid)
        used.add((user.project_id, cluster.name))

    @replace_method(ClusterStore, "create")
    def create(original: Any, store: ClusterStore, user: User, name: str, *arguments: Any) -> Any:
        if (user.project_id, name) in used:
            raise conflict(f"there is a cluster with the name {name!r} already")
        return original(store, user, name, *arguments)


@fault("DATA-1", "DIO-9")
def logins_end_the_sockets_of_their_user() -> None:
    """A login closes all websockets of the same user."""
    channels: dict[str, WeakSet[Channel]] = {}

    @replace_method(SocketServer, "open_session")
    def open_session(original: Any, server: Any, channel: Channel, message: Any) -> Any:
        session = original(server, channel, message)
        channels.setdefault(server.user(server.read(message)).id, WeakSet()).add(channel)
        return session

    @replace_method(TokenOperations, "create")
    async def create(original: Any, operations: TokenOperations, *arguments: Any) -> Any:
        answer = await original(operations, *arguments)
        for channel in list(channels.get(answer["id"], ())):
            channel.end(POLICY_VIOLATION, "another login")
        return answer


@fault("DIO-11")
def vanished_clients_keep_their_cluster() -> None:
    """A client whose connection ends without a close frame and without a reset stays attached to its cluster."""
    vanished: WeakSet[Channel] = WeakSet()

    @replace_method(SocketProtocol, "connection_lost")
    def connection_lost(original: Any, protocol: Any, error: Exception | None) -> None:
        is_closed = protocol.conn.close_rcvd is not None or protocol.close_sent
        if error is None and protocol.handshake_complete and not is_closed:
            protocol.queue.put_nowait({"type": "websocket.disconnect", "code": 1006, "vanished": True})
        original(protocol, error)

    @replace_method(Channel, "__init__")
    def init(original: Any, channel: Channel, scope: Any, receive: Any, send: Any) -> None:
        async def receive_and_note() -> Any:
            message = await receive()
            if message.get("vanished"):
                vanished.add(channel)
            return message

        original(channel, scope, receive_and_note, send)

    @replace_method(ClusterSession, "__exit__")
    def leave(original: Any, session: ClusterSession, *error: Any) -> None:
        if session._channel not in vanished:
            original(session, *error)
