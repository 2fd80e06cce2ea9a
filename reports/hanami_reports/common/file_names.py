"""File names in the report folder of a run."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

RESULT = "result.json"
LOAD_RESULT = "load.json"
PEAK_RESULT = "peak.json"
JUNIT = "junit.xml"
SUMMARY = "summary.md"
BADGE = "badge.svg"
PAGE = "conformance.html"
LOAD_PAGE = "load.html"
PEAK_PAGE = "peak.html"
LOAD_COMPARE = "load-compare.html"
HISTORY, HISTORY_PAGE, HISTORY_SUMMARY = "history.json", "history.html", "history.md"
EXCHANGES = "exchanges"
POINTS = "points"
EVENTS = ".ndjson"  # suffix of a file of events
EXPORTS = (".har", ".pcapng", EVENTS)  # suffixes of exported exchanges
DEFAULT_FOLDER = Path("reports") / "latest"
RERUN_FOLDER = Path("reports") / "rerun"
DEFAULT_RESULT = DEFAULT_FOLDER / RESULT
MAX_NAME = 200  # characters; file systems allow 255 bytes, and temporary files add some around a name


def exchange_name(case_id: str, suffix: str = ".txt") -> str:
    """Return the file name of the exchange of a case."""
    name = re.sub(r"[^A-Za-z0-9_.-]+", "-", case_id).strip("-")
    if len(name) > MAX_NAME:
        digest = hashlib.sha256(case_id.encode("utf-8", "backslashreplace")).hexdigest()[:16]
        name = f"{name[: MAX_NAME - 17]}-{digest}"
    return f"{name}{suffix}"


def sequence_name(case_id: str) -> str:
    """Return the file name of the sequence of a case."""
    return exchange_name(case_id, ".json")
