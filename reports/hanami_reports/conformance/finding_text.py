"""A finding on the terminal: what the target did, the smallest exchange that shows it, and how to repeat it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from hanami_reports.common.file_names import EXCHANGES, exchange_name
from hanami_reports.common.text import pluralise
from hanami_reports.conformance.reproduce_commands import replay_command, rerun_command
from hanami_reports.model.conformance import CaseResult, Event, Level, RunResult
from hanami_reports.model.findings import Finding, violating_event

MOST_EVENTS = 5  # of an exchange, the last ones
MOST_LOG_LINES = 4
MOST_ALSO = 8  # further requirements that are named
LABEL_WIDTH = 11  # of the column before an exchange, with its padding
VIOLATING = ">"
_UUID = re.compile(r"([0-9a-fA-F]{8})-[0-9a-fA-F-]{27}")


def finding_head(number: int, finding: Finding) -> Text:
    """Return the line that names a finding: its number, requirement, title, and number of cases."""
    head = Text(f"{number:>2}  ", style="bold")
    if finding.requirements:
        first = finding.requirements[0]
        head.append(f"{first.level.value} {first.id}", style="bold red" if first.level is Level.MUST else "bold yellow")
    head.append(f"  {finding.title}", style="bold")
    head.append(f"  ({pluralise(len(finding.cases), 'case')})", style="dim")
    return head


def finding_details(finding: Finding, result: RunResult, folder: Path | None, width: int) -> Iterable[RenderableType]:
    """Yield what was expected and done, the exchange, and the commands that repeat it.

    Args:
        finding: A finding.
        result: Result of its run.
        folder: Folder of the reports, None where they were not written.
        width: Width of the terminal, characters.
    """
    case = finding.example
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    if case.expected:
        grid.add_row("expected", Text(_shortened(case.expected), style="green"))
        grid.add_row("actual", Text(_shortened(case.actual), style="red"))
    else:
        grid.add_row("reason", Text(_shortened(case.reason), style="red"))
    if len(finding.requirements) > 1:
        grid.add_row("also", _also(finding))
    grid.add_row("case", Text(case.id))
    yield Padding(grid, (0, 0, 0, 4))
    if case.exchange:
        yield Padding(exchange_lines(case, width - 4), (0, 0, 0, 4))
    if case.server_log:
        yield Padding(_log(case), (0, 0, 0, 4))
    yield from finding_commands(case, result, folder)


def finding_commands(case: CaseResult, result: RunResult, folder: Path | None) -> Iterable[Text]:
    """Yield the file with all events, and the commands that repeat a case: each on one line, to be copied."""
    if case.exchange and folder is not None:
        yield Text.assemble(("    events    ", "dim"), str(folder / EXCHANGES / exchange_name(case.id)))
    if case.sequence and folder is not None:
        yield Text.assemble(("    replay    ", "dim"), replay_command(case, result, folder))
    yield Text.assemble(("    rerun     ", "dim"), rerun_command(case, result))


def _also(finding: Finding) -> Text:
    others = [f"{one.id} ({finding.count(one.id)})" for one in finding.requirements[1:]]
    more = f" and {len(others) - MOST_ALSO} more" if len(others) > MOST_ALSO else ""
    return Text(f"violates {', '.join(others[:MOST_ALSO])}{more}")


def exchange_lines(case: CaseResult, width: int) -> RenderableType:
    """Return the exchange up to the event that shows the violation, a line for each event.

    That event is marked and never cut. Of the others, the middle is left out if they are too long.
    """
    end = violating_event(case)
    shown = case.exchange[max(0, end + 1 - MOST_EVENTS) : end + 1]
    lines = [_fitted(_shortened(_event_line(event)), width - 2) for event in shown[:-1]]
    texts = [Text(f"  {line}", no_wrap=True, overflow="ignore") for line in lines]
    if len(shown) < len(case.exchange):
        texts.insert(0, Text(f"  events {end + 2 - len(shown)} to {end + 1} of {len(case.exchange)}", style="dim"))
    texts += [
        Text(f"{VIOLATING} {_shortened(_event_line(event))}", style="red", overflow="fold") for event in shown[-1:]
    ]
    return Group(*texts)


def _event_line(event: Event) -> str:
    return event.line().strip()


def _shortened(text: str) -> str:
    """Return a text with shorter uuids, which leave room for what differs."""
    return _UUID.sub("\\1…", text)


def _fitted(text: str, width: int) -> str:
    """Return a text that fits, without its middle if it is too long."""
    if cell_len(text) <= width:
        return text
    half = max(8, (width - 3) // 2)
    return f"{text[:half]}...{text[-half:]}"


def _log(case: CaseResult) -> Text:
    lines = case.server_log.splitlines()
    if len(lines) > MOST_LOG_LINES:
        lines = [f"... the last {MOST_LOG_LINES} of {len(lines)} lines:", *lines[-MOST_LOG_LINES:]]
    return Text("\n".join(["server log", *(f"  {line}" for line in lines)]), style="yellow")
