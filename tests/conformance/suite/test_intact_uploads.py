"""One defect is judged where it belongs: only what a case did to an upload violates the requirement of the case."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from hanami_conformance.cases.failures import Unsupported, Violation
from hanami_conformance.clients.rest_response import RestResponse
from hanami_conformance.models.dataset import DatasetModel
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.resources.finished_upload import FinishedUpload
from hanami_conformance.resources.upload import Upload
from hanami_conformance.suite.support import intact_uploads
from hanami_conformance.suite.support.intact_uploads import (
    expect_complete_as_sent,
    expect_intact,
    expect_unchanged,
    judge_unusual,
    stays_incomplete,
)
from hanami_conformance.suite.support.sample_data import csv_sample
from hanami_conformance.suite.support.uploads import expect_finalized_as, small_upload, start_upload
from support.sequences import answers_changed

Change = Callable[[dict[str, Any]], dict[str, Any]]


@pytest.fixture(autouse=True)
def _nothing_known() -> None:
    intact_uploads._known.clear()


def wrong_columns(described: dict[str, Any]) -> dict[str, Any]:
    return {**described, "inputs": 0, "outputs": 0, "number_of_columns": 0}


def wrong_rows(described: dict[str, Any]) -> dict[str, Any]:
    return {**described, "lines": 1, "number_of_rows": 1}


def descriptions_changed(
    monkeypatch: pytest.MonkeyPatch, change: Change, which: Callable[[dict[str, Any]], bool] = lambda _: True
) -> None:
    """Change the description of every dataset for which ``which`` is true of the description."""

    def changed(method: str, path: str, answer: RestResponse) -> RestResponse:
        if method != "GET" or not path.endswith("/dataset") or answer.status != 200:
            return answer
        described = answer.object()
        return replace(answer, body=json.dumps(change(described)).encode()) if which(described) else answer

    answers_changed(monkeypatch, changed)


def test_an_upload_that_nothing_happened_to_is_intact(resources: ResourceFactory) -> None:
    for kind in ("csv", "mnist"):
        expect_intact(*small_upload(resources, kind), "an upload", values=True)


def test_what_is_wrong_of_each_dataset_fails_the_cases_about_it_alone(
    resources: ResourceFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    descriptions_changed(monkeypatch, wrong_columns)
    expect_intact(*small_upload(resources, "csv"), "an upload")
    with pytest.raises(Violation, match="expected 3 columns") as caught:
        expect_finalized_as(*small_upload(resources, "csv"), "an upload")
    assert caught.value.requirement == "FIN-1"


def test_what_is_wrong_of_this_dataset_violates_the_requirement_of_the_case(
    resources: ResourceFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload, model = small_upload(resources, "csv")
    descriptions_changed(monkeypatch, wrong_rows, lambda described: described["uuid"] == upload.uuid)
    with pytest.raises(Violation, match="20 rows, as if it is sent plainly") as caught:
        expect_intact(upload, model, "an upload")
    assert caught.value.requirement is None


def test_a_further_defect_is_detected_behind_a_known_one(
    resources: ResourceFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload, model = small_upload(resources, "csv")
    known = DatasetModel(model.rows, model.widths, {"first": model.columns["second"]}, "csv")
    descriptions_changed(monkeypatch, wrong_columns)
    with pytest.raises(Violation, match="column 'first'") as caught:
        expect_intact(upload, known, "an upload whose values are wrong")
    assert caught.value.requirement == "FIN-2"


def test_a_defect_that_small_uploads_do_not_have_is_judged(
    resources: ResourceFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    content, model = csv_sample(rows=25)
    upload = start_upload(resources, {"input": content})
    upload.write_all({"input": content})
    descriptions_changed(monkeypatch, wrong_rows, lambda described: described["number_of_rows"] == 25)
    with pytest.raises(Violation, match="expected 25 rows") as caught:
        expect_intact(upload, model, "a table of 25 rows")
    assert caught.value.requirement == "FIN-1"


@pytest.mark.parametrize(("of_each", "requirement"), [(True, "FIN-1"), (False, "FIN-6")])
def test_a_wrong_dataset_of_content_that_may_be_rejected_violates_that_it_is_not(
    resources: ResourceFactory, monkeypatch: pytest.MonkeyPatch, of_each: bool, requirement: str
) -> None:
    """Unless the datasets of usual content are as wrong."""
    upload, model = small_upload(resources, "csv")
    descriptions_changed(monkeypatch, wrong_rows, lambda described: of_each or described["uuid"] == upload.uuid)
    upload.wait_complete()
    upload.finalize()
    finished = FinishedUpload(upload, model, "an odd table")
    judge_unusual(finished, "description")
    with pytest.raises(Violation, match="expected 20 rows") as caught:
        judge_unusual(finished, "rows")
    assert caught.value.requirement == requirement


def test_progress_that_is_never_complete_fails_no_case_about_other_things(
    resources: ResourceFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Upload, "wait_complete", lambda _upload: False)
    upload, model = small_upload(resources, "csv")
    with pytest.raises(Violation) as caught:
        expect_complete_as_sent(upload)
    assert caught.value.requirement == "PROG-3"
    expect_intact(upload, model, "an upload")


def test_an_upload_that_alone_does_not_get_complete_violates_the_requirement_of_the_case(
    resources: ResourceFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload, model = small_upload(resources, "csv")
    monkeypatch.setattr(Upload, "wait_complete", lambda one: one.uuid != upload.uuid)
    for check in (lambda: expect_complete_as_sent(upload), lambda: expect_intact(upload, model, "an upload")):
        with pytest.raises(Violation, match="as if it is sent plainly") as caught:
            check()
        assert caught.value.requirement is None


def test_a_dataset_that_changes_is_seen(resources: ResourceFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    upload, model = small_upload(resources, "csv")
    dataset = expect_intact(upload, model, "an upload")
    expect_unchanged(dataset, "nothing")
    descriptions_changed(monkeypatch, wrong_columns)
    with pytest.raises(Violation, match="the dataset as before a step") as caught:
        expect_unchanged(dataset, "a step")
    assert caught.value.requirement is None


def test_a_known_defect_is_no_change(resources: ResourceFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    descriptions_changed(monkeypatch, wrong_columns)
    expect_unchanged(expect_intact(*small_upload(resources, "csv"), "an upload"), "nothing")


def test_cases_about_values_need_the_content(resources: ResourceFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(resources.target), "serves_content", lambda *_: False)
    expect_intact(*small_upload(resources, "csv"), "an upload")
    with pytest.raises(Unsupported, match="cannot be read back"):
        expect_intact(*small_upload(resources, "csv"), "an upload", values=True)


def test_progress_is_compared_with_that_before_the_step(
    resources: ResourceFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = resources.csv(10)
    with stays_incomplete(upload, "nothing was sent"):
        pass
    with pytest.raises(Violation, match="complete = false: nothing was sent") as caught:  # noqa: SIM117 - the first ends
        with stays_incomplete(upload, "nothing was sent"):
            upload.write_all({"input": bytes(10)})
    assert caught.value.requirement is None
    early = resources.csv(10)
    monkeypatch.setattr(Upload, "progress", lambda _upload: True)
    with stays_incomplete(early, "nothing was sent"):
        pass


def end(upload: Upload, ended: set[str]) -> None:
    with stays_incomplete(upload, "it goes on"):
        ended.add(upload.uuid)


def test_an_upload_that_ends_violates_the_requirement_of_the_case(
    resources: ResourceFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    progress_answer, ended = Upload.progress_answer, set[str]()

    def changed(self: Upload) -> RestResponse:
        answer = progress_answer(self)
        return replace(answer, status=404, body=b"no such dataset") if self.uuid in ended else answer

    monkeypatch.setattr(Upload, "progress_answer", changed)
    with pytest.raises(Violation, match="complete = false: it goes on") as caught:
        end(resources.csv(10), ended)
    assert caught.value.requirement is None
    upload, model = small_upload(resources, "csv")
    ended.add(upload.uuid)
    for check in (lambda: expect_complete_as_sent(upload), lambda: expect_intact(upload, model, "an upload")):
        with pytest.raises(Violation, match="as if it is sent plainly") as caught:
            check()
        assert caught.value.requirement is None
