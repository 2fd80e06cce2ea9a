"""Runs the gate again and again while other programs keep the cores busy: do all runs say the same?"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

RUN_SECONDS = 900.0  # after which a run is taken to hang


def burn(parent: int) -> None:
    """Keep a core busy for as long as the parent lives."""
    while os.getppid() == parent:
        sum(range(100_000))


def said(result: Mapping[str, Any]) -> dict[str, str]:
    """What a run says that must be the same in every run: of the whole, of each statement, of each case."""
    return {
        "the run": f"{result['verdict']}, exit status {result['exit_status']}",
        **{entry["id"]: str(entry["verdict"]) for entry in result["statements"]},
        **{entry["id"]: f"{entry['outcome']} {entry['reason']}".strip() for entry in result["cases"]},
    }


def differences(runs: Sequence[Mapping[str, str]]) -> list[str]:
    """Where later runs say something else than the first, a line each."""
    lines = []
    for number, run in enumerate(runs[1:], start=2):
        for what in sorted(runs[0].keys() | run.keys()):
            first, other = runs[0].get(what, "nothing"), run.get(what, "nothing")
            if first != other:
                lines.append(f"run {number}, {what}: {other}; run 1: {first}")
    return lines


def soak(runs: int, load: int, arguments: Sequence[str]) -> int:
    """Run, compare, tell.

    Returns:
        0 when every run was conformant and all said the same, else 1.
    """
    burners = [multiprocessing.Process(target=burn, args=(os.getpid(),), daemon=True) for _ in range(load)]
    for burner in burners:
        burner.start()
    outcomes: list[dict[str, str]] = []
    try:
        for number in range(1, runs + 1):
            began = time.monotonic()
            with tempfile.TemporaryDirectory(prefix="hanami-soak-") as folder:
                command = [sys.executable, "-m", "conformance.cli", "run", "--target", "reference"]
                command += ["--database", "none", "--report-dir", folder, *arguments]
                done = subprocess.run(command, stdout=subprocess.DEVNULL, timeout=RUN_SECONDS, check=False)
                result = json.loads((Path(folder) / "result.json").read_text(encoding="utf-8"))
            outcomes.append(said(result))
            took = time.monotonic() - began
            print(
                f"run {number:>3} of {runs}  exit status {done.returncode}  {result['verdict']}  {took:.0f} s",
                flush=True,
            )
    finally:
        for burner in burners:
            burner.terminate()
            burner.join()
    lines = differences(outcomes)
    for line in lines:
        print(line)
    good = not lines and outcomes[0]["the run"] == "CONFORMANT, exit status 0"
    print(f"{'the same' if not lines else 'not the same'}: {runs} runs of {len(outcomes[0])} verdicts and outcomes")
    return 0 if good else 1


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=30, help="how many, 30 by default")
    parser.add_argument("--load", type=int, default=os.cpu_count() or 1, help="busy processes beside them, one a core")
    parser.add_argument("rest", nargs="*", help="options of the runs, behind --")
    options = parser.parse_args()
    if options.runs < 1 or options.load < 0:
        parser.error("give at least one run, and no negative load")
    try:
        return soak(options.runs, options.load, options.rest)
    except KeyboardInterrupt:
        print("interrupted")
        return 130


if __name__ == "__main__":
    sys.exit(main())
