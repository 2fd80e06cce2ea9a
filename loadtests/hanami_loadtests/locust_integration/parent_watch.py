"""The end of a Locust process whose parent is gone, even where that was killed and could end nothing."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Mapping
from typing import TYPE_CHECKING

import gevent

from hanami_loadtests.launch import PARENT
from hanami_reports.model.load import RunState

if TYPE_CHECKING:
    from hanami_loadtests.locust_integration.run_process import RunProcess

POLL = 1.0
GRACE = 30.0  # seconds to judge the run and to write its reports, on top of the time for users to stop
LOADED_BY = os.getpid()  # the master, in workers that it forks
logger = logging.getLogger(__name__)


def parent_of(environment: Mapping[str, str], loaded_by: int = LOADED_BY) -> int | None:
    """Return the process that this one must not outlive, None for none.

    It is ``hanami-load``, which gives its id in a variable, or the master of a worker that it forked.

    Args:
        environment: Environment variables by name.
        loaded_by: Process that loaded this module.
    """
    if loaded_by != os.getpid():
        return loaded_by
    return int(environment[PARENT]) if PARENT in environment else None


class ParentWatch:
    """Ends this process where its parent is gone: users clean up, and what was measured is reported.

    Args:
        controller: Controller of this process.
        parent: Id of the parent.
    """

    def __init__(self, controller: RunProcess, parent: int) -> None:
        self._controller = controller
        self._parent = parent

    def run(self) -> None:
        """Watch for the rest of the life of this process."""
        while os.getppid() == self._parent:  # an orphan gets another one
            gevent.sleep(POLL)
        line = "the process that started this run has ended"
        logger.error(line)
        self._controller.failures.append((RunState.INTERRUPTED, line))
        os.kill(os.getpid(), signal.SIGTERM)
        gevent.sleep((self._controller.environment.stop_timeout or 0.0) + GRACE)
        os.kill(os.getpid(), signal.SIGKILL)
