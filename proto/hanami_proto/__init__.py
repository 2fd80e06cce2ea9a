"""The Hanami protocol as data: message schemas, generated modules, and the dialects that servers speak.

Ground floor of the project: imports nothing of the other packages.
"""

from hanami_proto.codec import Acknowledgement, BrickMessage, Chunk, Codec, ProcessType, SchemaError, TargetBuffer
from hanami_proto.dialect import DEFAULT_DIALECT, Dialect, NoRouteError, Route, dialect_names, load_dialect

__all__ = [
    "DEFAULT_DIALECT",
    "Acknowledgement",
    "BrickMessage",
    "Chunk",
    "Codec",
    "Dialect",
    "NoRouteError",
    "ProcessType",
    "Route",
    "SchemaError",
    "TargetBuffer",
    "dialect_names",
    "load_dialect",
]
