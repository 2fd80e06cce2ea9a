"""Mutation testing of the models: is every little change to them noticed by their tests?"""

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
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import IO, NoReturn

ROOT = Path(__file__).resolve().parents[1]
JUSTIFIED = Path(__file__).with_name("mutants.toml")
TOOL = "mutmut"
INTERRUPTED = 130  # as shells have it
MODELS = "hanami_conformance.models."
PACKAGES = ("conformance", "proto", "reference_backend", "reports")  # folders of what the tests of the models import
PROGRAMS = ("__init__.py", "sample_data.py")  # of this folder, likewise
TESTS = "tests/conformance/models/test_models*.py"
GONE = ("killed", "timeout")  # what a test noticed; a change that makes an endless loop is noticed as well
FIELDS = ("place", "was", "now", "why")
MOST_LINES = 30  # of what the tool said, where it failed

# Of the copy in which the mutants are made. Hypothesis draws the same examples in every run, so that a mutant that
# survives once survives always. Our own plugin would import the models that are installed, which are not mutated.
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
    """Nothing can be said about the mutants; the message is one line for people."""


@dataclass(frozen=True, order=True)
class Mutant:
    """A small change to a model. What it changes is its name: a number would be another after the next edit.

    Attributes:
        place: module, class and function, as in ``file.FileModel.write``.
        was: the line that it changes, or several.
        now: what it makes of it.
    """

    place: str
    was: str
    now: str

    def __str__(self) -> str:
        return f"{self.place}\n    was  {self.was}\n    now  {self.now}"


@dataclass(frozen=True)
class Judgement:
    """What was found.

    Attributes:
        unexplained: mutants that no test noticed and nobody justified.
        stale: mutants that were justified, and are noticed or no more.
        justified: mutants that no test noticed, and why none can.
    """

    unexplained: tuple[Mutant, ...]
    stale: tuple[Mutant, ...]
    justified: Mapping[Mutant, str]

    @property
    def good(self) -> bool:
        """Whether every survivor is justified, and every justification needed."""
        return not self.unexplained and not self.stale


def judge(survivors: Sequence[Mutant], reasons: Mapping[Mutant, str]) -> Judgement:
    """Compare the survivors with the justified ones."""
    return Judgement(
        tuple(sorted(set(survivors) - set(reasons))),
        tuple(sorted(set(reasons) - set(survivors))),
        {mutant: reasons[mutant] for mutant in sorted(set(survivors) & set(reasons))},
    )


