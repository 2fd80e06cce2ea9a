"""The settings of all runs of a matrix, and the rows that they give."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Event
from typing import TypeVar

from tools.kill_matrix.row import Row
from tools.process import act_on_each

Fault = TypeVar("Fault")


@dataclass(frozen=True)
class Plan:
    """Settings of the runs.

    Attributes:
        all_cases: Whether everything runs against each fault, not only what is about the requirements that it violates.
        jobs: Number of concurrent runs.
        deadline: Time limit of a run in seconds.
        stop: Event that ends all runs.
    """

    all_cases: bool
    jobs: int
    deadline: float
    stop: Event

    def rows(
        self, faults: Sequence[Fault], run_row: Callable[[Fault], Row], on_row: Callable[[Row], None]
    ) -> list[Row]:
        """Return a row for each fault, in their order.

        Args:
            faults: Faults, one for each row.
            run_row: Function that makes the row of a fault.
            on_row: Callback for each finished row.

        Raises:
            StoppedError: If the runs were stopped.
        """

        def finish_row(fault: Fault) -> Row:
            row = run_row(fault)
            on_row(row)
            return row

        return act_on_each(faults, finish_row, self.jobs, self.stop)
