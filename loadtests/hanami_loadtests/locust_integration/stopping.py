"""The end of a run when Locust stops it."""

from __future__ import annotations

from typing import Any, Protocol

from hanami_loadtests.session import Session


class SessionHolder(Protocol):
    """Whatever holds the session of the current run, None before the first."""

    session: Session | None


class Stoppable(Protocol):
    """A runner of Locust."""

    def stop(self) -> None:
        """Stop all users."""


def end_sending_first(holder: SessionHolder, runner: Stoppable) -> None:
    """Let the run end when Locust begins to stop it.

    First of all, Locust looks for its caller, which reads source files and takes a tenth of a second: nothing would be
    sent meanwhile, and the messages of this time would be unsent.
    """
    stop = runner.stop

    def end_and_stop(*arguments: Any, **options: Any) -> None:
        if holder.session is not None:
            holder.session.end()
        stop(*arguments, **options)

    runner.stop = end_and_stop  # type: ignore[method-assign]