def read_justified(path: Path) -> dict[Mutant, str]:
    """Return the mutants that no test can notice, to the reason.

    Raises:
        MutationError: the file cannot be read; the message says where it is wrong.
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
            raise MutationError(f"{path.name}: entry {number} must have the texts {', '.join(FIELDS)}, and no more")
        mutant = Mutant(entry["place"], entry["was"], entry["now"])
        if mutant in reasons:
            raise MutationError(f"{path.name}: entry {number} is there twice")
        reasons[mutant] = entry["why"]
    return reasons


def parse_results(text: str) -> dict[str, str]:
    """Names of mutants to what became of them, from what ``mutmut results`` prints."""
    return dict(re.findall(r"^ +(\S+): (.+)$", text, re.MULTILINE))


def parse_diff(name: str, text: str) -> Mutant:
    """Return a mutant, from its name and from what ``mutmut show`` prints."""
    lines = [line for line in text.splitlines() if not line.startswith(("---", "+++"))]
    was, now = ("\n".join(line[1:].strip() for line in lines if line.startswith(sign)) for sign in "-+")
    place = name.removeprefix(MODELS).partition("__mutmut_")[0]
    # x_function of a module, x\u01c1Class\u01c1method of a class
    place = re.sub(r"\bx(_|\u01c1)", "", place, count=1).replace("\u01c1", ".")
    return Mutant(place, was, now)


def copy_to(folder: Path) -> None:
    """Copy what the tests of the models need, so that the tool has a place of its own to write to."""
    for name in PACKAGES:
        package = f"hanami_{name}"
        shutil.copytree(ROOT / name / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    for test in (*ROOT.glob(TESTS), *(ROOT / "tools" / name for name in PROGRAMS)):
        target = folder / test.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(test, target)
    (folder / "pyproject.toml").write_text(SETTINGS, encoding="utf-8")


def run_tool(folder: Path, *arguments: str) -> str:
    """Run the tool, out of the reach of Ctrl-C, and take it and its children along where this program ends.

    Returns:
        What it printed.

    Raises:
        MutationError: it failed; what it said last is in the message.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HANAMI_", "PYTEST_", "COV_"))}
    kept |= {"PYTHONHASHSEED": "0", "PYTHONUTF8": "1"}
    with tempfile.TemporaryFile() as log:
        command = [sys.executable, "-m", TOOL, *arguments]
        process = subprocess.Popen(
            command, cwd=folder, env=kept, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
        with _taken_along(process):
            status = process.wait()
        text = _text_of(log)
    if status:
        said = "\n".join(text.strip().splitlines()[-MOST_LINES:])
        raise MutationError(f"{TOOL} {arguments[0]} ended with status {status}:\n{said}")
    return text


@contextlib.contextmanager
def _taken_along(process: subprocess.Popen[bytes]) -> Iterator[None]:
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _text_of(log: IO[bytes]) -> str:
    log.seek(0)
    return log.read().decode("utf-8", "replace").replace("\r", "\n")


def mutate(tell: Callable[[str], None]) -> int:
    """Make the mutants, run the tests on each, tell what survived.

    Returns:
        0 when every survivor is justified and every justification needed, 1 when not.

    Raises:
        MutationError: nothing can be said.
    """
    reasons = read_justified(JUSTIFIED)
    if importlib.util.find_spec(TOOL) is None:
        raise MutationError(
            f"{TOOL} is not installed: run make mutation, or pip install -c constraints.txt '.[dev,mutation]'"
        )
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="hanami-mutation-") as made:
        folder = Path(made)
        copy_to(folder)
        tell("the models are changed a little at a time, and their tests run on each change; this takes about a minute")
        run_tool(folder, "run", "--max-children", "1")
        results = parse_results(run_tool(folder, "results", "--all", "true"))
        if not results:
            raise MutationError("there are no mutants: have the models moved?")
        names = [name for name, state in results.items() if state not in GONE]
        survivors = [parse_diff(name, run_tool(folder, "show", name)) for name in names]
    judgement = judge(survivors, reasons)
    conclude(judgement, Counter(results.values()), tell)
    tell(f"{len(results)} mutants in {time.monotonic() - began:.0f} s: {'GOOD' if judgement.good else 'NOT GOOD'}")
    return 0 if judgement.good else 1


def conclude(judgement: Judgement, counts: Mapping[str, int], tell: Callable[[str], None]) -> None:
    """Say what was found."""
    for mutant, why in judgement.justified.items():
        tell(f"justified: {mutant}\n    why  {why}")
    for mutant in judgement.unexplained:
        tell(f"SURVIVED: {mutant}")
    for mutant in judgement.stale:
        tell(f"NO SURVIVOR, so its entry in {JUSTIFIED.name} must go: {mutant}")
    tell(", ".join(f"{count} {state}" for state, count in sorted(counts.items(), key=lambda entry: -entry[1])))


def parse_options(argv: Sequence[str] | None = None) -> None:
    """Read the command line; ends the program with status 2 and one line that says what is wrong with it."""
    argparse.ArgumentParser(
        prog="python -m tools.mutation",
        description=__doc__,
        epilog="Exit status: 0 every survivor is justified in tools/mutants.toml, and every entry there survived; "
        "1 not so; 2 wrong options; 130 interrupted.",
    ).parse_args(argv)


def main() -> int:
    """Return the command line."""
    parse_options()
    signal.signal(signal.SIGTERM, _interrupt)
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
