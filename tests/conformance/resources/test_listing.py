"""A dataset is listed under its own name if both are in one row, whatever the columns are called."""

from __future__ import annotations

import json

import pytest

from hanami_conformance.clients.rest_response import RestResponse
from hanami_conformance.resources.listing import is_listed_as

UUID = "6fa459ea-ee8a-4ca4-894e-db77e160355e"
OTHER = "7fa459ea-ee8a-4ca4-894e-db77e160355e"


@pytest.mark.parametrize(
    ("body", "is_listed"),
    [
        ({"header": ["uuid", "name"], "body": [[UUID, "digits"], [OTHER, "iris"]]}, True),
        ({"header": ["name", "owner", "id"], "body": [["digits", OTHER, UUID]]}, True),
        ({"header": ["uuid", "name"], "body": [[UUID, "iris"], [OTHER, "digits"]]}, False),
        ({"body": [{"uuid": UUID, "name": "digits"}]}, True),
        ({"datasets": {UUID: "digits"}}, True),
        ({"datasets": {UUID: "iris"}}, False),
        ({"header": ["uuid", "name"], "body": [[OTHER, "digits"]]}, False),
    ],
)
def test_a_name_belongs_to_the_uuid_in_its_row(body: dict[str, object], is_listed: bool) -> None:
    answer = RestResponse("dataset.list", 200, json.dumps(body).encode(), "application/json")
    assert is_listed_as(answer, UUID, "digits") is is_listed


def test_an_error_lists_nothing() -> None:
    assert not is_listed_as(RestResponse("dataset.list", 500, UUID.encode(), "text/plain"), UUID, "")
