"""Faults during a load run: when, what they affected, and how long the recovery took."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from hanami_proto.validation import Within
from hanami_reports.model.series import Second, Seconds, Series

Rate = Annotated[float, Within(0, 1e9)]


@dataclass(frozen=True)
class FaultResult:
    """A fault of a run.

    A message belongs to the fault if the time from its schedule to its end overlaps the fault, or the time that the
    recovery may take.

    Attributes:
        name: Name of the fault.
        kind: ``reset``, ``latency``, ``bandwidth``, ``loss``, ``partition``, ``suspend``, ``kill`` or ``restart``.
        begin: Begin, seconds since measuring began.
        end: End, likewise.
        allowed: Seconds that the recovery may take.
        recovery: Seconds from the end until the target served as before; None if it did not, or that is not known.
        explanation: One line unless the target has recovered.
        rate_before: Valid answers per second before the fault; None with too few.
        p95_before: 95th percentile of the response time before the fault, seconds; None with too few answers.
        series: Types of message that belong to it, without slices.
        lost: Kind of a resource that was acknowledged before a restart to the number that was missing after it.
        kept: The same of those that were there.
    """

    name: str
    kind: str
    begin: Seconds
    end: Seconds
    allowed: Seconds
    recovery: Seconds | None = None
    explanation: str = ""
    rate_before: Rate | None = None
    p95_before: Seconds | None = None
    series: Mapping[str, Series] = field(default_factory=dict)
    lost: Mapping[str, Second] = field(default_factory=dict)
    kept: Mapping[str, Second] = field(default_factory=dict)
