"""Clusters larger than the reference size, which a target may reject."""

from __future__ import annotations

from typing import Any

import pytest

from hanami_conformance.cases.failures import PreconditionFailed, Unsupported
from hanami_conformance.clients.cluster_messages import ClusterShape
from hanami_conformance.clients.rest_response import RestResponse
from hanami_conformance.target.target import Account
from support.sequences import resources_at

LARGE = ClusterShape({"test_input": 2}, {"test_output": 785}, hidden=2)
REFERENCE = ClusterShape({"test_input": 784}, {"test_output": 10}, hidden=400)


def reject_clusters(monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    """Let every request for a cluster get this status."""
    original = Account.call

    def call(self: Account, operation: str, **arguments: Any) -> RestResponse:
        if operation != "cluster.create":
            return original(self, operation, **arguments)
        return RestResponse("POST cluster", status, b"too large", "text/plain")

    monkeypatch.setattr(Account, "call", call)
    monkeypatch.setattr("hanami_conformance.resources.factory.CLUSTER_POLL", 0.01)


def test_a_large_cluster_that_is_rejected_is_unsupported(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    reject_clusters(monkeypatch, 400)
    with resources_at(url) as resources, pytest.raises(Unsupported, match=r"no cluster with 785 values .* too large"):
        resources.cluster(LARGE)


@pytest.mark.parametrize(("shape", "status"), [(REFERENCE, 400), (LARGE, 500)])
def test_any_other_failure_is_a_failed_precondition(
    url: str, monkeypatch: pytest.MonkeyPatch, shape: ClusterShape, status: int
) -> None:
    reject_clusters(monkeypatch, status)
    with resources_at(url) as resources:
        resources.target.timeouts.setting = 0.2
        with pytest.raises(PreconditionFailed, match="making a cluster"):
            resources.cluster(shape)
