"""A load run as Markdown, for the summary of a CI job or a pull request."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hanami_reports.common.format import format_span
from hanami_reports.common.markdown import LIMIT, Page, code, escape
from hanami_reports.load.faults import FAULT_COLUMNS, fault_rows
from hanami_reports.load.overlap_section import overlap_lines
from hanami_reports.load.server_section import usage_line
from hanami_reports.load.tables import (
    MEANING,
    MessageCounts,
    TimeCell,
    message_counts,
    overload_lines,
    target_address,
    total_counts,
    worst_first,
)
from hanami_reports.model.load import ErrorClass, LimitResult, LoadResult, RunState

MOST_ERRORS = 20
_LIMIT_COLUMNS = ("state", "limit", "of", "bound", "value", "reason")
_MESSAGE_COLUMNS = (
    *("message", "sent", "valid", "failed", "incorrect", "unanswered", "unsent"),
    *("1/s", "MB/s up", "p50", "p95", "p99", "max"),
)
_ERROR_COLUMNS = ("count", "message", "kind", "first")


def load_markdown(result: LoadResult, limit: int = LIMIT) -> str:
    """Return the result as Markdown.

    Args:
        result: Result of a load run.
        limit: Greatest length in characters.
    """
    page = Page(limit)
    page.lines(_head(result))
    if result.limits:
        page.section("### Limits", _LIMIT_COLUMNS, [_limit(one) for one in worst_first(result.limits)])
    counts = message_counts(result)
    if counts:
        title = "### Messages, times from schedule to valid answer"
        shown = [*(one for one in counts if not one.folded), total_counts(result)]
        page.section(title, _MESSAGE_COLUMNS, [_message(one) for one in shown])
        if any(cell.few for one in shown for cell in _times(one)):
            page.lines(["† fewer than 10 answers are beyond it"])
        if folded := [one for one in counts if one.folded]:
            names = ", ".join(f"{code(one.name)} {one.valid}" for one in folded)
            page.lines([f"Too few answers for a median, no errors: {names}"])
    if result.faults:
        faults = [(code(row.name), *row.cells, code(row.note) if row.note else "") for row in fault_rows(result)]
        page.section("### Faults", ("fault", *FAULT_COLUMNS, "note"), faults)
    if result.errors:
        rows = [_error(one) for one in result.errors[:MOST_ERRORS]]
        page.section("### Errors", _ERROR_COLUMNS, rows, of=len(result.errors))
    return page.text()


def _head(result: LoadResult) -> Iterable[str]:
    mark = "\N{WHITE HEAVY CHECK MARK}" if result.state is RunState.PASS else "\N{CROSS MARK}"
    yield f"## {mark} Hanami load: {result.state.value}, {MEANING[result.state]}"
    yield from (code(reason) for reason in result.reasons)
    yield from (code(line) for line in overload_lines(result))
    facts = {
        "target": target_address(result),
        "model": str(result.configuration.get("model", "")),
        "measured for": format_span(result.duration),
        "suite": str(result.manifest.get("suite", "")),
        "started": str(result.manifest.get("started", "")),
    }
    yield " · ".join(f"{name} {code(value)}" for name, value in facts.items() if value)
    yield escape(usage_line(result))
    yield from (code(line.strip()) for line in overlap_lines(result))
    if result.certificate_note:
        yield result.certificate_note
    yield from (f"left over on the target: {code(leftover)}" for leftover in result.leftovers[:MOST_ERRORS])


def _limit(limit: LimitResult) -> Sequence[str]:
    texts = (f"{limit.metric} {limit.statistic}", limit.selector, limit.bound, limit.value_text, limit.explanation)
    return (f"**{limit.state.value}**", *map(code, texts))


def _message(one: MessageCounts) -> Sequence[str]:
    bad = [f"{count:,}" for _, count in one.bad]
    return (code(one.name), one.sent, one.valid, *bad, one.rate, one.up, *map(_time, _times(one)))


def _times(one: MessageCounts) -> Sequence[TimeCell]:
    times = one.response
    return times.p50, times.p95, times.p99, times.longest


def _time(cell: TimeCell) -> str:
    return f"{cell.text} †" if cell.few else cell.text


def _error(error: ErrorClass) -> Sequence[str]:
    return f"{error.count:,}", code(error.series), code(error.kind), code(error.message)
