"""A small client of the Hanami protocol: upload a dataset, or train a cluster and ask it.

    HANAMI_CLIENT_PASSWORD=... python examples/client csv --url http://HOST:PORT --user alice --csv-file table.csv

Every option can be a variable of the environment, as HANAMI_CLIENT_CSV_FILE for --csv-file; the password only so.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

from direct_io import direct_mode
from session import HanamiError, Session
from upload import upload

WORKFLOWS = ("mnist", "csv", "direct")
OPTIONS = {  # with their defaults, None for an option that must be given
    "url": (None, "address of the server"),
    "user": (None, "user who logs in"),
    "dialect": ("documented", "dialect of the server"),
    "name": ("example", "name of the new dataset"),
    "input-file": ("", "mnist: images as an IDX file"),
    "labels-file": ("", "mnist: their labels as an IDX file"),
    "csv-file": ("", "csv: table"),
    "cluster": ("", "direct: uuid of a cluster"),
    "values-file": ("", "direct: JSON with values to train with, and values to ask for"),
    "result-file": ("/dev/stdout", "file for the result as JSON"),
}


def parse_options() -> argparse.Namespace:
    """Read the command line; variables of the environment are the defaults."""
    parser = argparse.ArgumentParser(
        prog="examples/client", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    workflow = os.environ.get(variable("workflow"))
    parser.add_argument("workflow", choices=WORKFLOWS, default=workflow, nargs="?" if workflow else None)
    for option, (default, text) in OPTIONS.items():
        given = os.environ.get(variable(option), default)
        parser.add_argument(f"--{option}", default=given, required=given is None, help=text)
    return parser.parse_args()


def variable(option: str) -> str:
    """Return the name of the variable that can stand for an option."""
    return f"HANAMI_CLIENT_{option.upper().replace('-', '_')}"


def run(session: Session, options: argparse.Namespace) -> dict[str, Any]:
    """Run a workflow and return its result."""
    if options.workflow == "mnist":
        files = {"input": Path(options.input_file).read_bytes(), "label": Path(options.labels_file).read_bytes()}
        return {"dataset": upload(session, "mnist", options.name, files)}
    if options.workflow == "csv":
        return {"dataset": upload(session, "csv", options.name, {"input": Path(options.csv_file).read_bytes()})}
    values = json.loads(Path(options.values_file).read_bytes())
    expected = values["train"]["outputs"]
    with direct_mode(session, options.cluster, {name: len(part) for name, part in expected.items()}) as cluster:
        cluster.train(values["train"]["inputs"], expected)
        return cluster.request(values["request"]["inputs"])


def main() -> int:
    """Run the command; return 0 only if the server has confirmed every step."""
    options = parse_options()
    try:
        session = Session(options.url, options.dialect, options.user, os.environ.get(variable("password"), ""))
        result = run(session, options)
        Path(options.result_file).write_text(json.dumps(result) + "\n", encoding="utf-8")
    except (HanamiError, OSError, ValueError) as error:
        sys.stderr.write(f"FAILED: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
