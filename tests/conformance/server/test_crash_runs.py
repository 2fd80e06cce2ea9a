"""Runs that start the server: it breaks, comes back, is named with what ended it, and is gone at the end."""

from __future__ import annotations

import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from hanami_conformance.options.run import resolve
from hanami_conformance.options.target import Credentials, TargetOptions, allow_destructive
from hanami_conformance.target.target import Account, Target
from hanami_loadtests.ports import free_port
from support.managed_servers import expect_gone, outcomes, server_of
from support.suite_runs import (
    begin_suite,
    closing,
    double,
    faulty_backend,
    in_pytest,
    result_of,
    run_suite,
    silent,
    wait_for_cases,
)
from support.targets import hanami
from tools.reference import ALICE, TIMEOUT, clean_environment

LARGE = "test_upload_data_invalid.py::test_a_chunk_beyond_the_end_is_rejected"
# Deleting a dataset ends this server, a moment later: when the next case runs.
LATE = """\
import os, sys, threading
from hanami_reference_backend import cli
from hanami_reference_backend.storage.datasets import DatasetStore
original = DatasetStore.delete
def delete(*given):
    threading.Timer(DELAY, os._exit, (7,)).start()
    return original(*given)
DatasetStore.delete = delete
sys.exit(cli.main())
"""


def test_the_run_goes_on_behind_a_case_that_ends_the_server(tmp_path: Path) -> None:
    cases = ("--case", f"{LARGE}[ends one byte beyond]", "--case", f"{LARGE}[position 2^63]")
    more = ("--case", "test_upload_data_invalid.py::test_answer_to_a_very_large_message")
    run = run_suite(*server_of("dies-of-large-positions"), *cases, *more, cwd=tmp_path)
    assert run.returncode == 1, run.stdout + run.stderr
    assert "server restarted (2)" in run.stdout
    assert "NOT CONFORMANT" in run.stdout
    result = result_of(tmp_path)
    assert outcomes(result) == ["passed", "lost", "passed"]
    lost = result["cases"][1]
    assert re.match(
        "again when it ran alone: the target no longer answers: its process ended with exit status 9; "
        r"sent last: ws-\d FileUpload position=9223372036854775808",
        lost["reason"],
    )
    assert lost["server_log"] == "injected fault: crash"
    assert "server log" in run.stdout
    assert {one["id"]: one["verdict"] for one in result["requirements"]}["DATA-5"] == "FAIL"
    assert lost["violated"] == ["GEN-2", "DATA-5"]
    assert lost["loss"] == "its process ended with exit status 9"
    assert result["leftovers"] == []
    texts = [path.read_text() for path in tmp_path.rglob("*") if path.is_file()]
    assert "very-secret-1" not in "".join(texts) + run.stdout + run.stderr
    expect_gone(tmp_path, starts=3)


def test_a_crash_within_a_row_belongs_to_the_call_that_had_no_answer(tmp_path: Path) -> None:
    server = server_of("", "--as", "hanami-0.4.1", "--defect", "unknown-datasets-crash", "--quirk-speed", "0")
    case = "test_combinations.py::test_lists_after_any_combination_of_calls[part-1]"
    run = run_suite(*server, "--dialect", "hanami-0.4", "--case", case, cwd=tmp_path)
    assert run.returncode == 1, run.stdout + run.stderr
    (lost,) = result_of(tmp_path)["cases"]
    assert lost["outcome"] == "lost"
    last = re.search(
        r"sent last: (\S+ GET /control/v1/dataset\?uuid=\S+); before that: expected an answer", lost["reason"]
    )
    assert last, "the call, and not a DELETE of the clean-up, which the server does not survive either"
    assert lost["exchange"][-1]["direction"] != "sent" or "DELETE" not in lost["exchange"][-1]["summary"]
    assert lost["violated"] == ["GEN-2", "DEL-1"], "the description of a deleted dataset, whatever values the row has"


