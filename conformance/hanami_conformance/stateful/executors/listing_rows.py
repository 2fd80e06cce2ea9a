"""Workflow of rows of the input model of lists and deletions: a list is what was created without what was deleted."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from hanami_conformance.cases.attribution import default_requirement
from hanami_conformance.cases.checks import require
from hanami_conformance.models.special_tables import special_images, special_table
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.resources.listing import is_listed_as
from hanami_conformance.resources.upload import INIT_REQUIREMENTS, Upload, init_fields
from hanami_conformance.stateful.executors.row import ChosenRow
from hanami_conformance.target.target import Account


class ListingWorkflow:
    """Datasets from POST to DELETE, and the list of them, with the values of a row.

    Args:
        row: The row.
        resources: Factory of the datasets.
    """

    def __init__(self, row: ChosenRow, resources: ResourceFactory) -> None:
        self._row = row
        self._resources = resources
        self._account = row.formed_account()

    def run(self) -> None:
        """Execute the workflow.

        Raises:
            Violation: If its outcome differs from that of the plain one.
        """
        row, account = self._row, self._account
        if row["login"] == "a new one":
            with default_requirement("INIT-6", counts=False):
                account.log_in()
        foreign = self._foreign()
        datasets = [self._dataset(number) for number in range(row.number("datasets"))]
        deleted = {datasets[place].uuid for place in _places(row["deleted"], len(datasets))}
        for dataset in datasets:
            if dataset.uuid in deleted:
                with default_requirement("DEL-1", counts=False):
                    answer = dataset.delete()
                require(answer.status == 200, expected="200 to the DELETE", actual=answer, requirement="DEL-1")
        with default_requirement("FIN-1", counts=False):
            self._check_list(account, datasets, deleted, foreign)
        for dataset in (datasets[0], datasets[-1]):
            self._check_description(dataset, is_deleted=dataset.uuid in deleted)
        account.close()

    def _dataset(self, number: int) -> Upload:
        """Return a new dataset: POST and PUT in the form of the row, the chunks plainly."""
        row, account = self._row, self._account
        kind = "mnist" if row["kind"] == "images" or (row["kind"] != "tables" and number % 2) else "csv"
        contents = _contents(kind)
        sizes = {role: len(content) for role, content in contents.items()}
        name = row.name(self._resources, kind)
        fields = init_fields(name, sizes)
        with default_requirement(INIT_REQUIREMENTS[kind]):
            upload = self._resources.from_init_response(
                account.call(f"{kind}.init", body=fields), kind, name, sizes, account
            )
        self._resources.register_for_deletion("dataset", upload.uuid, row.owner)  # in the plain form
        upload.write_all(contents)
        require(upload.wait_complete(), expected="complete = true", actual="complete = false", requirement="PROG-3")
        with default_requirement("FIN-1", counts=False):
            answer = upload.finalize()
        require(answer.status == 200, expected="200 to the PUT of a small dataset", actual=answer, requirement="FIN-1")
        return upload

    def _foreign(self) -> str:
        """Return the uuid of a dataset of another user; empty for none."""
        row = self._row
        if row["other user"] == "nothing":
            return ""
        upload = self._resources.csv(10, row.other_user)
        if row["other user"] == "a dataset that is deleted":
            with default_requirement("DEL-1", counts=False):
                upload.delete()
        return upload.uuid

    @staticmethod
    def _check_list(account: Account, datasets: Sequence[Upload], deleted: Collection[str], foreign: str) -> None:
        answer = account.call("dataset.list")
        require(answer.status == 200, expected="200 to a list of datasets", actual=answer, requirement="FIN-1")
        for dataset in datasets:
            if dataset.uuid in deleted:
                expected = f"a list without the deleted {dataset.uuid}"
                require(dataset.uuid not in answer.text, expected=expected, actual=answer, requirement="DEL-1")
            else:
                expected = f"a list with {dataset.uuid}, {dataset.name!r}"
                named = is_listed_as(answer, dataset.uuid, dataset.name)
                require(named, expected=expected, actual=answer, requirement="FIN-1")
        hidden = not foreign or foreign not in answer.text
        require(hidden, expected="a list without another user's dataset", actual=answer, requirement="GEN-3")

    @staticmethod
    def _check_description(dataset: Upload, *, is_deleted: bool) -> None:
        with default_requirement("DEL-1" if is_deleted else "FIN-1", counts=False):
            answer = dataset.description()
        if is_deleted:
            expected = "a 4xx to the description of a deleted dataset"
            require(answer.rejected, expected=expected, actual=answer, requirement="DEL-1")
            return
        name = answer.object().get("name", dataset.name) if answer.status == 200 else ""
        expected = f"200 to the description of a dataset, and its name {dataset.name!r}"
        require(name == dataset.name, expected=expected, actual=answer, requirement="FIN-1")


def _contents(kind: str) -> Mapping[str, bytes]:
    if kind == "csv":
        return {"input": special_table(2, 2, "usual", "middle")[0]}
    return special_images(2, 2, 2, 1, "middle", "zeros")[0]


def _places(which: str, count: int) -> Sequence[int]:
    return {"none": (), "the first": (0,), "the last": (count - 1,), "the middle": (count // 2,), "all": range(count)}[
        which
    ]
