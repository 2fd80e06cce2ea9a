"""The folder of a run's reports: everything that is drawn from its result."""

from __future__ import annotations

from hanami_reports.common.file_names import (
    BADGE,
    EXCHANGES,
    JUNIT,
    PAGE,
    RESULT,
    SUMMARY,
    exchange_name,
    sequence_name,
)
from hanami_reports.common.report_folder import ReportFolder
from hanami_reports.conformance.badge import badge_svg
from hanami_reports.conformance.html.page import conformance_page
from hanami_reports.conformance.junit import junit_xml
from hanami_reports.conformance.markdown import result_markdown
from hanami_reports.model.conformance import CaseResult, RunResult


class ConformanceReportFolder(ReportFolder):
    """Writes the reports of a run; what an earlier run left there goes first, so that it cannot pass for this one's."""

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
                self.put(f"{EXCHANGES}/{exchange_name(case.id)}", exchange_text(case))
            if case.sequence:
                self.put(f"{EXCHANGES}/{sequence_name(case.id)}", case.sequence)


def exchange_text(case: CaseResult) -> str:
    """Return an exchange for people: a line an event, times in seconds since the case began."""
    width = max(len(event.channel) for event in case.exchange)
    names = ", ".join(case.violated or case.requirements)
    lines = [f"{case.id}: {case.outcome.value} ({names})", case.title, ""]
    if case.expected:
        lines += [f"expected  {case.expected}", f"actual    {case.actual}", ""]
    elif case.reason:
        lines += [f"reason    {case.reason}", ""]
    lines += [f"{event.at:10.4f} s  {event.channel:<{width}} {event.arrow} {event.summary}" for event in case.exchange]
    lines += ["", "the end of the server's log:", case.server_log] if case.server_log else []
    return "\n".join(lines) + "\n"
