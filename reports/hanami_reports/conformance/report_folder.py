"""The report folder of a run: everything that is made from its result."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from hanami_reports.common.file_names import (
    BADGE,
    EVENTS,
    EXCHANGES,
    EXPORTS,
    JUNIT,
    PAGE,
    RESULT,
    SUMMARY,
    exchange_name,
    sequence_name,
)
from hanami_reports.common.report_folder import ReportFolder
from hanami_reports.conformance.badge import badge_svg
from hanami_reports.conformance.export.client_commands import ClientCommands, what_to_set
from hanami_reports.conformance.html.page import conformance_page
from hanami_reports.conformance.junit import junit_xml
from hanami_reports.conformance.markdown import result_markdown
from hanami_reports.model.conformance import CaseResult, RunResult
from hanami_reports.model.findings import result_json

MOST_COMMANDS = 100  # lines for a shell, the first ones
_EXCHANGE_FILES = ("test_*.txt", "test_*.json", "client-*.txt")  # of servers, and of clients
RENDERED = (JUNIT, SUMMARY, BADGE, PAGE, *(f"{EXCHANGES}/{files}" for files in _EXCHANGE_FILES))  # with patterns


class ConformanceReportFolder(ReportFolder):
    """Writes the reports of a run. Reports of an earlier run are removed first, so that none is mistaken for new.

    Args:
        path: Path of the folder; created if missing.
        option: Command-line option that names it, for error messages.
    """

    def __init__(self, path: Path, option: str = "--report-dir") -> None:
        super().__init__(path, option, (RESULT, *RENDERED))

    def clear(self) -> None:
        """Remove the reports of an earlier run, and nothing else.

        Raises:
            OSError: If a file cannot be removed.
        """
        for suffix in EXPORTS:
            if suffix != EVENTS:  # which this run may be writing
                (self.path / RESULT).with_suffix(suffix).unlink(missing_ok=True)
            for export in (self.path / EXCHANGES).glob(f"test_*{suffix}"):
                export.unlink()
        self._clear_rendered()
        (self.path / RESULT).unlink(missing_ok=True)  # last: it shows that the others are ours

    def _clear_rendered(self) -> None:
        for pattern in RENDERED:
            for file in self.path.glob(pattern):
                file.unlink()

    def write(self, result: RunResult) -> None:
        """Write the result and all reports.

        Raises:
            DiskError, OSError: If a file cannot be written.
        """
        self.clear()
        self.write_file(RESULT, result_json(result))
        self.render(result)

    def render(self, result: RunResult) -> None:
        """Write all reports, without the result that they are made from.

        Raises:
            DiskError, OSError: If a file cannot be written.
        """
        self._clear_rendered()
        self.write_file(JUNIT, junit_xml(result))
        self.write_file(SUMMARY, result_markdown(result))
        self.write_file(BADGE, badge_svg(result))
        self.write_file(PAGE, conformance_page(result, self.path))
        for case in result.cases:
            if case.exchange:
                self.write_file(f"{EXCHANGES}/{exchange_name(case.id)}", exchange_text(case, result))
            if case.sequence:
                self.write_file(f"{EXCHANGES}/{sequence_name(case.id)}", case.sequence)


def exchange_text(case: CaseResult, result: RunResult) -> str:
    """Return an exchange for people: a line for each event, times in seconds since the case began.

    Args:
        case: Case with an exchange.
        result: Result of its run.
    """
    width = max(len(event.channel) for event in case.exchange)
    names = ", ".join(case.violated or case.requirements)
    lines = [f"{case.id}: {case.outcome.value} ({names})", case.title, ""]
    if case.expected:
        lines += [f"expected  {case.expected}", f"actual    {case.actual}", ""]
    elif case.reason:
        lines += [f"reason    {case.reason}", ""]
    lines += [f"{event.at:10.4f} s  {event.channel:<{width}} {event.arrow} {event.summary}" for event in case.exchange]
    if case.server_log:
        lines += ["", "end of the server's log:", case.server_log]
    return "\n".join([*lines, *_command_lines(case, result, width)]) + "\n"


def _command_lines(case: CaseResult, result: RunResult, width: int) -> Iterator[str]:
    """Yield the lines for a shell that send what the case sent."""
    sendable = ClientCommands(case.exchange, result.manifest)
    commands = list(islice(sendable.all(), MOST_COMMANDS))
    obstacles = list(islice(sendable.obstacles(), MOST_COMMANDS))
    if commands or obstacles:
        yield from ("", "the requests as commands; ids in them are those of this run")
        if to_set := what_to_set(command for _, command in commands):
            yield f"set {to_set}"
        yield from (f"{event.channel:<{width}}  {command.line}" for event, command in commands)
        for event, obstacle in obstacles:
            yield f"{event.channel:<{width}}  curl cannot send it as it was: {obstacle}"
        if obstacles and case.sequence:
            yield "hanami-conformance replay, with the file beside this one, sends all of them as they were"
