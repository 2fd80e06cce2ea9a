"""What becomes of a finished upload, where the server is lost meanwhile."""

from __future__ import annotations

from typing import Any

import pytest

from hanami_conformance.cases.failures import ConnectionClosed, ResponseTimeout, Violation
from hanami_conformance.clients.rest_response import RestResponse
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.resources.finished_upload import FinishedUpload
from hanami_conformance.suite.support.uploads import small_upload
from support.sequences import violated_requirement


def lose_content(resources: ResourceFactory, monkeypatch: pytest.MonkeyPatch, lost: Violation) -> None:
    """Let every request for the content of a dataset fail."""
    account_type = type(resources.target.account)
    call = account_type.call

    def fail(self: Any, operation: str, **more: Any) -> RestResponse:
        if operation == "dataset.content":
            raise lost
        return call(self, operation, **more)

    monkeypatch.setattr(account_type, "call", fail)


@pytest.mark.parametrize("failure", [ResponseTimeout, ConnectionClosed])
def test_a_server_that_is_lost_has_no_unreadable_content(
    resources: ResourceFactory, monkeypatch: pytest.MonkeyPatch, failure: type[Violation]
) -> None:
    finished = FinishedUpload(*small_upload(resources, "csv"), "an upload")
    finished.merging.judge()
    lose_content(resources, monkeypatch, failure("the content", "nothing"))
    with pytest.raises(failure) as caught:
        finished.aspect("content")
    assert caught.value.requirement == "FIN-2"


def test_content_that_is_refused_is_unreadable(resources: ResourceFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    finished = FinishedUpload(*small_upload(resources, "csv"), "an upload")
    finished.merging.judge()
    lose_content(resources, monkeypatch, Violation("the content", "an error"))
    assert finished.content.fact == "unreadable"
    assert not finished.content.correct


@pytest.mark.parametrize("failure", [ResponseTimeout, ConnectionClosed, Violation])
def test_content_that_no_upload_has_is_not_attributed_to_a_step(
    resources: ResourceFactory, monkeypatch: pytest.MonkeyPatch, failure: type[Violation]
) -> None:
    lose_content(resources, monkeypatch, failure("the content", "nothing"))
    begin = {"action": "begin", "kind": "csv", "size": 100, "count": 1, "user": 0}
    write = {"action": "write", "socket": 0, "position": 0, "length": 5, "variant": 0}
    attach = {"action": "attach", "file": 0}
    assert violated_requirement(resources, "upload", begin, attach, write, write) == "FIN-2"


def test_a_twin_is_uploaded_also_where_all_connections_are_open(resources: ResourceFactory) -> None:
    upload, model = small_upload(resources, "mnist")
    for role in upload.files:
        upload.attach(role)
    assert resources.target.connection_limit.is_reached
    twin = FinishedUpload(upload, model, "an upload").plain_twin()
    assert twin.merging.correct
