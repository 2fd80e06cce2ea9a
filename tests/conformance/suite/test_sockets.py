"""An accepted first message violates the requirement to reject it, and what follows it may have effects."""

from __future__ import annotations

import pytest

from hanami_conformance.cases.failures import Violation
from hanami_conformance.clients.websocket_events import Message
from hanami_conformance.suite.support.sockets import expect_not_accepted

REJECTION = Message(text=True, data=b'{"success": false, "error": "no"}')
ACCEPTANCE = Message(text=True, data=b'{"success": 1}')
CHUNK_ANSWER = Message(text=False, data=b"\x08\x01")


def test_an_acceptance_among_the_answers_violates_that_the_message_is_rejected() -> None:
    with pytest.raises(Violation) as caught:
        expect_not_accepted([REJECTION, ACCEPTANCE, CHUNK_ANSWER], "ATT-3")
    assert caught.value.requirement == "ATT-3"


def test_rejections_and_answers_to_chunks_are_no_acceptance() -> None:
    expect_not_accepted([], "ATT-3")
    expect_not_accepted([REJECTION, CHUNK_ANSWER], "ATT-3")
