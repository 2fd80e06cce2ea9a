"""Upload of a dataset, in the steps of the workflow document."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from hanami_proto.codec import SchemaError
from session import PAUSES, HanamiError, RejectedError, Session, TemporaryError, exchange

CHUNK_SIZE = 128 * 1024  # bytes; any size will do
POLL = 0.5  # seconds between two requests for the progress
COMPLETE_SECONDS = 10.0  # until the server must have registered what it acknowledged


def upload(session: Session, kind: str, name: str, files: Mapping[str, bytes]) -> str:
    """Upload a dataset.

    Args:
        session: Session of the owner.
        kind: ``mnist`` or ``csv``.
        name: Name of the dataset.
        files: Contents of the files: ``input``, for MNIST also ``label``.

    Returns:
        The uuid of the dataset.
    """
    # Step 1. Not repeatable: after a lost answer, a second POST would leave the upload of the first one behind.
    sizes = {f"{role}_data_size": len(content) for role, content in files.items()}
    answer = session.call(f"{kind}.init", {"name": name, **sizes}, repeatable=False)
    keys = ("uuid", *(f"uuid_{role}_file" for role in files))
    uuids = {key: str(answer[key]) for key in keys if key in answer}
    if len(uuids) < len(keys):
        raise HanamiError(f"the answer to the POST does not have all of {', '.join(keys)}")
    # Steps 2 and 3. A websocket for each file, one after the other: servers have few workers.
    for role, content in files.items():
        send_file(session, uuids[f"uuid_{role}_file"], content)
    wait_until_complete(session, uuids["uuid"])
    finalize(session, kind, uuids)
    return uuids["uuid"]


def send_file(session: Session, uuid: str, content: bytes) -> None:
    """Send a file; after a lost connection attach again, and go on with what was not acknowledged (steps 2 and 3)."""
    codec = session.dialect.codec
    position = 0  # every byte before it was acknowledged
    for pause in (*PAUSES, None):
        try:
            with session.attach("file_upload", uuid) as socket:
                while position < len(content):
                    chunk = content[position : position + CHUNK_SIZE]
                    answer = codec.decode_acknowledgement(exchange(socket, codec.encode_chunk(position, chunk)))
                    if not answer.success:
                        raise HanamiError(f"the server rejected the chunk at {position}: {answer.error}")
                    position += len(chunk)
        except SchemaError as error:
            raise HanamiError(f"the chunk at {position} was not acknowledged: {error}") from error
        except TemporaryError:
            if pause is None:
                raise
            time.sleep(pause)
        else:
            return


def wait_until_complete(session: Session, uuid: str) -> None:
    """Ask for the progress until the upload is complete (step 4)."""
    deadline = time.monotonic() + COMPLETE_SECONDS
    while session.call("dataset.progress", {"uuid": uuid}).get("complete") is not True:
        if time.monotonic() >= deadline:
            raise HanamiError(f"the upload {uuid} is not complete within {COMPLETE_SECONDS:g} s")
        time.sleep(POLL)


def finalize(session: Session, kind: str, uuids: Mapping[str, Any]) -> None:
    """Merge the files into the dataset (step 5)."""
    try:
        session.call(f"{kind}.finalize", uuids)
    except RejectedError as error:
        if not error.may_be_done:
            raise
        session.call("dataset.get", {"uuid": uuids["uuid"]})  # the first try was done if there is a dataset now
