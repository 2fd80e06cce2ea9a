"""Several runs of the same load, one after the other: the samples of a comparison."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from hanami_reports.common.file_names import LOAD_RESULT
from hanami_reports.common.text import pluralise
from hanami_reports.model.load import LoadExit

GOES_ON = (LoadExit.PASS, LoadExit.FAIL, LoadExit.INVALID)  # a run that ended otherwise would do so again
MOST_RUNS = 1000


def run_repeatedly(number: int, folder: Path, run: Callable[[Path], int], console: Console) -> int:
    """Run several times, each in a folder of its own, ``FOLDER/1`` and so on.

    Args:
        number: Number of runs.
        folder: Folder of these folders.
        run: Runs once, with the folder for its reports, and returns its exit status.
        console: Where the progress is printed.

    Returns:
        The exit status of the first run that did not come to a verdict; else FAIL if a run is, else INVALID if one is.

    Raises:
        ValueError: If the folder holds further runs of before, which would be compared as well.
    """
    _check_folder(folder, number)
    ended = Counter[int]()
    for index in range(1, number + 1):
        console.print(f"run {index} of {number}", style="bold", highlight=False)
        status = run(folder / str(index))
        if status not in GOES_ON:
            return status
        ended[status] += 1
    words = ", ".join(f"{count} {LoadExit(status).name}" for status, count in sorted(ended.items()))
    console.print(f"{pluralise(number, 'run')}: {words}", style="bold", highlight=False)
    console.print(f"compare them with others: hanami-reports compare {folder} OTHER", highlight=False, markup=False)
    return next((status for status in (LoadExit.FAIL, LoadExit.INVALID) if ended[status]), LoadExit.PASS)


def _check_folder(folder: Path, number: int) -> None:
    if (folder / LOAD_RESULT).exists():
        raise ValueError(f"{folder} holds the reports of a single run: choose another folder with --report-dir")
    for result in folder.glob(f"*/{LOAD_RESULT}"):
        name = result.parent.name
        if not (name.isdecimal() and 1 <= int(name) <= number):
            raise ValueError(
                f"{result.parent} holds a run that would be compared as well: remove it, or choose another folder"
            )
