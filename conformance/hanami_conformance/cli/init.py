"""``hanami-conformance init``: a settings file with every option, explained in comments."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hanami_conformance.options.definitions import DEFAULT_CONFIG, SECTIONS
from hanami_proto.files import write_file
from hanami_proto.options import Option
from hanami_reports.model.conformance import ExitStatus

HEAD = """\
# Settings of hanami-conformance. The command line and the environment take precedence over this file.
# Every key is named like its option. Paths are relative to the folder of this file.
# Instead of a secret itself, give the name of the variable that holds it: password_env = "NAME".
"""
SET = {"target": '"http://127.0.0.1:11418"', "user": '"alice"', "password": '"HANAMI_PASSWORD"', "dialect": '"auto"'}
EXAMPLES = {
    "deadline": "10",
    "max-connections": "2",
    "cluster": '"6fa459ea-ee8a-4ca4-894e-db77e160355e"',
    "cluster-input": '["test_input=784"]',
    "cluster-output": '["test_output=10"]',
    "ca-file": '"ca.pem"',
    "server-command": '"my-server --port 11418"',
    "server-timeout": "60",
    "durable": '"datasets"',
    "profile": '"gate"',
    "seed": "1",
    "minutes": "10",
    "database": '".hypothesis/examples"',
    "shrink": "10",
    "requirement": '["PROG", "DATA-2"]',
    "level": '"should"',
    "report-dir": '"reports/latest"',
}
DESCRIPTION = "Writes a settings file with every option in it, explained. Never replaces a file."


def add_parser(commands: Any, name: str, text: str) -> None:
    """Add the command to the others, with its help in a line."""
    parser = commands.add_parser(name, help=text, description=DESCRIPTION)
    parser.add_argument("file", type=Path, nargs="?", default=Path(DEFAULT_CONFIG), help="default: %(default)s")
    parser.set_defaults(act=lambda arguments: write_settings(arguments.file))


def settings_text() -> str:
    """Return the text of a settings file: common options are set, the others are comments."""
    lines = [HEAD]
    for section, options in SECTIONS.items():
        lines.append(f"[{section}]")
        for option in options:
            lines += _lines(option)
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _lines(option: Option) -> Iterator[str]:
    default = option.default or option.default_note
    note = f" (default: {default})" if default else ""
    yield from textwrap.wrap(f"{option.help}{note}", 110, initial_indent="# ", subsequent_indent="# ")
    key = f"{option.name}_env" if option.secret else option.name
    if option.name in SET:
        yield f"{key} = {SET[option.name]}"
        return
    variable = f'"{option.environment}"' if option.secret else f'"{option.metavar}"'
    yield f"# {key} = {EXAMPLES.get(option.name, 'false' if option.kind == 'switch' else variable)}"


def write_settings(path: Path) -> int:
    """Write the file, unless it exists.

    Returns:
        0, or 4 if it exists already or cannot be written.
    """
    try:
        write_file(path, settings_text(), new=True)
    except FileExistsError:
        return _fail(f"{path} exists already and was not changed: name another file")
    except OSError as error:
        return _fail(f"cannot write {path}: {error.strerror or error}")
    sys.stdout.write(f"wrote {path}: fill it in, then hanami-conformance check-target --config {path}\n")
    return ExitStatus.CONFORMANT


def _fail(text: str) -> int:
    sys.stderr.write(f"ERROR: {text}\n")
    return ExitStatus.USAGE
