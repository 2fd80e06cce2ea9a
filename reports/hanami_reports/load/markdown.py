"""A load run as Markdown, for the summary of a CI job or a pull request: short, and inert whatever the target said."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hanami_reports.common.format import span_words
from hanami_reports.common.markdown import LIMIT, Page, code
from hanami_reports.load.tables import MEANING, Cell, Counts, counts_of, target_of, worst_first
from hanami_reports.model.load import ErrorClass, LimitResult, LoadResult, RunState

ERRORS_SHOWN = 20
_HEAD = (
    "message",
    "sent",
    "valid",
    "failed",
    "incorrect",
    "unanswered",
    "unsent",
    "1/s",
    "MB/s up",
    "p50",
    "p99",
    "max",
)


def load_markdown(result: LoadResult, limit: int = LIMIT) -> str:
    """Return the result as Markdown.

    Args:
        result: of the run.
        limit: characters, at most.
    """
    page = Page(limit)
    page.lines(_head(result))
    if result.limits:
        rows = [_limit(one) for one in worst_first(result.limits)]
        page.section("### Limits", ("state", "limit", "of", "bound", "value", "why"), rows)
    counts = counts_of(result)
    if counts:
        page.section("### Messages, times from scheduled to verified answer", _HEAD, [_message(one) for one in counts])
        if any(cell.few for one in counts for cell in (one.response[0], one.response[2])):
            page.lines(["† fewer than 10 answers lie beyond it"])
    if result.errors:
        rows = [_error(one) for one in result.errors[:ERRORS_SHOWN]]
        page.section("### Errors", ("count", "message", "kind", "the first"), rows, of=len(result.errors))
    return page.text()


def _head(result: LoadResult) -> Iterable[str]:
    mark = "\N{WHITE HEAVY CHECK MARK}" if result.state is RunState.PASS else "\N{CROSS MARK}"
    yield f"## {mark} Hanami load: {result.state.value}, {MEANING[result.state]}"
    yield from (code(reason) for reason in result.reasons)
    model = str(result.configuration.get("model", ""))
    facts = {"target": target_of(result), "model": model, "measured for": span_words(result.duration)}
    facts |= {name: str(result.manifest.get(name, "")) for name in ("suite", "started")}
    yield " · ".join(f"{name} {code(value)}" for name, value in facts.items() if value)
    yield from (f"left over on the target: {code(left)}" for left in result.leftovers[:ERRORS_SHOWN])


def _limit(limit: LimitResult) -> Sequence[str]:
    state = f"**{limit.state.value}**"
    told = (f"{limit.metric} {limit.statistic}", limit.selector, limit.bound, limit.value_text, limit.explanation)
    return (state, *map(code, told))


def _message(one: Counts) -> Sequence[str]:
    times = [_time(one.response[place]) for place in (0, 2, 4)]
    return (code(one.name), one.sent, one.verified, *(f"{count:,}" for _, count in one.bad), one.rate, one.up, *times)


def _time(cell: Cell) -> str:
    return f"{cell.text} †" if cell.few else cell.text


def _error(error: ErrorClass) -> Sequence[str]:
    return f"{error.count:,}", code(error.series), code(error.kind), code(error.message)
