"""The sub-command ``coverage``: the pairs of values of the input models that did not meet in a run, and why."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from hanami_reports.common.file_names import DEFAULT_FOLDER
from hanami_reports.common.text import pluralise
from hanami_reports.model.conformance import ExitStatus, read_result
from hanami_reports.model.coverage import ModelCoverage, NotCovered

DESCRIPTION = """\
Lists the pairs of values of the input models that did not meet in a case with a verdict: those that could and did not,
and those that are excluded, each with the reason. A run needs the cases of test_combinations.py.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.description = DESCRIPTION
    parser.add_argument(
        "result",
        type=Path,
        nargs="?",
        default=DEFAULT_FOLDER,
        metavar="RESULT.json",
        help="result of a run, or its report folder [default: %(default)s]",
    )
    parser.add_argument("--model", metavar="NAME", help="list the pairs of this input model alone")
    parser.add_argument("--missing", action="store_true", help="leave out the pairs that are excluded")


def run(arguments: argparse.Namespace) -> int:
    """Print the pairs; return the exit status: whether every pair that can meet did.

    Raises:
        ValueError: If the result cannot be read, or has no coverage of the model; one line.
    """
    models = read_result(arguments.result).coverage
    chosen = [model for model in models if arguments.model in (None, model.name)]
    if not chosen:
        known = f"it has {', '.join(model.name for model in models)}" if models else "it has none"
        wanted = "of any input model" if arguments.model is None else f"of {arguments.model!r}"
        raise ValueError(f"{arguments.result}: no coverage {wanted}, {known}")
    lines = [line for model in chosen for line in _lines(model, missing_only=arguments.missing)]
    sys.stdout.write("\n".join(lines).lstrip("\n") + "\n")
    return ExitStatus.NOT_CONFORMANT if any(model.missing for model in chosen) else ExitStatus.CONFORMANT


def _lines(model: ModelCoverage, *, missing_only: bool) -> Iterator[str]:
    yield from ("", model.summary())
    yield from _entries("not covered", model.missing)
    if not missing_only:
        yield from _entries("excluded", model.excluded)


def _entries(title: str, entries: Sequence[NotCovered]) -> Iterator[str]:
    for entry in entries:
        yield f"  {title}: {entry.value}, {pluralise(len(entry.others), 'pair')}: {entry.reason}"
        for pair in entry.pairs():
            yield f"    {pair}"
