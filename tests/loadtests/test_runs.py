"""Load runs as a user starts them, from their options to their states and exit statuses."""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import trustme

from hanami_loadtests.scenarios.all import SCENARIOS
from hanami_reports.model.load import RunState
from support.load_runs import EASY, LOGIN, SHORT, load_result_of, run_load
from support.suite_runs import double, faulty_backend
from tools.reference import ALICE, TIMEOUT, USERS, backend, clean_environment
from tools.tcp_proxy import counting_proxy, proxy


def test_all_scenarios_pass_against_a_server_without_faults_in_a_mixed_run(tmp_path: Path) -> None:
    with faulty_backend() as url:
        options = ("--target", url, "--users", "17", "--seconds", "5", "--warm-up", "0", "--file-size", "300KiB")
        run = run_load(*options, "--chunk-size", "32KiB", "--limits", "none.toml", cwd=tmp_path)
        assert (run.returncode, run.stderr) == (
            4,
            "ERROR: cannot read the limits none.toml: No such file or directory\n",
        )
        run = run_load(*options, "--chunk-size", "32KiB", cwd=tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "PASS  closed model, 17 users" in run.stdout
    result = load_result_of(tmp_path)
    assert result.state is RunState.PASS
    assert set(result.configuration["users"]) == set(SCENARIOS)
    for name in (
        "upload chunk",
        "upload file",
        "direct request",
        "direct train",
        "attach file",
        "rest dataset.progress",
    ):
        series = result.series[name]
        assert series.succeeded > 0, name
        assert series.failed == series.incorrect == series.unanswered == 0
    assert not result.leftovers
    assert result.series["upload file"].bytes_up > 0


@pytest.mark.slow
@pytest.mark.parametrize("dialect", ["hanami-0.4", "openhanami-0.5", "openhanami-0.6", "openhanami-0.7"])
def test_other_dialects_are_found_and_loaded(tmp_path: Path, dialect: str) -> None:
    with backend(*USERS, "--dialect", dialect) as url:
        options = ("--target", url, "--users", "6", "--seconds", "3", "--warm-up", "0", "--inputs", "20,10")
        run = run_load(*options, "--outputs", "5,3", "--hidden", "8", "--file-size", "50KiB", cwd=tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr
    result = load_result_of(tmp_path)
    assert result.configuration["dialect"] == dialect
    assert result.series["direct request"].succeeded > 0
    assert result.series["upload file"].succeeded > 0


def test_a_wrong_answer_fails_and_is_kept_as_a_file_that_replay_runs(tmp_path: Path) -> None:
    with faulty_backend("one-answer-in-a-hundred-wrong") as url:
        run = run_load("--target", url, *SHORT, "--scenario", "direct-request", cwd=tmp_path)
        assert run.returncode == 1, run.stdout + run.stderr
        assert "incorrect answer: DIO-7" in run.stdout
        kept = sorted((tmp_path / "reports" / "latest-load" / "exchanges").glob("*.json"))
        assert json.loads(kept[0].read_text())["recurred_alone"] is False, "it was seen under load only"
        assert str(Path("reports") / "latest-load" / "exchanges" / kept[0].name) in run.stdout
        replayed = subprocess.run(
            [
                sys.executable,
                "-m",
                "hanami_conformance.cli.main",
                "replay",
                str(kept[0]),
                "--target",
                url,
                *ALICE,
                "--times",
                "5",
            ],
            env=clean_environment(),
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
    assert replayed.returncode == 1, replayed.stdout + replayed.stderr
    assert "still failing" in replayed.stdout
    assert load_result_of(tmp_path).series["direct request"].incorrect > 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "scenario", "requirement"),
    [
        ("hundredth-chunk-not-stored", "mnist-upload", "FIN-"),
        ("some-answers-doubled", "csv-upload", "DATA-1"),
        ("bytes-of-repeats-counted", "scattered-upload", "PROG-2"),
        ("overlaps-rejected", "scattered-upload", "DATA-3"),
    ],
)
def test_lost_bytes_and_wrong_progress_are_detected_under_load(
    tmp_path: Path, fault: str, scenario: str, requirement: str
) -> None:
    with faulty_backend(fault) as url:
        times = ("--seconds", "3", "--warm-up", "0.2", "--users", "2")
        options = ("--scenario", scenario, "--chunk-size", "8KiB", "--file-size", "400KiB")
        run = run_load("--target", url, *times, *options, cwd=tmp_path)
        assert run.returncode == 1, run.stdout + run.stderr
        assert f"incorrect answer: {requirement}" in run.stdout
        kept = sorted((tmp_path / "reports" / "latest-load" / "exchanges").glob("upload-file-*.json"))
        if requirement in ("PROG-2", "DATA-3"):  # the others show under load alone
            words = ("-m", "hanami_conformance.cli.main", "replay", str(kept[0]), "--target", url, *ALICE)
            replayed = subprocess.run(
                [sys.executable, *words],
                env=clean_environment(),
                capture_output=True,
                text=True,
                timeout=TIMEOUT,
                check=False,
            )
            assert "still failing" in replayed.stdout, replayed.stdout + replayed.stderr


def test_folders_of_the_user_do_not_take_the_place_of_our_packages(tmp_path: Path) -> None:
    for name in ("hanami_reports/load", "hanami_loadtests/engine", "hanami_conformance", "locust"):
        (tmp_path / name).mkdir(parents=True)
    with faulty_backend() as url:
        run = run_load("--target", url, *SHORT, "--scenario", "rest", "--processes", "2", cwd=tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.slow
def test_a_server_that_falls_silent_does_not_pass(tmp_path: Path) -> None:
    with faulty_backend("silent-after-150-cycles") as url:
        options = ("--scenario", "direct-request", "--deadline", "1", "--drain", "1")
        run = run_load("--target", url, *SHORT, *options, cwd=tmp_path)
    assert run.returncode == 1, run.stdout + run.stderr
    result = load_result_of(tmp_path)
    assert result.series["direct request"].unanswered > 0
    assert "no answer within 1 s" in run.stdout


@pytest.mark.slow
@pytest.mark.parametrize("scenario", sorted(SCENARIOS))
def test_a_server_that_answers_everything_with_an_empty_object_fails(tmp_path: Path, scenario: str) -> None:
    def serve(connection: socket.socket, done: threading.Event) -> None:
        while not done.is_set():
            head = connection.recv(65536)
            if not head:
                return
            body = b'{"token": "abc"}' if b"/token" in head else b"{}"
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

    with double(serve) as url:
        options = ("--target", url, "--dialect", "documented", "--users", "1", "--seconds", "1", "--warm-up", "0")
        run = run_load(*options, "--scenario", scenario, cwd=tmp_path)
    assert run.returncode == 1, run.stdout + run.stderr
    assert "incorrect answer" in run.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "scenario"), [("output-one-value-short", "direct-train"), ("requests-run-twice", "direct-request")]
)
def test_a_wrong_answer_to_an_untimed_call_fails_too(tmp_path: Path, fault: str, scenario: str) -> None:
    with faulty_backend(fault) as url:
        run = run_load("--target", url, *SHORT, "--scenario", scenario, cwd=tmp_path)
    assert run.returncode == 1, run.stdout + run.stderr
    assert "incorrect answer: DIO-" in run.stdout


