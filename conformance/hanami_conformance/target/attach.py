"""The first message of a socket, and how to recognise that the target accepts or rejects it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from hanami_conformance.cases.checks import require
from hanami_conformance.cases.failures import Violation
from hanami_conformance.cases.preparations import PREPARATIONS
from hanami_conformance.clients.json_forms import JSON_FORMS
from hanami_conformance.clients.json_response import json_object
from hanami_conformance.clients.websocket import WebSocket
from hanami_conformance.clients.websocket_events import CloseInfo, Message
from hanami_conformance.clients.websocket_forms import HANDSHAKES, MessageForm
from hanami_conformance.common.text import printable_line
from hanami_conformance.target.target import Account, Target

FILE_UPLOAD = "file_upload"
CLUSTER = "cluster"
ATTACHING_TO = {FILE_UPLOAD: "attaching to a file", CLUSTER: "attaching to a cluster"}  # as preparations


def first_message(token: Any, uuid: Any, target: Any) -> str:
    """Return the first message of a socket (upload and direct interaction, step 2)."""
    return json.dumps({"token": token, "uuid": uuid, "target": target})


def is_accepted(message: Message) -> bool:
    """Return whether an answer accepts a first message: JSON whose success is 1 or true (requirement ATT-2)."""
    answer = json_object(message.data)
    return answer is not None and answer.get("success") in (1, True)


def is_rejected(answer: Message | CloseInfo) -> bool:
    """Return whether an answer is a rejection that a client can recognise (requirement ATT-3)."""
    if isinstance(answer, CloseInfo):
        return True
    parsed = json_object(answer.data)
    return parsed is not None and "success" in parsed and parsed["success"] in (0, False)


@dataclass(frozen=True)
class AttachForm:
    """The form of an attachment on the wire.

    Attributes:
        handshake: Spelling of the handshake, of :data:`HANDSHAKES`.
        json: JSON of the first message, of :data:`JSON_FORMS`.
        frames: Frames of the first message.
    """

    handshake: str = "usual"
    json: str = "usual"
    frames: MessageForm = field(default_factory=MessageForm)


USUAL = AttachForm()


def attach(
    account: Account, uuid: str, target: str, websocket: WebSocket | None = None, form: AttachForm = USUAL
) -> WebSocket:
    """Open a socket and attach it to a file or a cluster.

    Args:
        account: Owner of the resource.
        uuid: Uuid of the file or the cluster.
        target: Kind of the resource, ``file_upload`` or ``cluster``.
        websocket: Websocket that is not open yet; None for a new one of the target.
        form: Form of handshake and first message on the wire.

    Raises:
        Violation: If the target does not accept the first message.
    """
    websocket = websocket or account.target.websocket()
    headers, cuts = HANDSHAKES[form.handshake]
    websocket.open(headers, cuts)
    try:
        if form == USUAL:
            websocket.send_text(first_message(account.token, uuid, target))
        else:
            text = JSON_FORMS[form.json]({"token": account.token, "uuid": uuid, "target": target})
            websocket.send_formed(text.encode(), form.frames, f"text {printable_line(text)}", text=True)
        answer = websocket.receive_or_close("an answer to the first message")
        require(
            isinstance(answer, Message) and is_accepted(answer),
            expected="a JSON object whose success is 1 or true",
            actual=answer,
            requirement="ATT-2",
        )
    except BaseException:
        websocket.close()
        raise
    account.target.attached = True
    PREPARATIONS.note(ATTACHING_TO[target], worked=True)
    return websocket


def expect_rejected(target: Target, message: str, why: str, requirement: str | None = None) -> Message | CloseInfo:
    """Send a first message that must be rejected, over a socket of its own.

    Args:
        target: The target.
        message: Text of the first message.
        why: Reason for the rejection, for the report.
        requirement: Id of the violated requirement if the message is accepted; None for the default one.

    Raises:
        Violation: If the message is accepted, or not answered in time.
    """
    websocket = target.websocket()
    websocket.open()
    try:
        websocket.send_text(message)
        answer = websocket.receive_or_close("an answer to the first message, or a close")
    except Violation as violation:
        if violation.requirement is None and requirement is not None:
            violation.reattribute(requirement)
        raise
    finally:
        websocket.close()
    expected = f"a rejection (success false, or a close): {why}"
    require(is_rejected(answer), expected=expected, actual=answer, requirement=requirement)
    return answer
