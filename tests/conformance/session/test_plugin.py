"""The suite as plain pytest, and the plugin in a session that has nothing to do with it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from hanami_conformance.session import SEVERAL_PROCESSES
from hanami_conformance.suite import SUITE
from support.suite_runs import faulty_backend, in_pytest, result_of
from tools.reference import ALICE, TIMEOUT, clean_environment


def run_pytest(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pytest", *arguments],
        cwd=cwd,
        env=clean_environment(environment),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )


def test_plain_pytest_gives_the_same_result(tmp_path: Path) -> None:
    options = ("--hanami-target", "reference", "--hanami-requirement", "PROG-4", "--hanami-profile", "smoke")
    run = run_pytest("--pyargs", "hanami_conformance", *options, cwd=tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "CONFORMANT  1 requirement: 1 PASS" in run.stdout
    assert result_of(tmp_path)["summary"]["requirements"] == {"PASS": 1}


def test_the_environment_configures_it(tmp_path: Path) -> None:
    with faulty_backend() as url:
        run = run_pytest(
            "--pyargs",
            "hanami_conformance",
            "-k",
            "boolean_complete",
            cwd=tmp_path,
            HANAMI_TARGET=url,
            HANAMI_USER="alice",
            HANAMI_PASSWORD="very-secret-1",
            HANAMI_REPORT_DIR="elsewhere",
        )
    assert run.returncode == 0, run.stdout + run.stderr
    assert json.loads((tmp_path / "elsewhere" / "result.json").read_text())["manifest"]["target"]["url"] == url


def test_without_a_target_it_is_a_usage_error(tmp_path: Path) -> None:
    run = run_pytest("--pyargs", "hanami_conformance", cwd=tmp_path)
    assert run.returncode == 4, run.stdout + run.stderr
    assert "no target: give --hanami-target" in run.stderr


def test_collecting_needs_no_target(tmp_path: Path) -> None:
    run = run_pytest("--pyargs", "hanami_conformance", "--collect-only", "-q", cwd=tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "test_upload_progress.py::" in run.stdout
    assert not (tmp_path / "reports").exists()


def test_a_failure_reads_as_in_the_reports(tmp_path: Path) -> None:
    with faulty_backend("complete-from-the-beginning") as url:
        arguments = (*in_pytest("--target", url, *ALICE), "-k", "tiny_chunks")
        run = run_pytest("--pyargs", "hanami_conformance", *arguments, cwd=tmp_path)
    assert run.returncode == 1
    assert "expected  complete = false: bytes 20 to 39 are missing" in run.stdout
    assert "NOT CONFORMANT" in run.stdout


def test_a_failure_of_somebody_elses_test_is_not_hidden(tmp_path: Path) -> None:
    (tmp_path / "test_other.py").write_text("def test_other(): assert False\n")
    arguments = (
        "test_other.py",
        "--pyargs",
        "hanami_conformance",
        "--hanami-target",
        "reference",
        "-k",
        "test_other or boolean_complete",
    )
    run = run_pytest(*arguments, cwd=tmp_path)
    assert run.returncode == 1, run.stdout + run.stderr
    assert result_of(tmp_path)["verdict"] == "CONFORMANT"


def test_cases_that_pytest_deselects_are_not_planned(tmp_path: Path) -> None:
    with faulty_backend("complete-from-the-beginning") as url:
        arguments = ("--pyargs", "hanami_conformance", *in_pytest("--target", url, *ALICE))
        first = run_pytest(*arguments, "-k", "tiny_chunks or boolean_complete", cwd=tmp_path)
        assert first.returncode == 1, first.stdout
        again = run_pytest(*arguments, "--lf", cwd=tmp_path)
    assert again.returncode == 1, again.stdout
    assert [case["outcome"] for case in result_of(tmp_path)["cases"]] == ["failed"]


def test_several_processes_are_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "test_other.py").write_text("def test_other(): pass\n")
    words = ("-n", "2", "--pyargs", "hanami_conformance", "--hanami-target", "reference")
    run = run_pytest(*words, "test_other.py", "-k", "boolean_complete or test_other", cwd=tmp_path)
    assert run.returncode == 4, run.stdout + run.stderr
    assert run.stderr.strip() == f"ERROR: {SEVERAL_PROCESSES}"
    assert "INTERNALERROR" not in run.stdout
    assert not (tmp_path / "reports").exists()
    for more in (("-n", "0"), ("-n", "2", "--collect-only")):
        assert run_pytest(*words[2:], *more, "-k", "boolean_complete", cwd=tmp_path).returncode == 0


@pytest.mark.parametrize("more", [(), ("-x", "--durations=1", "--junitxml=junit.xml")], ids=["plain", "with options"])
def test_processes_of_xdist_are_workers_of_the_suite(tmp_path: Path, more: tuple[str, ...]) -> None:
    options = ("--hanami-target", "reference", "-k", "test_direct_mode", "--hanami-profile", "smoke")
    run = run_pytest("-n", "2", "--pyargs", "hanami_conformance", *options, *more, cwd=tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr
    result = result_of(tmp_path)
    assert result["manifest"]["workers"] == 2
    assert f"{result['summary']['cases']['passed']} passed" in run.stdout
    assert (tmp_path / "junit.xml").exists() == bool(more)


def test_several_processes_are_nothing_to_sessions_without_cases(tmp_path: Path) -> None:
    (tmp_path / "test_other.py").write_text("def test_other(): pass\n")
    run = run_pytest("-n", "2", cwd=tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr


LOGS = """
import logging
def pytest_runtest_call(item):
    logging.getLogger("any").debug("logs are shown")
