"""The dialect of a target is found by questions that make nothing, and one line says why."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hanami_conformance.cases.failures import TargetDown, TargetRejectedConfiguration
from hanami_conformance.cases.sequence import StepSequence
from hanami_conformance.options.definitions import AUTO
from hanami_conformance.options.target import Credentials, TargetOptions
from hanami_conformance.target.dialect_detection import find_dialect
from hanami_proto.dialect import Dialect, dialect_names, load_dialect
from support.suite_runs import closing, double, garbage, in_pytest, silent
from support.targets import Said, backend, hanami, program, rest

ALICE = Credentials("alice", "very-secret-1")
LET_IN = {"id": "alice", "name": "alice", "is_admin": False, "token": "a.long.token"}


def options(url: str, first: Credentials = ALICE, deadline: float = 2.0) -> TargetOptions:
    return TargetOptions(url, first, dialect=AUTO, deadline=deadline)


@pytest.mark.parametrize("unknown", [401, 404])
@pytest.mark.parametrize("name", dialect_names())
def test_the_prefix_that_lets_the_user_in_decides(name: str, unknown: int) -> None:
    dialect = load_dialect(name)
    with rest(server_of(dialect, unknown)) as (url, seen):
        found = find_dialect(options(url))
    assert found.dialect.name == name
    others = f"400/{unknown}" if name == "openhanami-0.5" else str(unknown)
    route, listed = dialect.route("token.create"), dialect.route("dataset.list")
    if dialect.has_sizes:
        assert found.reason == f"{route} answered 200, the other dialects {others}"
        assert all(request.startswith("POST ") and request.endswith("/token") for request in seen)
    else:  # two dialects have this login
        assert found.reason == f"{route} answered 200, {listed} has its columns"
    assert len(seen) == len(set(seen)) + 1  # 0.5 and those behind it have the same path, and another body


def server_of(dialect: Dialect, unknown: int = 404) -> Callable[[str, str, dict[str, Any]], Said]:
    """A server that has only the login and the list of datasets of a dialect."""
    known = {route.path: operation for operation, route in dialect.routes.items()}
    body_of_alice = dialect.login(ALICE.user, ALICE.password)

    def serve(_method: str, path: str, body: dict[str, Any]) -> Said:
        if known.get(path) == "dataset.list":
            return 200, {"header": dialect.answers["dataset.list"], "body": []}
        if known.get(path) != "token.create":
            return unknown, "no"
        if body.keys() != body_of_alice.keys():
            return 400, "unknown field"
        return (200, LET_IN) if body == body_of_alice else (401, "wrong password")

    return serve


@pytest.mark.parametrize("name", dialect_names())
def test_a_token_is_enough(name: str) -> None:
    dialect = load_dialect(name)
    with rest(server_of(dialect)) as (url, _):
        found = find_dialect(options(url, Credentials(token="a.long.token")))
    assert found.dialect.name == name
    columns = "GET /v1.0alpha/dataset/all has its columns"
    assert found.reason.partition("answered 200, ")[2] == {
        "openhanami-0.5": f"{columns}, and POST /v1.0alpha/token takes id and password",
        "openhanami-0.6": f"{columns}, and POST /v1.0alpha/token takes id and passphrase",
        "openhanami-0.7": columns,
    }.get(name, "the other dialects 404")


@pytest.mark.parametrize("name", dialect_names())
def test_a_reference_backend_of_each_dialect_is_found(name: str) -> None:
    with backend("--dialect", name) as url:
        assert find_dialect(options(url, deadline=10.0)).dialect.name == name


@pytest.mark.parametrize(
    ("name", "found"),
    [("openhanami-0.5", "openhanami-0.5"), ("openhanami-0.7", "openhanami-0.6 or openhanami-0.7")],
)
def test_wrong_credentials_are_reported_where_the_form_of_the_login_is_known(name: str, found: str) -> None:
    with (
        rest(server_of(load_dialect(name))) as (url, _),
        pytest.raises(TargetRejectedConfiguration, match=f"answered 401 wrong password; it seems to speak {found},"),
    ):
        find_dialect(options(url, Credentials("alice", "another password")))


def test_a_token_is_tried_with_a_list() -> None:
    path = load_dialect("hanami-0.4").route("dataset.list").path
    with rest(lambda _method, asked, _body: (200, {"header": []}) if asked == path else (401, "no")) as (url, seen):
        found = find_dialect(options(url, Credentials(token="a.long.token")))
    assert found.dialect.name == "hanami-0.4"
    assert found.reason == "GET /control/v1/dataset/all answered 200, the other dialects 401"
    assert all(request.startswith("GET ") for request in seen)


def test_a_server_that_has_just_begun_is_waited_for() -> None:
    ready_at = time.monotonic() + 0.6

    def server(_method: str, path: str, _body: dict[str, Any]) -> Said:
        if time.monotonic() < ready_at:
            return 500, "not yet"
        return (200, LET_IN) if path.startswith("/control/") else (404, "no")

    with rest(server) as (url, _):
        assert find_dialect(options(url, deadline=10.0)).dialect.name == "hanami-0.4"


def test_nothing_fits() -> None:
    with rest(lambda *_: (404, "no")) as (url, _), pytest.raises(TargetRejectedConfiguration) as raised:
        find_dialect(options(url))
    line = str(raised.value)
    assert "\n" not in line
    assert line.startswith("no dialect fits: POST /v1/token answered 404, POST /control/v1/token answered 404")
    assert "give --dialect" in line


def test_wrong_credentials_are_reported_where_one_prefix_is_known() -> None:
    def server(_method: str, path: str, _body: dict[str, Any]) -> Said:
        return (401, "wrong password") if path.startswith("/v1/") else (404, "no")

    with rest(server) as (url, _), pytest.raises(TargetRejectedConfiguration) as raised:
        find_dialect(options(url))
    assert str(raised.value) == (
        "the target rejects the first user 'alice': POST /v1/token answered 401 wrong password; "
        "it seems to speak documented, the others have no such path"
    )


@pytest.mark.parametrize("page", ["<html>hello</html>", "[]", '{"token": 5}'])
def test_a_page_that_answers_everything_is_no_dialect(page: str) -> None:
    with (
        rest(lambda *_: (200, page)) as (url, _),
        pytest.raises(TargetRejectedConfiguration, match="200 without what it should hold"),
    ):
        find_dialect(options(url))


def test_several_fit() -> None:
    def server(method: str, _path: str, _body: dict[str, Any]) -> Said:
        return (200, LET_IN) if method == "POST" else (404, "no")

    with (
        rest(server) as (url, _),
        pytest.raises(TargetRejectedConfiguration, match="several dialects fit: documented, hanami"),
    ):
        find_dialect(options(url))


def test_of_several_that_fit_the_one_whose_paths_are_there() -> None:
    there = {route.path for route in load_dialect("openhanami-0.5").routes.values()}

    def server(method: str, path: str, body: dict[str, Any]) -> Said:
        if method == "POST" and path.endswith("/token"):
            return (200, LET_IN) if "password" in body else (400, "no")
        return (405, "not so") if path in there else (404, "no")

    with rest(server) as (url, seen):
        found = find_dialect(options(url))
    assert found.dialect.name == "openhanami-0.5"
    assert "paths that are there" in found.reason
    assert {request.split()[0] for request in seen if not request.endswith("/token")} == {"GET"}


@pytest.mark.parametrize(
    ("serve", "says"),
    [
        (silent, "no whole response"),
        (closing, "actual the end of the connection"),
        (garbage, "bytes that are not HTTP"),
    ],
    ids=["silent", "closing", "garbage"],
)
def test_unusable_answers_are_reported(serve: Any, says: str) -> None:
    with double(serve) as url, pytest.raises(TargetDown, match="no usable target: expected an answer.*" + says):
        find_dialect(options(url, deadline=0.3))


def test_nobody_answers() -> None:
    with pytest.raises(TargetDown, match="no connection"):
        find_dialect(options("http://127.0.0.1:1"))
    with rest(lambda *_: (500, "down")) as (url, _), pytest.raises(TargetDown, match="answered 500"):
        find_dialect(options(url, deadline=0.3))


SEQUENCE = json.dumps(StepSequence("upload", (), dialect="documented").data())


def test_run_replay_and_check_target_ask(tmp_path: Path) -> None:
    why = "POST /control/v1/token answered 200, the other dialects 404"
    (tmp_path / "sequence.json").write_text(SEQUENCE)
    with backend("--dialect", "hanami-0.4") as url:
        to = ("--target", url, "--user", "alice", "--password", "very-secret-1")
        run = hanami(
            "run",
            *to,
            "--requirement",
            "PROG-1",
            "--profile",
            "smoke",
            cwd=tmp_path,
            environment={"HANAMI_DIALECT": "auto"},
        )
        checked = hanami("check-target", *to, "--dialect", "auto", cwd=tmp_path)
        replay = hanami("replay", "sequence.json", *to, "--dialect", "auto", cwd=tmp_path)
        other = hanami("replay", "sequence.json", *to, cwd=tmp_path)
        words = (
            "-m",
            "pytest",
            "--pyargs",
            "hanami_conformance",
            *in_pytest(*to, "--dialect", "auto"),
            "-k",
            "boolean_complete",
        )
        plain = program([sys.executable, *words], cwd=tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr
    assert f"dialect hanami-0.4: {why}\n" in run.stdout
    assert plain.returncode == 0, plain.stdout + plain.stderr
    assert f"hanami: target {url}, dialect hanami-0.4, profile gate\n" in plain.stdout
    assert f"hanami: dialect hanami-0.4: {why}\n" in plain.stdout
    result = (tmp_path / "reports" / "latest" / "result.json").read_text()
    assert '"dialect": "hanami-0.4"' in result
    assert f'"dialect_reason": "{why}"' in result
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert f"hanami-0.4: {why}" in " ".join(checked.stdout.split())
    assert replay.returncode == 0, replay.stdout + replay.stderr
    assert other.returncode == 4


def test_4_where_no_dialect_fits(tmp_path: Path) -> None:
    with rest(lambda *_: (401, "no")) as (url, _):
        run = hanami("run", "--target", url, "--token", "some-token", "--dialect", "auto", cwd=tmp_path)
    assert run.returncode == 4
    assert run.stderr.startswith("ERROR: no dialect fits")
    assert len(run.stderr.split("\n\n")[0].splitlines()) == 1
