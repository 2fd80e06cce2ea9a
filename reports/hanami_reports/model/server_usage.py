"""What a server used while it was under load: CPU time, memory, threads, descriptors, sockets, second by second."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, NamedTuple

from hanami_proto.validation import Within
from hanami_reports.model.histogram import Count
from hanami_reports.model.series import Second

MOST_CORES = 1e6


@dataclass(frozen=True)
class ServerSample:
    """A server at one moment: its process and all processes that this one started, together.

    Attributes:
        cpu: CPU time since the sample before, in cores: 1.5 for one and a half.
        memory: Resident memory, bytes. Pages that processes share count for each of them.
        threads: Number of threads.
        processes: Number of processes.
        descriptors: Number of open file descriptors; None where the system does not show them to this user.
        sockets: Number of those that are sockets, likewise.
    """

    cpu: Annotated[float, Within(0, MOST_CORES)]
    memory: Count
    threads: Count
    processes: Count
    descriptors: Count | None = None
    sockets: Count | None = None


class Quantity(NamedTuple):
    """A quantity of a server over a run: before the load, mean and greatest value under load, after the drain."""

    before: float
    mean: float
    most: float
    after: float | None

    @property
    def growth(self) -> float | None:
        """What the server did not release: the value after the drain minus that before the load; None if unknown."""
        return None if self.after is None else self.after - self.before


QUANTITIES = ("cpu", "memory", "threads", "processes", "descriptors", "sockets")


@dataclass(frozen=True)
class ServerUsage:
    """What a server on this machine used during a run.

    Attributes:
        pid: Id of its process when the run began.
        name: Name of that process.
        before: Sample before the first user began.
        after: Sample after the drain and the clean-up; None where the server had ended.
        samples: Second since measuring began to the sample in it.
        ended: Whether the process ended during the run.
    """

    pid: Count
    name: str
    before: ServerSample
    after: ServerSample | None = None
    samples: Mapping[Second, ServerSample] = field(default_factory=dict)
    ended: bool = False

    def quantity(self, name: str) -> Quantity | None:
        """Return one of QUANTITIES over the run; None where it was not seen."""
        values = [value for one in self.samples.values() if (value := getattr(one, name)) is not None]
        before = getattr(self.before, name)
        if before is None or not values:
            return None
        after = None if self.after is None else getattr(self.after, name)
        return Quantity(before, sum(values) / len(values), max(values), after)
