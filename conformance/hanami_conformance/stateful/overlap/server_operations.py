"""Operations about the server itself beside others: suspend it for a moment, or kill it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from hanami_conformance.stateful.overlap.branches import Answer, HeldOperation, Outcome
from hanami_conformance.stateful.overlap.history import ACCEPTED, ALONE, Operation
from hanami_conformance.stateful.server_steps import ServerSteps
from hanami_conformance.target.target import Target

SERVER = "the server"  # its name in the history
RESTART = "restart"  # action after a kill, in the history of each resource


@dataclass
class OverlapServer:
    """The server that a sequence suspends and kills.

    Args:
        target: Target whose server it is.
    """

    target: Target
    _steps: ServerSteps = field(init=False)
    _suspensions: contextlib.ExitStack = field(default_factory=contextlib.ExitStack, init=False)

    def __post_init__(self) -> None:
        self._steps = ServerSteps(self.target)

    def suspension(self, milliseconds: int) -> HeldOperation:
        """Return the suspension of the server for a time; what others send meanwhile, it finds all at once.

        Raises:
            Unsupported: If the suite did not start the server.
        """
        self._steps.require_control()
        suspended = self._suspensions.enter_context(contextlib.ExitStack())  # ended at the latest with the sequence

        def release() -> None:
            suspended.enter_context(self._steps.suspended(milliseconds))

        def answer() -> Answer:
            suspended.close()
            return Answer({SERVER: ACCEPTED}, "it goes on")

        return HeldOperation("suspend", SERVER, f"the suspension of {SERVER}", release, answer)

    def kill(self, outcome: Outcome) -> HeldOperation | None:
        """Return the kill of the server, after which no operation needs an answer; None if there was one.

        Raises:
            Unsupported: If the suite did not start the server.
        """
        self._steps.require_control()
        if outcome.killed:
            return None

        def release() -> None:
            if not outcome.killed:  # by another branch
                self._steps.kill()
                outcome.killed = True

        return HeldOperation(
            "kill", SERVER, f"the kill of {SERVER}", release, lambda: Answer({SERVER: ACCEPTED}, "done")
        )

    def restart(self, outcome: Outcome, resources: Iterable[str]) -> None:
        """Start the killed server again, and note that in the history of resources, by name.

        Raises:
            TargetDown: If it does not come back.
        """
        history = outcome.history
        unanswered = {name: _unanswered_blocks(history.of(name)) for name in resources}
        self._steps.restart(RESTART)
        now = time.monotonic()
        for name, blocks in unanswered.items():
            arguments: Mapping[str, object] = {"durable": self.target.durable, "unanswered": blocks}
            history.add(Operation(ALONE, RESTART, name, ACCEPTED, now, now, arguments, f"the restart of {SERVER}"))

    def close(self) -> None:
        """Let a suspended server go on, also after an interrupt."""
        self._suspensions.close()


def _unanswered_blocks(history: Iterable[Operation]) -> frozenset[object]:
    """Return the blocks of an upload of which a part may have been written when the server was killed."""
    return frozenset(one.arguments["block"] for one in history if one.action == "chunk" and one.answer is None)
