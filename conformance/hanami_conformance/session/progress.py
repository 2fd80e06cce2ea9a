"""Progress of a run on the terminal."""

from __future__ import annotations

import io
import math
import sys
import time
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from typing import Protocol

import pytest
import rich.console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Column

from hanami_conformance import __version__
from hanami_conformance.common.redact import SECRETS
from hanami_conformance.session.collection import risk_level
from hanami_conformance.session.manifest import Manifest
from hanami_conformance.session.reports import RunReports
from hanami_reports.common.text import pluralise
from hanami_reports.conformance.terminal import new_console, render_result
from hanami_reports.model.conformance import CaseResult, Outcome, RunResult

BAR_WIDTH = 20  # characters
SILENCE = 20.0  # seconds between two lines about a long case, where there is no progress bar
_STYLES = {Outcome.PASSED: "green", Outcome.UNSUPPORTED: "yellow", Outcome.KNOWN: "yellow"}


class Console(Protocol):
    """The interface for the progress of a run."""

    def begin(self, manifest: Manifest, planned: Mapping[str, pytest.Item]) -> None:
        """Print the header, once the target is reached and the cases are known."""

    def sequence(self, left: float) -> None:
        """Note a finished sequence of the case, and the seconds left for its kind, infinite without a limit."""

    def case(self, case: CaseResult) -> None:
        """Note a finished case."""

    def say(self, text: str) -> None:
        """Print a line about something other than a case."""

    def end(self, result: RunResult | None, reports: RunReports, *, suite_failed: bool) -> None:
        """Print the result, once everything that the run started has stopped."""


class QuietConsole:
    """A console without output, where pytest itself reports."""

    def begin(self, manifest: Manifest, planned: Mapping[str, pytest.Item]) -> None:
        """Print nothing."""

    def sequence(self, left: float) -> None:
        """Print nothing."""

    def case(self, case: CaseResult) -> None:
        """Print nothing."""

    def say(self, text: str) -> None:
        """Print nothing."""

    def end(self, result: RunResult | None, reports: RunReports, *, suite_failed: bool) -> None:
        """Print nothing."""


class TerminalConsole:
    """A line for each finished step of the protocol, and a progress bar on a terminal.

    Args:
        pytest_output: Output of pytest, printed after an internal error.
        verbose: Whether to print cases that do not pass at once, and the whole result.
    """

    def __init__(self, pytest_output: io.StringIO, *, verbose: bool = False) -> None:
        self._pytest_output = pytest_output
        self._verbose = verbose
        self._console: rich.console.Console = new_console(sys.stdout)
        self._progress: Progress | None = None
        self._task: TaskID | None = None
        self._titles: dict[str, str] = {}
        self._step = ""
        self._left: Counter[str] = Counter()
        self._counts: dict[str, Counter[Outcome]] = {}  # of the steps that have begun and not ended
        self._began: dict[str, float] = {}
        self._sequences = 0
        self._said = time.monotonic()

    def begin(self, manifest: Manifest, planned: Mapping[str, pytest.Item]) -> None:
        """Print suite, target and settings."""
        what = "reference backend at " if manifest.reference else "target "
        self._console.print(
            f"[bold]Hanami conformance[/] {__version__} · {what}[bold]{escape(manifest.target_url)}[/] · "
            f"dialect {manifest.dialect} · profile {manifest.profile} · {pluralise(len(planned), 'case')}",
            soft_wrap=True,
        )
        for line in (*manifest.header, ""):
            self._console.print(escape(SECRETS.text(line)), soft_wrap=True, highlight=False)
        self._titles = {name: _step_title(item) for name, item in planned.items()}
        self._left = Counter(self._titles.values())
        if self._console.is_terminal:
            # A long title gives way, so that the bar stays on one line.
            title = TextColumn("{task.description}", table_column=Column(ratio=1, no_wrap=True, overflow="ellipsis"))
            columns = (title, BarColumn(BAR_WIDTH), MofNCompleteColumn(), TimeElapsedColumn())
            self._progress = Progress(*columns, console=self._console, transient=True, expand=True)
            self._task = self._progress.add_task("", total=len(planned))
            self._progress.start()

    def sequence(self, left: float) -> None:
        """Print the number of sequences of a long case: in the progress bar, or at intervals in a line."""
        self._sequences += 1
        now = time.monotonic()
        done = f"{pluralise(self._sequences, 'sequence')} run"
        time_left = "" if math.isinf(left) else f", {timedelta(seconds=round(max(0.0, left)))} left for this kind"
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, description=f"{self._step} [dim]{done}{time_left}[/]")
        elif now - self._said > SILENCE:
            self._said = now
            self._print(f"  [dim]{done} since the last step{time_left}[/]")

    def case(self, case: CaseResult) -> None:
        """Print a step when it is finished, and with ``verbose`` a case that did not pass at once."""
        title = self._titles[case.id]
        self._sequences = 0
        self._said = time.monotonic()
        self._step = title
        self._began.setdefault(title, time.monotonic() - case.duration)
        self._counts.setdefault(title, Counter())[case.outcome] += 1
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, advance=1, description=title)
        if self._verbose and case.outcome not in _STYLES:
            names = ", ".join(case.violated or case.requirements)
            self._print(f"  [bold red]{case.outcome.value}[/]  [bold]{names}[/]  {escape(case.id.split('::')[-1])}")
        self._left[title] -= 1
        if not self._left[title]:
            self._end_step(title)

    def say(self, text: str) -> None:
        """Print the line at once."""
        self._print(f"  [yellow]{escape(SECRETS.text(text))}[/]")

    def _end_step(self, title: str) -> None:
        counts = ", ".join(
            f"[{_STYLES.get(outcome, 'bold red')}]{count} {outcome.value}[/]"
            for outcome, count in self._counts.pop(title).items()
        )
        took = time.monotonic() - self._began[title]
        self._print(f"  {escape(title):<44} {counts}  [dim]{took:.1f} s[/]")

    def _print(self, text: str) -> None:
        self._console.print(text, highlight=False, soft_wrap=True)

    def end(self, result: RunResult | None, reports: RunReports, *, suite_failed: bool) -> None:
        """Print the result."""
        for title in list(self._counts):
            self._end_step(title)
        if self._progress is not None:
            self._progress.stop()
        elif self._titles:
            self._console.print()
        if suite_failed or any(case.outcome is Outcome.ERROR for case in (result.cases if result is not None else ())):
            self._console.file.write(self._pytest_output.getvalue())
        if result is None:
            return
        text = render_result(
            result, reports.path, color=self._console.is_terminal, width=self._console.width, verbose=self._verbose
        )
        self._console.file.write(text + reports.note)
        self._console.file.flush()


def _step_title(item: pytest.Item) -> str:
    module = getattr(item, "module", None)
    text = (getattr(module, "__doc__", None) or item.path.stem).strip()
    title = str(text.splitlines()[0].rstrip("."))
    return title + ("", " (hostile)", " (destructive)")[risk_level(item)]
