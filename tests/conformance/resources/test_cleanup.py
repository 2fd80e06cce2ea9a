"""What a run makes on the target goes again, whatever happens in between."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from hanami_conformance.cases.failures import ConnectionClosed, TargetDown, Unsupported, Violation
from hanami_conformance.cases.recording import begin_case, current_case, end_case
from hanami_conformance.clients.cluster_messages import ClusterShape
from hanami_conformance.clients.json_response import json_object
from hanami_conformance.clients.rest_response import RestResponse
from hanami_conformance.options.run import resolve
from hanami_conformance.options.target import Credentials, TargetOptions
from hanami_conformance.resources.cleanup import delete_leftovers, describe
from hanami_conformance.resources.factory import Leftover, ResourceFactory, delete
from hanami_conformance.resources.listing import protect_existing
from hanami_conformance.server.open import open_target
from hanami_conformance.target.connect import connect
from hanami_conformance.target.target import Target
from support.sequences import answers_changed, execute, resources_at
from support.suite_runs import faulty_backend
from support.targets import rest

TABLE = b"a,b\n1,2\n"


def test_forgotten_resources_are_found_by_their_names() -> None:
    with faulty_backend() as url:
        target = connect(TargetOptions(url=url, account=Credentials("alice", "very-secret-1")))
        ours, others = ResourceFactory(target, "aaaa1111"), ResourceFactory(target, "bbbb2222")
        for resources in (ours, others):
            resources.cluster(ClusterShape({"test_input": 2}, {"test_output": 2}, hidden=2))
            resources._created.clear()
        gone = Leftover(target.account, "cluster", "6fa459ea-ee8a-4ca4-894e-db77e160355e", "gone already", "once")
        assert delete_leftovers(target, "aaaa1111", [gone]) == []
        listed = target.account.call("cluster.list").text
        assert "hc_aaaa1111_" not in listed
        assert "hc_bbbb2222_" in listed
        stubborn = Leftover(target.account, "dataset", "x" * 3000, "stubborn")
        target.account.token = "no-token"
        left = delete_leftovers(target, "bbbb2222", [stubborn])
        assert [line.partition(":")[0] for line in left] == [
            "dataset all datasets of the first user",
            "cluster all clusters of the first user",
        ]


@pytest.fixture
def target() -> Iterator[Target]:
    with faulty_backend() as url:
        begin_case("test")
        yield connect(TargetOptions(url=url, account=Credentials("alice", "very-secret-1")))
        end_case()


@pytest.mark.parametrize("kind", ["csv", "mnist"])
def test_a_dataset_of_somebody_else_is_not_deleted_whatever_the_target_answers(
    target: Target, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    precious = ResourceFactory(target, "bbbb2222").dataset("csv", {"input": TABLE})
    protect_existing(target, "hc_aaaa1111_")
    target.uuids.clear()  # of the run that made it
    resources = ResourceFactory(target, "aaaa1111")
    sent = []

    def other_uuid(method: str, path: str, answer: RestResponse) -> RestResponse:
        sent.append(f"{method} {path}")
        is_init = method == "POST" and path.endswith("/dataset")
        parsed = json_object(answer.body) or {}
        changed = json.dumps({**parsed, "uuid": precious.uuid}).encode()
        return replace(answer, body=changed) if is_init else answer

    answers_changed(monkeypatch, other_uuid)
    with pytest.raises(Violation, match=f"uuids that no other resource has, not {precious.uuid}"):
        resources.csv(10) if kind == "csv" else resources.mnist(10, 10)
    resources.clean()
    assert not any(line.startswith("DELETE") for line in sent)
    with pytest.raises(Unsupported, match="was on the target before the run"):
        precious.account.call("dataset.delete", params={"uuid": precious.uuid})
    with pytest.raises(Unsupported, match="was on the target before the run"):
        target.send_raw(f"DELETE /v1/dataset?uuid={precious.uuid} HTTP/1.1\r\n\r\n".encode(), "a DELETE")
    assert delete_leftovers(target, "bbbb2222", []) == []  # its name has the prefix, and it was there before
    assert precious.name in target.account.call("dataset.list").text


def test_a_name_that_is_not_ours_marks_a_resource_that_is_not_ours(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    precious = ResourceFactory(target, "bbbb2222").dataset("csv", {"input": TABLE})
    target.uuids.clear()
    resources = ResourceFactory(target, "aaaa1111")  # nothing is protected: it was made after the run began

    def other_uuid(method: str, path: str, answer: RestResponse) -> RestResponse:
        changed = json.dumps({**(json_object(answer.body) or {}), "uuid": precious.uuid, "name": precious.name})
        return replace(answer, body=changed.encode()) if (method, path) == ("POST", "/v1/csv/dataset") else answer

    answers_changed(monkeypatch, other_uuid)
    resources.csv(10)
    resources.clean()
    assert precious.name in target.account.call("dataset.list").text


def test_the_life_of_a_target_begins_with_what_is_there(target: Target) -> None:
    others = ResourceFactory(target, "bbbb2222")
    precious = others.dataset("csv", {"input": TABLE})
    cluster = others.cluster(ClusterShape({"test_input": 2}, {"test_output": 2}, hidden=2))
    own = ResourceFactory(target, "aaaa1111").dataset("csv", {"input": TABLE})  # such as a probe of the server made it
    given = {"target": target.url, "user": "alice", "password": "very-secret-1"}
    with open_target(resolve(given, {}), run_id="aaaa1111") as opened:
        made = (precious.uuid, cluster.uuid, own.uuid)
        assert [opened.target.rest.forbids_deletion(uuid) for uuid in made] == [True, True, False]


@contextmanager
def listing(rows: int) -> Iterator[tuple[Target, list[str]]]:
    """A target that lists any number of resources of ours, and what it was asked to delete."""

    def answer(method: str, path: str, _: Any) -> tuple[int, Any]:  # noqa: ARG001
        if path.startswith("/v1/token"):
            return 200, {"token": "x.y.z"}
        body = [[str(UUID(int=number)), f"hc_aaaa1111_csv_{number}"] for number in range(rows)]
        return 200, {"header": ["uuid", "name"], "body": body if path.startswith("/v1/dataset/all") else []}

    with rest(answer) as (url, seen):
        yield connect(TargetOptions(url=url, account=Credentials("alice", "secret"))), seen


def test_a_clean_up_has_a_budget_of_deletions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hanami_conformance.resources.cleanup.MOST_DELETIONS", 7)
    with listing(20_000) as (target, seen):
        left = delete_leftovers(target, "aaaa1111", [])
    assert sum(line.startswith("DELETE") for line in seen) == 7
    limit = "not deleted within 60 s and 7 deletions; hanami-conformance sweep deletes the rest"
    assert left == [f"19,993 resources, the first is hc_aaaa1111_csv_7: {limit}"]


def test_a_clean_up_has_a_budget_of_time() -> None:
    with listing(3) as (target, seen):
        left = delete_leftovers(target, "aaaa1111", [], seconds=0.0)
    assert not any(line.startswith("DELETE") for line in seen)
    assert [line.partition(",")[0] for line in left] == ["3 resources"]


def test_only_the_first_leftovers_are_named() -> None:
    account: Any = None
    lines = describe([Leftover(account, "dataset", "x", f"n{number}", "why") for number in range(1234)])
    assert (len(lines), lines[0]) == (101, "dataset n0: why")
    assert lines[-1] == "1,134 more resources: hanami-conformance sweep deletes the rest"


def test_a_token_that_expired_is_no_reason_to_leave_something(monkeypatch: pytest.MonkeyPatch) -> None:
    with faulty_backend() as url, resources_at(url) as resources:
        target = resources.target
        monkeypatch.setattr("hanami_conformance.target.target.expires_soon", lambda token: token == "expired")
        target.account.token = "expired"
        execute(resources, "content")
        assert target.account.token != "expired"
        made = resources.csv(10)
        target.account.token = "expired unnoticed"
        resources.clean()
        assert resources.leftovers == []
        assert made.name not in target.account.call("dataset.list").text
        left = resources.csv(10)
        target.account.credentials = Credentials(token="expired")
        target.account.token = "expired unnoticed"
        resources.clean()
        assert [item.uuid for item in resources.leftovers] == [left.uuid]


@pytest.mark.parametrize(
    ("ends", "last"),
    [
        ([ConnectionClosed("an answer", "a reset"), TargetDown("no connection")], "dataset"),
        ([TargetDown("no connection"), TargetDown("no connection")], ""),
    ],
)
def test_a_deletion_stays_the_last_one_if_the_target_takes_no_connection_after_it(
    ends: list[Exception], last: str
) -> None:
    def call(*_: object, **__: object) -> None:
        current_case().sent_event("rest", "request", "DELETE")
        raise ends.pop(0)

    account: Any = SimpleNamespace(target=SimpleNamespace(unsafe_deletions=set()), call=call)
    case = begin_case("f::t")
    for kind in ("dataset", "cluster"):
        assert delete(Leftover(account, kind, "x", "x")) is not None
    end_case()
    assert case.last_deleted == last
