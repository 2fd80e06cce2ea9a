"""The sub-command ``summary``: a result as Markdown, for the summary of a CI job or a pull request."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from hanami_reports.conformance.compare import compare
from hanami_reports.conformance.markdown import result_markdown
from hanami_reports.model.conformance import ExitStatus, read_result

DESCRIPTION = """\
Prints a result as Markdown: verdict, counts, the requirements that do not pass with the reasons, known failures. Texts
of the target are escaped, and the whole is short enough for a comment on a pull request.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.description = DESCRIPTION
    parser.add_argument("result", type=Path, metavar="RESULT.json", help="result of a run, or its report folder")
    parser.add_argument("--baseline", type=Path, metavar="A.json", help="earlier result to compare with")
    parser.add_argument("--link", action="append", default=[], metavar="NAME=URL", help="related page; repeatable")


def run(arguments: argparse.Namespace) -> int:
    """Print the summary; return the exit status, which does not depend on the verdict.

    Raises:
        ValueError: If a result cannot be read, or a link is none; one line.
    """
    links = dict(_link(text) for text in arguments.link)
    result = read_result(arguments.result)
    comparison = None
    if arguments.baseline is not None:
        files = str(arguments.baseline), str(arguments.result)
        comparison = compare(read_result(arguments.baseline), result, files)
    sys.stdout.write(result_markdown(result, links=links, comparison=comparison))
    return ExitStatus.CONFORMANT


def _link(text: str) -> tuple[str, str]:
    name, equals, address = text.partition("=")
    if not (name and equals and address):
        raise ValueError(f"--link {text!r}: give a name and an address, NAME=URL")
    return name, address
