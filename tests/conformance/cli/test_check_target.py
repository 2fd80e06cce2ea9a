"""``check-target`` reports on one screen what a run would find, deletes what it creates, and predicts correctly."""

from __future__ import annotations

import base64
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from hanami_conformance.catalogue import catalogue
from hanami_conformance.common.child_process import announced_server
from hanami_conformance.resources.templates import render_template
from hanami_conformance.server.startup import SHAPE
from hanami_conformance.target import capabilities
from hanami_proto.dialect import load_dialect
from support.suite_runs import double, failing, in_pytest, result_of, silent
from support.targets import backend, hanami, program
from tools.reference import USERS, clean_environment

ALICE = ("--user", "alice", "--password", "very-secret-1")
SECOND = ("--second-user", "bob", "--second-password", "very-secret-2")


def flat(text: str) -> str:
    return " ".join(text.split())


def everything(url: str, prefix: str = "/v1/") -> list[Any]:
    """What is there of both users."""
    bodies = []
    for user, password in (("alice", "very-secret-1"), ("bob", "very-secret-2")):
        token = httpx.post(f"{url}{prefix}token", json={"id": user, "password": password}).json()["token"]
        for kind in ("dataset", "cluster"):
            answer = httpx.get(f"{url}{prefix}{kind}/all", headers={"X-Auth-Token": token})
            bodies.append(answer.json()["body"])
    return bodies


def test_a_target_that_is_ready(tmp_path: Path) -> None:
    with backend() as url:
        options = (*ALICE, *SECOND, "--dialect", "auto")
        run = hanami("check-target", "--target", url, *options, cwd=tmp_path, environment={"COLUMNS": "110"})
        left = everything(url)
    assert run.returncode == 0, run.stdout + run.stderr
    text = flat(run.stdout)
    for part in (
        f"target {url}",
        "reachable yes; a REST call takes",
        "websocket opens in",
        "ms, and is accepted",
        "TLS no:",
        "documented: POST /v1/token answered 200, the other dialects 404",
        "first user 'alice' is logged in, an admin",
        "second user 'bob' is logged in",
        "connections 2 websockets at the same time",
        "the content of a dataset can be read back",
        "cluster can be made and trained, answers with 2 values of test_output, and is deleted again",
        "workers 16 or more: so many websockets are served at the same time",
        "a token that was valid once (--expired-token)",
        "a server that the suite may restart (--server-command, users with passwords, no --cluster)",
        "INIT-3 announces files of 8,585,740,398 bytes",
        "malformed input is sent on purpose, malformed frames, undecodable messages and floods too;",
        "READY",
    ):
        assert part in text, part
    assert len(run.stdout.splitlines()) <= 24
    assert left == [[], [], [], []]
    assert "very-secret" not in run.stdout
    assert list(tmp_path.iterdir()) == []


