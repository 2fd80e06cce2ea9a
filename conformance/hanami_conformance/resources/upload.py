"""An upload on the target, and what can be done with it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hanami_conformance.cases.attribution import default_requirement, precondition
from hanami_conformance.cases.checks import require
from hanami_conformance.clients.rest import RestResponse
from hanami_conformance.clients.upload_socket import UploadSocket
from hanami_conformance.models.file import FileModel
from hanami_conformance.resources.retry import POLL, reattach
from hanami_conformance.target.attach import FILE_UPLOAD, attach
from hanami_conformance.target.target import Account

MIB = 1 << 20
COMPLETION = "completion of an upload"  # kinds of wait, for its adaptive timeout


@dataclass
class UploadFile:
    """One file of an upload.

    Attributes:
        role: ``input`` or ``label``.
        uuid: of the temporary file on the target.
        model: what the target must hold of it.
    """

    role: str
    uuid: str
    model: FileModel


@dataclass
class Upload:
    """An upload that was begun (requirements INIT-1, INIT-2).

    Attributes:
        account: whose it is.
        kind: ``csv`` or ``mnist``.
        name: of the dataset.
        uuid: of the dataset.
        files: role to file.
    """

    account: Account
    kind: str
    name: str
    uuid: str
    files: dict[str, UploadFile]

    @property
    def size(self) -> int:
        """Announced bytes of all files."""
        return sum(file.model.size for file in self.files.values())

    @property
    def complete(self) -> bool:
        """Whether, by the model, every byte was acknowledged."""
        return all(file.model.complete for file in self.files.values())

    def attach(self, role: str = "input") -> UploadSocket:
        """Return a socket that is attached to one of the files.

        Raises:
            PreconditionFailed: the target does not let it attach.
        """
        file = self.files[role]
        with precondition("attaching to a file"):
            return UploadSocket(
                attach(self.account, file.uuid, FILE_UPLOAD), self.account.target.dialect.codec, file.model
            )

    def attach_again(self, role: str = "input") -> UploadSocket:
        """Return a socket that attaches after an earlier one was lost (requirement DATA-7); see :func:`reattach`."""
        file = self.files[role]
        websocket = reattach(self.account, file.uuid, FILE_UPLOAD)
        return UploadSocket(websocket, self.account.target.dialect.codec, file.model)

    def progress(self) -> bool:
        """Return what the target says of ``complete`` (requirement PROG-1).

        Raises:
            Violation: the answer is no JSON object with a boolean ``complete``.
        """
        with default_requirement("PROG-1"):
            answer = self.progress_answer()
            complete = answer.object().get("complete")
        require(
            isinstance(complete, bool),
            expected="a JSON object with boolean complete",
            actual=answer,
            requirement="PROG-1",
        )
        return bool(complete)

    def progress_answer(self) -> RestResponse:
        """Return the answer to a question for the progress."""
        return self.account.call("dataset.progress", params={"uuid": self.uuid})

    def wait_complete(self) -> bool:
        """Ask for the progress until it is complete, or the deadline is over."""
        timeouts = self.account.target.timeouts
        deadline = timeouts.deadline(COMPLETION)
        began = time.monotonic()
        while not self.progress():
            if deadline.passed:
                timeouts.record_timeout(COMPLETION)
                return False
            time.sleep(POLL)
        timeouts.record_reply(COMPLETION, time.monotonic() - began)
        return True

    def finalize_body(self) -> dict[str, Any]:
        """Return the body of the PUT that finalizes this upload."""
        return {"uuid": self.uuid, **{f"uuid_{role}_file": file.uuid for role, file in self.files.items()}}

    def finalize(self, body: Mapping[str, Any] | None = None, kind: str | None = None) -> RestResponse:
        """Ask the target to merge the files (upload, step 5).

        Args:
            body: another body than the right one.
            kind: the path of another kind than the right one.
        """
        target = self.account.target
        extra = target.dialect.finalize_seconds_per_mib * self.size / MIB
        return self.account.call(f"{kind or self.kind}.finalize", body=body or self.finalize_body(), extra=extra)

    def write_all(self, contents: Mapping[str, bytes], chunk: int = 128 * 1024) -> None:
        """Upload files whole, in order, as preparation for something else.

        Args:
            contents: role to the file's bytes.
            chunk: bytes of a message.

        Raises:
            PreconditionFailed: the target did not take a chunk.
        """
        for role, content in contents.items():
            socket = self.attach(role)
            with precondition("uploading"):
                for position in range(0, len(content), chunk):
                    socket.write(position, content[position : position + chunk])
            socket.close()

    def description(self) -> RestResponse:
        """Return what the target says of the dataset."""
        return self.account.call("dataset.get", params={"uuid": self.uuid})

    def delete(self) -> RestResponse:
        """Delete the dataset, finished or not."""
        return self.account.call("dataset.delete", params={"uuid": self.uuid})
