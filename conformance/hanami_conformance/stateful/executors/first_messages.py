"""Sequences of first messages: whatever comes first on a socket, only what is right is accepted."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from hanami_conformance.cases.attribution import attribute_to, default_requirement
from hanami_conformance.cases.checks import require
from hanami_conformance.cases.failures import ConnectionClosed
from hanami_conformance.cases.step import Step
from hanami_conformance.clients.cluster_messages import ClusterShape
from hanami_conformance.clients.websocket import WebSocket
from hanami_conformance.common.redact import SECRETS
from hanami_conformance.common.text import pluralise
from hanami_conformance.resources.cluster import Cluster
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.resources.retry import reattach
from hanami_conformance.resources.upload import Upload
from hanami_conformance.stateful.placeholders import drop_missing, resolve_value, token_variants
from hanami_conformance.target.attach import CLUSTER, FILE_UPLOAD, attach, first_message, refused
from hanami_conformance.target.target import Account

SHAPE = ClusterShape({"test_input": 3}, {"test_output": 2}, hidden=2)
SIZE = 100  # bytes of the file
ACTIONS = ("first", "cut", "text", "binary")


@dataclass
class FirstMessageExecutor:
    """Acts sequences of first messages out, each on a socket of its own.

    Args:
        resources: makes an upload and a cluster, and deletes them.
        accounts: the first of them attaches.
    """

    resources: ResourceFactory
    accounts: Sequence[Account]
    _served: set[str] = field(default_factory=set)  # uuids that had a socket
    _behind: set[str] = field(default_factory=set)  # roles of the files that chunks behind a refusal may have been for

    @property
    def account(self) -> Account:
        """Who attaches."""
        return self.accounts[0]

    @cached_property
    def upload(self) -> Upload:
        """What a file's socket is for."""
        return self.resources.mnist(SIZE, SIZE)

    @cached_property
    def cluster(self) -> Cluster:
        """What a cluster's socket is for, in direct mode."""
        made = self.resources.cluster(SHAPE)
        made.enter_direct_mode()
        return made

    def tell(self, steps: Sequence[Step]) -> None:
        """See :class:`.execute.SequenceExecutor`; at the end a right first message must be accepted."""
        for step in steps:
            step.must_be_one_of(ACTIONS)
            getattr(self, f"_{step.do}")(step)
        if self._behind:
            self._nothing_counted()
        self._serves("input", b"served")

    def _nothing_counted(self) -> None:
        """Chunks behind a refusal count for nothing (ATT-7): with the other file whole, theirs must be missing."""
        other = "input" if self._behind == {"label"} else "label"
        self._serves(other, bytes(SIZE))
        wanted = f"complete = false: of the file beside the {other} file nothing was accepted"
        require(not self.upload.progress(), expected=wanted, actual="complete = true", requirement="ATT-7")

    def _serves(self, role: str, data: bytes) -> None:
        with attribute_to("GEN-2"):
            socket = self.upload.attach_again(role)
            socket.write(0, data)
            socket.close()

    def _first(self, step: Step) -> None:
        right = self.account.token
        tokens = {"right": lambda: right, **token_variants(right, step.number("by"))}
        authority, token = resolve_value(step, "token", tokens)
        uuids = {
            "file": lambda: self.upload.files["input"].uuid,
            "label": lambda: self.upload.files["label"].uuid,
            "dataset": lambda: self.upload.uuid,
            "cluster": lambda: self.cluster.uuid,
        }
        uuid_is, uuid = resolve_value(step, "uuid", uuids)
        target = resolve_value(step, "target", {})[1]
        message = json.dumps(drop_missing({"token": token, "uuid": uuid, "target": target}))
        requirement, why = self._wrong(authority, uuid_is, target)
        if requirement is None:
            self._accepted(uuid, target)
        else:
            chunk = bool(step.number("chunk"))
            if chunk:
                self._behind.add("label" if uuid_is == "label" else "input")
            self._refused(message.encode(), requirement, why, chunk=chunk)

    def _wrong(self, authority: str, uuid_is: str, target: Any) -> tuple[str | None, str]:
        """Return the requirement by which a first message must be refused, and why; None where it is right."""
        if authority != "right":
            return "ATT-3", f"the token is {authority}"
        if target not in (FILE_UPLOAD, CLUSTER):
            return "ATT-5", "the target is none"
        if uuid_is in ("value", "missing"):
            return "ATT-4", "the uuid is of nothing"
        if (uuid_is in ("file", "label")) != (target == FILE_UPLOAD) or uuid_is == "dataset":
            return "ATT-6", f"the uuid is of a {uuid_is}, the target {target}"
        return None, ""

    def _cut(self, step: Step) -> None:
        """Send the right message, cut short."""
        whole = first_message(self.account.token, self.upload.files["input"].uuid, FILE_UPLOAD)
        cut = whole[: step.number("length") % len(whole)]
        token = json.dumps(self.account.token)[1:-1]
        begin = whole.index(token)
        if begin < len(cut) < begin + len(token):
            SECRETS.add(cut[begin:], "token cut short")
        self._refused(cut.encode(), "ATT-5", f"it is cut after {pluralise(len(cut), 'character')}", chunk=False)

    def _text(self, step: Step) -> None:
        text = step.text("text") * max(1, step.number("times"))
        with contextlib.suppress(ValueError, RecursionError):
            if isinstance(json.loads(text), dict):
                return  # an object is for :meth:`_first`
        self._refused(text.encode("utf-8", "replace"), "ATT-5", "it is no JSON object", chunk=False)

    def _binary(self, step: Step) -> None:
        payload = step.data("bytes")
        with contextlib.suppress(ValueError, RecursionError):
            if isinstance(json.loads(payload), dict):
                return
        self._refused(payload, "ATT-5", "it is no JSON object", chunk=False, text=False)

    def _open(self) -> WebSocket:
        websocket = self.resources.target.websocket()
        websocket.open()
        return websocket

    def _accepted(self, uuid: str, target: str) -> None:
        """Send a right first message; where there was a socket before, the server may be slow to notice its end."""
        again = uuid in self._served
        self._served.add(uuid)
        with default_requirement("ATT-2"):
            websocket = (reattach if again else attach)(self.account, uuid, target)
        surplus = websocket.close()
        require(not surplus, expected="one answer", actual=f"{len(surplus)} more", requirement="ATT-2")

    def _refused(self, message: bytes, requirement: str, why: str, *, chunk: bool, text: bool = True) -> None:
        """Send a first message that must be refused, with a chunk behind it where the step says so (ATT-7)."""
        websocket = self._open()
        try:
            with default_requirement(requirement):
                if text:
                    websocket.send_text(message.decode())
                else:
                    websocket.send(message, "bytes as first message")
                answer = websocket.receive_or_close("an answer to the first message, or a close")
            wanted = f"a refusal (success false, or a close): {why}"
            require(refused(answer), expected=wanted, actual=answer, requirement=requirement)
            with contextlib.suppress(ConnectionClosed):
                for position in range(0, SIZE if chunk else 0, SIZE // 2):
                    payload = self.resources.target.dialect.codec.encode_chunk(position, bytes(SIZE // 2))
                    websocket.send(payload, "a chunk after the refusal")
        finally:
            websocket.close()
