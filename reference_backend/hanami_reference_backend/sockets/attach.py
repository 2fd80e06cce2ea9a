"""The first message of a websocket: who it is, and what it wants to talk to."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

from starlette.types import Receive, Scope, Send

from hanami_reference_backend.auth import InvalidTokenError, User
from hanami_reference_backend.backend import Backend
from hanami_reference_backend.common.errors import RequestError
from hanami_reference_backend.common.strict_json import JsonError, parse_object
from hanami_reference_backend.network.clusters import POLICY_VIOLATION
from hanami_reference_backend.sockets.channel import Channel, ChannelClosedError
from hanami_reference_backend.sockets.cluster import ClusterSession
from hanami_reference_backend.sockets.upload import UploadSession

ACCEPTED = json.dumps({"success": 1})
MAX_FIRST_MESSAGE = 64 * 1024  # characters or bytes
INTERNAL_ERROR = 1011  # RFC 6455, 7.4.1

Session = UploadSession | ClusterSession
log = logging.getLogger(__name__)


class RefusedError(Exception):
    """The first message does not attach; the message says why."""


class SocketServer:
    """Serves every websocket of the server, whatever its path (ATT-1)."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one websocket until it ends (ASGI)."""
        channel = Channel(scope, receive, send)
        try:
            await channel.open()
            session = await self.attach(channel)
            if session is not None:
                with session:
                    await channel.send_text(ACCEPTED)
                    await session.run()
        except ChannelClosedError:
            log.debug("%s is gone", channel.peer)
        except asyncio.CancelledError:
            log.debug("%s is cut off, since the server stops", channel.peer)
        except Exception:  # a mistake of ours: it is told, and ends this socket only
            log.exception("a websocket failed")
            await channel.close(INTERNAL_ERROR, "the server made a mistake")

    async def attach(self, channel: Channel) -> Session | None:
        """Return the session that the first message asks for (ATT-2), or None after it was refused."""
        timeout = self._backend.settings.attach_timeout
        try:
            async with asyncio.timeout(timeout):
                message = await channel.receive()
        except TimeoutError:
            await channel.close(POLICY_VIOLATION, f"no first message within {timeout:g} seconds")
            return None
        try:
            return self.open_session(channel, message)
        except RefusedError as error:
            reason = str(error)
            log.debug("%s refused: %s", channel.peer, reason)
            await channel.send_text(json.dumps({"success": False, "error": reason}))
            await channel.close(POLICY_VIOLATION, reason)
            return None

    def open_session(self, channel: Channel, message: bytes | str) -> Session:
        """Check the first message, and take what it names.

        Raises:
            RefusedError: it is no JSON object, lacks one of its three texts, the token proves nothing (ATT-3), or the
                user has nothing of that uuid for that target (ATT-4 to ATT-6).
        """
        fields = self.read(message)
        user = self.user(fields)
        target, uuid = fields.get("target"), fields.get("uuid")
        if target == "file_upload":
            return self.open_upload(channel, user, uuid)
        if target == "cluster":
            return self.open_cluster(channel, user, uuid)
        raise RefusedError("target must be file_upload or cluster")

    def read(self, message: bytes | str) -> dict[str, Any]:
        """Return the JSON object of the first message."""
        if len(message) > MAX_FIRST_MESSAGE:
            raise RefusedError(f"the first message is longer than {MAX_FIRST_MESSAGE} bytes")
        try:
            return parse_object(message)
        except JsonError as error:
            raise RefusedError(f"the first message is {error}") from error

    def user(self, fields: dict[str, Any]) -> User:
        """Whose token it is."""
        token = fields.get("token")
        if not isinstance(token, str):
            raise RefusedError("token must be a text")
        try:
            return self._backend.users.of_token(token)
        except InvalidTokenError as error:
            raise RefusedError(str(error)) from error

    def open_upload(self, channel: Channel, user: User, uuid: object) -> Session:
        """Attach to a temporary file."""
        file = self._backend.datasets.file(user, uuid) if isinstance(uuid, str) else None
        if file is None:
            raise RefusedError("uuid names no file that waits for data")
        return UploadSession(channel, file, self._backend.dialect.codec)

    def open_cluster(self, channel: Channel, user: User, uuid: object) -> Session:
        """Attach to a cluster."""
        clusters = self._backend.clusters
        cluster = clusters.find(user, uuid) if isinstance(uuid, str) else None
        if cluster is None:
            raise RefusedError("uuid names no cluster")
        session = ClusterSession(channel, cluster, clusters, self._backend.dialect.codec)
        try:
            clusters.attach(cluster, channel)
        except RequestError as error:
            raise RefusedError(error.reason) from error
        return session
