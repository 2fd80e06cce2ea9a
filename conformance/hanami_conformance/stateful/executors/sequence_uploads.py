"""The uploads of a sequence and their sockets: begun, attached, closed and lost."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from hanami_conformance.cases.attribution import attribute_to
from hanami_conformance.cases.checks import require
from hanami_conformance.cases.step import Step
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.stateful.server_steps import ServerSteps
from hanami_conformance.stateful.stalled_client import FEWEST_CONNECTIONS, STALL_KINDS, StalledClient
from hanami_conformance.stateful.upload_state import TrackedSocket, TrackedUpload, mnist_files, table_file
from hanami_conformance.target.target import Account

MOST_UPLOADS = 3


@dataclass
class SequenceUploads:
    """The uploads of a sequence, each with its state and its sockets.

    Args:
        resources: Factory of the uploads.
        accounts: Accounts that may upload; a sequence names them by number.
    """

    resources: ResourceFactory
    accounts: Sequence[Account]
    uploads: list[TrackedUpload] = field(default_factory=list)
    sockets: list[TrackedSocket] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.stalled_client = StalledClient(self.resources.target)
        self.server = ServerSteps(self.resources.target)

    def _begin(self, step: Step) -> None:
        if len(self.uploads) >= MOST_UPLOADS:
            return
        account = self.accounts[step.int_argument("user") % len(self.accounts)]
        if step.text_argument("kind") == "csv":
            rows = step.int_argument("rows") if "rows" in step.arguments else 0
            contents = table_file(step.int_argument("size"), rows)
            upload = self.resources.csv(len(contents["input"]), account)
        else:
            contents = mnist_files(step.int_argument("size"), max(1, step.int_argument("count")))
            upload = self.resources.mnist(len(contents["input"]), len(contents["label"]), account)
        self.uploads.append(TrackedUpload(upload, contents))

    def _attach(self, step: Step) -> None:
        files = [(upload, role) for upload in self.uploads if upload.state == "open" for role in upload.upload.files]
        if files:
            self._attached_socket(*files[step.int_argument("file") % len(files)])

    def _attached_socket(self, upload: TrackedUpload, role: str) -> TrackedSocket:
        """Attach a socket to a file; an earlier one is closed first, since several are left open (ATT-8)."""
        for earlier in [socket for socket in self.sockets if socket.upload is upload and socket.role == role]:
            self._close(earlier)
        self._make_room()
        with attribute_to("DATA-7" if role in upload.lost_sockets else "ATT-2"):
            socket = TrackedSocket(upload.upload.reattach(role), upload, role)
        self.sockets.append(socket)
        return socket

    def _make_room(self) -> None:
        """Close sockets until one more is within the limit of connections."""
        limit = self.resources.target.connection_limit.limit - self.stalled_client.connections
        while len(self.sockets) >= max(1, limit):
            self._close(self.sockets[0])

    def _close(self, tracked: TrackedSocket, step: Step | None = None) -> None:  # noqa: ARG002 - signature of a step
        unsolicited = tracked.socket.close()
        self._forget(tracked)
        expected, actual = "one answer to each message", f"{len(unsolicited)} more"
        require(not unsolicited, expected=expected, actual=actual, requirement="DATA-1")

    def _drop(self, tracked: TrackedSocket, step: Step) -> None:  # noqa: ARG002
        tracked.socket.websocket.reset()
        self._forget(tracked)
        tracked.upload.touched_requirements.add("DATA-7")

    def _forget(self, tracked: TrackedSocket) -> None:
        tracked.upload.lost_sockets.add(tracked.role)
        self.sockets = [other for other in self.sockets if other is not tracked]

    def _start_stalled_client(self, step: Step) -> None:
        how = step.choice_argument("how", STALL_KINDS)
        if self.resources.target.connection_limit.limit < FEWEST_CONNECTIONS:
            return
        self.stalled_client.stop()
        self._make_room()
        self.stalled_client.start(how)
        for upload in self.uploads:
            upload.touched_requirements.add("GEN-4")

    # Action to its method, and to the requirement of a failure that names none.
    closing_actions: ClassVar[Mapping[str, tuple[Callable[[SequenceUploads, TrackedSocket, Step], None], str]]] = {
        "close": (_close, "DATA-1"),
        "drop": (_drop, "DATA-7"),
    }
    opening_actions: ClassVar[Mapping[str, tuple[Callable[[SequenceUploads, Step], None], str]]] = {
        "begin": (_begin, "DATA-1"),
        "attach": (_attach, "ATT-2"),
        "stalled_client": (_start_stalled_client, "GEN-4"),
    }
