"""Upload, step 1: the POST that begins it."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import pytest

from hanami_conformance.cases.attribution import attribute_to
from hanami_conformance.cases.checks import observe, require
from hanami_conformance.cases.failures import ResponseTimeout, Unsupported
from hanami_conformance.catalogue import requirement
from hanami_conformance.clients.rest_response import RestResponse
from hanami_conformance.clients.upload_socket import describe
from hanami_conformance.common.signals import uninterrupted
from hanami_conformance.models.file import SEGMENT
from hanami_conformance.resources.factory import NAME_PREFIX, ResourceFactory
from hanami_conformance.resources.upload import INIT_REQUIREMENTS
from hanami_conformance.stateful.placeholders import MISSING, drop_missing
from hanami_conformance.suite.support.intact_uploads import expect_complete_as_sent
from hanami_conformance.suite.support.invalid import REST_TOKENS, VERY_LONG, invalid_header_token
from hanami_conformance.suite.support.markers import mark_destructive
from hanami_conformance.suite.support.sample_data import csv_sample, random_bytes
from hanami_conformance.suite.support.uploads import expect_4xx_with_reason
from hanami_conformance.target.capabilities import LARGE_FILE
from hanami_conformance.target.target import Account, Target

pytestmark = pytest.mark.parallel


def init_body(resources: ResourceFactory, kind: str) -> dict[str, Any]:
    """Return a valid body of the POST."""
    body = {"name": resources.name(kind), "input_data_size": 100}
    return body | ({"label_data_size": 50} if kind == "mnist" else {})


# INIT-1: POST with name, input_data_size and label_data_size to the MNIST path is answered with uuid, uuid_input_file
# and uuid_label_file.
@requirement("INIT-1")
def test_an_mnist_upload_has_a_dataset_and_two_files(resources: ResourceFactory) -> None:
    """A POST to the MNIST path answers the uuids of a dataset, an input file and a label file."""
    body = init_body(resources, "mnist")
    answer = resources.target.account.call("mnist.init", body=body)
    resources.from_init_response(answer, "mnist", body["name"], {"input": 100, "label": 50})


# INIT-2: POST with name and input_data_size to the CSV path is answered with uuid and uuid_input_file, without
# uuid_label_file.
@requirement("INIT-2")
def test_a_csv_upload_has_a_dataset_and_one_file(resources: ResourceFactory) -> None:
    """A POST to the CSV path answers the uuids of a dataset and an input file, and none of a label file."""
    body = init_body(resources, "csv")
    answer = resources.target.account.call("csv.init", body=body)
    resources.from_init_response(answer, "csv", body["name"], {"input": 100})
    has_none = answer.object().get("uuid_label_file") is None
    require(has_none, expected="no uuid_label_file for a CSV upload", actual=answer)


TRIES = 3
NAMES: dict[str, Callable[[str, int], str]] = {  # from a usual name and the largest length
    "the shortest": lambda usual, _most: f"{usual[-3:]:x>4}",
    "the longest": lambda usual, most: f"{usual:x<{most}}",
    "with all kinds of characters": lambda usual, _most: f"{usual} Ab_0 9",
    "with a dash": lambda usual, _most: f"{usual}-1",
}


@requirement("INIT-1", "INIT-2", "INIT-5")
@pytest.mark.parametrize("kind", ["mnist", "csv"])
@pytest.mark.parametrize("looks", list(NAMES))
def test_every_valid_name_is_accepted(resources: ResourceFactory, kind: str, looks: str) -> None:
    """A name is accepted exactly if the dialect allows its length and characters."""
    dialect, first = resources.target.dialect, resources.target.account
    for _ in range(TRIES):  # a short name may exist already
        name = NAMES[looks](resources.name(kind), dialect.name_length[1])
        with uninterrupted():  # the final clean-up would not find it by its prefix
            answer = first.call(f"{kind}.init", body=init_body(resources, kind) | {"name": name})
            resources.register_unexpected(answer, f"{kind}.init")
        if answer.status != HTTPStatus.CONFLICT:
            break
    if dialect.is_name(name):
        expected = f"200 to a name of {len(name)} characters, {looks}"
        require(
            answer.status == 200,
            expected=expected,
            actual=answer,
            requirement=INIT_REQUIREMENTS[kind],
        )
    else:
        expected = f"a 4xx: names of {dialect.name} have no dash"
        require(answer.rejected, expected=expected, actual=answer, requirement="INIT-5")


SIZES = [1, 2, SEGMENT - 1, SEGMENT, SEGMENT + 1, 2 * SEGMENT + 1, 7 * SEGMENT // 2]


# INIT-3: sizes are numbers of bytes; storage of that size is allocated, so every write within it is accepted.
@requirement("INIT-3")
@pytest.mark.parametrize("size", SIZES)
def test_every_byte_of_the_announced_size_can_be_written(resources: ResourceFactory, size: int) -> None:
    """The first byte, the last byte and all bytes of the announced size can be written."""
    upload = resources.csv(size)
    socket = upload.attach()
    socket.write(size - 1, b"z")
    socket.write(0, b"a")
    for position in range(0, size, SEGMENT):
        socket.write(position, random_bytes(size)[position : position + SEGMENT])


@requirement("INIT-3")
def test_the_two_files_have_each_its_own_size(resources: ResourceFactory) -> None:
    """The last byte of the input file and of the label file can be written, however different their sizes."""
    for input_size, label_size in ((3000, 7), (7, 3000)):
        upload = resources.mnist(input_size, label_size)
        for role, size in (("input", input_size), ("label", label_size)):
            socket = upload.attach(role)
            socket.write(size - 1, b"z")
            socket.close()


ALLOCATION_SECONDS = 60.0  # on top of the deadline, for a server that really allocates the file


@requirement("INIT-3")
@pytest.mark.hostile
@pytest.mark.destructive
def test_sizes_beyond_32_bits_are_accepted(resources: ResourceFactory) -> None:
    """The last byte of a file of more than 4 GiB can be written if its size is accepted."""
    body = init_body(resources, "csv") | {"input_data_size": LARGE_FILE}
    try:
        answer = resources.target.account.call("csv.init", body=body, extra=ALLOCATION_SECONDS)
    except ResponseTimeout as timeout:
        raise Unsupported(f"the server takes too long for a file of {LARGE_FILE} bytes: {timeout}") from timeout
    if answer.rejected:
        raise Unsupported(f"the server rejects a file of {LARGE_FILE} bytes: {answer}")
    upload = resources.from_init_response(answer, "csv", body["name"], {"input": 1})
    socket = upload.attach()
    for position in (LARGE_FILE - 1, 2**32, 2**32 - 1, 0):
        socket.send(position, b"x")
        acknowledgement = socket.receive_acknowledgement()
        expected = f"success = true at byte {position}"
        require(acknowledgement.success, expected=expected, actual=describe(acknowledgement))
    expected = "complete = false: 4 bytes were sent"
    require(not upload.progress(), expected=expected, actual="complete = true", requirement="PROG-2")


# INIT-4: all uuids of one upload and of different uploads are distinct, and each is usable in the later steps.
@requirement("INIT-4")
def test_uuids_are_distinct_and_usable(resources: ResourceFactory) -> None:
    """The uuids of several uploads are distinct, and each is usable in the later steps."""
    # The factory compares each uuid with all of the run.
    uploads = [resources.mnist(10, 10), resources.mnist(10, 10), resources.csv(10), resources.csv(10)]
    for upload in uploads:
        for role in upload.files:
            with attribute_to("INIT-4"):
                socket = upload.attach(role)
            socket.write(0, random_bytes(10))
            socket.close()
        expect_complete_as_sent(upload)


@requirement("INIT-4")
def test_uuids_are_not_reused(resources: ResourceFactory) -> None:
    """The uuids of finalized and deleted uploads are not reused."""
    content, _ = csv_sample(rows=3)
    resources.dataset("csv", {"input": content})
    resources.csv(10).delete()
    for _ in range(3):
        resources.csv(10)  # the factory compares the uuids with all of the run


@requirement("INIT-4", "GEN-3")
def test_uuids_of_two_users_are_distinct(resources: ResourceFactory, other_account: Account) -> None:
    """The uuids of two users' uploads are distinct."""
    for account in (None, other_account, None, other_account):
        resources.csv(10, account)  # the factory compares the uuids with all of the run