@pytest.mark.slow
def test_a_run_goes_on_though_every_deletion_crashes_the_server(tmp_path: Path) -> None:
    run = run_suite(
        *server_of("dies-of-deletes"),
        "--requirement",
        "PROG",
        "--requirement",
        "DEL",
        "-k",
        "not sequences",
        cwd=tmp_path,
    )
    assert run.returncode == 1, run.stdout + run.stderr
    assert "the deletion of datasets crashes the server: the clean-up leaves them" in run.stdout
    result = result_of(tmp_path)
    cleaned = next(case for case in result["cases"] if case["outcome"] == "lost")
    assert re.search(r"sent last: rest-\d+ DELETE /v1/dataset\?uuid=[0-9a-f-]{36};", cleaned["reason"])
    assert cleaned["violated"] == ["GEN-2"]
    verdicts = {one["id"]: one["verdict"] for one in result["requirements"]}
    assert verdicts["PROG-1"] == verdicts["PROG-2"] == "PASS"
    assert verdicts["DEL-1"] == verdicts["GEN-2"] == "FAIL"
    assert "not run" not in outcomes(result)
    assert "not deleted, since the deletion of datasets crashes the server" in " ".join(result["leftovers"])
    expect_gone(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("delay", ["0.02", "0.3"])
def test_a_loss_that_is_detected_late_is_attributed_to_the_case_before(tmp_path: Path, delay: str) -> None:
    cases = ("-k", "many_tiny_chunks or names_the_cluster", "--requirement", "PROG-2", "--requirement", "MODE-1")
    run = run_suite(*server_of(code=LATE.replace("DELAY", delay)), *cases, cwd=tmp_path)
    assert run.returncode == 1, run.stdout + run.stderr
    result = result_of(tmp_path)
    lost = [case for case in result["cases"] if case["outcome"] == "lost"]
    assert [case["id"] for case in lost] == ["test_upload_progress.py::test_many_tiny_chunks_are_not_complete"]
    assert "its process ended with exit status 7" in lost[0]["reason"]
    expect_gone(tmp_path)


@pytest.mark.slow
def test_a_loss_that_is_detected_some_cases_later_is_attributed_to_its_cause(tmp_path: Path) -> None:
    # Behind hostile messages and those in flight the suite uploads, and deletes that: another cause.
    cases = (
        "-k",
        "many_tiny_chunks or (test_direct_io and not in_flight and not direct_io_invalid)",
        "--requirement",
        "PROG-2",
        "--requirement",
        "DIO",
        "--profile",
        "smoke",
    )
    run = run_suite(*server_of(code=LATE.replace("DELAY", "0.7")), *cases, cwd=tmp_path)
    assert run.returncode == 1, run.stdout + run.stderr
    lost = [case for case in result_of(tmp_path)["cases"] if case["outcome"] == "lost"]
    assert [case["id"] for case in lost] == ["test_upload_progress.py::test_many_tiny_chunks_are_not_complete"]
    assert re.match("a while later, detected in test_direct", lost[0]["reason"])
    assert "its process ended with exit status 7" in lost[0]["reason"]
    assert "server_log" in lost[0]
    assert re.search(r"looking \d+ cases back for the cause", run.stdout)
    expect_gone(tmp_path)


@pytest.mark.slow
def test_a_server_that_is_silent_on_websockets_alone_is_restarted(tmp_path: Path) -> None:
    options = (
        "--deadline",
        "1",
        "--requirement",
        "GEN-2",
        "--requirement",
        "DIO-1",
        "-k",
        "text_messages or test_direct_io.py",
    )
    run = run_suite(*server_of("text-frames-block-the-server"), *options, cwd=tmp_path)
    assert run.returncode == 1, run.stdout + run.stderr
    lost = [case for case in result_of(tmp_path)["cases"] if case["outcome"] == "lost"]
    assert [case["id"].split("[")[0] for case in lost] == ["test_general.py::test_text_messages_harm_nobody"]
    assert "it answers REST calls and is silent on websockets" in lost[0]["reason"]
    assert "server restarted (2)" in run.stdout
    expect_gone(tmp_path)


def test_a_server_that_is_silent_in_one_corner_is_not_restarted(tmp_path: Path) -> None:
    options = ("--deadline", "1", "--requirement", "DIO-12", "-k", "JSON or zero")
    run = run_suite(*server_of("undecodable-bytes-hang"), *options, cwd=tmp_path)
    assert run.returncode == 1, run.stdout + run.stderr
    assert sorted(outcomes(result_of(tmp_path))) == ["failed", "passed"]
    expect_gone(tmp_path, starts=1)


@pytest.mark.parametrize(
    ("command", "status", "says"),
    [
        ("no-such-command --port 1", 4, "the server cannot be started: No such file or directory: no-such-command"),
        ("'half a word", 4, "--server-command is no command: No closing quotation"),
        ("sleep 60", 6, "the server was not ready within 1 s: no connection to"),
        (
            "/bin/sh -c 'echo no very-secret-1 here; exit 3'",
            6,
            "ended with exit status 3; the end of its log:\nno [pass",
        ),
        ("false", 6, "its process ended with exit status 1; it logged nothing"),
    ],
)
def test_a_server_that_does_not_start(tmp_path: Path, command: str, status: int, says: str) -> None:
    target = ("--target", f"http://127.0.0.1:{free_port()}", *ALICE)
    run = run_suite(*target, "--server-command", command, "--server-timeout", "1", cwd=tmp_path)
    assert run.returncode == status, run.stdout + run.stderr
    assert says in run.stdout + run.stderr
    assert "very-secret-1" not in run.stdout + run.stderr
    assert "Traceback" not in run.stdout + run.stderr


def test_a_server_that_refuses_the_credentials_is_stopped(tmp_path: Path) -> None:
    options = server_of()
    run = run_suite(*options, "--password", "a-wrong-one", cwd=tmp_path)
    assert run.returncode == 4, run.stdout + run.stderr
    assert "the target rejects the first user 'alice'" in run.stderr
    expect_gone(tmp_path, starts=1)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("moment", ["while it starts", "while cases run"])
def test_an_interrupt_leaves_no_process(tmp_path: Path, number: signal.Signals, moment: str) -> None:
    early = moment == "while it starts"
    options = (*server_of(), "--server-timeout", "60")
    if early:
        command = "/bin/sh -c 'echo pid $$; exec sleep 100'"
        options = ("--target", f"http://127.0.0.1:{free_port()}", *ALICE, "--server-command", command)
    process = begin_suite(*options, cwd=tmp_path)
    if early:
        until = time.monotonic() + TIMEOUT
        log = tmp_path / "reports" / "latest" / "server.log"
        while not (log.is_file() and log.read_text()):
            assert time.monotonic() < until
            time.sleep(0.05)
    else:
        wait_for_cases(process)
    process.send_signal(number)
    rest = process.communicate(timeout=TIMEOUT)[0]
    assert process.returncode == 2, rest
    assert "Traceback" not in rest
    expect_gone(tmp_path, starts=1)


def test_in_plain_pytest_and_by_the_environment(tmp_path: Path) -> None:
    options = server_of("dies-of-large-positions")
    place = options.index("--server-command")
    rest = (*options[:place], *options[place + 2 :])
    words = (
        "-m",
        "pytest",
        "--pyargs",
        "hanami_conformance",
        *in_pytest(*rest, "--requirement", "DATA-5"),
        "-k",
        "rejected and 63",
    )
    run = subprocess.run(
        [sys.executable, *words],
        cwd=tmp_path,
        env=clean_environment({"HANAMI_SERVER_COMMAND": options[place + 1]}),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert run.returncode == 1, run.stdout + run.stderr
    assert "lost" in outcomes(result_of(tmp_path))
    assert "its process ended with exit status 9" in run.stdout
    expect_gone(tmp_path)


def test_a_sequence_of_a_server_that_was_started_is_replayed_against_one_that_runs(tmp_path: Path) -> None:
    case = ("--case", "test_upload_sequences.py::test_any_sequence_of_uploads_matches_the_model", "--shrink", "1")
    run = run_suite(*server_of("complete-from-the-beginning"), "--profile", "smoke", *case, cwd=tmp_path)
    assert run.returncode == 1, run.stdout + run.stderr
    expect_gone(tmp_path, starts=1)
    (sequence,) = (tmp_path / "reports" / "latest" / "exchanges").glob("*.json")
    for fault, status, says in (("complete-from-the-beginning", 1, "still failing: "), ("", 0, "fixed: ")):
        with faulty_backend(fault) as url:  # at another address, and started by hand
            again = hanami("replay", str(sequence), "--target", url, *ALICE, cwd=tmp_path)
        assert again.returncode == status, again.stdout + again.stderr
        assert says in again.stdout
    gone = hanami("replay", str(sequence), "--target", refusing_connections(), *ALICE, cwd=tmp_path)
    assert gone.returncode == 6, gone.stdout + gone.stderr
    assert gone.stdout.startswith("target down: ")


def test_check_target_starts_it_too(tmp_path: Path) -> None:
    run = hanami("check-target", *server_of()[:-2], cwd=tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "--allow-destructive" not in run.stdout


def test_in_a_settings_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = 'target = "http://10.0.0.1:1"\ntoken = "a-token"\n'
    text += "server-command = \"serve --name 'a b'\"\nserver-timeout = 5\n"
    (tmp_path / "hanami-conformance.toml").write_text(f"[target]\n{text}")
    options = resolve({}, {})
    assert (options.server, options.server_timeout, options.destructive) == (("serve", "--name", "a b"), 5, True)
    assert resolve({"target": "reference"}, {}).server == ()  # the file is for another target
    with pytest.raises(ValueError, match="--server-command is not for --target reference"):
        resolve({"target": "reference", "server_command": "serve"}, {})
    assert not resolve({"target": "http://10.0.0.1:1", "token": "a-token"}, {"HANAMI_CONFIG": "/dev/null"}).destructive


def refusing_connections() -> str:
    return f"http://127.0.0.1:{free_port()}"


@pytest.mark.parametrize(
    ("serve", "says"),
    [
        (silent, "it takes connections and is silent"),
        (closing, "it drops connections without an answer"),
        (None, "it takes no connections any more (connection refused)"),
    ],
)
def test_how_a_target_is_gone(serve: Callable[..., None] | None, says: str) -> None:
    def loss(url: str) -> str:
        target = Target(TargetOptions(url=url, account=Credentials(token="a-token"), deadline=0.5))
        target.account = Account(target, "first user", "a-token", Credentials())
        return target.downtime_reason()

    if serve is None:
        assert loss(refusing_connections()) == says
        return
    with double(serve) as url:
        assert loss(url).startswith(says)


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("http://127.0.0.1:80", True),
        ("https://localhost:443/base", True),
        ("http://[::1]:80", True),
        ("http://10.0.0.1:80", False),
        ("http://hanami.example:80", False),
        ("http://localhost.example:80", False),
    ],
)
def test_only_servers_on_this_machine_get_destructive_cases_by_default(url: str, allowed: bool) -> None:
    assert allow_destructive(None, url, started=False) == allowed
    assert allow_destructive(True, url, started=False)
    assert not allow_destructive(False, url, started=False)
    assert allow_destructive(False, url, started=True)


def test_cases_that_are_known_to_crash_servers_must_be_allowed(tmp_path: Path) -> None:
    options = server_of()
    place = options.index("--server-command")
    server = subprocess.Popen(shlex.split(options[place + 1]), stdout=subprocess.PIPE, env=clean_environment())
    assert server.stdout is not None
    try:
        assert any(b"ready" in line for line in server.stdout)
        rest = (*options[:place], *options[place + 2 :], "--requirement", "DATA-6", "-k", "no_message")
        careful = run_suite(*rest, cwd=tmp_path, environment={"HANAMI_ALLOW_DESTRUCTIVE": "0"})
        assert "may crash a fragile server: give --allow-destructive or --server-command" in careful.stdout
        assert set(outcomes(result_of(tmp_path))) == {"unsupported"}
        for allowed in ((), ("--allow-destructive",)):  # on the loopback it is
            bold = run_suite(*rest, *allowed, cwd=tmp_path)
            assert bold.returncode == 0, bold.stdout
    finally:
        server.kill()
        server.wait()
        server.stdout.close()
