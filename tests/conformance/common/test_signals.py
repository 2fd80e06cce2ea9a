"""Signals and closed pipes: one ends a run, none ends it in the middle of something, and no end is a traceback."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hanami_conformance.common.signals import acknowledge_interrupt, handle_signals, uninterrupted
from support.suite_runs import begin_suite, result_of, wait_for_cases
from tools.reference import TIMEOUT, clean_environment

ENTRY = [sys.executable, "-c", "import sys; from hanami_conformance.cli.entry import main; sys.exit(main())"]


def test_an_interrupt_waits_for_the_end_of_a_protected_block() -> None:
    done = []

    def work() -> None:
        with uninterrupted():
            with uninterrupted():
                signal.raise_signal(signal.SIGTERM)
                done.append("inner")
            done.append("outer")

    with handle_signals(), pytest.raises(KeyboardInterrupt):
        work()
    assert done == ["inner", "outer"]


def test_an_interrupt_is_not_lost_where_the_block_fails() -> None:
    def fail() -> None:
        with uninterrupted():
            signal.raise_signal(signal.SIGINT)
            raise ValueError("a wrong answer")

    with handle_signals(), pytest.raises(KeyboardInterrupt):
        fail()


def test_the_cleaning_up_is_not_broken_off(capfd: pytest.CaptureFixture[str]) -> None:
    with handle_signals():
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        acknowledge_interrupt()
        signal.raise_signal(signal.SIGINT)
    assert capfd.readouterr().err == "cleaning up; once more to leave at once\n"


def test_the_end_of_a_terminal_counts_once(capfd: pytest.CaptureFixture[str]) -> None:
    with handle_signals():
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGHUP)
        acknowledge_interrupt()
        for _ in range(3):  # of the kernel, of the shell, of the terminal: a third SIGINT would exit
            signal.raise_signal(signal.SIGHUP)
    assert capfd.readouterr().err == ""


def test_a_command_under_nohup_outlives_its_terminal() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with handle_signals():
            signal.raise_signal(signal.SIGHUP)
            with pytest.raises(KeyboardInterrupt):
                signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGHUP, before)


def test_handlers_are_put_back() -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with handle_signals():
        assert signal.getsignal(signal.SIGINT) is not before[0]
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_two_interrupts_at_once_leave_a_report(tmp_path: Path) -> None:
    process = begin_suite("--target", "reference", cwd=tmp_path)
    wait_for_cases(process)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGINT)
    rest = process.communicate(timeout=TIMEOUT)[0]
    assert process.returncode == 2, rest
    assert "Traceback" not in rest
    assert result_of(tmp_path)["exit_status"] == 2


@pytest.mark.parametrize(
    "arguments",
    [("requirements",), ("run", "--target", "reference", "--profile", "smoke", "--requirement", "PROG-1")],
    ids=lambda arguments: str(arguments[0]),
)
def test_a_reader_that_goes_changes_nothing(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    process = subprocess.Popen(
        [*ENTRY, *arguments],
        cwd=tmp_path,
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()  # before anything was written
    with process.stderr as errors:
        said = errors.read()
    assert process.wait(TIMEOUT) == 0
    assert said == b""
    if arguments[0] == "run":
        assert result_of(tmp_path)["exit_status"] == 0
