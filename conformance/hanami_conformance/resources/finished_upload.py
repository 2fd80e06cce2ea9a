"""What becomes of an upload of which every byte was sent: progress, PUT, description and content against a model."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from hanami_conformance.cases.failures import ConnectionClosed, ResponseTimeout, Unsupported, Violation
from hanami_conformance.clients.json_response import json_object
from hanami_conformance.clients.rest_response import RestResponse
from hanami_conformance.models.dataset import DatasetModel
from hanami_conformance.resources.finding import Finding
from hanami_conformance.resources.readback import (
    described_columns,
    described_rows,
    first_difference,
    read_columns,
    readable_columns,
)
from hanami_conformance.resources.upload import Upload


class FinishedUpload:
    """An upload of which every byte was sent.

    Args:
        upload: Upload; it is finalized by a look at :attr:`merging`, which the others need.
        model: Required content of the dataset.
        what: Description of the upload, for the report.
    """

    ASPECTS_OF_DATASETS = ("description", "rows", "columns", "content")
    ASPECTS = ("completion", "merging", *ASPECTS_OF_DATASETS)  # in this order

    def __init__(self, upload: Upload, model: DatasetModel, what: str) -> None:
        assert upload.complete, "a test must send every byte"
        self.upload = upload
        self.model = model
        self.what = what
        self._described: tuple[RestResponse, dict[str, Any]] | None = None

    def aspect(self, name: str) -> Finding:
        """Return the finding of one of ASPECTS."""
        finding: Finding = getattr(self, name)
        return finding

    def refresh(self) -> None:
        """Forget the description and the content, because the dataset may have changed since."""
        for name in self.ASPECTS_OF_DATASETS:
            self.__dict__.pop(name, None)

    @property
    def is_readable(self) -> bool:
        """Whether the target lets the content be read back."""
        return self._readable != {}

    @cached_property
    def completion(self) -> Finding:
        """Progress after every byte (requirement PROG-3)."""
        return completion_of(self.upload)

    @cached_property
    def merging(self) -> Finding:
        """Answer to the PUT (requirement FIN-1)."""
        answer = self.upload.finalize()
        expected = f"200 to the PUT that finalizes {self.what}"
        return Finding("FIN-1", expected, answer, answer.status, answer.status == 200)

    @cached_property
    def description(self) -> Finding:
        """Description of the dataset (requirement FIN-1)."""
        answer = self.upload.description()
        described = json_object(answer.body) if answer.status == 200 else None
        self._described = answer, described or {}
        return Finding(
            "FIN-1", "200 and a JSON object that describes the dataset", answer, answer.status, described is not None
        )

    @cached_property
    def rows(self) -> Finding:
        """Number of rows (requirement FIN-1)."""
        answer, described = self._description
        return described_rows(self.upload.account.target, self.model, answer, described)

    @cached_property
    def columns(self) -> Finding:
        """Number of columns (requirement FIN-1)."""
        answer, described = self._description
        return described_columns(self.upload.account.target, self.model, answer, described)

    @cached_property
    def content(self) -> Finding:
        """Values of the dataset, as far as the target lets them be read (requirement FIN-2)."""
        expected = "every column value for value as it was uploaded"
        try:
            found = read_columns(self.upload, self._readable)
        except (ResponseTimeout, ConnectionClosed) as lost:  # the server may be down
            lost.reattribute("FIN-2")
            raise
        except Violation as violation:
            return Finding("FIN-2", violation.expected, violation.actual, "unreadable", False)
        digests = {name: (values.shape, hashlib.sha256(values.tobytes()).hexdigest()) for name, values in found.items()}
        for name, values in found.items():
            if not self.model.matches(name, values):
                expected = f"column {name!r} value for value as it was uploaded"
                actual = first_difference(self.model.columns[name], values)
                return Finding("FIN-2", expected, actual, digests, False)
        return Finding("FIN-2", expected, "the same values", digests, True)

    @property
    def _description(self) -> tuple[RestResponse, dict[str, Any]]:
        _ = self.description
        assert self._described is not None
        return self._described

    @property
    def _readable(self) -> Mapping[str, Any]:
        _, described = self._description
        columns = readable_columns(self.model, described)
        upload = self.upload
        if columns and upload.account.target.serves_content(upload.account, upload.uuid, next(iter(columns))):
            return columns
        return {}

    def plain_twin(self) -> FinishedUpload:
        """Upload the same files once more; see :meth:`Upload.plain_twin`."""
        return FinishedUpload(self.upload.plain_twin(), self.model, f"{self.what}, sent once more")


def completion_of(upload: Upload) -> Finding:
    """Wait until an upload of which every byte was sent is complete (requirement PROG-3; PROG-1 for no progress)."""
    expected = "complete = true after every byte"
    try:
        complete = upload.wait_complete()
    except (ResponseTimeout, ConnectionClosed):  # the server may be down
        raise
    except Violation as violation:
        return Finding("PROG-1", violation.expected, violation.actual, "no progress", False)
    return Finding("PROG-3", expected, f"complete = {str(complete).lower()}", complete, complete)


def check_dataset(upload: Upload, model: DatasetModel, *, values: bool = False) -> None:
    """Compare a finalized dataset with its model, as far as the target shows its content (FIN-1, FIN-2).

    Args:
        upload: Finalized upload.
        model: Required content of the dataset.
        values: Whether the case is about the values, so that rows and columns alone are no evidence.

    Raises:
        Violation: If rows, columns or values differ.
        Unsupported: If the case is about the values and they cannot be read back; rows and columns are correct then.
    """
    finished = FinishedUpload(upload, model, "a finalized upload")
    for name in finished.ASPECTS_OF_DATASETS:
        finished.aspect(name).judge()
    expect_readable(finished, values=values)


def expect_readable(finished: FinishedUpload, *, values: bool) -> None:
    """Give up a case that is about values if they cannot be read back.

    Raises:
        Unsupported: If they cannot.
    """
    if values and not finished.is_readable:
        raise Unsupported("the content of a dataset cannot be read back; its rows and columns are right")
