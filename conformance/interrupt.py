"""Interrupts that wait: what must not be broken off in the middle is done first."""

from __future__ import annotations

import contextlib
import signal
import threading
import types
from collections.abc import Iterator

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextlib.contextmanager
def unbroken() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM wait until the end of this block; a second one does not wait.

    For what makes something on the target until its uuid is known, and for what deletes it again. Every wait in it must
    have a deadline.

    Raises:
        KeyboardInterrupt: at the end of the block, where there was a signal.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    waiting: list[int] = []

    def wait(number: int, frame: types.FrameType | None) -> None:  # noqa: ARG001 - the signature of a handler
        if waiting:
            raise KeyboardInterrupt
        waiting.append(number)

    before = {number: signal.getsignal(number) for number in SIGNALS}
    if any(handler is wait or handler is None for handler in before.values()):
        yield  # a handler that Python did not set can't be put back
        return
    for number in SIGNALS:
        signal.signal(number, wait)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if waiting:
        raise KeyboardInterrupt
