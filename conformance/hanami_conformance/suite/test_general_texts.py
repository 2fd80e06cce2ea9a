"""General: texts that servers misread, in every field of every operation."""

from __future__ import annotations

from http import HTTPStatus

import pytest

from hanami_conformance.cases.attribution import attribute_to
from hanami_conformance.cases.checks import require
from hanami_conformance.cases.failures import ConnectionClosed, TargetDown
from hanami_conformance.catalogue import requirement
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.suite.support.intact_uploads import expect_intact
from hanami_conformance.suite.support.invalid import QUERY_LANGUAGE, VERY_LONG
from hanami_conformance.suite.support.literal_names import LITERALS, expect_name_kept
from hanami_conformance.suite.support.markers import mark_destructive
from hanami_conformance.suite.support.near_misses import UUID_FORMS, near_misses
from hanami_conformance.suite.support.operations import (
    DELETIONS,
    FIELDS,
    WITH_BODY,
    WITH_FIELDS,
    call_with,
    expect_4xx,
    fields_of,
    request_bytes,
    texts_of,
)
from hanami_conformance.suite.support.sample_data import ONE_BRICK
from hanami_conformance.suite.support.uploads import small_upload
from hanami_conformance.target.target import Account, Target

pytestmark = pytest.mark.parallel


def expect_list(account: Account) -> None:
    """Check that the server still answers."""
    with attribute_to("GEN-2"):
        answer = account.call("dataset.list")
        require(answer.status == HTTPStatus.OK, expected="200 to the next request", actual=answer)


# A vulnerable server may delete whatever a condition matches.
@requirement("GEN-1", "GEN-2")
@pytest.mark.hostile
@pytest.mark.parametrize("operation", mark_destructive(WITH_FIELDS, *DELETIONS))
def test_query_language_in_a_text_gets_a_4xx(resources: ResourceFactory, operation: str) -> None:
    """A text that ends with quotes, conditions or commands of a database gets a 4xx, in every field."""
    good = fields_of(resources, operation)
    for field, value in texts_of(resources, operation).items():
        for kind, text in QUERY_LANGUAGE.items():
            answer = call_with(resources, operation, good | {field: value + text})
            if field != "name" or not resources.target.dialect.is_name(value + text):
                expect_4xx(answer, f"{field} ends with {kind}")
    expect_list(resources.target.account)


UUIDS = {  # operation to the kind of the resource whose uuid it takes
    "dataset.progress": "dataset",
    "dataset.get": "dataset",
    "dataset.delete": "dataset",
    "csv.finalize": "dataset",
    "cluster.get": "cluster",
    "cluster.delete": "cluster",
    "cluster.set_mode": "cluster",
}


@requirement("GEN-1", "PROG-4", "FIN-4", "DEL-1", "MODE-2")
@pytest.mark.hostile
@pytest.mark.parametrize("operation", mark_destructive(UUIDS, *DELETIONS))  # as above
def test_a_uuid_in_a_call_is_compared_whole(resources: ResourceFactory, operation: str) -> None:
    """A uuid that only resembles that of a resource gets a 4xx, and the resource stays as it was."""
    good = fields_of(resources, operation)
    if UUIDS[operation] == "cluster":
        cluster = resources.any_cluster(ONE_BRICK)
        uuids = {"uuid": cluster.uuid}
    else:
        upload, model = small_upload(resources, "csv")
        uuids = {"uuid": upload.uuid, "uuid_input_file": upload.files["input"].uuid}
    right = {field: uuids.get(field, value) for field, value in good.items()}
    for field in [name for name in right if name in uuids]:
        for change, near_miss in near_misses(right[field], UUID_FORMS):
            answer = call_with(resources, operation, right | {field: near_miss})
            expect_4xx(answer, f"{field} is one of a {UUIDS[operation]}, {change}", operation)
    if UUIDS[operation] == "cluster":
        with attribute_to("MODE-2" if operation == "cluster.set_mode" else "GEN-1"):
            cluster.enter_direct_mode()
    else:
        expect_intact(upload, model, "an upload after calls with uuids that resemble its own")


def percent_encoded(value: bytes) -> bytes:
    """Return bytes as a query may have them."""
    return "".join(f"%{byte:02x}" for byte in value).encode()


def expect_4xx_or_end(target: Target, request: bytes, what: str, why: str) -> None:
    """Check that bytes that are not HTTP get a 4xx, or the end of their connection and of no other."""
    try:
        expect_4xx(target.send_raw(request, what), why)
    except ConnectionClosed:
        if reason := target.downtime_reason():
            raise TargetDown(reason) from None


