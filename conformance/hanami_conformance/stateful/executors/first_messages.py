"""Executor of first messages: a valid one is accepted, every other one is rejected."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any, ClassVar

from hanami_conformance.cases.attribution import attribute_to, attribute_to_steps, default_requirement
from hanami_conformance.cases.checks import require
from hanami_conformance.cases.failures import ConnectionClosed, Violation
from hanami_conformance.cases.step import Step
from hanami_conformance.clients.cluster_messages import ClusterShape
from hanami_conformance.clients.upload_socket import UploadSocket
from hanami_conformance.common.redact import SECRETS
from hanami_conformance.resources.cluster import Cluster
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.resources.retry import reattach
from hanami_conformance.resources.upload import Upload
from hanami_conformance.stateful.novelty import noted
from hanami_conformance.stateful.placeholders import drop_missing, resolve_value, token_variants
from hanami_conformance.target.attach import CLUSTER, FILE_UPLOAD, attach, first_message, is_rejected
from hanami_conformance.target.target import Account
from hanami_reports.common.text import pluralise

SHAPE = ClusterShape({"test_input": 3}, {"test_output": 2}, hidden=2)
SIZE = 100  # bytes in each file


@dataclass
class FirstMessageExecutor:
    """Executes sequences of first messages, each on a socket of its own.

    Args:
        resources: Factory of an upload and a cluster.
        accounts: Accounts of the target; the first one attaches.
    """

    resources: ResourceFactory
    accounts: Sequence[Account]
    _attached: set[str] = field(default_factory=set)  # uuids that had a socket
    _rejected_chunks: set[str] = field(default_factory=set)  # roles of the files that chunks after a rejection named

    @property
    def account(self) -> Account:
        """Account that attaches."""
        return self.accounts[0]

    @cached_property
    def upload(self) -> Upload:
        """Upload for the sockets of files."""
        return self.resources.mnist(SIZE, SIZE)

    @cached_property
    def cluster(self) -> Cluster:
        """Cluster in direct mode, for the sockets of clusters."""
        cluster = self.resources.cluster(SHAPE)
        cluster.enter_direct_mode()
        return cluster

    def execute(self, steps: Sequence[Step]) -> None:
        """See :class:`.execute.SequenceExecutor`; a valid first message must be accepted at the end."""
        for step in noted(steps, lambda: f"{len(self._attached)} attached"):
            step.require_action(self.actions)
            self.actions[step.action](self, step)
        if self._rejected_chunks:
            self._expect_rejected_chunks_ignored()
        with attribute_to_steps(steps, "GEN-2", default="DATA-1"):
            # After steps the server may be slow to detect the end of an earlier socket.
            self._send(self.upload.reattach() if steps else self.upload.attach(), b"served")

    def _expect_rejected_chunks_ignored(self) -> None:
        """Complete one file; the upload must stay incomplete, since chunks after a rejection do not count (ATT-7)."""
        other = "input" if self._rejected_chunks == {"label"} else "label"
        with attribute_to("GEN-2"):
            self._send(self.upload.reattach(other), bytes(SIZE))
        expected = f"complete = false: of the file beside the {other} file nothing was accepted"
        if self.upload.progress():
            # Without such chunks as well, it is the progress that is wrong.
            plain = self.upload.start_again()
            plain.write_all({other: bytes(SIZE)})
            require(not plain.progress(), expected=expected, actual="complete = true", requirement="PROG-2")
            raise Violation(expected, "complete = true", "ATT-7")
        require(True, expected=expected, actual="complete = false", requirement="ATT-7")

    def _send(self, socket: UploadSocket, data: bytes) -> None:
        socket.write(0, data)
        socket.close()

    def _send_object(self, step: Step) -> None:
        valid_token = self.account.token
        tokens = {"right": lambda: valid_token, **token_variants(valid_token, step.int_argument("by"))}
        token_tag, token = resolve_value(step, "token", tokens)
        uuids = {
            "file": lambda: self.upload.files["input"].uuid,
            "label": lambda: self.upload.files["label"].uuid,
            "dataset": lambda: self.upload.uuid,
            "cluster": lambda: self.cluster.uuid,
        }
        uuid_tag, uuid = resolve_value(step, "uuid", uuids)
        target = resolve_value(step, "target", {})[1]
        message = json.dumps(drop_missing({"token": token, "uuid": uuid, "target": target}))
        requirement, reason = self._reason_to_reject(token_tag, uuid_tag, target)
        if requirement is None:
            self._expect_accepted(uuid, target)
            return
        chunk = bool(step.int_argument("chunk"))
        if chunk:
            self._rejected_chunks.add("label" if uuid_tag == "label" else "input")
        self._expect_rejected(message.encode(), requirement, reason, chunk=chunk)

    def _reason_to_reject(self, token_tag: str, uuid_tag: str, target: Any) -> tuple[str | None, str]:
        """Return the requirement and the reason to reject a first message; None for a valid one."""
        if token_tag != "right":  # noqa: S105 - no password
            return "ATT-3", f"the token is {token_tag}"
        if target not in (FILE_UPLOAD, CLUSTER):
            return "ATT-5", "the target is unknown"
        if uuid_tag in ("value", "missing"):
            return "ATT-4", "the uuid is unknown"
        if (uuid_tag in ("file", "label")) != (target == FILE_UPLOAD) or uuid_tag == "dataset":
            return "ATT-6", f"the uuid is of a {uuid_tag}, the target {target}"
        return None, ""

    def _send_truncated(self, step: Step) -> None:
        """Send a truncated valid message."""
        whole = first_message(self.account.token, self.upload.files["input"].uuid, FILE_UPLOAD)
        message = whole[: step.int_argument("length") % len(whole)]
        token = json.dumps(self.account.token)[1:-1]
        begin = whole.index(token)
        if begin < len(message) < begin + len(token):
            SECRETS.add(message[begin:], "token cut short")
        reason = f"it is truncated after {pluralise(len(message), 'character')}"
        self._expect_rejected(message.encode(), "ATT-5", reason, chunk=False)

    def _send_text(self, step: Step) -> None:
        text = step.text_argument("text") * max(1, step.int_argument("times"))
        if not _is_object(text):
            self._expect_rejected(text.encode("utf-8", "replace"), "ATT-5", "it is not a JSON object", chunk=False)

    def _send_binary(self, step: Step) -> None:
        payload = step.bytes_argument("bytes")
        if not _is_object(payload):
            self._expect_rejected(payload, "ATT-5", "it is not a JSON object", chunk=False, text=False)

    def _expect_accepted(self, uuid: str, target: str) -> None:
        """Send a valid first message; after an earlier socket, the server may be slow to detect its end."""
        known = uuid in self._attached
        self._attached.add(uuid)
        with default_requirement("ATT-2"):
            connect = partial(reattach, requirement="ATT-2") if known else attach
            websocket = connect(self.account, uuid, target)
        unsolicited = websocket.close()
        require(not unsolicited, expected="one answer", actual=f"{len(unsolicited)} more", requirement="ATT-2")

    def _expect_rejected(
        self, message: bytes, requirement: str, reason: str, *, chunk: bool, text: bool = True
    ) -> None:
        """Send a first message that must be rejected, followed by chunks if the step says so (ATT-7)."""
        websocket = self.resources.target.websocket()
        websocket.open()
        try:
            with default_requirement(requirement):
                if text:
                    websocket.send_text(message.decode())
                else:
                    websocket.send(message, "bytes as first message")
                answer = websocket.receive_or_close("an answer to the first message, or a close")
            expected = f"a rejection (success false, or a close): {reason}"
            require(is_rejected(answer), expected=expected, actual=answer, requirement=requirement)
            with contextlib.suppress(ConnectionClosed):
                for position in range(0, SIZE if chunk else 0, SIZE // 2):
                    payload = self.resources.target.dialect.codec.encode_chunk(position, bytes(SIZE // 2))
                    websocket.send(payload, "a chunk after the rejection")
        finally:
            websocket.close()

    actions: ClassVar[Mapping[str, Callable[[FirstMessageExecutor, Step], None]]] = {
        "first_message": _send_object,
        "truncated": _send_truncated,
        "text": _send_text,
        "binary": _send_binary,
    }


def _is_object(text: str | bytes) -> bool:
    """Whether a text is a JSON object, which is the business of the step ``first_message``."""
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False
