"""Calls in other forms on the wire."""

from __future__ import annotations

import base64
import json

import pytest

from hanami_conformance.cases.recording import current_case
from hanami_conformance.clients.http_forms import FRAMINGS, HttpForm
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.target.formed_account import AFTER_REJECTION, KEPT, CallForm, FormedAccount


@pytest.mark.parametrize("framing", list(FRAMINGS))
def test_no_framing_of_a_body_hides_a_secret_from_the_recording(resources: ResourceFactory, framing: str) -> None:
    account = FormedAccount(resources.target.account, CallForm(HttpForm(body=framing)))
    account.log_in()
    account.close()
    *_, login = (event for event in current_case().exchange() if event.direction == "sent")
    body = base64.b64decode(login.payload)
    assert json.loads(body) == {"id": "alice", "password": "[password of the first user]"}
    assert "very-secret" not in login.summary


def test_what_the_head_of_a_request_does_not_show_is_noted_before_it(resources: ResourceFactory) -> None:
    account = FormedAccount(resources.target.account, CallForm(HttpForm("chunks of 7 bytes", "head apart")))
    account.log_in()
    account.call("dataset.list")
    account.close()
    notes = [event for event in current_case().exchange() if event.kind == "form"]
    assert [(event.channel, event.direction, event.summary) for event in notes] == [
        ("tcp-1", "note", "the request that follows has chunks of 7 bytes, TCP segments: head apart"),
        ("tcp-2", "note", "the request that follows has TCP segments: head apart"),
    ]


@pytest.mark.parametrize("form", [KEPT, AFTER_REJECTION])
def test_a_kept_connection_counts_for_the_limit(resources: ResourceFactory, form: str) -> None:
    """Never more connections than the limit and one REST call in addition, nor fewer where there is room."""
    target = resources.target
    limit = target.connection_limit.limit
    account = FormedAccount(target.account, CallForm(connection=form))
    for sockets in range(limit + 1):
        assert account.call("dataset.list").status == 200
        assert account.is_kept
        target.account.call("dataset.list")
        assert account.is_kept == (sockets < limit), (
            f"{sockets} of {limit} sockets, the kept connection and a REST call"
        )
        if sockets < limit:
            target.websocket().open()
    assert account.call("dataset.list").status == 200  # over a new connection
    account.close()
    target.close_connections()
