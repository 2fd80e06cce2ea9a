"""Mutation testing of the models: do their tests detect every small change to them?"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import NoReturn

from hanami_conformance.common.temporary import temporary_folder
from tools.reference import clean_environment

ROOT = Path(__file__).resolve().parents[1]
JUSTIFIED = Path(__file__).with_name("mutants.toml")
TOOL = "mutmut"
INTERRUPTED = 130  # as shells have it
MODELS = "hanami_conformance.models."
PACKAGES = ("conformance", "proto", "reference_backend", "reports")  # folders that the tests of the models import
PROGRAMS = ("__init__.py", "sample_data.py")  # of this folder, imported likewise
TESTS = "tests/conformance/models/test_models*.py"
DETECTED = ("killed", "timeout")  # an endless loop counts as detected
FIELDS = ("place", "before", "after", "reason")
MAX_LINES = 30  # of the output of a failed tool

# Settings of the copy with the mutants. Hypothesis draws the same examples in every run, so that a mutant that survives
# once always survives. The plugin of the suite is off, since it would import the installed, unchanged models.
SETTINGS = """
[tool.mutmut]
source_paths = ["hanami_conformance"]
only_mutate = ["hanami_conformance/models/*.py"]
also_copy = ["hanami_proto", "hanami_reference_backend", "hanami_reports", "tools"]
pytest_add_cli_args_test_selection = ["tests/conformance"]
pytest_add_cli_args = ["-p", "no:hanami", "-p", "no:cacheprovider", "--hypothesis-profile=ci"]
timeout_constant = 3.0
use_git_change_detection = false

