"""The cases that are run against a target: one file a step of the protocol, one test a requirement of it."""

from pathlib import Path

SUITE = Path(__file__).parent
