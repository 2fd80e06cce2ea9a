"""A history as Markdown: what is worse, and the runs with links to their pages."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hanami_reports.common.markdown import LIMIT, Page, code, escape
from hanami_reports.common.text import format_moment
from hanami_reports.history.history import History, HistoryExit, LoadHistory, RunEntry, Worsening
from hanami_reports.history.result_pages import page_link

MOST_RUNS = 30  # of each group, the newest
MOST_WORSE = 50
MOST_SERIES = 40
_MARKS = {
    HistoryExit.STEADY: "\N{WHITE HEAVY CHECK MARK}",
    HistoryExit.WORSE: "\N{CROSS MARK}",
    HistoryExit.TOO_FEW: "\N{WHITE QUESTION MARK ORNAMENT}",
}


def history_markdown(history: History, folder: Path) -> str:
    """Return a history as Markdown.

    Args:
        history: The history.
        folder: Folder of the document.
    """
    page = Page(LIMIT)
    title = f"## {_MARKS[history.exit_status]} Hanami history: {history.verdict.capitalize()}"
    page.lines([title, code(history.headline)])
    worse = history.worsenings
    if worse:
        head = ("what", "how", "first bad run", "last good run")
        page.section("", head, [_worsening(one, folder) for one in worse[:MOST_WORSE]], of=len(worse))
    for group in history.groups:
        if isinstance(group, LoadHistory):
            rows = [(code(one.type), code(one.metric.name), *map(code, one.texts)) for one in group.shown]
            page.section(
                code(group.title), ("of", "metric", "median", "newest", "changes"), rows[:MOST_SERIES], of=len(rows)
            )
        entries = group.entries
        newest = [_entry(one, folder) for one in reversed(entries[-MOST_RUNS:])]
        page.section(f"runs: {code(group.title)}", ("started", "verdict", "run"), newest, of=len(entries))
    return page.text()


def _worsening(one: Worsening, folder: Path) -> Sequence[str]:
    files = (_file(name, folder) if name else "" for name in (one.first_bad, one.last_good))
    return code(one.what), code(one.how), *files


def _entry(one: RunEntry, folder: Path) -> Sequence[str]:
    return escape(format_moment(one.started)), code(one.verdict), _file(one.file, folder)


def _file(name: str, folder: Path) -> str:
    """Return the name of a result, which links to its page where there is one."""
    link = page_link(name, folder)
    return f"[{code(name)}](<{link}>)" if link else code(name)
