"""Websocket session of a file: it writes chunks, and acknowledges each."""

from __future__ import annotations

from types import TracebackType

from hanami_proto.codec import Codec, SchemaError
from hanami_reference_backend.common.errors import clean
from hanami_reference_backend.sockets.channel import Channel
from hanami_reference_backend.storage.uploads import TempFile


class UploadSession:
    """Upload, step 3 (DATA-1 to DATA-12)."""

    def __init__(self, channel: Channel, file: TempFile, codec: Codec) -> None:
        self._channel = channel
        self._file = file
        self._codec = codec
        self._written = codec.encode_acknowledgement(success=True)

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    async def run(self) -> None:
        """Serve until the socket ends."""
        channel = self._channel
        while True:
            await channel.send_bytes(self.answer(await channel.receive()))

    def answer(self, message: bytes | str) -> bytes:
        """Process a message and return its FileUploadResponse_Message."""
        reason = self.write_chunk(message)
        return self._written if reason is None else self._codec.encode_acknowledgement(False, clean(reason))

    def write_chunk(self, message: bytes | str) -> str | None:
        """Write the chunk of a message; return the reason of a rejection, or None (DATA-5, DATA-6)."""
        if isinstance(message, str):
            return "a chunk must be a binary message"
        try:
            chunk = self._codec.decode_chunk(message)
        except SchemaError as error:
            return str(error)
        return self._file.write(chunk.position, chunk.data)
