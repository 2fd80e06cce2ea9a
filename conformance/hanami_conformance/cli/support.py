"""What the commands share: options before the command, and output that its reader may close."""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import sys
from collections.abc import Iterator, Sequence
from typing import Any

OF_THE_PROGRAM = ("-h", "--help", "--version")  # options that need no command


class _Output:
    """A text stream that swallows everything once its reader is gone."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write, or not."""
        with self._open():
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush, or not."""
        with self._open():
            self._stream.flush()

    @contextlib.contextmanager
    def _open(self) -> Iterator[None]:
        try:
            yield
        except BrokenPipeError:
            # What is still in the buffer must go somewhere, else the end of the program complains.
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, self._stream.fileno())
            os.close(null)


@contextlib.contextmanager
def output_that_may_close() -> Iterator[None]:
    """Let standard output be closed by its reader in here, or lack a character, without consequences."""
    before = sys.stdout
    if isinstance(before, io.TextIOWrapper):
        before.reconfigure(errors="replace")  # a console of another encoding must not change the exit status
    sys.stdout = _Output(before)
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.stdout = before


def need_command(parser: argparse.ArgumentParser, argv: Sequence[str] | None) -> None:
    """Refuse options before the command, of which ``run`` is one.

    Argparse takes the value of an unknown option that comes first for the command, and complains of that.

    Args:
        parser: of the program.
        argv: None for those of the process.

    Raises:
        SystemExit: there are some; one line was printed.
    """
    given = sys.argv[1:] if argv is None else argv
    option = given[0].partition("=")[0] if given else ""  # its value may be a secret
    if option.startswith("-") and not any(one.startswith(option) for one in OF_THE_PROGRAM):
        parser.error(f"the command comes first: {parser.prog} run {option} ...")
