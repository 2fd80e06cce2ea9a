"""``hanami-conformance summary``: a result as Markdown, for the summary of a CI job or a pull request."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from hanami_reports.conformance.compare import compare
from hanami_reports.conformance.markdown import result_markdown
from hanami_reports.model.conformance import ExitStatus
from hanami_reports.model.loading import read_result

DESCRIPTION = """\
Prints a result as Markdown: verdict, counts, the requirements that do not pass and why, known failures. What the target
said is escaped, and the whole is short enough for a comment on a pull request.
"""


def add_parser(commands: Any) -> None:
    """Add the command to the others."""
    parser = commands.add_parser("summary", help="print a result as Markdown", description=DESCRIPTION)
    parser.add_argument("result", type=Path, metavar="RESULT.json", help="result of a run, or its report folder")
    parser.add_argument("--baseline", type=Path, metavar="A.json", help="an earlier result to compare it with")
    parser.add_argument(
        "--link", action="append", default=[], metavar="NAME=URL", help="something else to see; repeatable"
    )
    parser.set_defaults(act=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the command; the exit status says only whether the files could be read."""
    try:
        links = dict(_link(text) for text in arguments.link)
        result = read_result(arguments.result)
        comparison = None
        if arguments.baseline is not None:
            files = str(arguments.baseline), str(arguments.result)
            comparison = compare(read_result(arguments.baseline), result, files)
        text = result_markdown(result, links=links, comparison=comparison)
    except ValueError as error:
        sys.stderr.write(f"ERROR: {error}\n")
        return ExitStatus.USAGE
    except (KeyError, TypeError, AttributeError) as error:  # written by somebody else than a run
        sys.stderr.write(f"ERROR: {arguments.result}: no result of a run: {error!r}\n")
        return ExitStatus.USAGE
    sys.stdout.write(text)
    return ExitStatus.CONFORMANT


def _link(text: str) -> tuple[str, str]:
    name, equals, address = text.partition("=")
    if not (name and equals and address):
        raise ValueError(f"--link {text!r}: give a name and an address, NAME=URL")
    return name, address
