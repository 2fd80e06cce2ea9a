"""Timeouts of connections."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

CLOSE_TIMEOUT = 2.0  # seconds for a client to answer a close frame, or to read what was sent before the end
UNREAD_TIMEOUT = 120.0  # seconds in which a client may read nothing while replies wait for it


class Timeout:
    """A timeout of a connection, which can be started again and again."""

    def __init__(self) -> None:
        self._handle: asyncio.TimerHandle | None = None

    def start(self, seconds: float, action: Callable[[], None]) -> None:
        """Call a function after some seconds, unless it is stopped or started again before."""
        self.stop()
        self._handle = asyncio.get_running_loop().call_later(seconds, action)

    def stop(self) -> None:
        """Forget the function."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    @property
    def is_running(self) -> bool:
        """Whether it was started, and not stopped since."""
        return self._handle is not None
