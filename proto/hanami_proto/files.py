"""Files that are written completely or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

MODE = 0o644  # of a new file
LACKING = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


class DiskError(Exception):
    """This machine cannot store a file: no space is left, or its disk fails. The message is one line."""


@contextlib.contextmanager
def whole_file(path: Path, *, new: bool = False) -> Iterator[IO[bytes]]:
    """Provide a file to write: a reader never sees half of it, a link stays a link, an existing file keeps its mode.

    A device or a pipe is written as it is.

    Args:
        path: Path of the file; its folder must exist.
        new: Whether the file must not exist yet.

    Raises:
        FileExistsError: If the file must be new, and exists.
        DiskError: If this machine cannot store it.
        OSError: If it cannot be written for another reason, such as a missing permission.
    """
    path = path.resolve()
    if new and path.exists():
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
    temporary = None
    try:
        if path.exists() and not path.is_file():
            with path.open("wb") as file:
                yield file
            return
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "wb") as file:
            yield file
        Path(temporary).chmod(path.stat().st_mode & 0o777 if path.exists() else MODE)
        Path(temporary).replace(path)
    except BaseException as error:
        if temporary is not None:
            with contextlib.suppress(OSError):
                Path(temporary).unlink()
        if isinstance(error, OSError) and error.errno in LACKING:
            raise DiskError(
                f"cannot write {path}: {error.strerror}; free some space, or choose another disk"
            ) from error
        raise


def write_file(path: Path, text: str, *, new: bool = False) -> None:
    """Write a text in UTF-8; see :func:`whole_file`. Characters that UTF-8 does not have are escaped."""
    with whole_file(path, new=new) as file:
        file.write(text.encode("utf-8", "backslashreplace"))
