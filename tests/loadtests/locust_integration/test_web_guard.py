"""No page but our own may start load, and no page may choose where the account is sent or which files are used."""

from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from hanami_loadtests.locust_integration.web_guard import TOKEN_HEADER, TOKEN_NAME, WebGuard
from support.load_runs import COMMAND
from tools import web_ui
from tools.reference import TIMEOUT, clean_environment
from tools.web_ui import PASSWORD, PATIENCE, Swarm, backend, locust, page_token

RUN = {"user_count": "1", "spawn_rate": "1"}
TOKEN = "the token of the page"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Swarm]:
    with backend() as target, locust(target, tmp_path_factory.mktemp("guarded")) as process:
        yield process


def assert_nothing_runs(page: Swarm) -> None:
    stats = page.get("/stats/requests")
    assert (stats["state"], stats["user_count"]) == ("ready", 0)


@pytest.fixture
def trap() -> Iterator[socket.socket]:
    """A server of somebody else, who waits for our password."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(1)
        yield listening


def test_the_same_names_are_used_by_the_tools() -> None:
    assert (web_ui.TOKEN_HEADER, web_ui.TOKEN_NAME) == (TOKEN_HEADER, TOKEN_NAME)


def test_the_form_cannot_send_the_account_elsewhere(page: Swarm, trap: socket.socket) -> None:
    elsewhere = f"http://127.0.0.1:{trap.getsockname()[1]}"
    answer = page.post("/swarm", data=RUN | {"host": elsewhere}).json()
    assert answer["success"] is False
    assert answer["message"] == "host is fixed at the start and cannot be set from the page"
    with pytest.raises(TimeoutError):
        trap.accept()
    assert_nothing_runs(page)


@pytest.mark.parametrize(
    "name",
    [
        *("user", "password", "token", "report_dir", "limits", "ca_file", "insecure", "dialect"),  # ours
        *("html_file", "csv_prefix", "json_file", "logfile", "locustfile", "expect_workers", "stop_timeout", "tags"),
        *("hanami_assignment", "worker", "nonsense"),
    ],
)
def test_the_form_sets_the_load_alone(page: Swarm, tmp_path: Path, name: str) -> None:
    answer = page.post("/swarm", data=RUN | {name: str(tmp_path / "made")}).json()
    assert answer["success"] is False
    assert answer["message"] == f"{name} is fixed at the start and cannot be set from the page"
    assert not (tmp_path / "made").exists()
    assert_nothing_runs(page)


@pytest.mark.parametrize("fields", [{"host": "http://127.0.0.1:1"}, {"scenario_class": "x"}, {"wait_time": 1}, []])
def test_a_user_class_keeps_everything_but_its_load(page: Swarm, fields: object) -> None:
    sent = {"user_class_name": "rest", **fields} if isinstance(fields, dict) else fields
    assert page.post("/user", content=json.dumps(sent)).status_code == 400


def test_the_load_of_a_user_class_is_set_as_the_page_does(page: Swarm) -> None:
    fields = {"user_class_name": "rest", "host": "", "weight": 7, "fixed_count": 0, "tasks": ["work"]}
    assert page.post("/user", content=json.dumps(fields)).status_code == 201
    text = httpx.get(page.url, timeout=PATIENCE, trust_env=False).text
    users = json.loads(text.partition("window.templateArgs = ")[2].partition("\n")[0])["users"]
    assert users["rest"]["weight"] == 7


@pytest.mark.parametrize("path", ["/swarm", "/stop", "/stats/reset", "/user"])
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {TOKEN_HEADER: "wrong"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "OURS", TOKEN_HEADER: "wrong"},
        {"Origin": "http://evil.example", TOKEN_HEADER: "RIGHT"},
        {"Origin": "http://127.0.0.1:1", TOKEN_HEADER: "RIGHT"},
        {"Host": "evil.example", TOKEN_HEADER: "RIGHT"},
    ],
)
def test_no_other_page_changes_anything(page: Swarm, path: str, headers: dict[str, str]) -> None:
    known = {"RIGHT": page_token(page.url), "OURS": page.url}
    sent = {name: known.get(value, value) for name, value in headers.items()}
    answer = httpx.post(page.url + path, data=RUN, headers=sent, timeout=PATIENCE, trust_env=False)
    assert answer.status_code == 403
    assert_nothing_runs(page)


def test_no_other_page_reads_anything(page: Swarm) -> None:
    for path in ("", "/stats/requests", "/logs", "/nowhere", "/assets/nowhere"):
        for method in ("GET", "OPTIONS"):
            headers = {"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"}
            answer = httpx.request(method, page.url + path, headers=headers, timeout=PATIENCE, trust_env=False)
            assert not [name for name in answer.headers if name.startswith("access-control-")]
            assert answer.headers["x-frame-options"] == "DENY"
    rebound = httpx.get(page.url, headers={"Host": "evil.example"}, timeout=PATIENCE, trust_env=False)
    assert rebound.status_code == 403
    assert "--web-allowed-hosts" in rebound.text
    assert page_token(page.url) not in rebound.text


def status_of(guard: WebGuard, **environ: str) -> int:
    statuses: list[str] = []
    request = {"REQUEST_METHOD": "GET", **environ}
    list(guard(request, lambda status, *_: statuses.append(status)))
    return int(statuses[0].split()[0])


def respond(_environ: object, start_response: object) -> list[bytes]:
    start_response("200 OK", [("Access-Control-Allow-Origin", "*")])  # type: ignore[operator]
    return [b"ok"]


@pytest.mark.parametrize(
    ("bound_to", "host", "allowed"),
    [
        ("127.0.0.1", "127.0.0.1:8089", True),
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1", "localhost:9000", True),
        ("127.0.0.1", "LOCALHOST.:9000", True),
        ("127.0.0.1", "[::1]:8089", True),
        ("127.0.0.1", "load.example.org", True),  # an allowed name
        ("127.0.0.1", "192.168.0.7:8089", False),  # nobody reaches it there
        ("127.0.0.1", "localhost.evil.example", False),
        ("127.0.0.1", "127.0.0.1.evil.example:8089", False),
        ("127.0.0.1", "evil.example,127.0.0.1", False),  # as two Host fields arrive
        ("127.0.0.1", "evil.example@127.0.0.1", False),
        ("127.0.0.1", "127.0.0.1/evil.example", False),
        ("127.0.0.1", "", False),
        ("", "192.168.0.7:8089", True),
        ("", "[fd00::77]:8089", True),
        ("", "localhost", True),
        ("", "evil.example:8089", False),
        ("0.0.0.0", "10.1.2.3:8089", True),  # as the readiness probe of Kubernetes
        ("0.0.0.0", "evil.example", False),
        ("tester.lan", "tester.lan:8089", True),
        ("tester.lan", "evil.example:8089", False),
    ],
)
def test_the_host_field_must_name_this_server(bound_to: str, host: str, allowed: bool) -> None:
    guard = WebGuard(respond, bound_to, ["load.example.org"])
    assert status_of(guard, HTTP_HOST=host) == (200 if allowed else 403)


def test_the_page_itself_may_change_something() -> None:
    guard = WebGuard(respond, "127.0.0.1")
    request = {"REQUEST_METHOD": "POST", "HTTP_HOST": "localhost:8089", "HTTP_X_HANAMI_LOAD_TOKEN": guard.token}
    assert status_of(guard, **request, HTTP_ORIGIN="http://localhost:8089") == 200
    assert status_of(guard, **request) == 200  # a script that has read the token of the page
    assert status_of(guard, **request, HTTP_ORIGIN="http://localhost:9000") == 403
    assert status_of(guard, **request, HTTP_ORIGIN="http://localhost:8089.evil.example") == 403
    assert guard.token != WebGuard(respond, "127.0.0.1").token


def test_a_page_for_other_machines_is_announced_with_a_warning(tmp_path: Path) -> None:
    with backend() as target, locust(target, tmp_path, 0, "--web-host", "0.0.0.0") as page:
        log = (page.folder / "locust-0.log").read_text()
    assert "WARNING" in log
    assert "the web UI listens on 0.0.0.0: whoever reaches it can start load on http://127.0.0.1:" in log
    assert "--web-host 127.0.0.1" in log
    assert PASSWORD not in log


def test_the_page_is_for_this_machine_by_default(page: Swarm) -> None:
    sockets = psutil.Process(page.processes[0].popen.pid).net_connections("tcp")
    assert {one.laddr.ip for one in sockets if one.status == psutil.CONN_LISTEN} == {"127.0.0.1"}


def test_names_that_are_none_are_wrong_options(tmp_path: Path) -> None:
    words = [*COMMAND[:-1], "web", "--target", "http://127.0.0.1:1", "--web-allowed-hosts", "a b"]
    run = subprocess.run(
        words,
        cwd=tmp_path,
        env=clean_environment({"HANAMI_TOKEN": "t"}),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert run.returncode == 4, run.stdout + run.stderr
    assert "--web-allowed-hosts 'a b': give names of hosts" in run.stderr