@requirement("INIT-4")
@pytest.mark.parametrize("kind", ["csv", "mnist"])
def test_uploads_of_the_same_name_are_distinct(resources: ResourceFactory, kind: str) -> None:
    """Two uploads of the same name, if the server allows them, have distinct uuids."""
    body = init_body(resources, kind)
    sizes = {"input": 100} | ({"label": 50} if kind == "mnist" else {})
    account = resources.target.account
    first = resources.from_init_response(account.call(f"{kind}.init", body=body), kind, body["name"], sizes)
    answer = account.call(f"{kind}.init", body=body)
    if answer.rejected:
        observe("a second upload of the same name", answer)
        return
    second = resources.from_init_response(answer, kind, body["name"], sizes)
    every = [upload.uuid for upload in (first, second)]
    every += [file.uuid for upload in (first, second) for file in upload.files.values()]
    require(len(set(every)) == len(every), expected=f"{len(every)} distinct uuids", actual=", ".join(every))


TOO_LONG = object()  # stands for a name of one character more than the dialect allows
FAR_TOO_LONG = ("name of 100 000 characters", "name of 2 MiB")  # which real servers do not survive, or do not answer
INVALID_FIELDS: dict[str, tuple[str, Any]] = {
    "no name": ("name", MISSING),
    "name null": ("name", None),
    "name a number": ("name", 1234),
    "name too short": ("name", "abc"),
    "name too long": ("name", TOO_LONG),
    FAR_TOO_LONG[0]: ("name", "a" * VERY_LONG),
    FAR_TOO_LONG[1]: ("name", "a" * (2 << 20)),
    "name begins with a digit": ("name", "1digits"),
    "name with a newline at its end": ("name", "digits\n"),
    "name with a letter that is not ASCII": ("name", "z\u00e4hler"),
    "name in another alphabet": ("name", "\u0446\u0438\u0444\u0440\u044b"),
    "name with digits of another alphabet": ("name", "digits\u0663\u0664"),
    "name with a blank of another kind": ("name", "digits\u00a0a"),
    "name with a dash of another kind": ("name", "digits\u2010a"),
    "name with a slash": ("name", "digits/../other"),
    "no size": ("input_data_size", MISSING),
    "size null": ("input_data_size", None),
    "size zero": ("input_data_size", 0),
    "size negative": ("input_data_size", -1),
    "size a string": ("input_data_size", "100"),
    "size a fraction": ("input_data_size", 1.5),
    "size true": ("input_data_size", True),
    "size too large": ("input_data_size", 10_000_000_001),
    "size beyond 64 bits": ("input_data_size", 2**64 + 1),
    "extra field": ("unknown_field", 1),
}


