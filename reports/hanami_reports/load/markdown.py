"""A load run as Markdown, for the summary of a CI job or a pull request."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hanami_reports.common.format import format_span
from hanami_reports.common.markdown import LIMIT, Page, code
from hanami_reports.load.tables import MEANING, MessageCounts, TimeCell, message_counts, target_address, worst_first
from hanami_reports.model.load import ErrorClass, LimitResult, LoadResult, RunState

MOST_ERRORS = 20
_LIMIT_COLUMNS = ("state", "limit", "of", "bound", "value", "reason")
_MESSAGE_COLUMNS = (
    *("message", "sent", "valid", "failed", "incorrect", "unanswered", "unsent"),
    *("1/s", "MB/s up", "p50", "p99", "max"),
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
        page.section(title, _MESSAGE_COLUMNS, [_message(one) for one in counts])
        if any(one.response.p50.few or one.response.p99.few for one in counts):
            page.lines(["† fewer than 10 answers are beyond it"])
    if result.errors:
        rows = [_error(one) for one in result.errors[:MOST_ERRORS]]
        page.section("### Errors", _ERROR_COLUMNS, rows, of=len(result.errors))
    return page.text()


def _head(result: LoadResult) -> Iterable[str]:
    mark = "\N{WHITE HEAVY CHECK MARK}" if result.state is RunState.PASS else "\N{CROSS MARK}"
    yield f"## {mark} Hanami load: {result.state.value}, {MEANING[result.state]}"
    yield from (code(reason) for reason in result.reasons)
    facts = {
        "target": target_address(result),
        "model": str(result.configuration.get("model", "")),
        "measured for": format_span(result.duration),
        "suite": str(result.manifest.get("suite", "")),
        "started": str(result.manifest.get("started", "")),
    }
    yield " · ".join(f"{name} {code(value)}" for name, value in facts.items() if value)
    if result.certificate_note:
        yield result.certificate_note
    yield from (f"left over on the target: {code(leftover)}" for leftover in result.leftovers[:MOST_ERRORS])


def _limit(limit: LimitResult) -> Sequence[str]:
    texts = (f"{limit.metric} {limit.statistic}", limit.selector, limit.bound, limit.value_text, limit.explanation)
    return (f"**{limit.state.value}**", *map(code, texts))


def _message(one: MessageCounts) -> Sequence[str]:
    times = (one.response.p50, one.response.p99, one.response.longest)
    bad = [f"{count:,}" for _, count in one.bad]
    return (code(one.name), one.sent, one.valid, *bad, one.rate, one.up, *map(_time, times))


def _time(cell: TimeCell) -> str:
    return f"{cell.text} †" if cell.few else cell.text


def _error(error: ErrorClass) -> Sequence[str]:
    return f"{error.count:,}", code(error.series), code(error.kind), code(error.message)