def test_missing_capabilities_and_existing_resources(tmp_path: Path) -> None:
    with backend("--dialect", "hanami-0.4") as url:
        token = httpx.post(f"{url}/control/v1/token", json={"id": "alice", "password": "very-secret-1"}).json()["token"]
        template = base64.b64encode(render_template(load_dialect(), SHAPE).encode()).decode()
        body = {"name": "somebodys", "template": template}
        httpx.post(f"{url}/control/v1/cluster", headers={"X-Auth-Token": token}, json=body).raise_for_status()
        options = ("--target", url, "--token", token, "--dialect", "hanami-0.4", "--max-connections", "5")
        run = hanami("check-target", *options, cwd=tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr
    text = flat(run.stdout)
    assert "first user by a token is logged in" in text
    assert "second user needs a user of another project (--second-user and --second-password)" in text
    assert "can't be read back" in text
    lacking = "a way to read the content of a dataset back: "
    (whole,), partly = capabilities.CONTENT
    assert f"{lacking}{whole} will be UNSUPPORTED; some cases of {', '.join(partly)}" in text
    assert "the first user already has 1 cluster" in text


def test_4_wrong_credentials_or_options(tmp_path: Path) -> None:
    with backend() as url:
        run = hanami("check-target", "--target", url, "--user", "alice", "--password", "wrong-one", cwd=tmp_path)
        assert run.returncode == 4, run.stdout
        assert "NOT READY the target rejects the first user 'alice'" in flat(run.stdout)
        assert "wrong-one" not in run.stdout + run.stderr
    run = hanami("check-target", "--target", "nowhere", *ALICE, cwd=tmp_path)
    assert (run.returncode, run.stdout) == (4, "")
    assert run.stderr.startswith("ERROR: target 'nowhere' is no address")
    assert hanami("check-target", "--profile", "gate", cwd=tmp_path).returncode == 4


@pytest.mark.parametrize("serve", [silent, failing], ids=["silent", "failing"])
def test_6_not_reachable(tmp_path: Path, serve: Any) -> None:
    with double(serve) as url:
        run = hanami("check-target", "--target", url, *ALICE, "--deadline", "0.5", cwd=tmp_path)
    assert run.returncode == 6, run.stdout + run.stderr
    assert "NOT REACHABLE" in run.stdout
    assert hanami("check-target", "--target", "http://127.0.0.1:1", *ALICE, cwd=tmp_path).returncode == 6


NEEDS = {
    "SECOND_USER": capabilities.SECOND_USER,
    "DESTRUCTIVE_CASES": capabilities.DESTRUCTIVE_CASES,
    "RESTART_CASES": capabilities.RESTART_CASES,
    "EXPIRED_TOKEN": capabilities.EXPIRED_TOKEN,
    "TWO_CONNECTIONS": capabilities.TWO_CONNECTIONS,
    "CONTENT": capabilities.CONTENT,
    "NEW_CLUSTERS": capabilities.NEW_CLUSTERS,
}


@pytest.mark.parametrize("need", list(NEEDS))
def test_predictions_name_existing_requirements(need: str) -> None:
    whole, partly = NEEDS[need]
    assert set(whole) | set(partly) <= set(catalogue())
    assert not set(whole) & set(partly)


@pytest.mark.slow
def test_the_prediction_for_a_minimal_target_is_true(tmp_path: Path) -> None:
    options = ("--max-connections", "1", "--dialect", "hanami-0.4", "--database", "none", "-k", "not sequences")
    with backend("--dialect", "hanami-0.4") as url:
        run = hanami("run", "--target", url, *ALICE, *options, cwd=tmp_path)
    assert run.returncode in (0, 5), run.stdout + run.stderr
    cases = [case for case in result_of(tmp_path)["cases"] if case["outcome"] == "unsupported"]
    for word, (whole, partly) in {
        "--second-user": capabilities.SECOND_USER,
        "--expired-token": capabilities.EXPIRED_TOKEN,
        "--max-connections": capabilities.TWO_CONNECTIONS,
        "cannot be read back": capabilities.CONTENT,
    }.items():
        found = {name for case in cases if word in case["reason"] for name in case["requirements"]}
        assert found == set(whole) | set(partly), word


def test_the_prediction_without_destructive_cases_is_true(tmp_path: Path) -> None:
    careful = {"HANAMI_ALLOW_DESTRUCTIVE": "0"}
    words = ("-m", "pytest", "--pyargs", "hanami_conformance", "-m", "destructive", "--hanami-database", "none")
    with backend() as url:
        to = ("--target", url, *ALICE, *SECOND)
        check = hanami("check-target", *to, cwd=tmp_path, environment=careful)
        run = program([sys.executable, *words, *in_pytest(*to)], cwd=tmp_path, environment=careful)
    assert run.returncode == 5, run.stdout + run.stderr  # nothing was judged
    assert "workers not counted, since that occupies the server for a moment (--allow-destructive)" in flat(
        check.stdout
    )
    assert "INIT-3 announces" not in check.stdout
    (line,) = (line for line in flat(check.stdout).split(" lacking ") if "(--allow-destructive, or" in line)
    whole, partly = capabilities.DESTRUCTIVE_CASES
    assert f"{', '.join(whole)} will be UNSUPPORTED; some cases of {', '.join(partly)} careful " in line
    cases = result_of(tmp_path)["cases"]
    assert {(case["outcome"], case["reason"]) for case in cases} == {("unsupported", capabilities.DESTRUCTIVE)}
    assert {name for case in cases for name in case["requirements"]} == {*whole, *partly}


# The reference backend, with a part of it that does not work: uploads, websockets or clusters.
BROKEN = """\
import sys
from starlette.responses import PlainTextResponse
from hanami_reference_backend import cli
from hanami_reference_backend.faults.patch import replace_method
from hanami_reference_backend.serving import app

CREATIONS = {"uploads": ("/v1/csv/dataset", "/v1/mnist/dataset"), "clusters": ("/v1/cluster",)}
PATHS = [path for part in PARTS for path in CREATIONS.get(part, ())]

@replace_method(app, "build_app")
def build_app(original, backend):
    application = original(backend)

    async def serve(scope, receive, send):
        if scope["type"] == "http" and scope["method"] == "POST" and scope["path"] in PATHS:
            await PlainTextResponse("", 500)(scope, receive, send)
        elif scope["type"] == "websocket" and "websockets" in PARTS:
            await receive()
            await send({"type": "websocket.close"})
        else:
            await application(scope, receive, send)

    return serve

sys.exit(cli.main())
"""
PARTS = ("uploads", "websockets", "clusters")


@contextmanager
def backend_without(*parts: str) -> Iterator[str]:
    """Provide the address of a reference backend of which some parts do not work."""
    options = ("--port", "0", "--announce", "json", "--stop-with-stdin")
    command = [sys.executable, "-c", f"PARTS = {parts!r}\n{BROKEN}", *options, *USERS]
    with announced_server("the reference backend", command, clean_environment()) as announced:
        yield announced["url"]


@pytest.mark.parametrize("part", PARTS)
def test_1_a_target_that_is_partly_ready(tmp_path: Path, part: str) -> None:
    with backend_without(part) as url:
        run = hanami("check-target", "--target", url, *ALICE, *SECOND, "--deadline", "1", cwd=tmp_path)
        left = everything(url)
    assert run.returncode == 1, run.stdout + run.stderr
    text = flat(run.stdout)
    unjudged = capabilities.UNJUDGED_WITHOUT[part]
    assert f"PARTLY READY {part} do not work: {len(unjudged)} requirements cannot be judged" in text
    assert f"lacking working {part}" in text
    assert f"{capabilities.short_list(unjudged)} cannot be judged" in text
    assert text.count("cannot be judged") == 2  # other parts that need this one are not counted again
    assert ("workers not counted" in text) is (part != "clusters")
    assert left == [[], [], [], []]


def test_1_clusters_that_cannot_be_made_do_not_work_beside_broken_websockets(tmp_path: Path) -> None:
    with backend_without("websockets", "clusters") as url:
        run = hanami("check-target", "--target", url, *ALICE, *SECOND, "--deadline", "1", cwd=tmp_path)
    assert run.returncode == 1, run.stdout + run.stderr
    unjudged = {name for part in ("websockets", "clusters") for name in capabilities.UNJUDGED_WITHOUT[part]}
    text = flat(run.stdout)
    assert f"websockets and clusters do not work: {len(unjudged)} requirements cannot be judged" in text
    assert {"MODE-1", "MODE-3", "DIO-14"} <= unjudged


@pytest.mark.slow
@pytest.mark.parametrize("part", PARTS)
def test_the_prediction_without_a_part_is_true(tmp_path: Path, part: str) -> None:
    options = ("--profile", "smoke", "--deadline", "1", "--database", "none", "-k", "not sequences")
    with backend_without(part) as url:
        hanami("run", "--target", url, *ALICE, *SECOND, *options, cwd=tmp_path)
    verdicts = {one["id"]: one["verdict"] for one in result_of(tmp_path)["requirements"]}
    judged = {name for name, verdict in verdicts.items() if verdict in ("PASS", "FAIL", "KNOWN", "OBSERVED")}
    assert judged & set(capabilities.UNJUDGED_WITHOUT[part]) == set()


def test_a_server_that_creates_clusters_only_a_while_after_its_start_is_ready(tmp_path: Path) -> None:
    with backend("--quirks", "hanami-0.4") as url:
        run = hanami(
            "check-target", "--target", url, *ALICE, "--dialect", "auto", "--max-connections", "4", cwd=tmp_path
        )
        left = everything(url, "/control/v1/")
    assert run.returncode == 0, run.stdout + run.stderr
    text = flat(run.stdout)
    assert "workers 4: with as many websockets open, the next was not answered within" in text
    assert "4 websockets at the same time occupy all of the 4 workers: give --max-connections 3" in text
    assert left == [[], [], [], []]


def test_ids_are_written_as_ranges() -> None:
    assert capabilities.short_list(["DATA-1", "DATA-2", "DATA-3", "DATA-5", "PROG-1", "PROG-2"]) == (
        "DATA-1 to DATA-3, DATA-5, PROG-1, PROG-2"
    )
