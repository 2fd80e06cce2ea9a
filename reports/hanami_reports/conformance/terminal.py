"""A result on the terminal: the table of requirements, the failures, the verdict."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import IO

from rich import box
from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from hanami_reports.common.file_names import EXCHANGES, JUNIT, PAGE, RESULT, exchange_name
from hanami_reports.common.text import pluralise
from hanami_reports.conformance.reproduce_commands import replay_command, rerun_command
from hanami_reports.model.conformance import (
    JUDGED_OUTCOMES,
    CaseResult,
    ExitStatus,
    Outcome,
    RequirementResult,
    RunResult,
    Verdict,
)
from hanami_reports.model.known_failures import KnownFailuresReport, Problem

PLAIN_WIDTH = 120  # characters, without a terminal
MOST_EVENTS = 14
MOST_LEFTOVERS = 5
MOST_LOG_LINES = 6  # of the server's log, for a lost case
MOST_CASES = 20
MOST_REASONS = 8
MUCH_SPACE = 1 << 30  # bytes on the target that are worth a line

# Outcomes that are printed with all details, the most important first.
_DETAILED_OUTCOMES = (Outcome.FAILED, Outcome.LOST, Outcome.ERROR, Outcome.VACUOUS)

_VERDICT_STYLES = {
    Verdict.PASS: "green",
    Verdict.FAIL: "bold red",
    Verdict.KNOWN: "yellow",
    Verdict.OBSERVED: "cyan",
    Verdict.UNSUPPORTED: "yellow",
    Verdict.NOT_RUN: "bold magenta",
    Verdict.LOST: "bold red",
    Verdict.VACUOUS: "bold magenta",
}


def new_console(
    file: IO[str], *, color: bool | None = None, width: int | None = None, plain_width: int = PLAIN_WIDTH
) -> Console:
    """Return a console as wide as the terminal, or of a fixed width without a terminal.

    Args:
        file: Output stream.
        color: Whether to use escape sequences, None to decide by the stream.
        width: Width in characters, None to decide by the stream.
        plain_width: Width without a terminal, characters.
    """
    console = Console(file=file, force_terminal=color, width=width, highlight=False)
    if width is None and not console.is_terminal:
        console = Console(file=file, width=plain_width, highlight=False)
    return console


def render_result(result: RunResult, folder: Path, *, color: bool, width: int | None = None) -> str:
    """Return the result as text.

    Args:
        result: Result of a run.
        folder: Folder of its reports.
        color: Whether escape sequences for colours may be used.
        width: Width of the terminal, characters.
    """
    buffer = io.StringIO()
    console = new_console(buffer, color=color or None, width=width or PLAIN_WIDTH)
    for part in _parts(result, folder):
        console.print(part, soft_wrap=isinstance(part, Text))  # a command must stay on one line to be copied
    return buffer.getvalue()


def _parts(result: RunResult, folder: Path) -> Iterable[RenderableType]:
    if result.ran:
        yield _table(result)
    detailed = [case for outcome in _DETAILED_OUTCOMES for case in result.cases if case.outcome is outcome]
    for case in detailed[:MOST_CASES]:
        yield _failure(case, result)
        yield from _commands(case, result, folder)
    if len(detailed) > MOST_CASES:
        yield Text(f"\n... and {len(detailed) - MOST_CASES} more that did not pass, all in {folder}/{EXCHANGES}/")
    yield from _grouped_by_reason(result, Outcome.BLOCKED, "blocked")
    yield from _grouped_by_reason(result, Outcome.SKIPPED, "skipped")
    yield from _grouped_by_reason(result, Outcome.UNSUPPORTED, "unsupported")
    if result.known is not None:
        yield from _known(result.known, folder)
    yield _verdict(result, folder)


def _grouped_by_reason(result: RunResult, outcome: Outcome, label: str) -> Iterable[Text]:
    """Return a line for each reason of an outcome."""
    reasons = Counter(case.reason for case in result.cases if case.outcome is outcome)
    for index, (reason, count) in enumerate(reasons.most_common(MOST_REASONS)):
        lead = "\n" if index == 0 else ""
        yield Text.assemble((f"{lead}{pluralise(count, 'case')} {label}: ", "yellow"), reason)
    if len(reasons) > MOST_REASONS:
        yield Text(f"... and {len(reasons) - MOST_REASONS} more reasons, all in the result")


def _known(known: KnownFailuresReport, folder: Path) -> Iterable[Text]:
    """Return a line for each entry that occurred or must be changed."""
    occurred = [one for one in known.entries if one.cases and one.problem is not Problem.EXPIRED]
    server = f" of {known.server}" if known.server else ""
    if occurred or known.wrong:
        yield Text(f"\nknown failures{server}, {known.file}", style="bold")
    for one in occurred:
        label = "flaky" if one.entry.flaky else "known"
        cases = pluralise(len(one.cases), "case")
        yield Text.assemble((f"  {label}     ", "yellow"), f"{one.entry.subject}  {cases}: {one.entry.explanation}")
    for one in known.wrong:
        line = f"{known.place(one.entry)} {one.entry.subject} {one.explanation}"
        yield Text.assemble(("  wrong     ", "bold red"), line)
    if known.wrong:
        yield Text.assemble(("  fix       ", "dim"), known.update_command(str(folder / RESULT)))


def _table(result: RunResult) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, expand=True)
    table.add_column("requirement", no_wrap=True)
    table.add_column("level", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    table.add_column("cases", justify="right", no_wrap=True)
    table.add_column("text", ratio=1)
    workflow = ""
    for requirement in result.requirements:
        if not requirement.selected:
            continue
        if requirement.workflow != workflow:
            workflow = requirement.workflow
            table.add_row(Text(workflow, style="bold"), "", "", "", "")
        verdict = Text(requirement.verdict.value, style=_VERDICT_STYLES[requirement.verdict])
        judged = sum(1 for case in result.cases if case.id in requirement.cases and case.outcome in JUDGED_OUTCOMES)
        total = len(requirement.cases)
        cases = str(total) if judged == total else f"{judged} of {total}"
        table.add_row(f"  {requirement.id}", requirement.level.value, verdict, cases, _text(requirement, result))
    return table


def _text(requirement: RequirementResult, result: RunResult) -> RenderableType:
    parts = [Text(requirement.text.replace("`", ""))]
    if requirement.verdict not in (Verdict.PASS, Verdict.OBSERVED, Verdict.FAIL) and requirement.reason:
        parts.append(Text(requirement.reason, style="yellow"))
    if requirement.verdict is Verdict.OBSERVED:
        for case in result.cases:
            if case.id in requirement.cases:
                parts += [Text(f"{name}: {value}", style="cyan") for name, value in case.observations.items()]
    return Group(*parts)


def _failure(case: CaseResult, result: RunResult) -> RenderableType:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column()
    grid.add_row("case", Text(f"{case.id}\n{case.title}"))
    grid.add_row("dialect", Text(str(result.manifest.get("dialect", ""))))
    if case.expected:
        grid.add_row("expected", Text(case.expected, style="green"))
        grid.add_row("actual", Text(case.actual, style="red"))
    else:
        grid.add_row("reason", Text(case.reason, style="red"))
    if case.exchange:
        grid.add_row("exchange", _exchange(case))
    if case.server_log:
        lines = case.server_log.splitlines()
        if len(lines) > MOST_LOG_LINES:
            lines = [f"... the last {MOST_LOG_LINES} of {len(lines)} lines:", *lines[-MOST_LOG_LINES:]]
        grid.add_row("server log", Text("\n".join(lines), style="yellow"))
    requirements = {requirement.id: requirement for requirement in result.requirements}
    heads = [
        Text.assemble(
            (case.outcome.value.upper(), "bold red"),
            f"  {name} ",
            (requirements[name].level.value, "bold"),
            f"  {requirements[name].text}",
        )
        for name in case.violated or case.requirements
    ]
    return Group(Text(""), *heads, Padding(grid, (0, 0, 0, 2)))


def _commands(case: CaseResult, result: RunResult, folder: Path) -> Iterable[Text]:
    if case.exchange:
        yield Text.assemble(("  events    ", "dim"), str(folder / EXCHANGES / exchange_name(case.id)))
    if case.sequence:
        yield Text.assemble(("  replay    ", "dim"), replay_command(case, result, folder))
    yield Text.assemble(("  rerun     ", "dim"), rerun_command(case, result))


def _exchange(case: CaseResult) -> Text:
    events = case.exchange[-MOST_EVENTS:]
    lines = [event.line() for event in events]
    if len(events) < len(case.exchange):
        lines.append(f"the last {len(events)} of {len(case.exchange)} events")
    return Text("\n".join(lines), no_wrap=True, overflow="ellipsis")


def _verdict(result: RunResult, folder: Path) -> RenderableType:
    good = result.exit_status == ExitStatus.CONFORMANT
    head = Text.assemble("\n" if result.ran else "", (result.headline, "bold green" if good else "bold red"))
    if result.reason:
        head.append(f"  {result.reason}")
    lines = [head]
    if result.ran:
        summary = result.summary()
        if summary["requirements"]:
            if result.manifest.get("options", {}).get("level") == "must":
                head.append("  judged by MUST alone")
            counts = ", ".join(f"{number} {verdict}" for verdict, number in summary["requirements"].items())
            head.append(f"  {pluralise(summary['requirements_selected'], 'requirement')}: {counts}")
        cases = pluralise(len(result.cases), "case")
        if result.judged < len(result.cases):
            cases = f"{result.judged} of {cases} judged"
        exchanges, checks = pluralise(summary["exchanges"], "exchange"), pluralise(summary["checks"], "check")
        lines.append(Text(f"{cases}, {exchanges}, {checks} in {result.manifest.get('duration', 0):.1f} s"))
    lines += [Text(result.certificate_note, style="yellow")] if result.certificate_note else []
    left = result.leftovers[:MOST_LEFTOVERS]
    lines += [Text(f"left over on the target: {leftover}", style="yellow") for leftover in left]
    if len(left) < len(result.leftovers):
        lines.append(
            Text(f"... and {len(result.leftovers) - len(left)} more left over, all in {RESULT}", style="yellow")
        )
    announced = result.manifest.get("announced_bytes", 0)
    if announced >= MUCH_SPACE and not result.manifest.get("target", {}).get("reference"):
        note = "a server that keeps the files of deleted uploads still has them"
        lines.append(Text(f"accepted uploads announced {announced:,} bytes: {note}"))
    reports = ", ".join(escape(str(folder / name)) for name in (PAGE, RESULT, JUNIT))
    lines.append(Text.from_markup(f"reports  {reports}"))
    return Group(*lines)
