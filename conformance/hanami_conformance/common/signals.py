"""Ctrl-C, SIGTERM, SIGHUP: the first signal ends a run as soon as no step is half done; everything is cleaned up."""

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

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
EXIT_ACTIONS: list[Callable[[], None]] = []  # run before a third signal ends the process


@dataclass
class _State:
    """The signals so far, and the blocks that they have to wait for.

    Attributes:
        blocks: Number of uninterrupted blocks that are active.
        waiting: Whether a signal arrived in one of them.
        acknowledged: Whether the interrupt reached code that ends the run: one that is raised in a destructor is lost.
        warned: Whether a second signal was answered with a warning.
    """

    blocks: int = 0
    waiting: bool = False
    acknowledged: bool = False
    warned: bool = False


_STATE = _State()


@contextlib.contextmanager
def handle_signals() -> Iterator[None]:
    """Handle signals: the first raises KeyboardInterrupt, the second prints a request to wait, the third exits.

    SIGHUP counts once, since the end of a terminal may send several; where it is ignored, as by nohup, it stays so.
    Outside of the main thread, and where code other than Python set a handler, nothing is changed.
    """
    before = None
    if _is_main():
        before = {number: signal.getsignal(number) for number in SIGNALS}
        if before[signal.SIGHUP] is signal.SIG_IGN:
            del before[signal.SIGHUP]
    if before is None or any(handler is None or handler is _catch for handler in before.values()):
        yield
        return
    _STATE.waiting = _STATE.acknowledged = _STATE.warned = False
    for number in before:
        signal.signal(number, _catch)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class uninterrupted:  # noqa: N801 - reads as a requirement
    """Delay signals until the end of this block.

    It protects the creation of a resource until its uuid is known, its deletion, and reading that must be complete.
    Every wait in it must have a deadline. It works within :func:`handle_signals`. Only the main thread handles signals,
    so in any other one there is nothing to delay.

    Raises:
        KeyboardInterrupt: At the end of the block, if there was a signal.
    """

    def __enter__(self) -> None:
        if _is_main():
            _STATE.blocks += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: types.TracebackType | None
    ) -> None:
        if not _is_main():
            return
        _STATE.blocks -= 1
        if _STATE.waiting and not _STATE.blocks:
            _STATE.waiting = False
            raise KeyboardInterrupt


def _is_main() -> bool:
    return threading.current_thread() is threading.main_thread()


def acknowledge_interrupt() -> None:
    """Note that an interrupt arrived: the clean-up follows, which another signal does not interrupt."""
    _STATE.acknowledged = True


def _catch(number: int, frame: types.FrameType | None) -> None:  # noqa: ARG001 - the signature of a handler
    if number == signal.SIGHUP and (_STATE.acknowledged or _STATE.waiting):
        return
    if _STATE.warned:
        for act in EXIT_ACTIONS:
            act()
        os._exit(ExitStatus.INTERRUPTED)
    if _STATE.acknowledged or _STATE.waiting:
        _STATE.warned = True
        # A handler may run in the middle of a write to a buffered file, which must not be entered twice.
        with contextlib.suppress(OSError):  # the terminal may be gone
            os.write(sys.__stderr__.fileno() if sys.__stderr__ else 2, b"cleaning up; once more to leave at once\n")
        return
    if _STATE.blocks:
        _STATE.waiting = True
        return
    raise KeyboardInterrupt
