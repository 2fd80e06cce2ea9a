"""Clusters of a server that just started, and rejects them for a while with 5xx."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from hanami_conformance.cases.failures import PreconditionFailed
from hanami_conformance.clients.cluster_messages import ClusterShape
from hanami_conformance.clients.rest_response import RestResponse
from hanami_conformance.target.target import Account
from support.sequences import resources_at

SHAPE = ClusterShape({"test_input": 4}, {"test_output": 2}, hidden=4)


@pytest.fixture(name="names")
def _names(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> list[str]:
    """Names of the created clusters, of which the server answers the first ones with 500."""
    names: list[str] = []
    original = Account.call

    def call(self: Account, operation: str, **arguments: Any) -> RestResponse:
        answer = original(self, operation, **arguments)
        if operation != "cluster.create":
            return answer
        names.append(arguments["body"]["name"])
        return replace(answer, status=500, body=b"") if len(names) <= request.param else answer

    monkeypatch.setattr(Account, "call", call)
    monkeypatch.setattr("hanami_conformance.resources.factory.CLUSTER_POLL", 0.01)
    return names


@pytest.mark.parametrize("names", [2], indirect=True)
def test_the_first_cluster_of_a_run_waits_for_a_server_that_starts(url: str, names: list[str]) -> None:
    with resources_at(url) as resources:
        cluster = resources.cluster(SHAPE)
        assert (len(names), len(set(names)), names[-1]) == (3, 3, cluster.name)
        resources.cluster(SHAPE)
        assert len(names) == 4
        resources.clean()
        assert resources.leftovers == []


@pytest.mark.parametrize("names", [1000], indirect=True)
def test_a_server_that_never_creates_a_cluster_is_waited_for_once(url: str, names: list[str]) -> None:
    with resources_at(url) as resources:
        resources.target.timeouts.setting = 0.2
        for _ in range(2):
            with pytest.raises(PreconditionFailed, match="making a cluster: expected 200"):
                resources.cluster(SHAPE)
        assert names[-1] != names[-2]
        waited = len(names)
        with pytest.raises(PreconditionFailed):
            resources.cluster(SHAPE)
        assert len(names) == waited + 1
