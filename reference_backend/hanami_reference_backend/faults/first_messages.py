"""Faults of the first message of a socket: its uuid, its target, other messages around it (ATT-4 to ATT-7)."""

from __future__ import annotations

import contextlib
import json
from typing import Any

from hanami_proto.codec import SchemaError
from hanami_reference_backend.auth import User
from hanami_reference_backend.common.strict_json import JsonError, parse_object
from hanami_reference_backend.faults import internals
from hanami_reference_backend.faults.patch import replace_method
from hanami_reference_backend.faults.registry import fault
from hanami_reference_backend.network.clusters import POLICY_VIOLATION, ClusterStore
from hanami_reference_backend.sockets.attach import RejectedError, SocketServer
from hanami_reference_backend.sockets.channel import Channel
from hanami_reference_backend.sockets.cluster import ClusterSession
from hanami_reference_backend.sockets.upload import UploadSession
from hanami_reference_backend.storage.datasets import DatasetStore
from hanami_reference_backend.storage.uploads import TempFile


def _matching_files(matches: Any) -> None:
    @replace_method(DatasetStore, "file")
    def file(original: Any, store: DatasetStore, user: User, uuid: str) -> Any:
        own = [file for file in store._files.values() if file.project_id == user.project_id]
        return original(store, user, uuid) or next((file for file in own if matches(file, uuid)), None)


class NobodyAttached:
    """Stands for the socket of a first message that was rejected."""

    def end(self, code: int, reason: str) -> None:
        """End nothing."""


@fault("ATT-4")
def uuids_compared_by_prefix() -> None:
    """A prefix of the uuid of a file attaches to it."""
    _matching_files(lambda file, uuid: uuid and file.uuid.startswith(uuid))


@fault("ATT-4")
def uuids_compared_up_to_their_length() -> None:
    """Characters after the uuid of a file in a first message are ignored."""
    _matching_files(lambda file, uuid: uuid.startswith(file.uuid))


@fault("ATT-4")
def wildcards_in_uuids() -> None:
    """A percent sign as uuid attaches to any file of the user."""
    _matching_files(lambda _file, uuid: uuid == "%")


@fault("ATT-4", hook=replace_method(SocketServer, "open_upload"))
def no_uuid_means_the_newest_file(
    original: Any, server: SocketServer, channel: Channel, user: User, uuid: object
) -> Any:
    """A first message without a uuid attaches to the newest file."""
    files = server._backend.datasets._files
    return original(server, channel, user, list(files)[-1] if not uuid and files else uuid)


@fault("ATT-4", hook=replace_method(SocketServer, "attach"))
async def unknown_cluster_met_with_silence(_original: Any, server: SocketServer, channel: Channel) -> Any:
    """A first message for an unknown cluster is not answered."""
    try:
        return server.open_session(channel, await channel.receive())
    except RejectedError as error:
        if "cluster" in str(error):
            await internals.hang()
        await channel.close(POLICY_VIOLATION, str(error))
        return None


@fault("ATT-4", "GEN-3", hook=replace_method(DatasetStore, "file"))
def files_of_others_attachable(_original: Any, store: DatasetStore, _user: User, uuid: str) -> TempFile | None:
    """Any user who knows the uuid of a file may write to it."""
    return store._files.get(uuid)


@fault("ATT-4", "GEN-3", hook=replace_method(SocketServer, "open_cluster"))
def clusters_of_others_attachable(
    original: Any, server: SocketServer, channel: Channel, user: User, uuid: object
) -> Any:
    """Any user who knows the uuid of a cluster may attach to it."""
    owners = {cluster.uuid: cluster for cluster in server._backend.clusters._clusters.values()}
    cluster = owners.get(str(uuid))
    owner = User("owner", "", cluster.project_id) if cluster else user
    return original(server, channel, owner, uuid)


@fault("ATT-4", "GEN-3", hook=replace_method(SocketServer, "open_upload"))
def files_of_others_distinguishable(
    original: Any, server: SocketServer, channel: Channel, user: User, uuid: object
) -> Any:
    """The rejection of another user's file reads differently from that of an unknown file."""
    file = server._backend.datasets._files.get(str(uuid))
    if file and file.project_id != user.project_id:
        raise RejectedError("this file belongs to another user")
    return original(server, channel, user, uuid)


@fault("ATT-5")
def any_other_target_is_a_file() -> None:
    """Every target but a cluster counts as a file."""
    _change_target(lambda target: target if target == "cluster" else "file_upload")


