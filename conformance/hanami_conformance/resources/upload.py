"""An upload on the target and its operations."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from hanami_conformance.cases.attribution import default_requirement, precondition
from hanami_conformance.cases.checks import require
from hanami_conformance.clients.rest_response import RestResponse
from hanami_conformance.clients.upload_socket import UploadSocket
from hanami_conformance.models.file import FileModel
from hanami_conformance.resources.retry import POLL, reattach
from hanami_conformance.target.attach import ATTACHING_TO, FILE_UPLOAD, attach
from hanami_conformance.target.target import Account

MIB = 1 << 20
COMPLETION = "completion of an upload"  # kind of wait, for its adaptive timeout
INIT_REQUIREMENTS = {"csv": "INIT-2", "mnist": "INIT-1"}  # of the POST, by the kind of the upload


def init_fields(name: str, sizes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the body of the POST that begins an upload.

    Args:
        name: Name of the dataset.
        sizes: Role of each file to its announced size in bytes.
    """
    return {"name": name, **{f"{role}_data_size": size for role, size in sizes.items()}}


@dataclass
class UploadFile:
    """One file of an upload.

    Attributes:
        role: ``input`` or ``label``.
        uuid: Uuid of the temporary file on the target.
        model: Required content of the file.
    """

    role: str
    uuid: str
    model: FileModel


@dataclass
class Upload:
    """A started upload (requirements INIT-1, INIT-2).

    Attributes:
        account: Owner of the dataset.
        kind: ``csv`` or ``mnist``.
        name: Name of the dataset.
        uuid: Uuid of the dataset.
        files: Role to file.
        start_again: Function that starts another upload of the same kind and account, with the same sizes by default.
    """

    account: Account
    kind: str
    name: str
    uuid: str
    files: dict[str, UploadFile]
    start_again: Callable[..., Upload]

    @property
    def size(self) -> int:
        """Announced size of all files in bytes."""
        return sum(file.model.size for file in self.files.values())

    @property
    def complete(self) -> bool:
        """Whether every byte was acknowledged, according to the models."""
        return all(file.model.complete for file in self.files.values())

    def attach(self, role: str = "input", chunk_requirement: str | None = None) -> UploadSocket:
        """Attach a socket to a file, as a precondition.

        Args:
            role: Role of the file.
            chunk_requirement: See :class:`UploadSocket`.

        Raises:
            PreconditionFailed: If the target does not accept the socket.
        """
        file = self.files[role]
        with precondition(ATTACHING_TO[FILE_UPLOAD]):
            websocket = attach(self.account, file.uuid, FILE_UPLOAD)
        return UploadSocket(websocket, self.account.target.dialect.codec, file.model, chunk_requirement)

    def reattach(self, role: str = "input") -> UploadSocket:
        """Attach a socket after an earlier one was lost (requirement DATA-7); see :func:`.retry.reattach`."""
        file = self.files[role]
        websocket = reattach(self.account, file.uuid, FILE_UPLOAD, "DATA-7")
        return UploadSocket(websocket, self.account.target.dialect.codec, file.model)

    def progress(self) -> bool:
        """Return ``complete`` from the progress of the upload (requirement PROG-1).

        Raises:
            Violation: If the answer is not a JSON object with a boolean ``complete``.
        """
        with default_requirement("PROG-1"):
            answer = self.progress_answer()
            complete = answer.object().get("complete")
        expected = "a JSON object with boolean complete"
        require(isinstance(complete, bool), expected=expected, actual=answer, requirement="PROG-1")
        return bool(complete)

    def progress_answer(self) -> RestResponse:
        """Return the answer to a progress request."""
        return self.account.call("dataset.progress", params={"uuid": self.uuid})

    def wait_complete(self) -> bool:
        """Poll the progress until it is complete; return False after the deadline."""
        timeouts = self.account.target.timeouts
        deadline = timeouts.deadline(COMPLETION)
        began = time.monotonic()
        while not self.progress():
            if deadline.passed:
                timeouts.record_timeout(COMPLETION, deadline.seconds)
                return False
            time.sleep(POLL)
        timeouts.record_reply(COMPLETION, time.monotonic() - began)
        return True

    def finalize_body(self) -> dict[str, Any]:
        """Return the valid body of the PUT that finalizes this upload."""
        return {"uuid": self.uuid, **{f"uuid_{role}_file": file.uuid for role, file in self.files.items()}}

    def finalize(self, body: Mapping[str, Any] | None = None, kind: str | None = None) -> RestResponse:
        """Finalize the upload (upload, step 5).

        Args:
            body: Body in place of the valid one.
            kind: Kind whose path is used in place of the upload's own.
        """
        target = self.account.target
        extra = target.dialect.finalize_seconds_per_mib * self.size / MIB
        return self.account.call(f"{kind or self.kind}.finalize", body=body or self.finalize_body(), extra=extra)

    def write_all(self, contents: Mapping[str, bytes], chunk: int = 128 * 1024) -> None:
        """Upload complete files in ascending order, as a precondition.

        Args:
            contents: Role to the bytes of the file.
            chunk: Bytes in a message.

        Raises:
            PreconditionFailed: If the target does not accept a chunk.
        """
        for role, content in contents.items():
            socket = self.attach(role)
            with precondition("uploading"):
                for position in range(0, len(content), chunk):
                    socket.write(position, content[position : position + chunk])
            socket.close()

    def plain_twin(self) -> Upload:
        """Upload the same files once more, in the plainest way: one file after the other, in chunks of the SDK's size.

        Where the limit allows no further connection, those that are open are closed: the case is about to fail.

        Raises:
            PreconditionFailed: If the target does not accept them.
        """
        target = self.account.target
        if target.connection_limit.is_reached:
            target.close_connections()
        twin = self.start_again()
        twin.write_all({role: file.model.content.tobytes() for role, file in self.files.items()})
        return twin

    def description(self) -> RestResponse:
        """Return the answer to a request for the description of the dataset."""
        return self.account.call("dataset.get", params={"uuid": self.uuid})

    def delete(self) -> RestResponse:
        """Delete the dataset, finalized or not."""
        return self.account.call("dataset.delete", params={"uuid": self.uuid})
