"""Temporary folders that an interrupt does not leave behind."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from hanami_conformance.common.signals import uninterrupted


@contextmanager
def temporary_folder(prefix: str) -> Iterator[Path]:
    """Make a temporary folder, and delete it with its content at the end of the block.

    ``tempfile.TemporaryDirectory`` alone leaves it behind if Ctrl-C arrives after it was made, and before the block.

    Args:
        prefix: Beginning of its name.
    """
    with ExitStack() as stack:
        with uninterrupted():
            name = stack.enter_context(tempfile.TemporaryDirectory(prefix=prefix))
        yield Path(name)
