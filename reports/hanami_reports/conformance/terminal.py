"""A result on the terminal: the table of requirements, the failures, the verdict."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO

from rich import box
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from hanami_reports.common.file_names import JUNIT, PAGE, RESULT
from hanami_reports.common.text import pluralise
from hanami_reports.conformance.finding_text import finding_commands, finding_details, finding_head
from hanami_reports.model.conformance import (
    NO_NEW_FAILURES,
    CaseResult,
    ExitStatus,
    Outcome,
    RequirementResult,
    RunResult,
    Verdict,
)
from hanami_reports.model.findings import Finding, find
from hanami_reports.model.known_failures import KnownFailuresReport, Problem
from hanami_reports.model.verdicts import judges

PLAIN_WIDTH = 120  # characters, without a terminal
MOST_LEFTOVERS = 5
MOST_DETAILED = 2  # findings with details: with them, a typical failing run fits on a screen
MOST_FINDINGS = 20
MOST_CASES = 5
MOST_REASONS = 8
FEW_REASONS = 2  # beside findings
MOST_KNOWN = 5  # entries that occurred
MUCH_SPACE = 1 << 30  # bytes on the target that are worth a line

# Verdicts of requirements that have a line of their own although there are findings.
_VIOLATED = (Verdict.FAIL, Verdict.LOST, Verdict.VACUOUS)

VERDICT_STYLES = {
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


def render_result(
    result: RunResult, folder: Path | None, *, color: bool, width: int | None = None, verbose: bool = False
) -> str:
    """Return the result as text: the findings, the requirements that are not fulfilled, the verdict.

    Args:
        result: Result of a run.
        folder: Folder of its reports, None where they were not written.
        color: Whether escape sequences for colours may be used.
        width: Width of the terminal, characters.
        verbose: Whether to print all requirements and the details of all findings.
    """
    buffer = io.StringIO()
    console = new_console(buffer, color=color or None, width=width or PLAIN_WIDTH)
    for part in _parts(result, folder, console.width, verbose=verbose):
        console.print(part, soft_wrap=isinstance(part, Text))  # a command must stay on one line to be copied
    return buffer.getvalue()


def _parts(result: RunResult, folder: Path | None, width: int, *, verbose: bool) -> Iterable[RenderableType]:
    findings = find(result)
    if result.ran and (verbose or (result.judged and not findings)):
        yield _table(result, result.requirements)
    yield from _findings(findings, result, folder, width, verbose=verbose)
    if result.ran and findings and not verbose:
        yield Text("")
        yield from _unfulfilled(result)
    yield from _next_step(findings, verbose=verbose)
    yield from _faults_of_the_suite(result, folder)
    most = MOST_REASONS if verbose or not findings else FEW_REASONS
    yield from _grouped_by_reason(result, Outcome.BLOCKED, "blocked", most)
    yield from _grouped_by_reason(result, Outcome.SKIPPED, "skipped", most)
    yield from _grouped_by_reason(result, Outcome.UNSUPPORTED, "unsupported", most)
    if result.known is not None:
        yield from _known(result.known, folder, len(result.known.entries) if verbose else MOST_KNOWN)
    if verbose and result.coverage:
        yield Text("")
        yield from (Text(f"coverage  {model.summary()}") for model in result.coverage)
    yield _verdict(result, folder)


def _findings(
    findings: Sequence[Finding], result: RunResult, folder: Path | None, width: int, *, verbose: bool
) -> Iterable[RenderableType]:
    if findings:
        cases = sum(len(finding.cases) for finding in findings)
        yield Text(f"\n{pluralise(len(findings), 'finding')} in {pluralise(cases, 'failed case')}", style="bold red")
    detailed = len(findings) if verbose else MOST_DETAILED
    listed = len(findings) if verbose else MOST_FINDINGS
    for number, finding in enumerate(findings[:listed], 1):
        if number <= detailed + 1:
            yield Text("")
        yield finding_head(number, finding)
        if number <= detailed:
            yield from finding_details(finding, result, folder, width)
    if len(findings) > listed:
        yield Text(f"... and {pluralise(len(findings) - listed, 'more finding')}{_in(folder, PAGE)}")


def _next_step(findings: Sequence[Finding], *, verbose: bool) -> Iterable[Text]:
    """Yield the command that explains the requirements of the findings with details, and where the other ones are."""
    ids = dict.fromkeys(finding.requirements[0].id for finding in findings if finding.requirements)
    if ids:
        explained = " ".join([*ids][:MOST_DETAILED])
        yield Text.assemble(("next        ", "dim"), f"hanami-conformance explain {explained}")
    if not verbose and len(findings) > MOST_DETAILED:
        yield Text("            the exchanges of the other findings: -v, or the page")


def _faults_of_the_suite(result: RunResult, folder: Path | None) -> Iterable[RenderableType]:
    """Yield the cases that could not do their work, which is no fault of the target."""
    cases = [case for case in result.cases if case.outcome in (Outcome.ERROR, Outcome.VACUOUS)]
    for case in cases[:MOST_CASES]:
        yield Text.assemble("\n", (case.outcome.value.upper(), "bold magenta"), f"  {case.id}")
        yield Padding(Text(case.reason, style="red"), (0, 0, 0, 4))
        yield from finding_commands(case, result, folder)
    if len(cases) > MOST_CASES:
        yield Text(f"... and {len(cases) - MOST_CASES} more{_in(folder, RESULT)}")


def _in(folder: Path | None, name: str) -> str:
    """Return where all of them are, empty where nothing was written."""
    return "" if folder is None else f", all in {folder / name}"


def _grouped_by_reason(result: RunResult, outcome: Outcome, label: str, most: int) -> Iterable[RenderableType]:
    """Yield a line for each reason of an outcome, at most so many."""
    reasons = Counter(case.reason for case in result.cases if case.outcome is outcome)
    for index, (reason, count) in enumerate(reasons.most_common(most)):
        if index == 0:
            yield Text("")
        yield _fitting(Text.assemble((f"{pluralise(count, 'case')} {label}: ", "yellow"), reason))
    if len(reasons) > most:
        yield Text(f"... and {pluralise(len(reasons) - most, 'more reason')}, all in the result")


def _fitting(text: Text) -> RenderableType:
    """Return a text on one line, cut at the width of the terminal."""
    text.no_wrap, text.overflow = True, "ellipsis"
    return Group(text)


def _known(known: KnownFailuresReport, folder: Path | None, most: int) -> Iterable[Text]:
    """Yield a line for each entry that must be changed, and for those that occurred, at most so many of them."""
    occurred = [one for one in known.entries if one.cases and one.problem is not Problem.EXPIRED]
    server = f" of {known.server}" if known.server else ""
    if occurred or known.wrong:
        yield Text(f"\nknown failures{server}, {known.file}", style="bold")
    for one in occurred[:most]:
        label = "flaky" if one.entry.flaky else "known"
        cases = pluralise(len(one.cases), "case")
        yield Text.assemble((f"  {label}     ", "yellow"), f"{one.entry.subject}  {cases}: {one.entry.explanation}")
    if len(occurred) > most:
        yield Text(f"  ... and {pluralise(len(occurred) - most, 'more entry', 'more entries')} that occurred")
    for one in known.wrong:
        line = f"{known.place(one.entry)} {one.entry.subject} {one.explanation}"
        yield Text.assemble(("  wrong     ", "bold red"), line)
    if known.wrong and folder is not None:
        yield Text.assemble(("  fix       ", "dim"), known.update_command(str(folder / RESULT)))


def _table(result: RunResult, requirements: Iterable[RequirementResult]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, expand=True)
    table.add_column("requirement", no_wrap=True)
    table.add_column("level", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    table.add_column("cases", justify="right", no_wrap=True)
    table.add_column("text", ratio=1)
    outcomes = {case.id: case for case in result.cases}
    workflow = ""
    for requirement in requirements:
        if not requirement.selected:
            continue
        if requirement.workflow != workflow:
            workflow = requirement.workflow
            table.add_row(Text(workflow, style="bold"), "", "", "", "")
        verdict = Text(requirement.verdict.value, style=VERDICT_STYLES[requirement.verdict])
        own = [outcomes[name] for name in requirement.cases if name in outcomes]
        table.add_row(
            f"  {requirement.id}", requirement.level.value, verdict, _counts(requirement, own), _text(requirement, own)
        )
    return table


def _unfulfilled(result: RunResult) -> Iterable[RenderableType]:
    """Yield a line for each requirement that is violated, and one for all that could not be judged."""
    grid = Table.grid(padding=(0, 2), expand=True)
    for _ in range(4):
        grid.add_column(no_wrap=True)
    grid.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
    outcomes = {case.id: case for case in result.cases}
    selected = [one for one in result.requirements if one.selected]
    for one in selected:
        if one.verdict in _VIOLATED:
            own = [outcomes[name] for name in one.cases if name in outcomes]
            verdict = Text(one.verdict.value, style=VERDICT_STYLES[one.verdict])
            text = one.text if one.verdict is Verdict.FAIL else one.reason
            grid.add_row(one.id, one.level.value, verdict, _counts(one, own), Text(text.replace("`", "")))
    yield grid
    unjudged = [one.id for one in selected if one.verdict is Verdict.NOT_RUN]
    if unjudged:
        yield Text.assemble(("not judged  ", "bold magenta"), f"{', '.join(unjudged)}: -v prints the reasons")


def _counts(requirement: RequirementResult, cases: Sequence[CaseResult]) -> str:
    """Return how many cases violate a requirement, or how many were judged, of how many."""
    violating = sum(requirement.id in case.violated for case in cases)
    if violating:
        return f"{violating} of {len(cases)} failed"
    judged = sum(judges(case, requirement.id) for case in cases)
    return str(len(cases)) if judged == len(cases) else f"{judged} of {len(cases)}"


def _text(requirement: RequirementResult, cases: Iterable[CaseResult]) -> RenderableType:
    parts = [Text(requirement.text.replace("`", ""))]
    if requirement.verdict is not Verdict.FAIL and requirement.reason:
        parts.append(Text(requirement.reason, style="yellow"))
    if requirement.verdict is Verdict.OBSERVED:
        for case in cases:
            parts += [Text(f"{name}: {value}", style="cyan") for name, value in case.observations.items()]
    return Group(*parts)


def _verdict(result: RunResult, folder: Path | None) -> RenderableType:
    style = "bold green" if result.exit_status == ExitStatus.CONFORMANT else "bold red"
    if result.headline == NO_NEW_FAILURES:
        style = "bold yellow"
    head = Text.assemble("\n" if result.ran else "", (result.headline, style))
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
        more = f"... and {len(result.leftovers) - len(left)} more left over{_in(folder, RESULT)}"
        lines.append(Text(more, style="yellow"))
    announced = result.manifest.get("announced_bytes", 0)
    if announced >= MUCH_SPACE and not result.manifest.get("target", {}).get("reference"):
        note = "a server that keeps the files of deleted uploads still has them"
        lines.append(Text(f"accepted uploads announced {announced:,} bytes: {note}"))
    if folder is not None:
        lines.append(Text(f"reports  {', '.join(str(folder / name) for name in (PAGE, RESULT, JUNIT))}"))
    return Group(*lines)
