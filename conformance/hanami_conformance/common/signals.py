"""Ctrl-C and SIGTERM: the first ends a run as soon as nothing is half done, and everything is cleaned up."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from hanami_reports.model.conformance import ExitStatus

SIGNALS = (signal.SIGINT, signal.SIGTERM)
EXIT_ACTIONS: list[Callable[[], None]] = []  # what is done even where a third signal ends all


@dataclass
class _State:
    """What came, and what it must wait for.

    Attributes:
        blocks: unbroken blocks that are entered now.
        waiting: whether a signal came in one of them.
        heeded: whether the interrupt arrived where it ends things: one that is raised in a destructor is lost.
        told: whether a second one was told that the end is near.
    """

    blocks: int = 0
    waiting: bool = False
    heeded: bool = False
    told: bool = False


_STATE = _State()


@contextlib.contextmanager
def handle_signals() -> Iterator[None]:
    """Catch the signals in here: the first raises KeyboardInterrupt, a second is told to wait, a third ends all.

    Outside of the main thread, and where somebody set a handler that Python did not, nothing is changed.
    """
    before = None
    if threading.current_thread() is threading.main_thread():
        before = {number: signal.getsignal(number) for number in SIGNALS}
    if before is None or any(handler is None or handler is _catch for handler in before.values()):
        yield
        return
    _STATE.waiting = _STATE.heeded = _STATE.told = False
    for number in SIGNALS:
        signal.signal(number, _catch)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class uninterrupted:  # noqa: N801 - reads as a requirement
    """Lets signals wait until the end of this block.

    For what makes something on the target until its uuid is known, for what deletes it again, and for what must not
    stop in the middle of reading. Every wait in it must have a deadline. Works within :func:`handle_signals`.

    Raises:
        KeyboardInterrupt: at the end of the block, where there was a signal.
    """

    def __enter__(self) -> None:
        _STATE.blocks += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: types.TracebackType | None
    ) -> None:
        _STATE.blocks -= 1
        if _STATE.waiting and not _STATE.blocks:
            _STATE.waiting = False
            raise KeyboardInterrupt


def acknowledge_interrupt() -> None:
    """Note that an interrupt arrived: what follows is the cleaning up, which another one does not break off."""
    _STATE.heeded = True


def _catch(number: int, frame: types.FrameType | None) -> None:  # noqa: ARG001 - the signature of a handler
    if _STATE.told:
        for act in EXIT_ACTIONS:
            act()
        os._exit(ExitStatus.INTERRUPTED)
    if _STATE.heeded or _STATE.waiting:
        _STATE.told = True
        # A handler may run in the middle of a write to a buffered file, which must not be entered twice.
        os.write(sys.__stderr__.fileno() if sys.__stderr__ else 2, b"cleaning up; once more to leave at once\n")
        return
    if _STATE.blocks:
        _STATE.waiting = True
        return
    raise KeyboardInterrupt