def test_a_limit_with_abort_ends_a_run_early(tmp_path: Path) -> None:
    (tmp_path / "limits.toml").write_text('[[limit]]\nmetric = "incorrect"\nat_most = 0\nabort = true\n' + EASY)
    with faulty_backend("noise-in-answers") as url:
        began = time.monotonic()
        options = ("--seconds", "100", "--warm-up", "0", "--scenario", "direct-request", "--limits", "limits.toml")
        run = run_load("--target", url, *options, cwd=tmp_path)
        assert time.monotonic() - began < 90
    assert run.returncode == 1, run.stdout + run.stderr
    assert "ended by its limit: *: incorrect <= 0" in run.stdout


@pytest.mark.slow
def test_a_master_and_two_workers_add_up_exactly(tmp_path: Path) -> None:
    with faulty_backend() as url:
        options = ("--users", "5", "--seconds", "4", "--processes", "2", "--warm-up", "0")
        run = run_load("--target", url, *options, "--scenario", "direct-request", "--scenario", "rest", cwd=tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr
    result = load_result_of(tmp_path)
    assert len(result.generators) == 2
    assert all(one.complete for one in result.generators)
    assert sum(result.configuration["users"].values()) == 5
    for name, series in result.series.items():
        # Each number was counted on its own in the workers, so what was lost or doubled on the way shows.
        assert series.sent == series.succeeded + series.cancelled, name
        assert series.succeeded == series.response.count == series.service.count, name
        assert series.succeeded == sum(one.succeeded for one in series.slices.values()), name
        assert series.sent == series.scheduling_delay.count, name
    requests = result.series["direct request"]
    assert requests.bytes_up == requests.succeeded * 784 * 4
    assert requests.bytes_down == requests.succeeded * 10 * 4


@pytest.mark.slow
def test_a_budget_of_sockets_is_kept(tmp_path: Path) -> None:
    with faulty_backend() as url, counting_proxy(url) as (address, most):
        options = ("--users", "8", "--seconds", "4", "--warm-up", "0", "--sockets", "2", "--file-size", "50KiB")
        # No REST users: each keeps one connection besides.
        scenarios = ("--scenario", "mnist-upload", "--scenario", "direct-request", "--scenario", "connection-churn")
        run = run_load("--target", address, *options, *scenarios, cwd=tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr
    assert most() <= 2 + 8  # two sockets, and the REST connection of each user; 0 where they cannot be counted
    result = load_result_of(tmp_path)
    assert all(result.series[name].succeeded for name in ("upload file", "direct request", "attach file"))


def test_an_internal_error_is_not_attributed_to_the_target(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text(
        "from hanami_loadtests.locustfile import *\n"
        "from hanami_loadtests.scenarios.rest import RestOnly as Scenario\n"
        "def work(self):\n"
        "    raise ZeroDivisionError('ours')\n"
        "Scenario.work = work\n"
    )
    with faulty_backend() as url:
        run = subprocess.run(
            [sys.executable, "-m", "locust", "-f", "broken.py", "--host", url, "--headless", "-t", "30s", "rest"],
            cwd=tmp_path,
            env=clean_environment(LOGIN),
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
    assert run.returncode == 3, run.stdout + run.stderr
    assert "INTERNAL ERROR" in run.stdout
    assert "ZeroDivisionError: ours" in run.stdout


def test_scenarios_and_limits_are_listed_and_written(tmp_path: Path) -> None:
    def command(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "hanami_loadtests.cli", *words],
            cwd=tmp_path,
            env=clean_environment(),
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )

    listing = command("scenarios")
    assert listing.returncode == 0
    assert [line.split()[0] for line in listing.stdout.splitlines()] == list(SCENARIOS)
    assert command("limits").returncode == 0
    assert "[[limit]]" in (tmp_path / "limits.toml").read_text()
    again = command("limits")
    assert (again.returncode, again.stderr) == (4, "ERROR: limits.toml is there already, and is left as it is\n")


@pytest.mark.slow
def test_tls_holds_for_rest_and_websockets(tmp_path: Path) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    options = ("--seconds", "4", "--warm-up", "0", "--users", "4", "--file-size", "300KiB")
    scenarios = ("--scenario", "mnist-upload", "--scenario", "direct-request", "--scenario", "rest")
    with faulty_backend() as url, proxy(url, context) as secure:
        run = run_load("--target", secure, *options, *scenarios, "--ca-file", "ca.pem", cwd=tmp_path)
        assert run.returncode == 0, run.stdout + run.stderr
        result = load_result_of(tmp_path)
        unknown = run_load("--target", secure, *options, cwd=tmp_path)
    assert all(result.series[name].succeeded for name in ("upload file", "direct request", "rest dataset.progress"))
    assert unknown.returncode == 6, unknown.stdout + unknown.stderr
    assert "--ca-file FILE" in unknown.stderr


@pytest.mark.slow
def test_a_token_that_expires_in_the_middle_is_replaced(tmp_path: Path) -> None:
    # Tokens are replaced a minute before they expire, so one of some seconds is always about to.
    with backend(*USERS, "--token-lifetime", "6") as url:
        options = ("--seconds", "9", "--warm-up", "0", "--users", "4", "--file-size", "100KiB")
        scenarios = ("--scenario", "csv-upload", "--scenario", "rest", "--scenario", "connection-churn")
        run = run_load("--target", url, *options, *scenarios, cwd=tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr


def test_a_second_run_into_the_same_folder_replaces_the_first(tmp_path: Path) -> None:
    starts = []
    with faulty_backend() as url:
        for _ in range(2):
            run = run_load("--target", url, *SHORT, "--scenario", "rest", cwd=tmp_path)
            assert run.returncode in (0, 1, 5), run.stdout + run.stderr  # whatever a busy machine makes of the limits
            starts.append((tmp_path / "reports" / "latest-load" / "load.json").stat().st_mtime_ns)
    assert starts[0] < starts[1]
