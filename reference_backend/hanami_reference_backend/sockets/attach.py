"""The first message of a websocket, which authenticates the user and names the target."""

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


class RejectedError(Exception):
    """A rejected first message; the message says why."""


class SocketServer:
    """Serves the websockets of every path (ATT-1)."""

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
                    channel.allow_large_messages()
                    await channel.send_text(ACCEPTED)
                    await session.run()
        except ChannelClosedError:
            log.debug("%s has disconnected", channel.peer)
        except asyncio.CancelledError:
            log.debug("%s is disconnected, since the server stops", channel.peer)
        except Exception:  # an internal error is logged, and ends only this socket
            log.exception("a websocket failed")
            await channel.close(INTERNAL_ERROR, "internal error")

    async def attach(self, channel: Channel) -> Session | None:
        """Return the session for the first message (ATT-2), or None after a rejection."""
        timeout = self._backend.settings.attach_timeout
        try:
            async with asyncio.timeout(timeout):
                message = await channel.receive()
        except TimeoutError:
            await channel.close(POLICY_VIOLATION, f"no first message within {timeout:g} seconds")
            return None
        try:
            return self.open_session(channel, message)
        except RejectedError as error:
            reason = str(error)
            log.debug("%s rejected: %s", channel.peer, reason)
            await channel.send_text(json.dumps({"success": False, "error": reason}))
            await channel.close(POLICY_VIOLATION, reason)
            return None

    def open_session(self, channel: Channel, message: bytes | str) -> Session:
        """Check the first message, and attach to its target.

        Raises:
            RejectedError: If the message is not a JSON object or lacks a string, the token is not valid (ATT-3), or the
                user has no such uuid for this target (ATT-4 to ATT-6).
        """
        fields = self.read(message)
        user = self.user(fields)
        target, uuid = fields.get("target"), fields.get("uuid")
        if target == "file_upload":
            return self.open_upload(channel, user, uuid)
        if target == "cluster":
            return self.open_cluster(channel, user, uuid)
        raise RejectedError("target must be file_upload or cluster")

    def read(self, message: bytes | str) -> dict[str, Any]:
        """Parse the JSON object of the first message."""
        if len(message) > MAX_FIRST_MESSAGE:
            raise RejectedError(f"the first message is longer than {MAX_FIRST_MESSAGE} bytes")
        try:
            return parse_object(message)
        except JsonError as error:
            raise RejectedError(f"the first message is {error}") from error

    def user(self, fields: dict[str, Any]) -> User:
        """Return the user of the token."""
        token = fields.get("token")
        if not isinstance(token, str):
            raise RejectedError("token must be a string")
        try:
            return self._backend.users.user_from_token(token)
        except InvalidTokenError as error:
            raise RejectedError(str(error)) from error

    def open_upload(self, channel: Channel, user: User, uuid: object) -> Session:
        """Attach to a temporary file."""
        file = self._backend.datasets.file(user, uuid) if isinstance(uuid, str) else None
        if file is None:
            raise RejectedError("there is no unfinished file with this uuid")
        return UploadSession(channel, file, self._backend.dialect.codec)

    def open_cluster(self, channel: Channel, user: User, uuid: object) -> Session:
        """Attach to a cluster."""
        clusters = self._backend.clusters
        cluster = clusters.find(user, uuid) if isinstance(uuid, str) else None
        if cluster is None:
            raise RejectedError("there is no cluster with this uuid")
        session = ClusterSession(channel, cluster, clusters, self._backend.dialect.codec)
        try:
            clusters.attach(cluster, channel)
        except RequestError as error:
            raise RejectedError(error.reason) from error
        return session
