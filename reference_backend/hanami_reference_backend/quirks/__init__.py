"""What real servers do otherwise than the strict one, without being faulty: what a conformance suite must survive.

A quirk puts other functions in the place of the original ones before the server starts, as faults do, or wraps the
whole application. So the original code knows nothing of quirks, and a server without ``--quirks`` never loads one.
``http.py`` and ``sockets.py`` hold the quirks, ``profile.py`` tells which servers have which, ``activate.py`` gives
them to a server.
"""

from hanami_reference_backend.quirks.profile import Quirks, quirk_names, quirks_for

__all__ = ["Quirks", "quirk_names", "quirks_for"]
