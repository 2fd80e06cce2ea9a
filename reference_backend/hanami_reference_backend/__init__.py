"""A strict reference server of the Hanami protocol: REST and websocket on one port, a small numpy network inside."""

from __future__ import annotations

from importlib import metadata

try:
    __version__ = metadata.version("hanami-conformance")
except metadata.PackageNotFoundError:  # run from a source tree that was never installed
    __version__ = "0+unknown"

__all__ = ["__version__"]
