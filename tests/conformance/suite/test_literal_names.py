"""A name that looks like a literal is compared where the target shows it, and nothing of others is deleted."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from hanami_conformance.cases.failures import Violation
from hanami_conformance.cases.recording import begin_case, end_case
from hanami_conformance.clients.rest_response import RestResponse
from hanami_conformance.suite.support.literal_names import expect_name_kept
from hanami_proto.dialect import load_dialect

UUID = "6fa459ea-ee8a-4ca4-894e-db77e160355e"


class Target:
    """A target that lists what it creates.

    Args:
        header: Columns of its list.
        rows: Rows of the list once the dataset was created.
        status: Status of the answer to the creation.
    """

    def __init__(self, header: list[str], rows: list[list[object]], status: int = 200) -> None:
        self.dialect = load_dialect()
        self.account = self
        self._list: dict[str, Any] = {"header": header, "body": []}
        self._rows, self._status = rows, status

    def call(self, operation: str, **_: object) -> RestResponse:
        answer: dict[str, Any] = {"dataset.list": self._list, "csv.init": {"uuid": UUID}}.get(operation, {})
        body, status = json.dumps(answer).encode(), 200
        if operation == "csv.init":
            self._list, status = {**self._list, "body": self._rows}, self._status
        return RestResponse(operation, status, body, "application/json")


def create(target: Any, registered: list[str]) -> None:
    """Create a dataset, and add the uuids that are registered for deletion after a 5xx to a list."""
    resources: Any = SimpleNamespace(
        target=target,
        name=lambda kind: kind,
        register_unexpected=lambda *_: None,
        register_for_deletion=lambda _kind, uuid: registered.append(uuid),
    )
    begin_case("test")
    try:
        expect_name_kept(resources, "csv", "true")
    finally:
        end_case()


@pytest.mark.parametrize("header", [["uuid", "name"], ["name", "uuid"], ["uuid"], ["name"]])
def test_a_name_is_compared_where_the_list_has_it(header: list[str]) -> None:
    create(Target(header, [["true" if column == "name" else UUID for column in header]]), [])


@pytest.mark.parametrize("name", [True, None, "True", "1", ""])
def test_another_name_in_the_list_is_a_violation(name: object) -> None:
    with pytest.raises(Violation, match="the name 'true' of the csv"):
        create(Target(["uuid", "name"], [[UUID, name]]), [])


def test_a_name_in_another_column_is_no_name() -> None:
    with pytest.raises(Violation, match="the name 'true' of the csv"):
        create(Target(["uuid", "name", "public"], [[UUID, "1", "true"]]), [])


@pytest.mark.parametrize(("name", "is_ours"), [("true", True), (True, True), ("digits", False)])
def test_only_what_has_such_a_name_is_deleted_after_a_5xx(name: object, is_ours: bool) -> None:
    registered: list[str] = []
    with pytest.raises(Violation, match=r"200 to csv\.init"):
        create(Target(["uuid", "name"], [[UUID, name]], status=500), registered)
    assert registered == [UUID] * is_ours
