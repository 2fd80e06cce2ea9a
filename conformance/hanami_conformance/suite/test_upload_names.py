"""Upload, step 5: datasets of one name, of almost the same files, and of the longest name."""

from __future__ import annotations

from http import HTTPStatus

import numpy as np
import pytest

from hanami_conformance.cases.attribution import attribute_to, precondition
from hanami_conformance.cases.checks import observe, require
from hanami_conformance.cases.failures import Unsupported
from hanami_conformance.catalogue import requirement
from hanami_conformance.models.dataset import DatasetModel, idx_images
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.resources.finished_upload import FinishedUpload
from hanami_conformance.resources.upload import Upload, init_fields
from hanami_conformance.suite.support.intact_uploads import expect_intact, expect_unchanged
from hanami_conformance.suite.support.markers import mark_destructive
from hanami_conformance.suite.support.sample_data import MnistSample, csv_sample
from hanami_conformance.suite.support.uploads import small_contents, small_upload, start_upload

pytestmark = pytest.mark.parallel


def other_contents(kind: str) -> tuple[dict[str, bytes], DatasetModel]:
    """Return the files of an upload with other values and fewer rows than :func:`small_contents`, and its dataset."""
    if kind == "csv":
        content, model = csv_sample(rows=7, seed=2)
        return {"input": content}, model
    mnist = MnistSample(1000, seed=2, side=8)
    return mnist.contents, mnist.model


def upload_of_the_same_name(resources: ResourceFactory, first: Upload) -> tuple[Upload, DatasetModel] | None:
    """Return an upload with the name of another one and every byte sent; None if the server wants names to differ."""
    contents, model = other_contents(first.kind)
    sizes = {role: len(content) for role, content in contents.items()}
    body = init_fields(first.name, sizes)
    answer = first.account.call(f"{first.kind}.init", body=body)
    if answer.rejected:
        observe("a second upload of the same name", answer)
        return None
    with precondition("beginning a second upload of the same name"):
        second = resources.from_init_response(answer, first.kind, first.name, sizes)
    second.write_all(contents)
    return second, model


@requirement("FIN-1")
@pytest.mark.may_violate("FIN-2")
@pytest.mark.parametrize("kind", ["csv", "mnist"])
def test_datasets_of_one_name_keep_their_own_content(resources: ResourceFactory, kind: str) -> None:
    """Two datasets of one name and user, if the server allows them, are finalized, and each has its own content."""
    first, model = small_upload(resources, kind)
    pair = upload_of_the_same_name(resources, first)
    if pair is not None:
        dataset = expect_intact(first, model, "the first of two uploads of one name")
        expect_intact(*pair, "the second of two uploads of one name")
        expect_unchanged(dataset, "the PUT of another one of its name")


@requirement("DEL-1")
@pytest.mark.parametrize("kind", ["csv", "mnist"])
def test_a_delete_leaves_the_finalized_dataset_of_the_same_name(resources: ResourceFactory, kind: str) -> None:
    """A DELETE of one of two finalized datasets of one name leaves the other as it is."""
    first, _ = small_upload(resources, kind)
    pair = upload_of_the_same_name(resources, first)
    if pair is None:
        return
    with precondition("finalizing two datasets of one name"):
        first.wait_complete()
        first.finalize().object()
        pair[0].wait_complete()
        second = pair[0].finalize()
    if second.status != HTTPStatus.OK:  # which is judged by the case before
        raise Unsupported(f"needs two finalized datasets of one name, the PUT of the second was answered with {second}")
    left = FinishedUpload(*pair, "the second of two datasets of one name")
    for name in left.ASPECTS_OF_DATASETS:
        left.aspect(name)
    answer = first.delete()
    require(answer.status == HTTPStatus.OK, expected="200 to the DELETE", actual=answer)
    expect_unchanged(left, "the DELETE of the other one of its name")


@requirement("FIN-1", "DEL-1", "GEN-2")
@pytest.mark.hostile
@pytest.mark.parametrize("kind", mark_destructive(["csv", "mnist"], "csv"))
def test_a_dataset_with_the_longest_name_is_served(resources: ResourceFactory, kind: str) -> None:
    """A dataset whose name has the largest length is finalized, read and deleted."""
    name = f"{resources.name(kind):x<{resources.target.dialect.name_length[1]}}"
    contents, model = small_contents(kind)
    upload = start_upload(resources, contents, name=name)
    upload.write_all(contents)
    expect_intact(upload, model, f"an upload with a name of {len(name)} characters")
    answer = upload.delete()
    require(answer.status == HTTPStatus.OK, expected="200 to the DELETE", actual=answer, requirement="DEL-1")
    listed = upload.account.call("dataset.list")
    gone = listed.status == HTTPStatus.OK and upload.uuid not in listed.text
    require(gone, expected=f"a list without {upload.uuid} after the DELETE", actual=listed, requirement="DEL-1")


@requirement("FIN-2", "DATA-9")
@pytest.mark.parametrize("differs", ["the first byte", "the last byte"])
def test_files_that_are_almost_equal_keep_their_own_content(resources: ResourceFactory, differs: str) -> None:
    """Of two uploads whose files differ in one byte each becomes a dataset with its own content."""
    mnist = MnistSample(70_000, side=28)  # more than 64 KiB, which some servers take for the whole
    images = mnist.model.columns["picture"].astype(np.uint8).reshape(-1, 28, 28)
    labels = mnist.model.columns["label"][:, 0].astype(np.uint8)
    other = images.copy()
    place = (0, 0, 1) if differs == "the first byte" else (-1, -1, -1)
    other[place] = 255 - other[place]
    changed = {"input": idx_images(other), "label": mnist.contents["label"]}
    for contents, model in ((mnist.contents, mnist.model), (changed, DatasetModel.from_images(other, labels))):
        upload = start_upload(resources, contents)
        upload.write_all(contents)
        with attribute_to("FIN-2"):
            expect_intact(upload, model, f"one of two files that differ in {differs}", values=True)


@requirement("DEL-1")
@pytest.mark.parametrize("kind", ["csv", "mnist"])
def test_a_delete_leaves_the_datasets_of_identical_files(resources: ResourceFactory, kind: str) -> None:
    """Of several uploads of the same files the others keep their content when one is deleted, finalized or not."""
    contents, model = large_contents(kind)
    first, second, unfinished = [start_upload(resources, contents) for _ in range(3)]
    for upload in (first, second, unfinished):
        upload.write_all(contents)
    datasets = [expect_intact(upload, model, "one of several uploads of the same files") for upload in (first, second)]
    for gone, left in ((unfinished, datasets), (first, datasets[1:])):
        answer = gone.delete()
        require(answer.status == HTTPStatus.OK, expected="200 to the DELETE", actual=answer)
        for dataset in left:
            with attribute_to("DEL-1"):
                expect_unchanged(dataset, "the DELETE of an upload of the same files")
    again = start_upload(resources, contents)
    again.write_all(contents)
    with attribute_to("DEL-1"):
        expect_intact(again, model, "the files of a deleted dataset, once more")


def large_contents(kind: str) -> tuple[dict[str, bytes], DatasetModel]:
    """Return the files of an upload of more than one block of 64 KiB, and its dataset."""
    if kind == "csv":
        content, model = csv_sample(rows=2600)
        return {"input": content}, model
    mnist = MnistSample(70_000, side=28)
    return mnist.contents, mnist.model
