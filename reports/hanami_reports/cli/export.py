"""The sub-command ``export``: the recorded exchanges of a run in the formats of other tools."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO

from hanami_proto.files import whole_file
from hanami_reports.common.file_names import EXCHANGES, RESULT, exchange_name
from hanami_reports.conformance.export.capture import write_capture
from hanami_reports.conformance.export.exchanges import RecordedRun, recorded_run
from hanami_reports.conformance.export.har import write_har
from hanami_reports.conformance.export.ndjson import is_events_file, read_events, write_events
from hanami_reports.model.conformance import ExitStatus, read_result

HELP = "write the recorded exchanges of a result as HAR, packet capture or NDJSON"
DESCRIPTION = """\
Writes the recorded exchanges of a run for other tools: HAR for the network panels of browsers, a packet capture
(pcapng) for Wireshark, or NDJSON, one JSON object a line. A result has the exchanges of the cases that did not pass;
the file that hanami-conformance run --events FILE writes has those of all cases. Secrets are redacted, as in the
result.
"""
STDOUT = Path("-")
DEFAULT_FORMAT = "har"
SUFFIXES = {"har": ".har", "pcap": ".pcapng", "ndjson": ".ndjson"}
Writer = Callable[[RecordedRun, IO[bytes]], None]
WRITERS: dict[str, Writer] = {
    "har": write_har,
    "pcap": write_capture,
    "ndjson": write_events,
}
_FORMATS = {suffix: name for name, suffix in SUFFIXES.items()} | {".pcap": "pcap", ".jsonl": "ndjson"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.description = DESCRIPTION
    parser.add_argument(
        "result", type=Path, metavar="RESULT", help="result of a run, its report folder, or its events file"
    )
    parser.add_argument(
        "--format",
        choices=SUFFIXES,
        help=f"format of the file [default: that of the suffix of --output, else {DEFAULT_FORMAT}]",
    )
    parser.add_argument(
        "--case",
        action="append",
        default=[],
        metavar="ID",
        help="only this case, or all cases of this test or file; repeatable [default: all with recorded events]",
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="FILE",
        help="file to write, - for the standard output [default: beside RESULT, named after it or after the case]",
    )


def run(arguments: argparse.Namespace) -> int:
    """Export, and print the path of the file; return the exit status.

    Raises:
        ValueError: If the result cannot be read, has no such events, or the file cannot be written; one line.
    """
    file = arguments.result / RESULT if arguments.result.is_dir() else arguments.result
    name = arguments.format or _format_of(arguments.output)
    recorded = _read(file).select(arguments.case)
    if arguments.output == STDOUT:
        _print(WRITERS[name], recorded)
        return ExitStatus.CONFORMANT
    path = arguments.output or _default_path(file, arguments.case, SUFFIXES[name])
    if path.exists() and path.samefile(file):
        raise ValueError(f"{path} is what is exported: choose another file with --output")
    try:
        if arguments.output is None:
            path.parent.mkdir(exist_ok=True)
        with whole_file(path) as output:
            WRITERS[name](recorded, output)
    except OSError as error:
        raise ValueError(f"cannot write {path}: {error.strerror or error}; choose a file with --output") from error
    sys.stdout.write(f"{path}\n")
    return ExitStatus.CONFORMANT


def _print(write: Writer, recorded: RecordedRun) -> None:
    sys.stdout.flush()
    with contextlib.suppress(BrokenPipeError), os.fdopen(os.dup(sys.stdout.fileno()), "wb") as output:
        write(recorded, output)


def _read(file: Path) -> RecordedRun:
    return read_events(file) if is_events_file(file) else recorded_run(read_result(file), str(file))


def _format_of(output: Path | None) -> str:
    suffix = "" if output is None else output.suffix
    return _FORMATS.get(suffix, DEFAULT_FORMAT)


def _default_path(file: Path, wanted: list[str], suffix: str) -> Path:
    if len(wanted) == 1:
        return file.parent / EXCHANGES / exchange_name(wanted[0], suffix)
    return file.with_suffix(suffix)
