"""The checks: one function for each requirement of clients, over the record of a scenario."""

from __future__ import annotations

from collections.abc import Mapping

from hanami_conformance.client_mode import call_checks, direct_checks, failure_checks, upload_checks
from hanami_conformance.client_mode.registry import Check, registered

_MODULES = (call_checks, upload_checks, direct_checks, failure_checks)  # imported, so that their checks are declared


def checks() -> Mapping[str, Check]:
    """Return the check of each requirement by its id, in the order of the catalogue."""
    return registered()
