"""What real servers do otherwise than the strict one, without being faulty: what a conformance suite must survive.

A quirk is a function that puts other functions in the place of honest ones before the server starts, as faults do.
So the honest code knows nothing of quirks, and a server without ``--quirks`` never loads one. One idea a module;
``profile.py`` tells which servers have which, ``apply.py`` makes a server have them.
"""

from reference_backend.quirks.profile import Quirks, quirk_names, quirks_of

__all__ = ["Quirks", "quirk_names", "quirks_of"]
