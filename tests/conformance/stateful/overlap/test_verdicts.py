"""Answers in the form that the models read."""

from __future__ import annotations

import pytest

from hanami_conformance.clients.rest_response import RestResponse
from hanami_conformance.stateful.overlap.history import COMPLETE, INCOMPLETE, REJECTED
from hanami_conformance.stateful.overlap.operations import progress_verdict


@pytest.mark.parametrize(
    ("status", "body", "verdict"),
    [
        (200, b'{"complete": true}', COMPLETE),
        (200, b'{"complete": false}', INCOMPLETE),
        (200, b'{"complete": 1}', "no boolean complete"),
        (200, b'{"complete": 0.0}', "no boolean complete"),
        (200, b'{"complete": []}', "no boolean complete"),
        (200, b'{"complete": {}}', "no boolean complete"),
        (200, b"[]", "no boolean complete"),
        (404, b"", REJECTED),
        (500, b"", None),
    ],
)
def test_only_a_boolean_says_whether_an_upload_is_complete(status: int, body: bytes, verdict: str | None) -> None:
    assert progress_verdict(RestResponse("GET /progress", status, body, "application/json")) == verdict
