"""Draw the pictures of terminals from real runs: ``python -m tools.pictures.terminal`` (needs the project installed).

Beside each picture is its text, with which a test compares what the command prints.
"""

from __future__ import annotations

import io
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.text import Text

from tools.reference import RUN_SUITE, TIMEOUT, backend, clean_environment

FOLDER = Path(__file__).resolve().parents[2] / "docs"
WIDTH = 118
CASE = "test_upload_progress.py::test_a_repeated_chunk_counts_once[1000]"
PASSWORD = {"HANAMI_PASSWORD": "alice-password"}
_BAR = "\N{BOX DRAWINGS HEAVY HORIZONTAL}"  # of the progress of a run


@dataclass(frozen=True)
class Picture:
    """A picture of a terminal.

    Attributes:
        name: Name of its files, without suffix.
        options: Options of ``hanami-conformance run``.
        fault: Fault of the server that is judged; without one, the suite starts the server.
    """

    name: str
    options: tuple[str, ...]
    fault: str = ""

    @property
    def drawing(self) -> Path:
        """File of the picture."""
        return FOLDER / f"{self.name}.svg"

    @property
    def text(self) -> Path:
        """File with its lines."""
        return FOLDER / f"{self.name}.txt"


PICTURES = (
    Picture("success", ("--target", "reference", "--case", "test_upload_progress.py")),
    Picture("failure", ("--user", "alice", "--case", CASE), "complete-from-the-beginning"),
)


def main() -> None:
    """Write the pictures and their texts."""
    for picture in PICTURES:
        shown = run(picture)
        picture.text.write_text(shown.plain + "\n", encoding="utf-8")
        picture.drawing.write_text(draw(shown), encoding="utf-8")


def run(picture: Picture) -> Text:
    """Run the suite, and return the command and what it prints."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as server:
        options: Sequence[str] = picture.options
        if picture.fault:
            url = server.enter_context(backend("--fault", picture.fault))
            options = ("--target", url, *options)
        done = subprocess.run(
            [sys.executable, *RUN_SUITE, *options],
            cwd=folder,
            env=clean_environment({**PASSWORD, "FORCE_COLOR": "1", "COLUMNS": str(WIDTH)}),
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
    # Of the moving bar nothing stays: each line is what was written after the last time that it was erased.
    lines = [line.rsplit("\x1b[2K", 1)[-1] for line in done.stdout.split("\n")]
    kept = "\n".join(line for line in lines if _BAR not in line)
    printed = re.sub(r"\x1b\[[0-9?]*[A-Za-ln-z]", "", kept).replace("\r", "")
    command = shlex.join(["hanami-conformance", "run", *options])
    shown = Text("\n").join([Text.assemble(("$ ", "bold green"), command), Text.from_ansi(printed.rstrip())])
    shown.no_wrap = False
    return shown


def draw(shown: Text) -> str:
    """Return the picture of a terminal, SVG."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
    console.print(shown)
    drawing = console.export_svg(title="Hanami conformance", unique_id="hanami")
    # The drawing asks for a font from elsewhere; it must not need the network.
    drawing = re.sub(r"@font-face \{.*?\}", "", drawing, flags=re.DOTALL)
    return drawing.replace("Fira Code", "DejaVu Sans Mono, Consolas")


if __name__ == "__main__":
    main()
