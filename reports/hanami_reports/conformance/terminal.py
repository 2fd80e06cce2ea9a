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
from hanami_reports.conformance.reproduce_commands import again, replay
from hanami_reports.model.conformance import CaseResult, ExitStatus, Outcome, RequirementResult, RunResult, Verdict
from hanami_reports.model.known_failures import KnownFailuresReport, Problem

PLAIN_WIDTH = 120  # where there is no terminal to ask
EVENTS_SHOWN = 14
CASES_SHOWN = 20
REASONS_SHOWN = 8

_JUDGED = (Outcome.PASSED, Outcome.FAILED, Outcome.KNOWN, Outcome.LOST)

# What is told in full, the most telling first.
_TOLD = (Outcome.FAILED, Outcome.LOST, Outcome.ERROR, Outcome.VACUOUS)

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


def new_console(file: IO[str], *, color: bool | None = None, width: int | None = None) -> Console:
    """Return a console that asks the terminal for its width, and keeps to a fixed one where there is none."""
    console = Console(file=file, force_terminal=color, width=width, highlight=False)
    if width is None and not console.is_terminal:
        console = Console(file=file, width=PLAIN_WIDTH, highlight=False)
    return console


def render_result(result: RunResult, folder: Path, *, color: bool, width: int | None = None) -> str:
    """Return the result as text.

    Args:
        result: of a run.
        folder: where its reports are.
        color: whether escape sequences for colours may be used.
        width: of the terminal, characters.
    """
    buffer = io.StringIO()
    console = new_console(buffer, color=color or None, width=width or PLAIN_WIDTH)
    for part in _parts(result, folder):
        console.print(part, soft_wrap=isinstance(part, Text))  # a line that is to be copied must stay one
    return buffer.getvalue()


def _parts(result: RunResult, folder: Path) -> Iterable[RenderableType]:
    if any(case.outcome is not Outcome.NOT_RUN for case in result.cases):
        yield _table(result)
    told = [case for outcome in _TOLD for case in result.cases if case.outcome is outcome]
    for case in told[:CASES_SHOWN]:
        yield _failure(case, result)
        yield from _commands(case, result, folder)
    if len(told) > CASES_SHOWN:
        yield Text(f"\n... and {len(told) - CASES_SHOWN} more that did not pass, all in {folder}/{EXCHANGES}/")
    yield from _in_short(result, Outcome.BLOCKED, "could not be prepared")
    yield from _in_short(result, Outcome.UNSUPPORTED, "unsupported")
    if result.known is not None:
        yield from _known(result.known, folder)
    yield _verdict(result, folder)


def _in_short(result: RunResult, outcome: Outcome, words: str) -> Iterable[Text]:
    """Cases that judged nothing, a line for each reason."""
    reasons = Counter(case.reason for case in result.cases if case.outcome is outcome)
    for index, (reason, count) in enumerate(reasons.most_common(REASONS_SHOWN)):
        lead = "\n" if index == 0 else ""
        yield Text.assemble((f"{lead}{_count(count, 'case')} {words}: ", "yellow"), reason)
    if len(reasons) > REASONS_SHOWN:
        yield Text(f"... and {len(reasons) - REASONS_SHOWN} more reasons, all in the result")


def _known(known: KnownFailuresReport, folder: Path) -> Iterable[Text]:
    """Return what became of the list of known failures: a line for each entry that was seen or must be mended."""
    used = [one for one in known.entries if one.cases and one.problem is not Problem.EXPIRED]
    server = f" of {known.server}" if known.server else ""
    if used or known.wrong:
        yield Text(f"\nknown failures{server}, {known.file}", style="bold")
    for one in used:
        kind = "flaky" if one.entry.flaky else "known"
        cases = _count(len(one.cases), "case")
        yield Text.assemble((f"  {kind}     ", "yellow"), f"{one.entry.subject}  {cases}: {one.entry.because}")
    for one in known.wrong:
        line = f"{known.place(one.entry)} {one.entry.subject} {one.explanation}"
        yield Text.assemble(("  wrong     ", "bold red"), line)
    if known.wrong:
        yield Text.assemble(("  mend      ", "dim"), known.mending(str(folder / RESULT)))