[tool.pytest.ini_options]
filterwarnings = ["error"]
"""


class MutationError(Exception):
    """The run gave no result; the message says why."""


@dataclass(frozen=True, order=True)
class Mutant:
    """A small change to a model, identified by its lines, since the numbers of mutants change with every edit.

    Attributes:
        place: Module, class and function, as in ``file.FileModel.write``.
        before: Original lines.
        after: Changed lines.
    """

    place: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.place}\n    before  {self.before}\n    after   {self.after}"


@dataclass(frozen=True)
class Comparison:
    """Survivors compared with the justified ones.

    Attributes:
        unexplained: Survivors without a justification.
        stale: Justified mutants that were detected, or no longer exist.
        justified: Justified survivors with the reasons.
    """

    unexplained: tuple[Mutant, ...]
    stale: tuple[Mutant, ...]
    justified: Mapping[Mutant, str]

    @property
    def passed(self) -> bool:
        """Whether every survivor is justified, and every justification is needed."""
        return not self.unexplained and not self.stale


def compare(survivors: Sequence[Mutant], reasons: Mapping[Mutant, str]) -> Comparison:
    """Compare the survivors with the justified ones."""
    return Comparison(
        tuple(sorted(set(survivors) - set(reasons))),
        tuple(sorted(set(reasons) - set(survivors))),
        {mutant: reasons[mutant] for mutant in sorted(set(survivors) & set(reasons))},
    )


def read_justified(path: Path) -> dict[Mutant, str]:
    """Read the mutants that no test can detect, with the reasons.

    Raises:
        MutationError: If the file is invalid.
    """
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8")).get("mutant", [])
    except (OSError, ValueError) as error:
        raise MutationError(f"{path.name}: {error}") from error
    reasons: dict[Mutant, str] = {}
    for number, entry in enumerate(entries, start=1):
        if sorted(entry) != sorted(FIELDS) or not all(
            isinstance(text, str) and text.strip() for text in entry.values()
        ):
            raise MutationError(f"{path.name}: entry {number} must have the strings {', '.join(FIELDS)}, and no more")
        mutant = Mutant(entry["place"], entry["before"], entry["after"])
        if mutant in reasons:
            raise MutationError(f"{path.name}: entry {number} is a duplicate")
        reasons[mutant] = entry["reason"]
    return reasons


def parse_results(text: str) -> dict[str, str]:
    """Return the states of mutants by name from the output of ``mutmut results``."""
    return dict(re.findall(r"^ +(\S+): (.+)$", text, re.MULTILINE))


def parse_diff(name: str, text: str) -> Mutant:
    """Return a mutant from its name and the output of ``mutmut show``."""
    lines = [line for line in text.splitlines() if not line.startswith(("---", "+++"))]
    before, after = ("\n".join(line[1:].strip() for line in lines if line.startswith(sign)) for sign in "-+")
    place = name.removeprefix(MODELS).partition("__mutmut_")[0]
    # x_function of a module, x\u01c1Class\u01c1method of a class
    place = re.sub(r"\bx(_|\u01c1)", "", place, count=1).replace("\u01c1", ".")
    return Mutant(place, before, after)


def copy_to(folder: Path) -> None:
    """Copy the files that the tests of the models need, since the tool writes to the folder."""
    for name in PACKAGES:
        package = f"hanami_{name}"
        shutil.copytree(ROOT / name / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    for test in (*ROOT.glob(TESTS), *(ROOT / "tools" / name for name in PROGRAMS)):
        target = folder / test.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(test, target)
    (folder / "pyproject.toml").write_text(SETTINGS, encoding="utf-8")


def run_tool(folder: Path, *arguments: str) -> str:
    """Run the tool in a session of its own, where Ctrl-C does not reach it, and kill the session in the end.

    Returns:
        The output of the tool.

    Raises:
        MutationError: If the tool fails; the message has the last lines of its output.
    """
    environment = clean_environment({"PYTHONHASHSEED": "0", "PYTHONUTF8": "1"})
    with tempfile.TemporaryFile() as log:
        command = [sys.executable, "-m", TOOL, *arguments]
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            status = process.wait()
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        log.seek(0)
        text = log.read().decode("utf-8", "replace").replace("\r", "\n")
    if status:
        output = "\n".join(text.strip().splitlines()[-MAX_LINES:])
        raise MutationError(f"{TOOL} {arguments[0]} ended with status {status}:\n{output}")
    return text


def mutate(write_line: Callable[[str], None]) -> int:
    """Create the mutants, run the tests on each, and report the survivors.

    Returns:
        0 if every survivor is justified and every justification is needed, otherwise 1.

    Raises:
        MutationError: If there is no result.
    """
    reasons = read_justified(JUSTIFIED)
    if importlib.util.find_spec(TOOL) is None:
        raise MutationError(
            f"{TOOL} is not installed: run make mutation, or pip install -c constraints.txt '.[dev,mutation]'"
        )
    began = time.monotonic()
    with temporary_folder("hanami-mutation-") as folder:
        copy_to(folder)
        write_line("running the tests of the models on each mutant, which takes about a minute ...")
        run_tool(folder, "run", "--max-children", "1")
        results = parse_results(run_tool(folder, "results", "--all", "true"))
        if not results:
            raise MutationError("there are no mutants: have the models moved?")
        names = [name for name, state in results.items() if state not in DETECTED]
        survivors = [parse_diff(name, run_tool(folder, "show", name)) for name in names]
    comparison = compare(survivors, reasons)
    print_comparison(comparison, Counter(results.values()), write_line)
    write_line(f"{'PASS' if comparison.passed else 'FAIL'}  {len(results)} mutants, {time.monotonic() - began:.0f} s")
    return 0 if comparison.passed else 1


def print_comparison(comparison: Comparison, counts: Mapping[str, int], write_line: Callable[[str], None]) -> None:
    """Print the survivors, the stale justifications, and the number of mutants in each state."""
    for mutant, reason in comparison.justified.items():
        write_line(f"justified: {mutant}\n    reason  {reason}")
    for mutant in comparison.unexplained:
        write_line(f"SURVIVED: {mutant}")
    for mutant in comparison.stale:
        write_line(f"NO SURVIVOR, remove its entry from {JUSTIFIED.name}: {mutant}")
    write_line(", ".join(f"{count} {state}" for state, count in sorted(counts.items(), key=lambda entry: -entry[1])))


def parse_options(argv: Sequence[str] | None = None) -> None:
    """Read the command line; wrong options end the program with status 2 and one line."""
    argparse.ArgumentParser(
        prog="python -m tools.mutation",
        description=__doc__,
        epilog="Exit status: 0 every survivor is justified in tools/mutants.toml, and every entry there survived; "
        "1 not so, or no result; 2 wrong options; 130 interrupted.",
    ).parse_args(argv)


def main() -> int:
    """Run the command."""
    parse_options()
    for number in (signal.SIGINT, signal.SIGTERM):  # a shell starts background jobs with SIGINT ignored
        signal.signal(number, _interrupt)
    try:
        return mutate(lambda line: print(line, flush=True))
    except MutationError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
