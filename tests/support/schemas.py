"""Changes of JSON data that a schema must reject."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Change = Callable[[dict[str, Any]], None]


def put(*path: str | int, value: object) -> Change:
    """A change that puts a value at a path."""

    def change(data: dict[str, Any]) -> None:
        at: Any = data
        for key in path[:-1]:
            at = at[key]
        at[path[-1]] = value

    return change


# Of a result of a load run.
LOAD_RESULT_CHANGES: dict[str, Change] = {
    "a field that nobody knows": put("more", value=1),
    "a state that there is not": put("state", value="GOOD"),
    "the status of wrong options": put("exit_status", value=4),
    "a negative count": put("series", "upload chunk", "sent", value=-1),
    "half a message": put("series", "upload chunk", "slices", "0", "scheduled", value=0.5),
    "a slice of no second": put("series", "upload chunk", "slices", "now", value={}),
    "a text for a number": put("series", "upload chunk", "response", "total", value="long"),
    "a limit without state": put("limits", 0, value={"metric": "response"}),
    "three numbers of a second": put("users", value=[[1, 2, 3]]),
}
