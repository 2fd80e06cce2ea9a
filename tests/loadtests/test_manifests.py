"""The files in ``docs/how-to/load`` that start load tests on several hosts."""

from __future__ import annotations

import re
from typing import Any

import yaml

from hanami_loadtests.options import LOAD_OPTIONS
from support.paths import ROOT

FOLDER = ROOT / "docs" / "how-to" / "load"
COMPOSE = (FOLDER / "compose.yml").read_text()
KUBERNETES = (FOLDER / "kubernetes.yml").read_text()
DOCKERFILE = (FOLDER / "Dockerfile").read_text()


def objects(kind: str) -> dict[str, Any]:
    """Objects of the manifest of that kind, by name."""
    found = [one for one in yaml.safe_load_all(KUBERNETES) if one["kind"] == kind]
    return {one["metadata"]["name"]: one for one in found}


def test_compose_has_a_master_and_workers_that_know_it() -> None:
    compose = yaml.safe_load(COMPOSE)
    services = compose["services"]
    assert set(services) == {"master", "worker"}
    assert services["master"]["command"][:3] == ["--master", "--web-host", "0.0.0.0"]  # the port is published below
    assert services["worker"]["command"][:2] == ["--worker", "--master-host"]
    assert services["worker"]["command"][2] in services
    for service in services.values():
        assert (FOLDER / service["build"]["context"]).resolve() == ROOT
        assert (ROOT / service["build"]["dockerfile"]).read_text() == DOCKERFILE
    assert all(port.startswith("127.0.0.1:") for port in services["master"]["ports"])
    assert {volume.split(":")[0] for volume in services["master"]["volumes"]} == set(compose["volumes"])


def test_kubernetes_services_and_selectors_fit() -> None:
    deployments, services = objects("Deployment"), objects("Service")
    for deployment in deployments.values():
        labels = deployment["spec"]["template"]["metadata"]["labels"]
        assert deployment["spec"]["selector"]["matchLabels"] == labels
    ((name, service),) = services.items()
    master = deployments[name]["spec"]
    assert service["spec"]["selector"] == master["selector"]["matchLabels"]
    (container,) = master["template"]["spec"]["containers"]
    assert {port["port"] for port in service["spec"]["ports"]} == {port["containerPort"] for port in container["ports"]}
    (worker,) = deployments["hanami-load-worker"]["spec"]["template"]["spec"]["containers"]
    assert worker["args"] == ["--worker", "--master-host", name]
    assert container["args"][:3] == ["--master", "--web-host", "0.0.0.0"]
    assert master["replicas"] == 1
    mounts = {mount["name"] for mount in container["volumeMounts"]}
    assert mounts == {volume["name"] for volume in master["template"]["spec"]["volumes"]}


def test_no_manifest_holds_a_password_and_every_variable_is_one_of_ours() -> None:
    ours = {option.environment for option in LOAD_OPTIONS if option.environment} | {"HANAMI_TARGET"}
    for text in (COMPOSE, KUBERNETES, DOCKERFILE):
        assert set(re.findall(r"HANAMI_[A-Z_]+", text)) <= ours
        assert "alice" not in text
    for deployment in objects("Deployment").values():
        for container in deployment["spec"]["template"]["spec"]["containers"]:
            for variable in container.get("env", ()):
                (source,) = variable["valueFrom"].values()
                assert source["name"] in {"hanami-load", *objects("ConfigMap")}


def test_the_image_is_built_from_the_repository() -> None:
    (image,) = re.findall(r"^FROM (.*)$", DOCKERFILE, re.MULTILINE)
    assert image.startswith("python:3.12-slim@")
    (requirements,) = re.findall(r"--requirement (\S+)", DOCKERFILE)
    assert (ROOT / requirements).is_file()
    (locustfile,) = re.findall(r"/suite/(\S+\.py)", DOCKERFILE)
    assert (ROOT / locustfile).is_file()
