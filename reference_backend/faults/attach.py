"""Faults of the first message of a socket (ATT-1 to ATT-7)."""

from __future__ import annotations
