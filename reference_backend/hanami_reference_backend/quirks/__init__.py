"""Quirks: deviations of real servers from the strict one that are no faults, which a conformance suite must tolerate.

A quirk replaces methods of the server before it starts, as faults do, or wraps the whole application. So the server's
own code knows nothing of quirks, and a server without ``--quirks`` never loads one. ``profile.py`` has the profiles of
the servers, ``http.py`` and ``sockets.py`` the quirks, ``activate.py`` gives them to a server.
"""

from hanami_reference_backend.quirks.profile import QUIRK_NAMES, Quirks

__all__ = ["QUIRK_NAMES", "Quirks"]
