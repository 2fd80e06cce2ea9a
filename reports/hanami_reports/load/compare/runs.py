"""Runs that are compared: where they are, which of them count, and whether they are alike."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hanami_reports.load.tables import flat
from hanami_reports.model.load import LOAD_RESULT, LoadResult, RunState, is_load_result, read_load_result

USED = (RunState.PASS, RunState.FAIL)  # of the others nothing can be said of the target
_NONE = "nothing"
_HOST = ("suite", "platform", "python", "host", "packages")


@dataclass(frozen=True)
class LoadRun:
    """One run.

    Attributes:
        file: that it was read from.
        result: of it.
    """

    file: Path
    result: LoadResult

    @property
    def name(self) -> str:
        """Its path, as it was given."""
        return str(self.file)


@dataclass(frozen=True)
class Side:
    """All runs of one side.

    Attributes:
        name: path that was given.
        used: that are compared.
        left_out: whose state says that nothing can be said of the target.
    """

    name: str
    used: tuple[LoadRun, ...]
    left_out: tuple[LoadRun, ...] = ()


def side_of(path: Path) -> Side:
    """Read the runs of one side.

    Args:
        path: a result, or a folder with results: its own, those of the folders in it, or files of any name.

    Raises:
        ValueError: there is none, or one cannot be read; one line that says why.
    """
    files = _results_in(path) if path.is_dir() else [path]
    if not files:
        raise ValueError(f"no result of a load run in {path}")
    runs = [LoadRun(file, read_load_result(file)) for file in files]
    used = tuple(run for run in runs if run.result.state in USED)
    return Side(str(path), used, tuple(run for run in runs if run.result.state not in USED))


def _results_in(folder: Path) -> list[Path]:
    own = [file for file in sorted(folder.glob("*.json")) if file.name == LOAD_RESULT or is_load_result(file)]
    return own + sorted(folder.glob(f"*/{LOAD_RESULT}"))


def differences(sides: Sequence[Side]) -> list[str]:
    """Return what was asked for otherwise in some runs than in the first, a line each; empty where all are alike."""
    return _differences(sides, lambda result: dict(flat(result.configuration)))


def surroundings(sides: Sequence[Side]) -> list[str]:
    """Return what was otherwise around some runs: release of the suite, machine, versions of packages; a line each."""
    return _differences(
        sides, lambda result: dict(flat({name: result.manifest[name] for name in _HOST if name in result.manifest}))
    )


def _differences(sides: Sequence[Side], told: Any) -> list[str]:
    runs = [run for side in sides for run in side.used]
    if not runs:
        return []
    first, lines = told(runs[0].result), {}
    for run in runs[1:]:
        other = told(run.result)
        for name in sorted(first.keys() | other.keys()):
            was, actual = first.get(name, _NONE), other.get(name, _NONE)
            if was != actual and name not in lines:
                lines[name] = f"{name} is {_short(was)} in {runs[0].name} and {_short(actual)} in {run.name}"
    return list(lines.values())


def _short(text: str) -> str:
    return text if len(text) <= 60 else json.dumps(text[:57] + "...", ensure_ascii=False)
