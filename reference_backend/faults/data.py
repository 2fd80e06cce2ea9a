"""Faults of the chunks of an upload (DATA-1 to DATA-11)."""

from __future__ import annotations