@fault("ATT-5")
def target_in_any_case() -> None:
    """A target in capital letters is accepted."""
    _change_target(lambda target: str(target).lower())


@fault("ATT-5")
def ignores_blanks_behind_the_target() -> None:
    """A target with trailing blanks is accepted."""
    _change_target(lambda target: str(target).rstrip())


def _change_target(change: Any) -> None:
    @replace_method(SocketServer, "read")
    def read(original: Any, server: SocketServer, message: bytes | str) -> dict[str, Any]:
        fields = original(server, message)
        return {**fields, "target": change(fields.get("target"))}


@fault("ATT-5", "GEN-2")
def bad_first_message_poisons_the_server() -> None:
    """No socket is accepted after a first message that is not JSON."""
    poison: list[str] = []

    @replace_method(SocketServer, "read")
    def read(original: Any, server: SocketServer, message: bytes | str) -> Any:
        try:
            fields = original(server, message)
        except RejectedError as error:
            poison.append(str(error))
            raise
        if poison:
            raise RejectedError(poison[0])
        return fields


@fault("ATT-5")
def no_json_met_with_silence() -> None:
    """A first message in a text frame that is not a JSON object is not answered."""
    _silent_about(str)


@fault("ATT-5")
def binary_first_message_met_with_silence() -> None:
    """A first message in a binary frame that is not a JSON object is not answered."""
    _silent_about(bytes)


def _silent_about(kind: type) -> None:
    @replace_method(SocketServer, "attach")
    async def attach(original: Any, server: SocketServer, channel: Channel) -> Any:
        receive = channel.receive

        async def receive_json() -> bytes | str:
            while True:
                message = await receive()
                with contextlib.suppress(JsonError):
                    parse_object(message)
                    return message
                if not isinstance(message, kind):
                    return message

        channel.receive = receive_json  # type: ignore[method-assign]
        try:
            return await original(server, channel)
        finally:
            channel.receive = receive  # type: ignore[method-assign]


@fault("ATT-6", hook=replace_method(DatasetStore, "file"))
def datasets_attach_as_their_first_file(original: Any, store: DatasetStore, user: User, uuid: str) -> Any:
    """The uuid of a dataset attaches to its input file."""
    upload = store._upload(user, uuid)
    return upload.files[0] if upload else original(store, user, uuid)


@fault("ATT-6")
def the_uuid_decides_the_target() -> None:
    """The uuid alone decides between file and cluster, and the target is ignored."""

    @replace_method(SocketServer, "open_cluster")
    def open_cluster(original: Any, server: SocketServer, channel: Channel, user: User, uuid: object) -> Any:
        if isinstance(uuid, str) and server._backend.datasets.file(user, uuid):
            return SocketServer.open_upload(server, channel, user, uuid)
        return original(server, channel, user, uuid)

    @replace_method(SocketServer, "open_upload")
    def open_upload(original: Any, server: SocketServer, channel: Channel, user: User, uuid: object) -> Any:
        if isinstance(uuid, str) and server._backend.clusters.find(user, uuid):
            return SocketServer.open_cluster(server, channel, user, uuid)
        return original(server, channel, user, uuid)


@fault("ATT-7")
def chunks_after_a_rejection_written() -> None:
    """A socket that was rejected for a file still writes chunks."""
    _serve_rejected(_session_of_a_file)


@fault("ATT-7")
def training_after_a_rejection_done() -> None:
    """A socket that was rejected for a cluster still trains it."""
    _serve_rejected(_session_of_a_cluster)


@fault("ATT-7", "GEN-3")
def clusters_of_others_trained() -> None:
    """A socket that was rejected because the cluster is another user's still trains it."""
    _serve_rejected(_session_of_a_cluster, needs_token=True)


@fault("ATT-7", "GEN-3")
def files_of_others_written() -> None:
    """A socket that was rejected because the file is another user's still writes chunks."""
    _serve_rejected(_session_of_a_file, needs_token=True)


def _session_of_a_file(server: SocketServer, channel: Channel, uuid: str) -> UploadSession | None:
    file = server._backend.datasets._files.get(uuid)
    return UploadSession(channel, file, server._backend.dialect.codec) if file else None


def _session_of_a_cluster(server: SocketServer, channel: Channel, uuid: str) -> ClusterSession | None:
    clusters, codec = server._backend.clusters, server._backend.dialect.codec
    cluster = clusters._clusters.get(uuid)
    return ClusterSession(channel, cluster, clusters, codec) if cluster else None


