"""Files that are written completely or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
from pathlib import Path

MODE = 0o644  # of a new file
LACKING = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


class DiskError(Exception):
    """This machine cannot store a file: no space is left, or its disk fails. The message is one line."""


def write_file(path: Path, text: str, *, new: bool = False) -> None:
    """Write a text in UTF-8. A reader never sees half a file, a link stays a link, and an existing file keeps its mode.

    Args:
        path: Path of the file; its folder must exist.
        text: Text of the file; characters that UTF-8 does not have are escaped.
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
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace", newline="") as file:
            file.write(text)
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
