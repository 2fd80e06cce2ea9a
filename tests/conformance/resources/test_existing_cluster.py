"""A cluster that is given: used where one is enough, and never deleted."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from hanami_conformance.cases.failures import Unsupported
from hanami_conformance.clients.cluster_messages import ClusterShape
from hanami_conformance.clients.deadline import AdaptiveTimeout
from hanami_conformance.clients.endpoint import Endpoint
from hanami_conformance.clients.rest import RestClient
from hanami_conformance.resources.templates import render_template
from hanami_proto.dialect import load_dialect
from support.suite_runs import result_of
from support.targets import backend, hanami, rest

TO = ("--user", "alice", "--password", "very-secret-1", "--second-user", "bob", "--second-password", "very-secret-2")
SHAPE = ClusterShape({"eyes": 20}, {"hand": 6}, hidden=8)


class Given:
    """A backend with a cluster, and what can be asked of it past the suite."""

    def __init__(self, url: str) -> None:
        token = httpx.post(f"{url}/v1/token", json={"id": "alice", "password": "very-secret-1"}).json()["token"]
        self.http = httpx.Client(base_url=f"{url}/v1/", headers={"X-Auth-Token": token})
        template = base64.b64encode(render_template(load_dialect(), SHAPE).encode()).decode()
        self.uuid = self.http.post("cluster", json={"name": "given one", "template": template}).json()["uuid"]
        bricks = ("--cluster-input", "eyes=20", "--cluster-output", "hand=6")
        self.options = ("--target", url, *TO, "--cluster", self.uuid, *bricks)

    def names(self) -> list[str]:
        """The clusters that are there."""
        return [row[1] for row in self.http.get("cluster/all").json()["body"]]

    def datasets(self) -> list[Any]:
        """The datasets that are there."""
        return list(self.http.get("dataset/all").json()["body"])

    def switch(self, mode: str) -> int:
        """Switch the mode; 409 where it is set already."""
        return self.http.put("cluster/set_mode", json={"uuid": self.uuid, "new_state": mode}).status_code


@pytest.fixture(name="given")
def made() -> Iterator[Given]:
    with backend() as url:
        made = Given(url)
        yield made
        made.http.close()


def test_cases_that_need_one_cluster_use_it(tmp_path: Path, given: Given) -> None:
    families = [word for name in ("ATT-2", "MODE-1", "DIO", "GEN-3") for word in ("--requirement", name)]
    run = hanami("run", *given.options, "--profile", "smoke", "--database", "none", *families, cwd=tmp_path)
    assert run.returncode in (0, 5), run.stdout + run.stderr
    result = result_of(tmp_path)
    verdicts = {entry["id"]: entry["verdict"] for entry in result["requirements"] if entry["selected"]}
    assert {name for name, verdict in verdicts.items() if verdict == "UNSUPPORTED"} == {"DIO-10", "DIO-14"}
    assert {verdicts[name] for name in ("ATT-2", "MODE-1", *(f"DIO-{n}" for n in range(1, 10)))} == {"PASS"}
    reasons = {case["reason"] for case in result["cases"] if case["outcome"] == "unsupported"}
    assert any("needs a new cluster of its own" in reason for reason in reasons)
    assert result["manifest"]["target"]["cluster"] == f"{given.uuid} (eyes=20 to hand=6)"
    assert given.names() == ["given one"]
    assert given.switch("TASK") == 409


def test_a_delete_of_it_is_never_sent() -> None:
    uuid = "6fa459ea-ee8a-4ca4-894e-db77e160355e"
    with rest(lambda *_: (200, {})) as (url, seen):
        client = RestClient(Endpoint(url), AdaptiveTimeout(2.0))
        client.forbid_deletion(uuid)
        for spelling in (uuid, uuid.upper(), uuid.replace("-", ""), f"{{{uuid}}}"):
            with pytest.raises(Unsupported, match="never deleted"):
                client.request("DELETE", "/v1/cluster", params={"uuid": spelling})
            with pytest.raises(Unsupported, match="never deleted"):
                client.request("DELETE", f"/v1/cluster?uuid={spelling.replace('-', '%2D')}")
        client.request("DELETE", "/v1/cluster", params={"uuid": uuid.replace("6", "7")})
        client.request("GET", "/v1/cluster", params={"uuid": uuid})
    assert len(seen) == 2


@pytest.mark.parametrize("mode", ["TASK", "DIRECT"])
def test_check_target_asks_it_and_leaves_it_as_it_was(tmp_path: Path, given: Given, mode: str) -> None:
    given.switch(mode)
    run = hanami("check-target", *given.options, cwd=tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "is given, answers with 6 values of hand, and is never deleted" in " ".join(run.stdout.split())
    assert "DIO-10, DIO-14 will be UNSUPPORTED" in " ".join(run.stdout.split())
    assert given.switch(mode) == 409
    assert (given.names(), given.datasets()) == (["given one"], [])


def test_a_wrong_description_is_reported(tmp_path: Path, given: Given) -> None:
    wrong = [option.replace("hand=6", "hand=7") for option in given.options]
    run = hanami("check-target", *wrong, "--deadline", "2", cwd=tmp_path)
    assert run.returncode == 4, run.stdout
    assert "is not as described" in run.stdout
    assert given.switch("TASK") == 409
    unknown = [option.replace(given.uuid, "6fa459ea-ee8a-4ca4-894e-db77e160355e") for option in given.options]
    run = hanami("run", *unknown, "--requirement", "DIO-1", cwd=tmp_path)
    assert run.returncode == 4, run.stdout
    assert "the first user has no cluster 6fa459ea" in run.stderr
