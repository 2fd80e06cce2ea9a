"""Faults of direct interaction with a cluster (DIO-1 to DIO-12, DIO-14)."""

from __future__ import annotations
