"""The first message of a socket, and how an answer to it is told to accept or to refuse."""

from __future__ import annotations

import json
from typing import Any

from hanami_conformance.cases.checks import require
from hanami_conformance.cases.failures import Violation
from hanami_conformance.clients.json_response import json_object
from hanami_conformance.clients.websocket import WebSocket
from hanami_conformance.clients.websocket_events import CloseInfo, Message
from hanami_conformance.target.target import Account, Target

FILE_UPLOAD = "file_upload"
CLUSTER = "cluster"


def first_message(token: Any, uuid: Any, target: Any) -> str:
    """Return the first message of a socket (upload and direct interaction, step 2)."""
    return json.dumps({"token": token, "uuid": uuid, "target": target})


def accepted(message: Message) -> bool:
    """Whether the answer to a first message accepts it: JSON whose success is 1 or true (requirement ATT-2)."""
    answer = json_object(message.data)
    return answer is not None and answer.get("success") in (1, True)


def refused(answer: Message | CloseInfo) -> bool:
    """Whether an answer to a first message is a refusal that a client can recognise (requirement ATT-3)."""
    if isinstance(answer, CloseInfo):
        return True
    parsed = json_object(answer.data)
    return parsed is not None and "success" in parsed and parsed["success"] in (0, False)


def attach(account: Account, uuid: str, target: str) -> WebSocket:
    """Open a socket and attach it to a file or a cluster.

    Raises:
        Violation: the target does not accept it.
    """
    websocket = account.target.websocket()
    websocket.open()
    try:
        websocket.send_text(first_message(account.token, uuid, target))
        answer = websocket.receive_or_close("an answer to the first message")
        require(
            isinstance(answer, Message) and accepted(answer),
            expected="a JSON object whose success is 1 or true",
            actual=answer,
            requirement="ATT-2",
        )
    except BaseException:
        websocket.close()
        raise
    account.target.attached = True
    return websocket


def expect_rejected(target: Target, first: str, why: str, requirement: str | None = None) -> Message | CloseInfo:
    """Send a first message, over a socket of its own, that must be refused.

    Args:
        target: the server.
        first: the message.
        why: it must be refused, for the report.
        requirement: id of the requirement that is broken otherwise, None for the one that the test names first.

    Raises:
        Violation: it was accepted, or not answered in bounded time.
    """
    websocket = target.websocket()
    websocket.open()
    try:
        websocket.send_text(first)
        answer = websocket.receive_or_close("an answer to the first message, or a close")
    except Violation as violation:
        if violation.requirement is None and requirement is not None:
            violation.reattribute(requirement)
        raise
    finally:
        websocket.close()
    wanted = f"a refusal (success false, or a close): {why}"
    require(refused(answer), expected=wanted, actual=answer, requirement=requirement)
    return answer