def _serve_rejected(session: Any, *, needs_token: bool = False) -> None:
    """Serve rejected sockets: all of them, or only those with a valid token."""

    @replace_method(SocketServer, "attach")
    async def attach(_original: Any, server: SocketServer, channel: Channel) -> Any:
        message = await channel.receive()
        try:
            return server.open_session(channel, message)
        except RejectedError as error:
            await channel.send_text(json.dumps({"success": False, "error": str(error)}))
        with contextlib.suppress(RejectedError):
            fields = server.read(message)
            if needs_token:
                server.user(fields)
            served = session(server, channel, str(fields.get("uuid")))
            if served is not None:
                await served.run()
        await channel.close(POLICY_VIOLATION, "rejected")
        return None


@fault("ATT-7", hook=replace_method(SocketServer, "user"))
def rejected_first_messages_occupy_clusters(original: Any, server: SocketServer, fields: dict[str, Any]) -> Any:
    """A first message takes the only place of a cluster before its token is checked, and a rejection keeps it."""
    cluster = server._backend.clusters._clusters.get(str(fields.get("uuid")))
    try:
        return original(server, fields)
    except RejectedError:
        if cluster is not None and fields.get("target") == "cluster":
            cluster.attached = cluster.attached or NobodyAttached()
        raise


@fault("ATT-7", hook=replace_method(SocketServer, "attach"))
async def chunks_before_the_first_message_kept(original: Any, server: SocketServer, channel: Channel) -> Any:
    """Chunks that arrive before the first message are written once it is accepted."""
    receive, early = channel.receive, []

    async def receive_text() -> bytes | str:
        while isinstance(message := await receive(), bytes):
            early.append(message)
        return message

    channel.receive = receive_text  # type: ignore[method-assign]
    session = await original(server, channel)
    channel.receive = receive  # type: ignore[method-assign]
    if isinstance(session, UploadSession):
        for message in early:
            session.answer(message)
    return session


@fault("ATT-7", hook=replace_method(SocketServer, "read"))
def chunks_as_first_message_go_to_the_newest_file(original: Any, server: SocketServer, message: bytes | str) -> Any:
    """A chunk in place of a first message is written to the newest file."""
    files = list(server._backend.datasets._files.values())
    with contextlib.suppress(SchemaError):
        if isinstance(message, bytes) and files:
            chunk = server._backend.dialect.codec.decode_chunk(message)
            files[-1].write(chunk.position, chunk.data)
    return original(server, message)


@fault("ATT-6", "ATT-4", "MODE-2", hook=replace_method(ClusterStore, "find"))
def any_uuid_finds_the_newest_cluster(original: Any, store: ClusterStore, user: User, uuid: str) -> Any:
    """A uuid that belongs to no cluster finds the newest cluster."""
    own = store.clusters(user)
    return original(store, user, uuid) or (own[-1] if own and len(uuid) == 36 else None)


@fault("ATT-4", "GEN-3", hook=replace_method(SocketServer, "open_cluster"))
def modes_checked_before_owners(original: Any, server: SocketServer, channel: Channel, user: User, uuid: Any) -> Any:
    """A cluster in task mode is rejected for that, whoever owns it."""
    clusters = server._backend.clusters
    cluster = clusters._clusters.get(uuid) if isinstance(uuid, str) else None
    if cluster is not None and cluster.mode != clusters._direct:
        raise RejectedError("the cluster is not in direct mode")
    return original(server, channel, user, uuid)


@fault("ATT-6", hook=replace_method(SocketServer, "open_upload"))
def finalized_datasets_are_files(
    original: Any, server: SocketServer, channel: Channel, user: User, uuid: object
) -> Any:
    """The uuid of a finalized dataset is accepted as that of a file."""
    backend = server._backend
    if isinstance(uuid, str) and uuid in backend.datasets._datasets:
        return UploadSession(channel, TempFile(uuid, user.project_id, 0), backend.dialect.codec)
    return original(server, channel, user, uuid)


@fault("ATT-5", hook=replace_method(SocketServer, "read"))
def bytes_behind_the_first_message_ignored(_original: Any, _server: SocketServer, message: bytes | str) -> Any:
    """Whatever follows the JSON object of a first message is ignored."""
    text = message if isinstance(message, str) else message.decode("utf-8", "replace")
    try:
        value, _ = json.JSONDecoder().raw_decode(text.lstrip())
    except (ValueError, RecursionError) as error:
        raise RejectedError("the first message is no JSON") from error
    if not isinstance(value, dict):
        raise RejectedError("the first message is no object")
    return value
