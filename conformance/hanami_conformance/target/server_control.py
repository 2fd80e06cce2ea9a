"""Control of a server that the suite starts: restart it, kill it, suspend it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


class ControlledProcess(Protocol):
    """Process of the server under test."""

    @property
    def pid(self) -> int:
        """Id of the process, that of its last start."""

    def suspended(self) -> contextlib.AbstractContextManager[None]:
        """Suspend the server during the block."""

    def kill(self) -> None:
        """End the server at once."""

    def ended(self) -> str:
        """Return how the process ended, empty while it runs."""

    def stop(self) -> None:
        """Ask the server to end, and end it where it does not."""


@dataclass(frozen=True)
class ServerControl:
    """What a case may do to a server that the suite starts.

    Attributes:
        process: Process of the server.
        restart: Function that stops the server if it runs, starts it again, and logs the accounts in.
    """

    process: ControlledProcess
    restart: Callable[[], None]
