"""Faults of the mode of a cluster (MODE-1, MODE-2)."""

from __future__ import annotations
