"""Faults of the server as a whole (GEN-1 to GEN-4)."""

from __future__ import annotations