"""
RERUNS = """
from _pytest.runner import runtestprotocol
def pytest_runtest_protocol(item, nextitem):  # as plugins do that run a failing test again
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    for _ in range(3):
        print("\\nran", item.name)
        reports = runtestprotocol(item, nextitem=nextitem, log=False)
        if not any(report.failed for report in reports):
            break
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    return True
"""


def test_a_plugin_that_repeats_failing_tests_repeats_no_case(tmp_path: Path) -> None:
    (tmp_path / "reruns.py").write_text(RERUNS)
    (tmp_path / "test_mine.py").write_text("def test_mine(): assert False\n")
    words = ("-s", "-p", "reruns", "--pyargs", "hanami_conformance", "test_mine.py", "-k", "tiny_chunks or test_mine")
    with faulty_backend("complete-from-the-beginning") as url:
        run = run_pytest(*words, *in_pytest("--target", url, *ALICE), cwd=tmp_path, PYTHONPATH=str(tmp_path))
    assert run.returncode == 1, run.stdout + run.stderr
    assert run.stdout.count("\nran test_mine") == 3
    assert "ran test_many" not in run.stdout
    assert [case["outcome"] for case in result_of(tmp_path)["cases"]] == ["failed"]


def test_debug_logs_hold_no_token(tmp_path: Path) -> None:
    arguments = (
        "--pyargs",
        "hanami_conformance",
        "--hanami-target",
        "reference",
        "-k",
        "boolean_complete or answer_to_a_text_message",  # over both kinds of connections
        "--log-cli-level=DEBUG",
        *("-p", "logs"),
    )
    (tmp_path / "logs.py").write_text(LOGS)
    run = run_pytest(*arguments, cwd=tmp_path, PYTHONPATH=str(tmp_path))
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.count("logs are shown") == 3
    assert "eyJ" not in run.stdout


def test_it_leaves_other_sessions_alone(tmp_path: Path) -> None:
    (tmp_path / "test_other.py").write_text("def test_other(): pass\n")
    run = run_pytest("-q", cwd=tmp_path, HANAMI_TARGET="not even an address")
    assert run.returncode == 0, run.stdout + run.stderr
    assert "1 passed" in run.stdout
    assert "requirement" not in run.stdout
    assert not (tmp_path / "reports").exists()


def test_a_session_without_cases_loads_the_plugin_and_its_options_alone(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(
        "import sys\n"
        "def pytest_addoption(parser):\n    parser.addoption('--target')\n    parser.addoption('--profile')\n"
        "def pytest_unconfigure():\n    print('loaded:', *sorted(x for x in sys.modules if x.startswith('hanami')))\n"
    )
    (tmp_path / "test_other.py").write_text("def test_other(): pass\n")
    run = run_pytest("--target=theirs", "--strict-markers", cwd=tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr
    names = "hanami_conformance", "hanami_conformance.options", "hanami_conformance.options.definitions"
    plugin = "hanami_conformance.session", "hanami_conformance.session.plugin", "hanami_proto", "hanami_proto.options"
    assert f"loaded: {' '.join((*names, *plugin))}\n" in run.stdout
    markers = run_pytest("--markers", cwd=tmp_path)
    assert "requirement" not in markers.stdout


@pytest.mark.parametrize("files", ["check_*.py conf*.py *_io.py", "*.py", "__init__.py"])
def test_cases_are_collected_whatever_the_settings_of_a_project_are(tmp_path: Path, files: str) -> None:
    (tmp_path / "pytest.ini").write_text(
        f"[pytest]\npython_files = {files}\npython_functions = it_*\nnorecursedirs = suite hanami*\n"
        "addopts = --doctest-modules --strict-markers\n"
    )
    words = ("--pyargs", "hanami_conformance", "--collect-only", "-q")
    collected, plain = run_pytest(*words, cwd=tmp_path), run_pytest(*words, "-c", os.devnull, cwd=tmp_path)
    assert collected.returncode == 0, collected.stdout + collected.stderr
    assert lines_of_cases(collected.stdout) == lines_of_cases(plain.stdout)
    assert len(lines_of_cases(collected.stdout)) > 600
    one = run_pytest("--pyargs", "hanami_conformance.suite.test_upload_progress", "--collect-only", "-q", cwd=tmp_path)
    names = [
        case.partition("::")[2] for case in lines_of_cases(plain.stdout) if case.startswith("test_upload_progress")
    ]
    assert [case.partition("::")[2] for case in lines_of_cases(one.stdout)] == names


def test_ignored_cases_are_not_collected(tmp_path: Path) -> None:
    file = SUITE / "test_attach.py"
    run = run_pytest("--pyargs", "hanami_conformance", "--collect-only", "-q", f"--ignore={file}", cwd=tmp_path)
    assert len(lines_of_cases(run.stdout)) > 500
    assert not any(line.startswith("test_attach.py") for line in lines_of_cases(run.stdout))
    none = run_pytest("--pyargs", "hanami_conformance", "--collect-only", "-q", f"--ignore={SUITE}", cwd=tmp_path)
    assert lines_of_cases(none.stdout) == []


def test_options_are_named_as_pytest_has_them(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    words = ("--pyargs", "hanami_conformance", "-rs", "-k", "boolean_complete or of_another")
    place = ("--hanami-target", "reference", "--hanami-report-dir", "file/below")
    run = run_pytest(*words, *place, cwd=tmp_path)
    assert run.returncode == 4, run.stdout + run.stderr
    assert "choose another folder with --hanami-report-dir" in run.stderr
    with faulty_backend() as url:
        skipped = run_pytest(*words, *in_pytest("--target", url, *ALICE, "--requirement", "PROG"), cwd=tmp_path)
    assert "(--hanami-second-user and --hanami-second-password)" in skipped.stdout


def lines_of_cases(text: str) -> list[str]:
    return [re.sub(r"^[^:]*/", "", line) for line in text.splitlines() if "::" in line]


def test_options_may_stand_in_the_settings_of_pytest(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text(
        "[pytest]\nhanami_target = reference\nhanami_requirement = PROG-1 INIT-1\nhanami_profile = smoke\n"
        "hanami_report_dir = beside\n"
    )
    below = tmp_path / "below"
    below.mkdir()
    run = run_pytest("--pyargs", "hanami_conformance", "-c", "../pytest.ini", "--rootdir=..", cwd=below)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "CONFORMANT  2 requirements: 2 PASS" in run.stdout
    assert (tmp_path / "beside" / "result.json").is_file()  # as seen from the settings file
    options = ("--hanami-requirement", "PROG-1", "--hanami-report-dir", "here")
    other = run_pytest("--pyargs", "hanami_conformance", *options, cwd=tmp_path, HANAMI_PROFILE="nonsense")
    assert other.returncode == 4, other.stdout + other.stderr
    assert "--hanami-profile 'nonsense': choose one of" in other.stderr  # the environment takes precedence
    secret = run_pytest("--pyargs", "hanami_conformance", "-o", "hanami_password=x", "--strict-config", cwd=tmp_path)
    assert "hanami_password" in secret.stderr  # unknown: a settings file is no place for it
    assert secret.returncode == 4


def test_settings_of_the_folder_do_not_reach_the_console_command(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --no-such-option\n")
    (tmp_path / "conftest.py").write_text("raise RuntimeError('not for the suite')\n")
    run = subprocess.run(
        [
            sys.executable,
            "-m",
            "hanami_conformance.cli.main",
            "run",
            "--target",
            "reference",
            "--requirement",
            "PROG-1",
            "--profile",
            "smoke",
        ],
        cwd=tmp_path,
        env=clean_environment({"PYTEST_ADDOPTS": "--another-wrong-option", "PYTEST_PLUGINS": "no_such_plugin"}),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