def expect_no_upload(answer: RestResponse, account: Account, why: str, name: Any = None) -> None:
    """Check that the answer is a 4xx with a reason, and that no dataset of the name was created."""
    expect_4xx_with_reason(answer, why)
    if isinstance(name, str) and name.startswith(NAME_PREFIX):
        listed = account.call("dataset.list")
        require(name not in listed.text, expected=f"no dataset {name!r} after a rejection", actual=listed)


# INIT-5: missing, extra, ill-typed or out-of-range fields, and bodies that are not JSON objects, get a 4xx with a
# reason and allocate nothing.
@requirement("INIT-5")
@pytest.mark.parametrize("kind", ["csv", "mnist"])
@pytest.mark.parametrize("case", mark_destructive(INVALID_FIELDS, *FAR_TOO_LONG))
def test_an_invalid_field_is_rejected(resources: ResourceFactory, kind: str, case: str) -> None:
    """A missing, extra, ill-typed or out-of-range field is rejected with a reason."""
    name, value = INVALID_FIELDS[case]
    body = {**init_body(resources, kind), name: value}
    if value is TOO_LONG:
        body["name"] = f"{resources.name(kind):x<{resources.target.dialect.name_length[1] + 1}}"
    sent = drop_missing(body)
    account = resources.target.account
    answer = account.call(f"{kind}.init", body=sent)
    resources.register_unexpected(answer, "csv.init")
    expect_no_upload(answer, account, case, sent.get("name"))


@requirement("INIT-5")
def test_a_table_has_no_label_size(resources: ResourceFactory) -> None:
    """A CSV upload with the field label_data_size is rejected."""
    body = {**init_body(resources, "csv"), "label_data_size": 50}
    answer = resources.target.account.call("csv.init", body=body)
    resources.register_unexpected(answer, "csv.init")
    expect_no_upload(answer, resources.target.account, "label_data_size is no field of a CSV upload", body["name"])


@requirement("INIT-5")
@pytest.mark.parametrize("value", [MISSING, 0, -1, "50", None, True, 1.5, 10_000_000_001, 2**64 + 1])
def test_an_invalid_label_size_is_rejected(resources: ResourceFactory, value: Any) -> None:
    """An MNIST upload without a valid label size is rejected."""
    body = {**init_body(resources, "mnist"), "label_data_size": value}
    sent = drop_missing(body)
    answer = resources.target.account.call("mnist.init", body=sent)
    resources.register_unexpected(answer, "csv.init")
    expect_no_upload(answer, resources.target.account, f"label_data_size is {sent.get('label_data_size', 'missing')!r}")


NO_OBJECTS = {
    "empty": b"",
    "no JSON": b"name=digits",
    "cut short": b'{"name": "digits", ',
    "an array": b"[]",
    "a string": b'"digits"',
    "a number": b"17",
    "null": b"null",
    "an empty object": b"{}",
}


@requirement("INIT-5", "GEN-1")
@pytest.mark.parametrize("kind", ["csv", "mnist"])
@pytest.mark.parametrize("case", list(NO_OBJECTS))
def test_a_body_that_is_no_object_is_rejected(target: Target, kind: str, case: str) -> None:
    """A body that is not a JSON object is rejected with a reason."""
    route = target.dialect.route(f"{kind}.init")
    answer = target.rest.request(route.method, route.path, token=target.account.token, content=NO_OBJECTS[case])
    expect_no_upload(answer, target.account, f"the body is {case}")


# INIT-6: without a valid token nothing is created (401).
@requirement("INIT-6")
@pytest.mark.parametrize("kind", ["csv", "mnist"])
@pytest.mark.parametrize("token", REST_TOKENS)
def test_nothing_is_created_without_a_valid_token(resources: ResourceFactory, kind: str, token: str) -> None:
    """A POST without a valid token gets 401 and creates nothing."""
    body = init_body(resources, kind)
    answer = resources.target.call(f"{kind}.init", body=body, token=invalid_header_token(token, resources.target))
    resources.register_unexpected(answer, "csv.init")
    require(answer.status == 401, expected=f"401: the token is {token}", actual=answer)
    expect_no_upload(answer, resources.target.account, f"the token is {token}", body["name"])
