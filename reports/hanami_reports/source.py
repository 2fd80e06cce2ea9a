"""A result in a file, or in the folder of its reports."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

Result = TypeVar("Result")


def read_from(path: Path, name: str, load: Callable[[str], Result]) -> Result:
    """Read a result.

    Args:
        path: of the file, or of the folder that it is in.
        name: of the file in a folder.
        load: reads the text; raises ValueError where it is none.

    Raises:
        ValueError: it cannot be read, or is none; one line that names the file and says why.
    """
    file = path / name if path.is_dir() else path
    try:
        return load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"cannot read {file}: {error.strerror or error}") from error
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from error
