"""Faults that can be injected into the server, each of which violates requirements: what a suite must detect.

A fault replaces methods of the server before it starts. So the server's own code knows nothing of faults, and a server
without ``--fault`` never loads one. There is one module for each step of the protocol; ``registry.py`` lists them.
"""

from hanami_reference_backend.faults.registry import Fault, UnknownFaultError, catalogue, select_faults

__all__ = ["Fault", "UnknownFaultError", "catalogue", "select_faults"]
