"""Faults of the begin of an upload (INIT-1 to INIT-6)."""

from __future__ import annotations
