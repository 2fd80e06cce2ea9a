"""The behaviour that all commands share: wrong options, output that fails, mistakes of ours, Ctrl-C while they load."""

from __future__ import annotations

import argparse
import contextlib
import difflib
import errno
import importlib
import io
import os
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

from hanami_proto.files import DiskError

INTERRUPTED = 2
INTERNAL_ERROR = 3
USAGE = 4
OF_THE_PROGRAM = ("-h", "--help", "--version")  # options that need no command


class CommandParser(argparse.ArgumentParser):
    """A parser that ends with status 4, and suggests an option for one that it does not know."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        # The beginning of an option is no option: a later release may have another one that begins so.
        super().__init__(*arguments, **{"allow_abbrev": False, **settings})

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        """Parse the words; one that is not known ends the program."""
        known, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.exit(USAGE, f"ERROR: {self._unknown(unknown[0].partition('=')[0])}\n")  # its value may be a secret
        return known, unknown

    def error(self, message: str) -> NoReturn:
        """Print the usage and the message, and end the program."""
        self.print_usage(sys.stderr)
        self.exit(USAGE, f"{self.prog}: error: {message}\n")

    def _unknown(self, word: str) -> str:
        meant = suggestion(word, self._option_string_actions) or f": {self.prog} --help shows all options"
        return f"unknown {'option' if word.startswith('-') else 'argument'} {word!r}{meant}"


def suggestion(word: str, known: Iterable[str], cutoff: float = 0.6) -> str:
    """Return ``, did you mean X?``, or nothing where no known word is similar."""
    like = difflib.get_close_matches(word, list(known), n=1, cutoff=cutoff)
    return f", did you mean {like[0]}?" if like else ""


def parse_command(parser: argparse.ArgumentParser, argv: Sequence[str] | None) -> argparse.Namespace:
    """Parse a command line that begins with a command.

    Args:
        parser: Parser of the program.
        argv: Words of the command line, None for those of the process.

    Raises:
        SystemExit: If the arguments are wrong, or only ask for help.
    """
    given = sys.argv[1:] if argv is None else argv
    option = given[0].partition("=")[0] if given else ""  # its value may be a secret
    # argparse takes the value of an unknown option that comes first for the command, and complains of that.
    if option.startswith("-") and not any(one.startswith(option) for one in OF_THE_PROGRAM):
        parser.error(f"the command comes first: {parser.prog} run {option} ...")
    return parser.parse_args(argv)


class _Output:
    """A text stream that discards what it is given from the first error on, and never raises one.

    Attributes:
        error: Why something could not be written, None for nothing. That its reader is gone, or its terminal is closed,
            is no error.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._gone = (errno.EPIPE, errno.EIO) if stream.isatty() else (errno.EPIPE,)
        self.error: OSError | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        with self._discarding():
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with self._discarding():
            self._stream.flush()

    @contextlib.contextmanager
    def _discarding(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.errno not in self._gone:
                self.error = self.error or error
            # The rest of the buffer must go somewhere, else the end of the program complains.
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, self._stream.fileno())
            os.close(null)


def run_guarded(command: Callable[[], int], redact: Callable[[str], str] = str) -> int:
    """Run a command so that its exit status is never that of a mistake of ours, or of its output.

    Standard output may be closed by its reader, or lack a character. Where it cannot be written, as on a full disk, the
    command still runs to its end, and then one line says so.

    Args:
        command: Function that returns the exit status, or ends by SystemExit.
        redact: Function that removes secrets from a text.

    Returns:
        The exit status of the command; 3 for an internal error, and for an output that was not written.
    """
    open_missing_streams()
    before = sys.stdout, sys.stderr
    for stream in before:
        if isinstance(stream, io.TextIOWrapper):  # a console of another encoding
            stream.reconfigure(errors="backslashreplace" if stream is before[1] else "replace")
    output, messages = _Output(before[0]), _Output(before[1])
    sys.stdout, sys.stderr = output, messages
    try:
        status = _guarded(command, redact)
        output.flush()
        if output.error is not None:
            reason = output.error.strerror or output.error
            messages.write(f"ERROR: the output cannot be written: {reason}\n")
            status = INTERNAL_ERROR
        messages.flush()
    finally:
        sys.stdout, sys.stderr = before
    return status


def _guarded(command: Callable[[], int], redact: Callable[[str], str]) -> int:
    """Run a command; an exception that it does not handle is one line, unless Python runs in its development mode."""
    try:
        return command()
    except SystemExit as error:
        return int(error.code or 0)
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return INTERRUPTED
    except DiskError as error:
        sys.stderr.write(f"ERROR: {redact(str(error))}\n")
        return INTERNAL_ERROR
    except Exception as error:
        if sys.flags.dev_mode:
            raise
        frame = traceback.extract_tb(error.__traceback__)[-1]
        what = " ".join(redact(f"{type(error).__name__}: {error}").split())
        place = f"{Path(frame.filename).name}, line {frame.lineno}"
        sys.stderr.write(f"ERROR: internal error: {what} ({place}); PYTHONDEVMODE=1 shows where\n")
        return INTERNAL_ERROR


def open_missing_streams() -> None:
    """Discard what is written to standard output or error where the caller closed them, as ``>&-`` does."""
    for number, name in ((1, "stdout"), (2, "stderr")):
        if getattr(sys, name) is not None:
            continue
        descriptor = os.open(os.devnull, os.O_WRONLY)
        if descriptor != number and not _is_open(number):
            os.dup2(descriptor, number)  # else the next file that is opened gets the number, and our output
            os.close(descriptor)
            descriptor = number
        stream = os.fdopen(descriptor, "w", encoding="utf-8")
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def begin(module: str) -> int:
    """Load a command and run it; loading takes a second, in which Ctrl-C is no traceback either.

    Args:
        module: Name of the module whose ``main`` to call.

    Returns:
        The exit status.
    """
    open_missing_streams()
    try:
        run: Callable[[], int] = importlib.import_module(module).main
        return run()
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return INTERRUPTED