LONG_BYTES = b"a" * 60_000  # beyond the limits of the heads of usual servers, 8 to 32 KiB
BYTES_OF_A_TOKEN = {
    "bytes that are not UTF-8": b"\xff\xfe",
    "a letter in Latin-1": b"z\xe4hler",
    "an incomplete letter in UTF-8": b"\xc3",
    "a letter in UTF-8": b"z\xc3\xa4hler",
}
# None of these is a request of HTTP, so that an end of the connection rejects it as well.
BYTES_OF_NO_REQUEST = {**BYTES_OF_A_TOKEN, "control bytes": b"a\x01\x1b\x7f", "a NUL byte": b"a\x00b"}


@requirement("GEN-1", "GEN-2")
@pytest.mark.hostile
@pytest.mark.destructive
@pytest.mark.parametrize("operation", list(FIELDS))
def test_a_token_of_any_bytes_gets_a_4xx(target: Target, operation: str) -> None:
    """A token with bytes beyond ASCII gets a 4xx; one with control bytes may end the connection."""
    for kind, token in BYTES_OF_NO_REQUEST.items():
        request, why = request_bytes(target, operation, token=token), f"{operation}, the token has {kind}"
        if kind in BYTES_OF_A_TOKEN:
            expect_4xx(target.send_raw(request, f"a token with {kind}"), why)
        else:
            expect_4xx_or_end(target, request, f"a token with {kind}", why)
    expect_list(target.account)


@requirement("GEN-1", "GEN-2")
@pytest.mark.hostile
@pytest.mark.destructive
@pytest.mark.parametrize("operation", WITH_FIELDS)
def test_a_query_of_any_bytes_gets_a_4xx(target: Target, operation: str) -> None:
    """A query with bytes that are not ASCII gets a 4xx; one in which they are not encoded may end the connection."""
    for kind, value in BYTES_OF_NO_REQUEST.items():
        why = f"{operation}, the query has {kind}"
        expect_4xx_or_end(
            target, request_bytes(target, operation, query=b"?uuid=" + value), f"a query with {kind}", why
        )
        request = request_bytes(target, operation, query=b"?uuid=" + percent_encoded(value))
        expect_4xx(target.send_raw(request, f"a query with {kind}, encoded"), f"{why}, encoded")
    expect_list(target.account)


@requirement("GEN-1", "GEN-2")
@pytest.mark.hostile
@pytest.mark.destructive
@pytest.mark.parametrize("operation", [operation for operation in FIELDS if operation not in WITH_FIELDS])
def test_a_list_ignores_or_rejects_a_query_of_any_bytes(target: Target, operation: str) -> None:
    """A list with a parameter that it does not have, and encoded bytes as its value, is answered or rejected."""
    for kind, value in BYTES_OF_NO_REQUEST.items():
        answer = target.send_raw(
            request_bytes(target, operation, query=b"?x=" + percent_encoded(value)), f"a query with {kind}"
        )
        ignored = answer.status == HTTPStatus.OK
        require(ignored or answer.rejected, expected=f"200 or a 4xx to a query with {kind}", actual=answer)
    expect_list(target.account)


@requirement("GEN-1")
@pytest.mark.hostile
@pytest.mark.destructive
@pytest.mark.parametrize("place", ["target", "query", "token"])
def test_a_long_head_gets_a_4xx(target: Target, place: str) -> None:
    """A request target, a query or a token of 60 000 characters gets a 4xx."""
    query, token = b"?uuid=" + LONG_BYTES, b""
    if place == "target":
        query = b"/" + LONG_BYTES
    elif place == "token":
        query, token = b"", LONG_BYTES
    answer = target.send_raw(request_bytes(target, "dataset.get", query=query, token=token), f"a {place} too long")
    expect_4xx(answer, f"the {place} has {len(LONG_BYTES)} characters")


@requirement("GEN-1", "GEN-2")
@pytest.mark.hostile
@pytest.mark.destructive
@pytest.mark.parametrize("operation", WITH_BODY)
def test_a_long_text_gets_a_4xx(resources: ResourceFactory, operation: str) -> None:
    """A text of 100 000 characters in any field of a body gets a 4xx."""
    good = fields_of(resources, operation)
    for field, value in texts_of(resources, operation).items():
        answer = call_with(resources, operation, good | {field: f"{value:a<{VERY_LONG}}"})
        expect_4xx(answer, f"{field} has {VERY_LONG} characters")
    expect_list(resources.target.account)


@requirement("GEN-1", "INIT-1", "INIT-2")
@pytest.mark.hostile
@pytest.mark.destructive
@pytest.mark.parametrize("kind", ["csv", "mnist", "cluster"])
def test_a_literal_is_kept_as_text(resources: ResourceFactory, kind: str) -> None:
    """A name such as true or null is rejected with a reason, or it is read back as it was sent."""
    for name in LITERALS:
        expect_name_kept(resources, kind, name)
