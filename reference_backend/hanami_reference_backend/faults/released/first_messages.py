"""Defects of the first message of a websocket."""

from __future__ import annotations

import asyncio
import json
from functools import cache
from typing import Any

from hanami_reference_backend.auth import User
from hanami_reference_backend.faults.patch import replace_method
from hanami_reference_backend.faults.released.connections import connection_of_channel, crash
from hanami_reference_backend.faults.released.registry import HANAMI, OPENHANAMI, defect
from hanami_reference_backend.faults.released.workers import pool, stopped_server
from hanami_reference_backend.sockets.attach import SocketServer
from hanami_reference_backend.sockets.channel import Channel

TURN = 0.002  # seconds in which a reset that follows a message arrives


class FirstMessageError(Exception):
    """A first message that these servers do not survive: the connection is dropped, and its worker poisoned."""


@cache
def _drop_and_poison() -> None:
    """Drop the connection of a message that raises :class:`FirstMessageError`, and poison its worker."""

    @replace_method(SocketServer, "attach")
    async def attach(original: Any, sockets: SocketServer, channel: Channel) -> Any:
        worker = pool().worker_of(channel)
        try:
            return await original(sockets, channel)
        except FirstMessageError:
            worker.poisoned = True
            connection = connection_of_channel(channel)
            if connection is not None:
                connection.drop()
            return None


@defect("GEN-2", "ATT-5")
def first_messages_without_an_object_poison_a_worker() -> None:
    """A first message that is JSON but no object is dropped, and the next websocket of its worker is never answered."""
    _drop_and_poison()

    @replace_method(SocketServer, "read")
    def read(original: Any, sockets: SocketServer, message: bytes | str) -> Any:
        try:
            value = json.loads(message)
        except (ValueError, RecursionError):
            value = {}
        if value is not None and not isinstance(value, dict):
            raise FirstMessageError
        return original(sockets, message)


@defect("GEN-2", "ATT-4")
def first_messages_without_a_uuid_poison_a_worker() -> None:
    """A first message with a valid token and no string as uuid is dropped, and its worker poisoned likewise."""
    _drop_and_poison()

    @replace_method(SocketServer, "user")
    def user(original: Any, sockets: SocketServer, fields: dict[str, Any]) -> User:
        owner: User = original(sockets, fields)
        if not isinstance(fields.get("uuid"), str):
            raise FirstMessageError
        return owner


@defect("GEN-4", "GEN-2")
def resets_after_the_first_message_poison_a_worker() -> None:
    """A connection that is reset right after its first message poisons its worker likewise."""

    @replace_method(Channel, "send_text")
    async def send_text(original: Any, channel: Channel, text: str) -> None:
        connection, worker = connection_of_channel(channel), pool().worker_of(channel)
        await asyncio.sleep(TURN)
        if connection is not None and connection.reset:
            worker.poisoned = True
        await original(channel, text)


@defect("GEN-2", "ATT-4", "ATT-6", "DIO-14", servers=[HANAMI])
def unknown_clusters_crash() -> None:
    """A first message with a valid token and the uuid of no cluster crashes the server."""

    @replace_method(SocketServer, "open_cluster")
    def open_cluster(original: Any, sockets: SocketServer, channel: Channel, user: User, uuid: object) -> Any:
        if isinstance(uuid, str) and uuid not in sockets._backend.clusters._clusters and uuid.count("'") % 2 == 0:
            crash("unknown-clusters-crash")
        return original(sockets, channel, user, uuid)


@defect("GEN-2", "ATT-4", servers=[OPENHANAMI])
def conditions_in_a_uuid_crash() -> None:
    """A first message with a valid token and a condition of a query as the uuid of a cluster crashes the server."""

    @replace_method(SocketServer, "open_cluster")
    def open_cluster(original: Any, sockets: SocketServer, channel: Channel, user: User, uuid: object) -> Any:
        quotes = uuid.count("'") if isinstance(uuid, str) else 0
        if quotes and quotes % 2 == 0:
            crash("conditions-in-a-uuid-crash")
        return original(sockets, channel, user, uuid)


@defect("GEN-2", "ATT-4")
def quotes_in_a_uuid_stop_the_server() -> None:
    """After a first message with a valid token and a quote in the uuid of a cluster, nothing is answered any more."""
    stopped = stopped_server()

    @replace_method(SocketServer, "open_cluster")
    def open_cluster(original: Any, sockets: SocketServer, channel: Channel, user: User, uuid: object) -> Any:
        if isinstance(uuid, str) and uuid.count("'") % 2:
            stopped.set()
        return original(sockets, channel, user, uuid)


@defect("ATT-4", "GEN-3", "ATT-7", servers=[HANAMI])
def clusters_of_others_taken() -> None:
    """A websocket may attach to the cluster of another user and project."""

    @replace_method(SocketServer, "open_cluster")
    def open_cluster(original: Any, sockets: SocketServer, channel: Channel, user: User, uuid: object) -> Any:
        cluster = sockets._backend.clusters._clusters.get(uuid) if isinstance(uuid, str) else None
        owner = User("owner", "", cluster.project_id) if cluster else user
        return original(sockets, channel, owner, uuid)
