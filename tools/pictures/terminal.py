"""Draw the pictures of the README from real runs: ``python -m tools.pictures.terminal`` (needs the project installed).

A reference backend is started with one fault, the suite finds it, and the terminal is drawn as SVG.
"""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

from tools.reference import BACKEND, RUN_SUITE

ROOT = Path(__file__).resolve().parents[2]
WIDTH = 118
FAULTY = (sys.executable, *BACKEND, "--fault", "complete-from-the-beginning")
CASE = "test_upload_progress.py::test_a_repeated_chunk_counts_once[1000]"


def main() -> None:
    """Write ``docs/failure.svg`` and ``docs/success.svg``."""
    picture("success.svg", ["--target", "reference", "--requirement", "PROG"])
    with subprocess.Popen(FAULTY, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as backend:
        assert backend.stdin is not None
        assert backend.stdout is not None
        url = json.loads(backend.stdout.readline())["url"]
        picture("failure.svg", ["--target", url, "--user", "alice", "--case", CASE])
        backend.stdin.close()


def picture(name: str, options: list[str]) -> None:
    """Run the suite, and draw what it shows under the command line."""
    command = shlex.join(["hanami-conformance", "run", *options])
    with tempfile.TemporaryDirectory() as folder:
        run = subprocess.run(
            [sys.executable, *RUN_SUITE, *options],
            cwd=folder,
            env={**os.environ, "HANAMI_PASSWORD": "alice-password", "FORCE_COLOR": "1", "COLUMNS": str(WIDTH)},
            capture_output=True,
            text=True,
            check=False,
        )
    # Of the moving bar nothing stays: each line is what was written after the last time that it was erased.
    lines = [line.rsplit("\x1b[2K", 1)[-1] for line in run.stdout.split("\n")]
    kept = [line for line in lines if "\N{BOX DRAWINGS HEAVY HORIZONTAL}" not in line]
    shown = re.sub(r"\x1b\[[0-9?]*[A-Za-ln-z]", "", "\n".join(kept)).replace("\r", "")
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
    console.print(Text.assemble(("$ ", "bold green"), command))
    console.print(Text.from_ansi(shown.rstrip()))
    drawing = console.export_svg(title="Hanami conformance")
    # The drawing asks for a font from elsewhere; it must not need the network.
    drawing = re.sub(r"@font-face \{.*?\}", "", drawing, flags=re.DOTALL)
    (ROOT / "docs" / name).write_text(drawing.replace("Fira Code", "DejaVu Sans Mono, Consolas"), encoding="utf-8")


if __name__ == "__main__":
    main()
