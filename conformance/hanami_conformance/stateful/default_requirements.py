"""What is blamed where a step of a sequence fails and names no requirement itself."""

from __future__ import annotations

from collections.abc import Mapping

UPLOAD_ACTIONS: Mapping[str, str] = {
    "begin": "DATA-1",
    "attach": "ATT-2",
    "write": "DATA-1",
    "fill": "DATA-1",
    "close": "DATA-1",
    "pipeline": "DATA-10",
    "interleave": "DATA-8",
    "fragments": "DATA-11",
    "garbage": "DATA-6",
    "drop": "DATA-7",
    "poll": "PROG-1",
    "finalize": "FIN-1",
    "misfinalize": "FIN-4",
    "delete": "DEL-1",
    "foreign": "GEN-3",
    "haunt": "FIN-7",
    "nuisance": "GEN-4",
}
CLUSTER_ACTIONS: Mapping[str, str] = {
    "request": "DIO-3",
    "open": "DIO-2",
    "end": "DIO-2",
    "train": "DIO-5",
    "learn": "DIO-8",
    "pipeline": "DIO-9",
    "close": "DIO-3",
    "drop": "DIO-11",
    "mode": "MODE-1",
    "delete": "DIO-14",
    "mistake": "DIO-12",
    "garbage": "DIO-12",
    "odd": "DIO-3",
    "foreign": "GEN-3",
}
