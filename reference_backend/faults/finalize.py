"""Faults of finalizing and deleting (FIN-1 to FIN-7, DEL-1)."""

from __future__ import annotations
