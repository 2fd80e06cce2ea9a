"""Faults of the progress of an upload (PROG-1 to PROG-4)."""

from __future__ import annotations

from typing import Any

from reference_backend.faults.patch import instead
from reference_backend.faults.registry import fault
from reference_backend.uploads import TempFile


@fault("PROG-2", "FIN-3")
def complete_from_the_beginning() -> None:
    """Progress says complete as soon as there is an upload."""

    @instead(TempFile, "is_complete")
    def lie(honest: Any, file: TempFile) -> bool:  # noqa: ARG001
        return True
