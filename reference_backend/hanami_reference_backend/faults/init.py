"""Faults of the POST that starts an upload (INIT-1 to INIT-6)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse

from hanami_proto.dialect import Dialect
from hanami_reference_backend.auth import User, Users
from hanami_reference_backend.common.errors import RequestError
from hanami_reference_backend.common.identity import RandomIdentity
from hanami_reference_backend.common.settings import Settings
from hanami_reference_backend.faults import internals, tokens
from hanami_reference_backend.faults.patch import replace_method
from hanami_reference_backend.faults.registry import fault
from hanami_reference_backend.rest import operation
from hanami_reference_backend.rest.datasets import DatasetOperations
from hanami_reference_backend.rest.fields import CsvInit, Fields, MnistInit
from hanami_reference_backend.rest.uploads import UploadOperations
from hanami_reference_backend.storage.datasets import DatasetStore
from hanami_reference_backend.storage.uploads import Kind, Upload

INITS = ("csv.init", "mnist.init")
MODELS = (CsvInit, MnistInit)
BLOCK = 512

Values = dict[str, Any]


def _allocate(change: Callable[[list[int]], list[int]]) -> None:
    """Change the sizes of the allocated files."""

    @replace_method(DatasetStore, "begin")
    def begin(original: Any, store: DatasetStore, user: User, kind: Kind, name: str, sizes: list[int]) -> Any:
        return original(store, user, kind, name, change(list(sizes)))


@fault("INIT-1", hook=internals.change_response(UploadOperations, "init_mnist"))
def mnist_without_label_file(answer: Values) -> Values:
    """The response to the POST for MNIST lacks the uuid of the label file."""
    return {key: value for key, value in answer.items() if key != "uuid_label_file"}


@fault("INIT-1", hook=internals.change_response(UploadOperations, "init_mnist"))
def mnist_with_other_keys(answer: Values) -> Values:
    """The response to the POST for MNIST names the files inputUuid and labelUuid."""
    names = {"uuid_input_file": "inputUuid", "uuid_label_file": "labelUuid"}
    return {names.get(key, key): value for key, value in answer.items()}


@fault("INIT-2", hook=internals.change_response(UploadOperations, "init_csv"))
def csv_with_label_file(answer: Values) -> Values:
    """The response to the POST for CSV has a uuid of a label file."""
    return {**answer, "uuid_label_file": answer["uuid"]}


@fault("INIT-2", hook=internals.change_response(UploadOperations, "init_csv"))
def csv_with_an_empty_label_file(answer: Values) -> Values:
    """The response to the POST for CSV has an empty uuid of a label file."""
    return {**answer, "uuid_label_file": ""}


@fault("INIT-2", hook=internals.change_response(UploadOperations, "init_csv"))
def csv_answers_created(answer: Values) -> JSONResponse:
    """The POST for CSV is answered with 201."""
    return JSONResponse(answer, HTTPStatus.CREATED)


@fault("INIT-3")
def sizes_rounded_down_to_blocks() -> None:
    """A file gets whole blocks of 512 bytes, and no room for the remainder."""
    _allocate(lambda sizes: [size - size % BLOCK or size for size in sizes])


@fault("INIT-3")
def last_byte_not_allocated() -> None:
    """A file of more than one byte gets no room for its last byte."""
    _allocate(lambda sizes: [max(1, size - 1) for size in sizes])


def _reject_names(is_rejected: Callable[[str], bool]) -> None:
    @replace_method(Dialect, "is_name")
    def is_name(original: Any, dialect: Dialect, name: str) -> bool:
        return original(dialect, name) and not is_rejected(name)


@fault("INIT-1", "INIT-2")
def shortest_names_rejected() -> None:
    """A name of four characters is rejected."""
    _reject_names(lambda name: len(name) == 4)


@fault("INIT-1", "INIT-2")
def longest_names_rejected() -> None:
    """A name of 254 characters is rejected."""
    _reject_names(lambda name: len(name) == 254)


@fault("INIT-2", "INIT-1")
def names_with_a_space_rejected() -> None:
    """A name with a space is rejected."""
    _reject_names(lambda name: " " in name)


@fault("INIT-3")
def sizes_cut_to_32_bits() -> None:
    """Only the lowest 32 bits of the size of a file are used."""
    _allocate(lambda sizes: [size % 2**32 for size in sizes])


@fault("INIT-3")
def label_file_has_size_of_images() -> None:
    """The label file gets the size of the image file."""
    _allocate(lambda sizes: sizes[:1] * len(sizes))


@fault("INIT-4")
def uuids_given_twice() -> None:
    """Each uuid is given to two resources in a row."""
    given: list[str] = []

    @replace_method(RandomIdentity, "uuid")
    def uuid(original: Any, identity: RandomIdentity) -> str:
        if given:
            return given.pop()
        given.append(original(identity))
        return given[0]


@fault("INIT-4")
def uuids_of_merged_files_given_again() -> None:
    """The uuids of the files of a finalized upload are given to the next resources."""
    free: list[str] = []

    @replace_method(DatasetStore, "finalize")
    async def finalize(
        original: Any, store: DatasetStore, user: User, kind: Kind, uuid: str, files: Sequence[str]
    ) -> Any:
        made = await original(store, user, kind, uuid, files)
        free.extend(files)
        return made

    @replace_method(RandomIdentity, "uuid")
    def uuid(original: Any, identity: RandomIdentity) -> Any:
        return free.pop() if free else original(identity)


@fault("INIT-4", "GEN-3")
def users_count_uuids_apart() -> None:
    """The nth uploads of two users have files with the same uuid."""
    given: dict[str, list[str]] = {}
    counts: Counter[str] = Counter()

    @replace_method(DatasetStore, "begin")
    def begin(original: Any, store: DatasetStore, user: User, kind: Kind, name: str, sizes: list[int]) -> Upload:
        upload: Upload = original(store, user, kind, name, sizes)
        counts[user.project_id] += 1
        file = upload.files[0]
        known = given.setdefault(f"{counts[user.project_id]}", [])
        if known:
            store._files[known[0]] = store._files.pop(file.uuid)
            file.uuid = known[0]
        known.append(file.uuid)
        return upload


@fault("INIT-4")
def same_name_same_upload() -> None:
    """A second upload of the same name is the first one again."""
    known: dict[tuple[str, Kind, str], Upload] = {}

    @replace_method(DatasetStore, "begin")
    def begin(original: Any, store: DatasetStore, user: User, kind: Kind, name: str, sizes: list[int]) -> Upload:
        key = (user.project_id, kind, name)
        if key not in known or known[key].deleted:
            known[key] = original(store, user, kind, name, sizes)
        return known[key]


@fault("INIT-5", hook=internals.change_fields(*MODELS))
def extra_fields_accepted(values: Values) -> Values:
    """Unknown fields of the POST are ignored."""
    return {name: value for name, value in values.items() if name in MnistInit.model_fields}


@fault("INIT-5", hook=internals.change_fields(CsvInit))
def label_size_of_a_table_ignored(values: Values) -> Values:
    """The POST for CSV may have the size of a label file."""
    return {name: value for name, value in values.items() if name != "label_data_size"}


@fault("INIT-5", hook=internals.change_fields(*MODELS))
def sizes_accepted_as_text(values: Values) -> Values:
    """A size may be a string of digits."""
    sizes = {name: value for name, value in values.items() if name.endswith("_size") and isinstance(value, str)}
    return {**values, **{name: int(size) for name, size in sizes.items() if re.fullmatch("[0-9]{1,9}", size)}}


@fault("INIT-5", hook=internals.change_fields(MnistInit))
def label_size_not_needed(values: Values) -> Values:
    """Without a size of its own the label file gets the size of the image file."""
    if values.get("label_data_size") is None and "input_data_size" in values:
        return {**values, "label_data_size": values["input_data_size"]}
    return values


@fault("INIT-5", hook=replace_method(Dialect, "is_name"))
def takes_any_name(_original: Any, dialect: Dialect, name: str) -> bool:
    """A name may have any length and any characters."""
    return len(name) >= dialect.name_length[0]


@fault("INIT-5", hook=replace_method(Dialect, "is_name"))
def letters_of_any_alphabet(original: Any, dialect: Dialect, name: str) -> Any:
    """A name may have letters of any alphabet."""
    return original(dialect, "".join("a" if letter.isalpha() else letter for letter in name))


@fault("INIT-5", hook=replace_method(Dialect, "is_name"))
def names_with_a_trailing_newline(original: Any, dialect: Dialect, name: str) -> Any:
    """A name may end in a newline, as a pattern with a dollar sign allows."""
    return original(dialect, name.removesuffix("\n"))


@fault("INIT-5", "GEN-1", hook=replace_method(operation, "read_body"))
async def init_fails_on_no_json(original: Any, request: Request, settings: Settings) -> Any:
    """A POST whose body is not a JSON object is answered with 500."""
    try:
        return await original(request, settings)
    except RequestError as error:
        if internals.operation_name(request) not in INITS:
            raise
        raise internals.internal_error() from error


@fault("INIT-5")
def rejected_init_leaves_a_dataset() -> None:
    """A POST that is rejected for an invalid field leaves an empty dataset of that name."""
    asking: ContextVar[User] = ContextVar("asking")
    left: list[tuple[User, str]] = []

    @replace_method(operation, "caller")
    def caller(original: Any, request: Request, users: Users) -> User:
        user: User = original(request, users)
        asking.set(user)
        return user

    @replace_method(operation, "check")
    def check(original: Any, model: type[Fields], values: Values, dialect: Dialect) -> Any:
        try:
            return original(model, values, dialect)
        except RequestError:
            name = values.get("name")
            if model in MODELS and isinstance(name, str):
                left.append((asking.get(), name))
            raise

    @replace_method(DatasetOperations, "list_all")
    async def list_all(original: Any, operations: DatasetOperations, user: User, fields: Fields) -> Any:
        answer = await original(operations, user, fields)
        uuid = RandomIdentity().uuid()
        found = ({"uuid": uuid, "name": name, "owner_id": owner.id} for owner, name in left if owner == user)
        rows = [[values.get(key, "") for key in answer["header"]] for values in found]
        return {**answer, "body": [*answer["body"], *rows]}


@fault("INIT-6")
def init_without_a_token() -> None:
    """A POST without a token starts an upload of the default user."""
    tokens.accept(INITS, tokens.is_missing)


@fault("INIT-6")
def init_with_an_expired_token() -> None:
    """A POST with an expired token starts an upload."""
    tokens.accept(INITS, tokens.has_expired)


@fault("INIT-5")
def names_may_have_any_digit() -> None:
    """A name may have digits of other alphabets."""

    @replace_method(Dialect, "is_name")
    def is_name(original: Any, dialect: Dialect, name: str) -> bool:
        return bool(original(dialect, re.sub(r"\d", "0", name)))


@fault("INIT-5")
def label_sizes_have_no_limit() -> None:
    """A size of a label file beyond the limit is accepted, and taken for the limit."""

    @internals.change_fields(MnistInit)
    def change(fields: Values) -> Values:
        size = fields.get("label_data_size")
        return {**fields, "label_data_size": 1000} if isinstance(size, int) and size > 10**10 else fields


@fault("INIT-6", "PROG-4", "FIN-4", "GEN-1")
def connections_remember_their_user() -> None:
    """A call without a token is that of the user of the call before over the same connection."""
    users_of: dict[Any, User] = {}

    @replace_method(operation, "caller")
    def caller(original: Any, request: Request, users: Users) -> User:
        address = tuple(request.client) if request.client else None
        if not request.headers.getlist(operation.TOKEN_HEADER) and address in users_of:
            return users_of[address]
        user: User = original(request, users)
        users_of[address] = user
        return user
