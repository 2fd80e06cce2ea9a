"""The record of what the server uses: one sample before the load, one a second under it, one after the drain."""

from __future__ import annotations

import json
import subprocess
import sys
import time

from hanami_conformance.common.child_process import ChildProcess
from hanami_loadtests.server_usage.process_tree import no_process
from hanami_proto.validation import validate
from hanami_reports.model.server_usage import ServerSample, ServerUsage

START_SECONDS = 30.0  # time for the program to load and to answer first
ANSWER_SECONDS = 10.0
SETTLE_SECONDS = 1.0  # after the drain: a server may release what a connection held a moment after its end


class UsageRecording:
    """Records what a server on this machine uses.

    Args:
        pid: Id of the server's process; it may be replaced during the run, where the server is restarted.

    Raises:
        ValueError: If there is no such process.
    """

    def __init__(self, pid: int) -> None:
        self.pid = self._first_pid = pid
        command = [sys.executable, "-P", "-m", "hanami_loadtests.server_usage"]
        self._program = ChildProcess(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, grace=0.0)
        self._samples: dict[int, ServerSample] = {}
        self._ended = False
        self._after: ServerSample | None = None
        self._is_answering = True
        try:
            self._name, before = self._ask(START_SECONDS)
        except BaseException:
            self.close()
            raise
        if before is None:
            self.close()
            raise ValueError(no_process(pid))
        self._before = before

    def record(self, second: int) -> None:
        """Take the sample of a second since measuring began."""
        _, sample = self._ask(ANSWER_SECONDS)
        if sample is not None:
            self._samples[second] = sample

    def finish(self) -> ServerUsage:
        """Take the last sample, end the program, and return the whole record."""
        time.sleep(SETTLE_SECONDS)
        _, self._after = self._ask(ANSWER_SECONDS)
        self.close()
        return ServerUsage(self._first_pid, self._name, self._before, self._after, dict(self._samples), self._ended)

    def close(self) -> None:
        """End the program."""
        self._is_answering = False
        self._program.stop()

    def _ask(self, seconds: float) -> tuple[str, ServerSample | None]:
        """Return the name of the process and a sample; none where it has ended, or the answer did not come in time."""
        if not self._is_answering:
            return "", None
        stdin = self._program.popen.stdin
        assert stdin is not None
        try:
            stdin.write(f"{self.pid}\n".encode())
            stdin.flush()
            answer = json.loads(self._program.read_line(seconds))
        except (OSError, EOFError):  # a late answer would be taken for that to the next question
            self._is_answering = False
            return "", None
        self._ended = answer["sample"] is None
        return str(answer["name"]), None if self._ended else validate(ServerSample, answer["sample"])


class ServerObserver:
    """Observes the server of one run after the other, where its process is known.

    Attributes:
        recording: Record of the current run, None where its side is not seen.
    """

    def __init__(self) -> None:
        self.recording: UsageRecording | None = None

    def begin(self, pid: int | None) -> None:
        """Begin to observe a process, unless that was begun already."""
        if self.recording is None and pid is not None:
            self.recording = UsageRecording(pid)

    def follow(self, pid: int) -> None:
        """Observe another process from now on, since the server was restarted."""
        if self.recording is not None:
            self.recording.pid = pid

    def finish(self) -> ServerUsage | None:
        """End the observation, and return what the server used."""
        recording, self.recording = self.recording, None
        return None if recording is None else recording.finish()
