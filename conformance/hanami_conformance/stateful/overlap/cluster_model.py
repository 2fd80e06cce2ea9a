"""The model of one cluster with operations that overlap: its mode, and that its answers stay as they were."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hanami_conformance.stateful.overlap.history import ACCEPTED, KNOWN, REJECTED, Operation

GONE, UNKNOWN = "deleted", "unknown"


class ClusterModel:
    """Correct behaviour of a cluster (requirements MODE-1, DIO-10, DIO-11, DIO-14).

    A REQUEST cycle changes nothing. Left open are a switch to the mode that is set, a switch back to task mode while a
    socket is attached, and the cycles of that socket afterwards (MODE-3); the DELETE of a cluster at work may be
    rejected. Over a restart of the server it is kept if that is declared, in either mode.

    Args:
        modes: Names of task mode and direct mode.

    Attributes:
        attached: Whether a socket was attached while operations overlapped.
    """

    def __init__(self, modes: Sequence[str]) -> None:
        self._task, self._direct = modes
        self.initial = self._direct
        self.attached = False

    def next_states(self, state: str, operation: Operation) -> Iterator[str]:
        """See :class:`.linearizability.Model`."""
        if operation.action == "restart":
            yield from self._after_restart(state, operation)
        elif state == UNKNOWN:
            yield state
        else:
            yield from self._after(state, operation)

    def _after_restart(self, state: str, restart: Operation) -> Sequence[str]:
        if restart.arguments["durable"] != "all":
            return (UNKNOWN,)
        return (GONE,) if state == GONE else (self._task, self._direct)

    def _after(self, state: str, operation: Operation) -> Iterator[str]:
        answer, mode = operation.answer, str(operation.arguments.get("mode"))
        match operation.action:
            case "delete_cluster":
                if answer != REJECTED and state != GONE:
                    yield GONE
                if answer != ACCEPTED and (state == GONE or self.attached):
                    yield state
            case "mode":
                if answer != REJECTED and state != GONE:
                    yield mode
                may_reject = state in (GONE, mode) or (mode == self._task and self.attached)
                if answer != ACCEPTED and may_reject:
                    yield state
            case "get":
                if answer in ((REJECTED if state == GONE else ACCEPTED), None):
                    yield state
            case _:
                if state != GONE and answer in (KNOWN, None):
                    yield state
