"""Executor of uploads: several at once, chunks in any order, lost sockets, early and late finalizes, other users."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

from hanami_conformance.cases.attribution import attribute_to, default_requirement
from hanami_conformance.cases.checks import require
from hanami_conformance.cases.step import Step
from hanami_conformance.models.file import SEGMENT
from hanami_conformance.resources.finished_upload import check_dataset
from hanami_conformance.stateful.access_checks import (
    OTHER_USER_ACTIONS,
    attach_after_end,
    attempt_as_other_user,
    expect_deleted,
    finalize_with_invalid_body,
)
from hanami_conformance.stateful.executors.sequence_chunks import SequenceChunks
from hanami_conformance.stateful.executors.sequence_uploads import SequenceUploads
from hanami_conformance.stateful.novelty import noted
from hanami_conformance.stateful.server_steps import KEPT_STATES, expect_clean
from hanami_conformance.stateful.upload_state import (
    TrackedSocket,
    TrackedUpload,
    missing_spans,
)
from hanami_reports.common.text import pluralise


class UploadExecutor(SequenceChunks):
    """Executes sequences of uploads; see :class:`.sequence_uploads.SequenceUploads`."""

    def execute(self, steps: Sequence[Step]) -> None:
        """See :class:`.execute.SequenceExecutor`; open uploads are completed and read back at the end."""
        try:
            for step in noted(steps, self._state):
                step.require_action({*self.socket_actions, *self.upload_actions, *self.actions})
                with self.stalled_client.attribute_failures():
                    self._execute_step(step)
            with self.stalled_client.attribute_failures(), default_requirement("FIN-1", counts=False):
                for upload in self.uploads:
                    self._complete(upload)
        finally:
            self.stalled_client.stop()

    def _execute_step(self, step: Step) -> None:
        """Execute a step, on the socket or the upload that it names by number if it needs one."""
        if step.action in self.socket_actions:
            on_socket, requirement = self.socket_actions[step.action]
            number = step.int_argument("socket")
            if self.sockets:
                with default_requirement(requirement, counts=False):
                    on_socket(self, self.sockets[number % len(self.sockets)], step)
        elif step.action in self.upload_actions:
            on_upload, requirement = self.upload_actions[step.action]
            number = step.int_argument("upload")
            if self.uploads:
                with default_requirement(requirement, counts=False):
                    on_upload(self, self.uploads[number % len(self.uploads)], step)
        else:
            action, requirement = self.actions[step.action]
            with default_requirement(requirement, counts=False):
                action(self, step)

    def _state(self) -> str:
        sockets = {id(socket.upload) for socket in self.sockets}
        states = {f"{one.state} {_extent(one)}{' attached' * (id(one) in sockets)}" for one in self.uploads}
        return ", ".join([*sorted(states), "stalled client" * bool(self.stalled_client.connections)])

    def _restart_server(self, step: Step) -> None:
        """Kill or restart the server; what need not be kept is left out from then on, and gets clean answers."""
        self.stalled_client.stop()
        if not self.server.restart(step.action):
            return
        self.sockets.clear()
        kept = KEPT_STATES[self.resources.target.durable]
        for upload in self.uploads:
            if upload.state not in kept:
                expect_clean("a PUT", upload.upload.finalize())
                expect_clean("progress", upload.upload.progress_answer())
            elif upload.state == "open":
                upload.lost_sockets.update(upload.upload.files)
                upload.touched_requirements.add("DATA-7")
                with attribute_to("DATA-7"):
                    self._check_progress(upload)
            elif upload.state == "finalized":
                with attribute_to("FIN-1"):
                    upload.upload.description().object()
        self.uploads = [upload for upload in self.uploads if upload.state in kept]

    def _poll_progress(self, tracked: TrackedUpload, step: Step) -> None:  # noqa: ARG002
        if tracked.state == "open":
            self._check_progress(tracked)

    def _check_progress(self, tracked: TrackedUpload) -> None:
        actual = f"complete = {str(tracked.upload.progress()).lower()}"
        missing = sum(file.model.missing for file in tracked.upload.files.values())
        correct = f"complete = {str(not missing).lower()}"
        expected = f"{correct}: {pluralise(missing, 'byte')} missing"
        requirement = "PROG-2" if missing else "PROG-3"
        require(actual == correct, expected=expected, actual=actual, requirement=requirement)

    def _finalize(self, tracked: TrackedUpload, step: Step | None = None) -> None:  # noqa: ARG002
        complete = tracked.upload.complete
        answer = tracked.upload.finalize()
        if tracked.state == "open" and complete:
            if any(socket.upload is tracked for socket in self.sockets):
                tracked.touched_requirements.add("FIN-7")
            with tracked.attribute_content():
                expected = "200 to the PUT of a complete upload"
                require(answer.status == 200, expected=expected, actual=answer, requirement="FIN-1")
            tracked.state = "finalized"  # its content is read back once, at the end
            return
        requirement = {"open": "FIN-3", "finalized": "FIN-5"}.get(tracked.state, "DEL-1")
        state = tracked.state if tracked.state != "open" else "not complete"
        expected = f"a 4xx to the PUT of an upload that is {state}"
        require(answer.rejected, expected=expected, actual=answer, requirement=requirement)
        if tracked.state == "open":
            tracked.touched_requirements.add("FIN-3")

    def _finalize_invalid(self, tracked: TrackedUpload, step: Step) -> None:
        others = [other.upload for other in self.uploads if other is not tracked]
        finalize_with_invalid_body(tracked, others, step.int_argument("field"), step.int_argument("corruption"))

    def _delete(self, tracked: TrackedUpload, step: Step) -> None:  # noqa: ARG002
        answer = tracked.upload.delete()
        status = 404 if tracked.state == "deleted" else 200
        require(answer.status == status, expected=f"{status} to the DELETE", actual=answer, requirement="DEL-1")
        tracked.state = "deleted"

    def _attempt_as_other_user(self, tracked: TrackedUpload, step: Step) -> None:
        others = [account for account in self.accounts if account is not tracked.upload.account]
        if others:
            action = OTHER_USER_ACTIONS[step.int_argument("what") % len(OTHER_USER_ACTIONS)]
            if action == "attach":
                self._make_room()
            attempt_as_other_user(tracked, others[0], action)

    def _attach_after_end(self, tracked: TrackedUpload, step: Step) -> None:
        if tracked.state == "open":
            return
        roles = list(tracked.upload.files)
        self._make_room()
        attach_after_end(tracked, roles[step.int_argument("file") % len(roles)])

    def _complete(self, tracked: TrackedUpload) -> None:
        """Complete, finalize and read back an open upload: no acknowledged byte may be lost."""
        if tracked.state == "open":
            self._check_progress(tracked)
            for role, file in tracked.upload.files.items():
                if file.model.complete:
                    continue
                socket = self._attached_socket(tracked, role)
                for begin, end in missing_spans(file.model.received, SEGMENT):
                    self._send_chunks(socket, [(begin, end - begin, 0)])
            self._check_progress(tracked)
            for socket in [socket for socket in self.sockets if socket.upload is tracked]:
                self._close(socket)  # only a step finalizes while a socket is open
            self._finalize(tracked)
        if tracked.state == "finalized":
            self._finalize(tracked)
            with tracked.attribute_content():
                check_dataset(tracked.upload, tracked.model())
        else:
            expect_deleted(tracked.upload)

    # Action to its method, and to the requirement of a failure that names none.
    socket_actions: ClassVar[Mapping[str, tuple[Callable[[UploadExecutor, TrackedSocket, Step], None], str]]] = {
        **SequenceUploads.closing_actions,
        **SequenceChunks.chunk_actions,
    }
    upload_actions: ClassVar[Mapping[str, tuple[Callable[[UploadExecutor, TrackedUpload, Step], None], str]]] = {
        "progress": (_poll_progress, "PROG-1"),
        "finalize": (_finalize, "FIN-1"),
        "finalize_invalid": (_finalize_invalid, "FIN-4"),
        "delete": (_delete, "DEL-1"),
        "other_user": (_attempt_as_other_user, "GEN-3"),
        "attach_after_end": (_attach_after_end, "FIN-7"),
    }
    actions: ClassVar[Mapping[str, tuple[Callable[[UploadExecutor, Step], None], str]]] = {
        **SequenceUploads.opening_actions,
        **SequenceChunks.all_sockets_actions,
        "kill": (_restart_server, "GEN-2"),
        "restart": (_restart_server, "GEN-2"),
    }


def _extent(upload: TrackedUpload) -> str:
    """Return how much of the files of an upload is there."""
    files = [file.model for file in upload.upload.files.values()]
    if all(model.complete for model in files):
        return "complete"
    return "partly sent" if any(model.received.any() for model in files) else "empty"
