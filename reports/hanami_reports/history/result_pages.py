"""Links from a history to the pages of its runs, where these exist."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote

from hanami_reports.common.file_names import LOAD_PAGE, LOAD_RESULT, PAGE, PEAK_PAGE, PEAK_RESULT, RESULT

_PAGES = {RESULT: PAGE, LOAD_RESULT: LOAD_PAGE, PEAK_RESULT: PEAK_PAGE}


def page_link(file: str | Path, folder: Path) -> str:
    """Return the relative link to the page beside a result; empty where there is none.

    Args:
        file: File of the result. One that was renamed need not be what the page beside it shows.
        folder: Folder of the document with the link.
    """
    result = Path(file)
    name = _PAGES.get(result.name)
    if name is None or not (page := result.with_name(name)).is_file():
        return ""
    try:
        relative = os.path.relpath(page.resolve(), folder.resolve())
    except ValueError:  # on another drive of Windows
        return page.resolve().as_uri()
    return quote(relative.replace(os.sep, "/"), errors="surrogateescape")
