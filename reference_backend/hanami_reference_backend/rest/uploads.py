"""Operations on uploads."""

from __future__ import annotations

from hanami_reference_backend.auth import User
from hanami_reference_backend.backend import Backend
from hanami_reference_backend.rest.answer_schemas import DATASET_VALUES, FLAG, TEXT, UUID, record, resource, taken
from hanami_reference_backend.rest.answers import describe_dataset
from hanami_reference_backend.rest.fields import ByUuid, CsvFinalize, CsvInit, MnistFinalize, MnistInit
from hanami_reference_backend.rest.operation import CONFLICT, NOT_FOUND, Operation, OperationResult
from hanami_reference_backend.storage.uploads import Kind

BEGUN = {name: taken("uuid") for name in ("dataset.progress", "dataset.get", "dataset.delete")}


class UploadOperations:
    """Upload, steps 1, 4 and 5."""

    def __init__(self, backend: Backend) -> None:
        self._datasets = backend.datasets
        self._dialect = backend.dialect
        self._keys = backend.dialect.answers["dataset.init"]

    def operations(self) -> dict[str, Operation]:
        """Return the operations by their names in the dialects."""
        begun = resource(self._keys, DATASET_VALUES, self._dialect)
        csv = record(begun | {"uuid_input_file": UUID})
        mnist = record(begun | {"uuid_input_file": UUID, "uuid_label_file": UUID})
        finalized = record({"uuid": UUID, "name": TEXT})
        progress = record({"uuid": UUID, "complete": FLAG})
        unready = (NOT_FOUND, CONFLICT)
        return {
            "mnist.init": Operation(
                "Begin the upload of an MNIST dataset",
                MnistInit,
                self.init_mnist,
                mnist,
                (CONFLICT,),
                {**BEGUN, "mnist.finalize": taken("uuid", "uuid_input_file", "uuid_label_file")},
            ),
            "mnist.finalize": Operation(
                "Merge the files of an MNIST dataset", MnistFinalize, self.finalize_mnist, finalized, unready
            ),
            "csv.init": Operation(
                "Begin the upload of a CSV file",
                CsvInit,
                self.init_csv,
                csv,
                (CONFLICT,),
                {**BEGUN, "csv.finalize": taken("uuid", "uuid_input_file")},
            ),
            "csv.finalize": Operation(
                "Make a dataset of a CSV file", CsvFinalize, self.finalize_csv, finalized, unready
            ),
            "dataset.progress": Operation(
                "Whether every byte has arrived", ByUuid, self.progress, progress, (NOT_FOUND,)
            ),
        }

    async def init_mnist(self, user: User, fields: MnistInit) -> OperationResult:
        """Allocate two files (INIT-1)."""
        sizes = (fields.input_data_size, fields.label_data_size)
        upload = self._datasets.begin(user, Kind.MNIST, fields.name, sizes)
        images, labels = upload.files
        described = describe_dataset(upload, Kind.MNIST.value, self._keys)
        return {**described, "uuid_input_file": images.uuid, "uuid_label_file": labels.uuid}

    async def init_csv(self, user: User, fields: CsvInit) -> OperationResult:
        """Allocate one file (INIT-2)."""
        upload = self._datasets.begin(user, Kind.CSV, fields.name, (fields.input_data_size,))
        described = describe_dataset(upload, Kind.CSV.value, self._keys)
        return {**described, "uuid_input_file": upload.files[0].uuid}

    async def progress(self, user: User, fields: ByUuid) -> OperationResult:
        """Return whether every byte of every file has arrived (PROG-1 to PROG-4)."""
        return {"uuid": fields.uuid, "complete": self._datasets.is_complete(user, fields.uuid)}

    async def finalize_mnist(self, user: User, fields: MnistFinalize) -> OperationResult:
        """Merge the two files (FIN-1)."""
        files = (fields.uuid_input_file, fields.uuid_label_file)
        dataset = await self._datasets.finalize(user, Kind.MNIST, fields.uuid, files)
        return {"uuid": dataset.uuid, "name": dataset.name}

    async def finalize_csv(self, user: User, fields: CsvFinalize) -> OperationResult:
        """Read the table (FIN-1)."""
        dataset = await self._datasets.finalize(user, Kind.CSV, fields.uuid, (fields.uuid_input_file,))
        return {"uuid": dataset.uuid, "name": dataset.name}
