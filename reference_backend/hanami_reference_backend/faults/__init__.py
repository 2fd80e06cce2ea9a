"""Named lies, each of which breaks a requirement of the protocol: what a conformance suite must catch.

A fault is a function that puts other functions in the place of honest ones before the server starts. So the honest code
knows nothing of faults, and a server without ``--fault`` never loads one. One module a step of the protocol;
``registry.py`` knows them all, ``patch.py`` is how they do it.
"""

from hanami_reference_backend.faults.registry import Fault, UnknownFaultError, catalogue, chosen

__all__ = ["Fault", "UnknownFaultError", "catalogue", "chosen"]
