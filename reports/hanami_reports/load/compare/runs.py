"""The runs to compare: their files, those that count, and differences between them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hanami_reports.common.file_names import LOAD_RESULT
from hanami_reports.load.tables import flat
from hanami_reports.model.load import LoadResult, RunState, is_load_result, read_load_result

USED = (RunState.PASS, RunState.FAIL)  # the other states allow no conclusion about the target
_UNSET = "not set"
_ENVIRONMENT = ("suite", "platform", "python", "host", "packages")  # entries of a manifest
_TEXT_LIMIT = 60  # characters of a value


@dataclass(frozen=True)
class LoadRun:
    """One run: its file and its result."""

    file: Path
    result: LoadResult

    @property
    def name(self) -> str:
        """Path of the file, as given."""
        return str(self.file)

    @property
    def is_conclusive(self) -> bool:
        """Whether the run allows a conclusion about the target."""
        return self.result.state in USED


@dataclass(frozen=True)
class Side:
    """All runs of one side.

    Attributes:
        name: Path of the side, as given.
        used: Runs that are compared.
        left_out: Runs whose state allows no conclusion about the target.
    """

    name: str
    used: tuple[LoadRun, ...]
    left_out: tuple[LoadRun, ...] = ()


def read_side(path: Path) -> Side:
    """Read the runs of one side.

    Args:
        path: A result, or a folder with results: its own, those of the folders in it, or files of any name.

    Raises:
        ValueError: If there is none, or one cannot be read; one line.
    """
    files = results_in(path) if path.is_dir() else [path]
    if not files:
        raise ValueError(f"no result of a load run in {path}")
    runs = [LoadRun(file, read_load_result(file)) for file in files]
    used = tuple(run for run in runs if run.result.state in USED)
    return Side(str(path), used, tuple(run for run in runs if run.result.state not in USED))


def results_in(folder: Path) -> list[Path]:
    """Return the results of load runs in a folder and in its folders."""
    own = [file for file in sorted(folder.glob("*.json")) if file.name == LOAD_RESULT or is_load_result(file)]
    return own + sorted(folder.glob(f"*/{LOAD_RESULT}"))


def configuration_differences(sides: Sequence[Side]) -> list[str]:
    """Return how the configurations of the runs differ from the first, a line each."""
    return _differences(sides, lambda result: result.configuration)


def environment_differences(sides: Sequence[Side]) -> list[str]:
    """Return how suite version, machine and package versions differ from those of the first run, a line each."""
    return _differences(
        sides, lambda result: {name: result.manifest[name] for name in _ENVIRONMENT if name in result.manifest}
    )


def _differences(sides: Sequence[Side], entries: Callable[[LoadResult], Mapping[str, object]]) -> list[str]:
    runs = [run for side in sides for run in side.used]
    if not runs:
        return []
    first = dict(flat(entries(runs[0].result)))
    lines: dict[str, str] = {}
    for run in runs[1:]:
        other = dict(flat(entries(run.result)))
        for name in sorted(first.keys() | other.keys()):
            value, other_value = first.get(name, _UNSET), other.get(name, _UNSET)
            if value != other_value and name not in lines:
                lines[name] = f"{name} is {_short(value)} in {runs[0].name} and {_short(other_value)} in {run.name}"
    return list(lines.values())


def _short(text: str) -> str:
    return text if len(text) <= _TEXT_LIMIT else json.dumps(text[: _TEXT_LIMIT - 3] + "...", ensure_ascii=False)
