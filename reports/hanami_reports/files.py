"""The folder of a run's reports."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from hanami_reports.badge import badge_svg
from hanami_reports.html.conformance import conformance_page
from hanami_reports.junit import junit_xml
from hanami_reports.markdown import result_markdown
from hanami_reports.model import CaseResult, RunResult
from hanami_reports.names import BADGE, EXCHANGES, JUNIT, PAGE, RESULT, SUMMARY, exchange_name, story_name
from hanami_reports.reading import load_result
from hanami_reports.source import read_from


class ReportFolderError(Exception):
    """Reports cannot be written where they should be."""


class ReportFolder:
    """Writes the reports of a run; what an earlier run left there goes first, so that it cannot pass for this one's.

    Args:
        path: the folder; made if need be.
        option: of the command line that names it.
    """

    def __init__(self, path: Path, option: str = "--report-dir") -> None:
        self.path = path
        self._option = option

    def prepare(self) -> None:
        """Make the folder, and see whether it can be written. Nothing is removed yet.

        Raises:
            ReportFolderError: it cannot; one line that says why.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.path):
                pass
        except OSError as error:
            raise ReportFolderError(
                f"cannot write reports to {self.path}: {error.strerror or error}; "
                f"choose another folder with {self._option}"
            ) from error

    def clear(self) -> None:
        """Remove the reports of an earlier run, and nothing else.

        Raises:
            OSError: a file cannot be removed.
        """
        (self.path / RESULT).unlink(missing_ok=True)
        self._clear_drawn()

    def _clear_drawn(self) -> None:
        for name in (JUNIT, SUMMARY, BADGE, PAGE):
            (self.path / name).unlink(missing_ok=True)
        for pattern in ("test_*.txt", "test_*.json"):
            for exchange in (self.path / EXCHANGES).glob(pattern):
                exchange.unlink()

    def write(self, result: RunResult) -> None:
        """Write everything.

        Raises:
            OSError: the disk refuses.
        """
        self.clear()
        self.put(RESULT, result.to_json())
        self.draw(result)

    def draw(self, result: RunResult) -> None:
        """Write everything but the result itself, from which all of it is made.

        Raises:
            OSError: the disk refuses.
        """
        self._clear_drawn()
        self.put(JUNIT, junit_xml(result))
        self.put(SUMMARY, result_markdown(result))
        self.put(BADGE, badge_svg(result))
        self.put(PAGE, conformance_page(result, self.path))
        for case in result.cases:
            if case.exchange:
                self.put(f"{EXCHANGES}/{exchange_name(case)}", exchange_text(case))
            if case.story:
                self.put(f"{EXCHANGES}/{story_name(case)}", case.story)

    def put(self, name: str, text: str) -> None:
        """Write one file.

        Args:
            name: of the file in the folder.
            text: that it holds.

        Raises:
            OSError: the disk refuses.
        """
        # Whole or not at all: a reader never sees half a report.
        path = self.path / name
        path.parent.mkdir(exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)


def read_result(path: Path) -> RunResult:
    """Read the result of a run.

    Args:
        path: of the file, or of the folder that it is in.

    Raises:
        ValueError: it cannot be read, or is none; one line that says why.
    """
    return read_from(path, RESULT, load_result)


def exchange_text(case: CaseResult) -> str:
    """An exchange for people: a line an event, times in seconds since the case began."""
    width = max(len(event.channel) for event in case.exchange)
    names = ", ".join(case.broken or case.statements)
    lines = [f"{case.id}: {case.outcome.value} ({names})", case.title, ""]
    if case.expected:
        lines += [f"expected  {case.expected}", f"came      {case.came}", ""]
    elif case.reason:
        lines += [f"reason    {case.reason}", ""]
    lines += [f"{event.at:10.4f} s  {event.channel:<{width}} {event.arrow} {event.summary}" for event in case.exchange]
    lines += ["", "the end of the server's log:", case.server_log] if case.server_log else []
    return "\n".join(lines) + "\n"
