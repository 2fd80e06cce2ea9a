"""What a run makes on the target goes again, whatever happens in between."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from hanami_conformance.cases.failures import ConnectionClosed, TargetDown
from hanami_conformance.cases.recording import begin_case, current_case, end_case
from hanami_conformance.clients.cluster_messages import ClusterShape
from hanami_conformance.options.target import Credentials, TargetOptions
from hanami_conformance.resources.cleanup import delete_leftovers
from hanami_conformance.resources.factory import Leftover, ResourceFactory, delete
from hanami_conformance.target.connect import connect
from support.sequences import execute, resources_at
from support.suite_runs import faulty_backend


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
        assert [item.name for item in left] == ["all datasets of the first user", "all clusters of the first user"]


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
