"""Defects of released servers, as far as clients can trigger them: each a named fault, activated by ``--as``.

They are no part of the catalogue of ``--fault``: there each fault deviates from a strict server in one point, so that a
suite that detects it under another requirement is wrong. A released server has dozens of defects at once, which hide
each other, crash the process, and use up its workers. So they are judged together, by the target matrix.

There is one module for each step of the protocol, and ``registry.py`` lists the defects of each server. The modules
``connections.py`` and ``workers.py`` hold what several defects need: the connections of the server and its workers.
"""

from hanami_reference_backend.faults.released.registry import (
    SERVERS,
    Defect,
    UnknownDefectError,
    activate,
    defects_of,
    select_defects,
)

__all__ = ["SERVERS", "Defect", "UnknownDefectError", "activate", "defects_of", "select_defects"]
