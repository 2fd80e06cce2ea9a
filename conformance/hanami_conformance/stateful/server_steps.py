"""Steps about the server itself, where the suite starts it: suspend it for a moment, kill it, restart it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from hanami_conformance.cases.checks import require
from hanami_conformance.cases.failures import TargetDown, Unsupported
from hanami_conformance.cases.recording import recording_paused
from hanami_conformance.clients.rest_response import RestResponse
from hanami_conformance.target.capabilities import RESTART, survives_restart
from hanami_conformance.target.server_control import ServerControl
from hanami_conformance.target.target import Target

MOST_RESTARTS = 2  # in a sequence
LONGEST = 500  # milliseconds for which a server is suspended
# Declared durability to the states in which uploads are kept over a restart.
KEPT_STATES: Mapping[str, tuple[str, ...]] = {
    "none": (),
    "datasets": ("finalized", "deleted"),
    "all": ("open", "finalized", "deleted"),
}
HOW = {"kill": True, "restart": False}  # action to whether the server has no chance to store anything


def can_restart(target: Target) -> bool:
    """Return whether sequences may suspend, kill and restart the server of a target."""
    return target.server is not None and survives_restart(target)


@dataclass
class ServerSteps:
    """Executes the steps of a sequence that are about the server.

    Args:
        target: Target whose server it is.
    """

    target: Target
    _restarts: int = field(default=0, init=False)

    @contextlib.contextmanager
    def suspended(self, milliseconds: int) -> Iterator[None]:
        """Suspend the server during the block and this time after it.

        Raises:
            Unsupported: If the suite did not start the server.
        """
        with self.require_control().process.suspended():
            yield
            time.sleep(min(milliseconds, LONGEST) / 1000)

    def restart(self, action: str) -> bool:
        """Restart the server, to which all connections are lost; beyond MOST_RESTARTS nothing happens.

        Args:
            action: ``kill`` or ``restart``.

        Returns:
            Whether it was restarted.

        Raises:
            Unsupported: If the suite did not start the server.
        """
        control = self.require_control()
        if self._restarts >= MOST_RESTARTS:
            return False
        self._restarts += 1
        if HOW[action]:
            control.process.kill()
        self.target.close_connections()
        with recording_paused():
            control.restart()
        return True

    def kill(self) -> None:
        """Kill the server, and leave it so.

        Raises:
            TargetDown: If its process has ended already.
            Unsupported: If the suite did not start the server.
        """
        process = self.require_control().process
        if reason := process.ended():
            raise TargetDown(reason)
        process.kill()

    def require_control(self) -> ServerControl:
        """Return the control of the server.

        Raises:
            Unsupported: If the suite did not start the server.
        """
        if self.target.server is None or not survives_restart(self.target):
            raise Unsupported(RESTART)
        return self.target.server


def expect_clean(what: str, answer: RestResponse) -> None:
    """Check that a request for what a server need not keep over a restart is no 5xx (requirement GEN-1)."""
    expected = f"an answer below 500 to {what} after the server was restarted"
    require(not answer.failed, expected=expected, actual=answer, requirement="GEN-1")
