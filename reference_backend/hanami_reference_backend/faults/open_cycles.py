"""Faults that disturb an open cycle from elsewhere (ATT-7, MODE-2, DIO-10, DIO-12, GEN-3)."""

from __future__ import annotations

from typing import Any
from weakref import WeakSet

from hanami_proto.dialect import Dialect
from hanami_reference_backend.auth import User
from hanami_reference_backend.common.errors import RequestError
from hanami_reference_backend.faults.patch import replace_method
from hanami_reference_backend.faults.registry import fault
from hanami_reference_backend.network.clusters import NORMAL_CLOSURE, ClusterStore
from hanami_reference_backend.network.network import Network
from hanami_reference_backend.rest import operation
from hanami_reference_backend.rest.fields import Fields, SetMode
from hanami_reference_backend.sockets.attach import RejectedError, SocketServer
from hanami_reference_backend.sockets.channel import Channel
from hanami_reference_backend.sockets.cluster import ClusterSession, InvalidMessageError


def _sessions() -> WeakSet[ClusterSession]:
    """Record the sessions of clusters."""
    found: WeakSet[ClusterSession] = WeakSet()

    @replace_method(ClusterSession, "__enter__")
    def enter(original: Any, session: ClusterSession) -> None:
        found.add(session)
        original(session)

    return found


@fault("ATT-7", "GEN-3")
def rejected_first_messages_empty_the_cycle() -> None:
    """A first message for a cluster that is rejected makes it forget the values of its open cycle."""
    sessions = _sessions()

    @replace_method(SocketServer, "open_session")
    def open_session(original: Any, server: SocketServer, channel: Channel, message: bytes | str) -> Any:
        try:
            return original(server, channel, message)
        except RejectedError:
            text = message if isinstance(message, str) else message.decode("utf-8", "replace")
            for session in sessions:
                if session._cluster.uuid in text:
                    session._cycle.clear()
            raise


@fault("MODE-2")
def rejected_switches_end_the_socket() -> None:
    """A switch to an unknown mode closes the socket of the cluster."""
    sessions = _sessions()

    @replace_method(operation, "check")
    def check(original: Any, model: type[Fields], values: dict[str, Any], dialect: Dialect) -> Any:
        try:
            return original(model, values, dialect)
        except RequestError:
            for session in list(sessions):
                if model is SetMode and session._cluster.uuid == values.get("uuid"):
                    session._clusters._end_socket(session._cluster, NORMAL_CLOSURE, "the mode is switched")
            raise


@fault("DIO-12", "DIO-10")
def mistakes_empty_the_cycles_of_other_clusters() -> None:
    """A mistake on the socket of a cluster makes all clusters forget the values of their open cycles."""
    sessions = _sessions()

    @replace_method(ClusterSession, "answer")
    async def answer(original: Any, session: ClusterSession, payload: bytes | str) -> Any:
        try:
            return await original(session, payload)
        except InvalidMessageError:
            for other in sessions:
                other._cycle.clear()
            raise


@fault("DIO-10", hook=replace_method(ClusterStore, "delete"))
def a_deletion_resets_clusters_of_the_same_template(original: Any, store: ClusterStore, user: User, uuid: str) -> None:
    """The deletion of a cluster makes others of the same template forget what they have learned."""
    deleted = store.find(user, uuid)
    original(store, user, uuid)
    for other in store.clusters(user):
        if deleted is not None and other.template == deleted.template:
            other.network = Network(other.template.layers, *other.network._origin)


@fault("DIO-4", "DIO-1")
def names_of_bricks_have_32_characters() -> None:
    """Values for a brick go to the first one with the same 32 characters at the beginning of its name."""

    @replace_method(ClusterSession, "decode")
    def decode(original: Any, session: ClusterSession, payload: bytes | str) -> Any:
        message = original(session, payload)
        for side in (session._cycle.inputs, session._cycle.expected):
            alike = [name for name in side.slices if len(name) > 32 and name[:32] == message.name[:32]]
            if message.name in side and alike:
                object.__setattr__(message, "name", alike[0])
        return message
