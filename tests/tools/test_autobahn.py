"""The Autobahn test suite runs where it can be had, is skipped with the reason elsewhere, and its verdicts are ours."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tools.autobahn import __main__ as program
from tools.autobahn.fuzzing_client import FuzzingClient, MissingClientError, find_client

# A stand-in for the fuzzing client: it exchanges messages with the server, and writes the results that it is given.
CLIENT = """
import json, sys, time
from websockets.sync.client import connect
specification = json.load(open(sys.argv[1]))
if specification["cases"] == ["99.*"]:
    print("Ok, will run 0 test cases against 1 servers")
    time.sleep(600)
(server,) = specification["servers"]
with connect(server["url"], proxy=None) as socket:
    for message in ("text", b"bytes", bytes(1 << 20)):
        socket.send(message)
        assert socket.recv(10) == message
open(specification["outdir"] + "/index.json", "w").write(json.dumps({server["agent"]: json.loads(sys.argv[2])}))
"""


def result(behavior: str, close: str = "OK") -> dict[str, object]:
    return {"behavior": behavior, "behaviorClose": close, "remoteCloseCode": 1002, "reportfile": "hanami_case.json"}


def outcome(
    folder: Path, monkeypatch: pytest.MonkeyPatch, results: object, *cases: str, client: str = CLIENT
) -> tuple[int, list[str]]:
    stand_in = FuzzingClient("a stand-in", lambda file: [sys.executable, "-c", client, str(file), json.dumps(results)])
    monkeypatch.setattr(program, "find_client", lambda *_: stand_in)
    lines: list[str] = []
    plan = program.Plan(cases or ("*",), 60.0, folder / "reports", folder / "client")
    return program.run(plan, lines.append), lines


def test_a_case_that_is_not_strict_is_passed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    results = {"1.1": result("OK"), "1.2": result("OK"), "3.2": result("NON-STRICT"), "7.1.6": result("INFORMATIONAL")}
    status, lines = outcome(tmp_path, monkeypatch, results)
    assert (status, lines[-1]) == (0, "PASS  4 of 4 cases: 2 OK, 1 NON-STRICT, 1 INFORMATIONAL")


def test_a_case_fails_by_its_messages_and_by_its_close(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    results = {"1.1": result("OK"), "5.1": result("FAILED"), "7.1.5": result("OK", "WRONG CODE")}
    status, lines = outcome(tmp_path, monkeypatch, results)
    page = tmp_path / "reports" / "hanami_case.html"
    assert (status, lines[1:]) == (
        1,
        [
            f"case 5.1: FAILED, its close OK 1002: {page}",
            f"case 7.1.5: OK, its close WRONG CODE 1002: {page}",
            "FAIL  1 of 3 cases: 2 OK, 1 FAILED",
        ],
    )


def test_no_case_is_no_success(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    status, lines = outcome(tmp_path, monkeypatch, {}, "99.*")
    assert (status, lines[-1]) == (1, "FAIL  0 of 0 cases: there is no such case")


def test_a_client_without_results_is_an_error_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "index.json").write_text(json.dumps({"hanami": {"1.1": result("OK")}}))  # of an earlier run
    status, lines = outcome(tmp_path, monkeypatch, {}, client="raise SystemExit('broken')")
    assert (status, lines[-1]) == (3, "ERROR  the fuzzing client left no result: broken")


def test_a_machine_without_the_test_suite_skips_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("AUTOBAHN_PYTHON", sys.executable)  # which is not Python 2.7
    with pytest.raises(MissingClientError):
        find_client(tmp_path, print)
    monkeypatch.setattr(sys, "argv", ["autobahn", "--client-dir", str(tmp_path)])
    assert program.main() == 0
    reason = "no Python 2.7 with pip (name one in AUTOBAHN_PYTHON); neither docker nor podman works"
    assert capsys.readouterr().out == f"SKIPPED  there is no Autobahn test suite here: {reason}\n"