def _table(result: RunResult) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, expand=True)
    table.add_column("requirement", no_wrap=True)
    table.add_column("level", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    table.add_column("cases", justify="right", no_wrap=True)
    table.add_column("sentence", ratio=1)
    workflow = ""
    for requirement in result.requirements:
        if not requirement.selected:
            continue
        if requirement.workflow != workflow:
            workflow = requirement.workflow
            table.add_row(Text(workflow, style="bold"), "", "", "", "")
        verdict = Text(requirement.verdict.value, style=_VERDICT_STYLES[requirement.verdict])
        sentence = _sentence(requirement, result)
        judged = sum(1 for case in result.cases if case.id in requirement.cases and case.outcome in _JUDGED)
        total = len(requirement.cases)
        cases = str(total) if judged == total else f"{judged} of {total}"
        table.add_row(f"  {requirement.id}", requirement.level.value, verdict, cases, sentence)
    return table


def _sentence(requirement: RequirementResult, result: RunResult) -> RenderableType:
    parts: list[Text] = [Text(requirement.text.replace("`", ""))]
    if requirement.verdict not in (Verdict.PASS, Verdict.OBSERVED, Verdict.FAIL) and requirement.reason:
        parts.append(Text(requirement.reason, style="yellow"))
    if requirement.verdict is Verdict.OBSERVED:
        own = [case for case in result.cases if case.id in requirement.cases]
        seen = [(what, value) for case in own for what, value in case.observations.items()]
        parts += [Text(f"{what}: {value}", style="cyan") for what, value in seen]
    return Group(*parts)


def _failure(case: CaseResult, result: RunResult) -> RenderableType:
    sentences = {requirement.id: requirement for requirement in result.requirements}
    names = case.violated or case.requirements
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
        grid.add_row("server log", Text(case.server_log, style="yellow"))
    lines: list[RenderableType] = [Text("")]
    for name in names:
        requirement = sentences[name]
        head = Text.assemble(
            (case.outcome.value.upper(), "bold red"),
            f"  {name} ",
            (requirement.level.value, "bold"),
            f"  {requirement.text}",
        )
        lines.append(head)
    return Group(*lines, Padding(grid, (0, 0, 0, 2)))


def _commands(case: CaseResult, result: RunResult, folder: Path) -> Iterable[Text]:
    if case.exchange:
        yield Text.assemble(("  events    ", "dim"), str(folder / EXCHANGES / exchange_name(case.id)))
    if case.sequence:
        yield Text.assemble(("  replay    ", "dim"), replay(case, result, folder))
    yield Text.assemble(("  again     ", "dim"), again(case, result))


def _exchange(case: CaseResult) -> Text:
    events = case.exchange[-EVENTS_SHOWN:]
    lines = [event.line() for event in events]
    earlier = len(case.exchange) - len(events)
    if earlier:
        lines.append(f"the last {len(events)} of {len(case.exchange)} events")
    return Text("\n".join(lines), no_wrap=True, overflow="ellipsis")


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _verdict(result: RunResult, folder: Path) -> RenderableType:
    good = result.exit_status == ExitStatus.CONFORMANT
    counts = ", ".join(f"{result.count(verdict)} {verdict.value}" for verdict in Verdict if result.count(verdict))
    summary = result.summary()
    ran = any(case.outcome is not Outcome.NOT_RUN for case in result.cases)
    head = Text.assemble("\n" if ran else "", (result.headline, "bold green" if good else "bold red"))
    if result.reason:
        head.append(f"  {result.reason}")
    lines = [head]
    if counts and ran:
        if result.manifest.get("options", {}).get("level") == "must":
            head.append("  judged by MUST alone")
        head.append(f"  {_count(summary['requirements_selected'], 'requirement')}: {counts}")
    if ran:
        lines.append(
            Text(
                f"{f'{result.ran} of ' if result.ran < len(result.cases) else ''}{_count(len(result.cases), 'case')}, "
                f"{_count(summary['exchanges'], 'exchange')}, "
                f"{_count(summary['checks'], 'check')} "
                f"in {result.manifest.get('duration', 0):.1f} s"
            )
        )
    lines += [Text(f"left over on the target: {left}", style="yellow") for left in result.leftovers]
    lines.append(
        Text.from_markup(f"reports  {', '.join(escape(str(folder / name)) for name in (PAGE, RESULT, JUNIT))}")
    )
    return Group(*lines)
