"""The command as a user sees it: wrong options, a client that does not end, Ctrl-C, a client started by hand."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from hanami_conformance.cli.main import main
from hanami_conformance.client_mode.judge import judge
from hanami_conformance.client_mode.runner import MOST_OUTPUT, ClientRunner, Command, CommandError
from hanami_conformance.client_mode.scenario import scenarios
from hanami_reports.model.conformance import Outcome, read_result
from support.paths import ROOT
from support.suite_runs import COMMAND
from tools.reference import TIMEOUT, clean_environment

# A client that writes the ids of itself and of a process of its own, and waits without a deadline.
WAITING = """
import os, subprocess, sys
child = subprocess.Popen(["sleep", "600"])
with open(sys.argv[1], "w") as file:
    file.write(f"{os.getpid()} {child.pid}\\n")
child.wait()
"""


@contextmanager
def started(*options: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [*COMMAND[:-1], "client", *options],
        env=clean_environment({"PYTHONUNBUFFERED": "1"}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def wait_for_ids(file: Path) -> list[int]:
    """Return the ids that the waiting client writes."""
    until = time.monotonic() + TIMEOUT
    while time.monotonic() < until:
        if file.is_file() and file.read_text().endswith("\n"):
            return [int(word) for word in file.read_text().split()]
        time.sleep(0.05)
    raise TimeoutError("the client did not start")


def alive(number: int) -> bool:
    """Whether a process runs; one that ended and was not waited for does not."""
    return psutil.pid_exists(number) and psutil.Process(number).status() != psutil.STATUS_ZOMBIE


def status_of(words: list[str]) -> int:
    try:
        return main(["client", *words])
    except SystemExit as end:
        return int(end.code or 0)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "give the command that runs the client behind --"),
        (["--server", "--", "x"], "--server takes no command"),
        (["--server", "--scenario", "csv", "--scenario", "mnist"], "--server serves one scenario"),
        (["--scenario", "cvs", "--", "x"], "no scenario 'cvs', did you mean csv"),
        (["--dialect", "documentd", "--", "x"], "unknown dialect 'documentd'"),
        (["--scenaro", "csv", "--", "x"], "unknown option '--scenaro', did you mean --scenario"),
        (["--report-dir", "/proc/none", "--", "x"], "/proc/none"),
    ],
)
def test_wrong_options_are_one_line(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert status_of(words) == 4
    output = capsys.readouterr()
    (line,) = output.err.splitlines()
    assert line.startswith("ERROR: ")
    assert message in line


def test_scenarios_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["client", "--list-scenarios"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == list(scenarios())


def test_placeholders_are_replaced_and_other_braces_stay() -> None:
    command = Command(["{workflow}", "--url={url}", "{}", "{other}", "{{url}}"], 1.0)
    expanded = command.expand({"workflow": "csv", "url": "http://x/{workflow}"})
    assert expanded == ["csv", "--url=http://x/{workflow}", "{}", "{other}", "{http://x/{workflow}}"]


@pytest.mark.parametrize(
    "word", ["{tokn}", "--file={inputfile}", "{passwd}", "{result}"], ids=["tokn", "inputfile", "passwd", "result"]
)
def test_a_mistyped_placeholder_is_no_word_of_the_command(runner: ClientRunner, word: str) -> None:
    with pytest.raises(CommandError, match=r"there is no placeholder \{.*\}, did you mean [a-z_]+"):
        runner.run(scenarios()["csv-plain"], Command(["true", word], 1.0))


@pytest.mark.parametrize("word", ["{print}", "${password_}", "{json}", "{URL_}", "{id}"])
def test_other_words_in_braces_are_left_to_the_command(runner: ClientRunner, word: str) -> None:
    assert runner.run(scenarios()["csv-plain"], Command(["echo", word], TIMEOUT)).record.output == f"{word}\n"


@pytest.mark.usefixtures("shared_server")
@pytest.mark.parametrize("separator", [["--"], []], ids=["after two dashes", "without them"])
def test_options_behind_the_command_belong_to_the_client(separator: list[str], tmp_path: Path) -> None:
    seen, folder = tmp_path / "seen", tmp_path / "reports"
    client = ["sh", "-c", 'echo "$@" > "$0"', str(seen), "--timeout", "7", "-v", "--", "--server", "{workflow}"]
    options = ["--scenario", "csv-plain", "--report-dir", str(folder)]
    assert main(["client", *options, *separator, *client]) == 5
    assert seen.read_text() == "--timeout 7 -v -- --server csv\n"


@pytest.mark.usefixtures("shared_server")
@pytest.mark.parametrize("workflow", [[], ["{workflow}"]], ids=["one workflow", "each workflow"])
def test_a_client_that_crashes_at_its_start_is_said_once(
    workflow: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = tmp_path / "runs"
    crash = f"open({str(runs)!r}, 'a').write('x')\nimport no_such_module"
    client = [sys.executable, "-c", crash, *workflow]
    assert main(["client", "--report-dir", str(tmp_path / "reports"), "--", *client]) == 5
    printed = " ".join(capsys.readouterr().out.split())
    reason = "the client sent nothing (exit status 1), and printed: ModuleNotFoundError: No module named"
    assert f"NOTHING RAN {reason}" in printed
    assert "18 other scenarios of direct left out" in printed
    assert len(runs.read_text()) == 3  # once for each workflow
    assert "CLI-" not in printed
    assert printed.count("unsupported: ") <= 1
    cases = read_result(tmp_path / "reports").cases
    assert {case.id.split("::")[1] for case in cases} == set(scenarios())
    assert len({case.reason for case in cases}) == 1


@pytest.mark.usefixtures("shared_server")
def test_a_client_that_waits_for_ever_is_not_run_in_each_scenario(tmp_path: Path) -> None:
    options = ["--scenario", "csv", "--timeout", "0.5", "--report-dir", str(tmp_path / "reports")]
    assert main(["client", *options, "--", "sh", "-c", f"echo x >> {tmp_path / 'runs'}; sleep 600"]) == 5
    assert (tmp_path / "runs").read_text() == "x\n"


def test_of_a_long_output_the_end_is_kept(runner: ClientRunner) -> None:
    print_much = "import sys; sys.stdout.write('x' * 50_000_000 + 'the end'); sys.exit('failed')"
    record = runner.run(scenarios()["csv-plain"], Command([sys.executable, "-c", print_much], TIMEOUT)).record
    assert record.exit_status == 1
    assert record.output.endswith("xxthe endfailed\n")
    assert len(record.output) == MOST_OUTPUT


def test_a_process_that_keeps_the_output_open_does_not_hold_up_the_run(runner: ClientRunner, tmp_path: Path) -> None:
    file = tmp_path / "ids"
    leave = (
        f"setsid sh -c 'echo $$ $$ > {file}; exec sleep 600' & while [ ! -s {file} ]; do sleep 0.05; done; echo done"
    )
    record = runner.run(scenarios()["csv-plain"], Command(["sh", "-c", leave], TIMEOUT)).record
    try:
        assert (record.exit_status, record.output) == (0, "done\n")
    finally:
        for number in {*wait_for_ids(file)}:
            if alive(number):
                os.kill(number, signal.SIGKILL)


def test_a_client_that_does_not_end_is_ended_with_its_processes(runner: ClientRunner, tmp_path: Path) -> None:
    ids = tmp_path / "ids"
    command = Command([sys.executable, "-c", WAITING, str(ids)], 2.0)
    situation = runner.run(scenarios()["csv-plain"], command)
    assert situation.record.exit_status is None
    assert [number for number in wait_for_ids(ids) if alive(number)] == []
    cases = list(judge(situation))
    assert [case.outcome for case in cases] == [Outcome.UNSUPPORTED]
    assert "ended at the deadline" in cases[0].reason


def test_ctrl_c_ends_the_client_and_leaves_a_result(tmp_path: Path) -> None:
    ids, folder = tmp_path / "ids", tmp_path / "reports"
    words = [sys.executable, "-c", WAITING, str(ids)]
    with started("--report-dir", str(folder), "--scenario", "csv", "--", *words) as process:
        numbers = wait_for_ids(ids)
        process.send_signal(signal.SIGINT)
        printed, _ = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 2, printed
    assert "INTERRUPTED" in printed
    assert [number for number in numbers if alive(number)] == []
    assert {case.outcome for case in read_result(folder).cases} == {Outcome.NOT_RUN}
    assert "Traceback" not in printed


@pytest.mark.slow
def test_a_client_started_by_hand_is_judged_after_ctrl_c(tmp_path: Path) -> None:
    with started("--server", "--report-dir", str(tmp_path)) as process:
        assert process.stdout is not None
        variables = {}
        for line in process.stdout:
            if line.startswith("start the client now"):
                break
            if line.startswith("export "):
                name, value = line.removeprefix("export ").strip().split("=", 1)
                variables[name] = shlex.split(value)[0]
        client = [sys.executable, str(ROOT / "examples" / "client"), "csv"]
        done = subprocess.run(client, env={**os.environ, **variables}, timeout=TIMEOUT, check=False)
        process.send_signal(signal.SIGINT)
        printed, _ = process.communicate(timeout=TIMEOUT)
    assert done.returncode == 0
    assert process.returncode == 0, printed
    result = read_result(tmp_path)
    assert {case.id.split("::")[1] for case in result.cases} == {"csv-plain"}
    assert variables["HANAMI_CLIENT_PASSWORD"] not in printed
    assert result.client == "a client started by hand"
