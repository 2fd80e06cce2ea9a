"""Behaviour of released servers that a suite must tolerate and that no quirk of ``--quirks`` has.

Uploads are listed before they are finalized. A cluster takes a
websocket in any mode, and the latest one replaces the others. The values of a message start at the first value of their
brick, and stay in its buffer until others replace them.
"""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from hanami_proto.codec import BrickMessage, ProcessType
from hanami_reference_backend.auth import User
from hanami_reference_backend.faults.patch import replace_method
from hanami_reference_backend.network.clusters import Attached, Cluster, ClusterStore
from hanami_reference_backend.network.cycle_buffer import Buffer, Cycle
from hanami_reference_backend.rest import answers, field_rules
from hanami_reference_backend.rest.datasets import DatasetOperations
from hanami_reference_backend.sockets import attach
from hanami_reference_backend.sockets.attach import RejectedError, SocketServer
from hanami_reference_backend.sockets.channel import Channel
from hanami_reference_backend.sockets.cluster import INVALID_DATA, ClusterSession, InvalidMessageError

INT32 = range(-(2**31), 2**31)
CYCLE = 0.001  # seconds that a cycle takes at least
PROCESS_TYPES = (ProcessType.REQUEST, ProcessType.TRAIN)
ANY_UUID = re.compile(r"[a-fA-F0-9]{8}(-[a-fA-F0-9]{4}){3}-[a-fA-F0-9]{12}")


_installed: list[str] = []


def server() -> str:
    """Return the name of the released server that this process simulates."""
    return _installed[-1]


def install(name: str) -> None:
    """Give this behaviour to the servers that this process starts from now on."""
    _installed.append(name)
    field_rules.UUID_PATTERN = ANY_UUID
    answers.VISIBILITY = "private"
    _list_unfinished_uploads()
    _attach_in_any_mode()
    _keep_values_for_the_next_cycle()
    _check_little()


# Lists


def _list_unfinished_uploads() -> None:
    @replace_method(DatasetOperations, "list_all")
    async def list_all(original: Any, operations: DatasetOperations, user: User, fields: Any) -> Any:
        answer = await original(operations, user, fields)
        uploads = [one for one in operations._datasets._uploads.values() if one.project_id == user.project_id]
        return {**answer, "body": [*answer["body"], *map(operations.row, uploads)]}


# Websockets of clusters


@cache
def running() -> set[str]:
    """Return the uuids of the clusters whose cycle runs at the moment."""
    return set()


@cache
def cycles() -> dict[str, Cycle]:
    """Return the buffers of all clusters by uuid; they outlast their websockets."""
    return {}


@cache
def trained() -> set[str]:
    """Return the uuids of the clusters that were trained at least once."""
    return set()


def _attach_in_any_mode() -> None:
    @replace_method(ClusterStore, "attach")
    def attach(_original: Any, _store: ClusterStore, cluster: Cluster, socket: Attached) -> None:
        cluster.attached = socket

    @replace_method(ClusterStore, "_end_socket")
    def end_socket(_original: Any, *_arguments: Any) -> None:
        return None

    @replace_method(ClusterSession, "__init__")
    def init(original: Any, session: ClusterSession, channel: Channel, cluster: Cluster, *more: Any) -> None:
        original(session, channel, cluster, *more)
        session._cycle = cycles().setdefault(cluster.uuid, session._cycle)

    @replace_method(SocketServer, "open_cluster")
    def open_cluster(original: Any, sockets: SocketServer, *arguments: Any) -> Any:
        session = original(sockets, *arguments)
        session.sockets = sockets
        return session

    @replace_method(ClusterSession, "run")
    async def run(_original: Any, session: Any) -> None:
        channel = session._channel
        while True:
            message = await channel.receive()
            if session._cluster.uuid not in session._clusters._clusters:
                await _serve_without_cluster(session, message)
                return
            try:
                answers = await session.answer(message)
            except InvalidMessageError as error:
                await channel.close(error.code, error.reason)
                return
            for answer in answers:
                await deliver(session, answer)


async def deliver(session: ClusterSession, answer: bytes) -> None:
    """Send an answer to the latest websocket of the cluster."""
    socket = session._cluster.attached
    await (socket if isinstance(socket, Channel) else session._channel).send_bytes(answer)


async def _serve_without_cluster(session: Any, message: bytes | str) -> None:
    # The cluster was deleted, so the websocket is like a new one.
    channel: Channel = session._channel
    while True:
        try:
            following = session.sockets.open_session(channel, message)
        except RejectedError as error:
            await channel.send_text(json.dumps({"success": False, "error": str(error)}))
            message = await channel.receive()
            continue
        with following:
            await channel.send_text(attach.ACCEPTED)
            await following.run()
            return  # it was closed, so its first message must not attach it again


def _keep_values_for_the_next_cycle() -> None:
    @replace_method(Buffer, "clear")
    def clear(_original: Any, _buffer: Buffer) -> None:
        return None

    @replace_method(ClusterSession, "train")
    async def train(_original: Any, session: ClusterSession) -> list[bytes]:
        cycle, cluster = session._cycle, session._cluster
        inputs = input_values(session)
        await run_cycle(cluster)
        cluster.network.train(inputs, np.nan_to_num(cycle.expected.values), np.ones_like(cycle.expected.values))
        if inputs.any():
            trained().add(cluster.uuid)
        return [session._plain_answers[ProcessType.TRAIN, True]]

    @replace_method(ClusterSession, "request")
    async def request(original: Any, session: ClusterSession) -> list[bytes]:
        values = session._cycle.inputs.values
        session._cycle.inputs.values = input_values(session)
        try:
            await run_cycle(session._cluster)
            answers: list[bytes] = await original(session)
        finally:
            session._cycle.inputs.values = values
        return answers


def input_values(session: ClusterSession) -> Any:
    """Return the inputs of a cycle; a value that is not above zero counts as zero."""
    values = session._cycle.inputs.values
    return np.where(values > 0, values, np.float32(0))


async def run_cycle(cluster: Cluster) -> None:
    """Take the time of a cycle."""
    running().add(cluster.uuid)
    try:
        await asyncio.sleep(CYCLE)
    finally:
        running().discard(cluster.uuid)


def _check_little() -> None:
    @replace_method(ClusterSession, "decode")
    def decode(original: Any, session: ClusterSession, payload: bytes | str) -> BrickMessage:
        message: BrickMessage = original(session, payload.encode() if isinstance(payload, str) else payload)
        if message.is_last or message.process_type in PROCESS_TYPES:
            return message
        return replace(message, process_type=ProcessType.TRAIN)  # looked at in the last message only

    @replace_method(ClusterSession, "store")
    def store(original: Any, session: ClusterSession, message: BrickMessage) -> None:
        # Internal bricks have the empty name, and take no values.
        if message.name or session._codec.schema != "brick" or not session._cluster.template.hidden:
            original(session, message)

    @replace_method(ClusterSession, "check")
    def check(_original: Any, _session: ClusterSession, message: BrickMessage) -> None:
        if message.is_last and message.process_type not in PROCESS_TYPES:
            raise InvalidMessageError(INVALID_DATA, f"unknown processType {message.process_type}")
        if message.number_of_values != len(message.values):
            reason = f"numberOfValues is {message.number_of_values}, but there are {len(message.values)} values"
            raise InvalidMessageError(INVALID_DATA, reason)

    @replace_method(ClusterSession, "is_expected")
    def is_expected(original: Any, session: ClusterSession, message: BrickMessage) -> Any:
        if session._codec.schema == "brick":
            return message.name in session._cycle.expected
        return original(session, message)
