"""Many websockets held open by one process, and the memory that each of them takes there."""

from __future__ import annotations

import resource
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

from hanami_conformance.common.child_process import ProcessError
from tools.bench.generator import generator
from tools.bench.generators import CUSTOM_HELD, ENGINE_HELD
from tools.bench.measurement import Measurement, Plan, Side
from tools.bench.servers import Servers
from tools.bench.statistics import Aim, Sample

SOCKETS = 1000
FILES = SOCKETS + 200  # open files that each of the two processes may need
TITLES = {ENGINE_HELD: "hanami-load", CUSTOM_HELD: "websocket-client"}


class SocketsMeasurement(Measurement):
    """A thousand websockets, attached, with a greenlet that waits at each."""

    name = "load-sockets"
    title = f"generators: {SOCKETS} websockets held open by one process"
    ratio_title = "memory of a socket in hanami-load, KiB"
    aim = Aim(64, at_least=False)
    default_rounds = 1
    is_timed = False

    @contextmanager
    def sides(self, _servers: Servers, _plan: Plan) -> Iterator[Mapping[str, Side]]:
        """See :meth:`Measurement.sides`."""
        with more_files(), Servers() as own:  # a server that was started with these limits
            task = {"url": own.bare.websocket_url("request"), "sockets": SOCKETS}
            yield {title: partial(_hold, kind, title, task) for kind, title in TITLES.items()}

    def ratio(self, samples: Mapping[str, Sample]) -> float:
        """See :meth:`Measurement.ratio`."""
        return samples[TITLES[ENGINE_HELD]].memory_each


def _hold(kind: str, title: str, task: Mapping[str, Any], seconds: float) -> Sample:
    """In a new process each time: one that held sockets before has their memory still."""
    with generator(kind, title, task) as work:
        return work(seconds)


@contextmanager
def more_files() -> Iterator[None]:
    """Let processes that are started in here open as many files as the measurement needs.

    Raises:
        ProcessError: If the system does not allow that many.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard not in (resource.RLIM_INFINITY, -1) and hard < FILES:
        raise ProcessError(f"{FILES} open files are needed, the system allows {hard}: raise it with ulimit -n")
    if soft == resource.RLIM_INFINITY or soft >= FILES:
        yield
        return
    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
