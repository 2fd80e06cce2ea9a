"""Placeholders in the arguments of a step: valid values by name, invalid ones literally, or a missing field.

A sequence is plain JSON and holds no secret, so ``["right"]`` stands for a token, ``["file"]`` for a uuid,
``["value", x]`` for any JSON value, and ``["missing"]`` for a field that is not sent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from hanami_conformance.cases.step import SequenceError, Step
from hanami_conformance.common.redact import SECRETS

MISSING = object()
DAMAGES = 4  # kinds of damage to a token


def resolve_value(step: Step, name: str, known: Mapping[str, Callable[[], Any]]) -> tuple[str, Any]:
    """Return the value that an argument stands for.

    Args:
        step: Step with the argument.
        name: Name of the argument.
        known: Names of valid values to the functions that return them.

    Returns:
        Tag of the placeholder, and its value or MISSING.

    Raises:
        SequenceError: If the argument is not a placeholder.
    """
    match step.arguments.get(name):
        case ["value", value]:
            return "value", value
        case ["missing"]:
            return "missing", MISSING
        case [str(tag)] if tag in known:
            return tag, known[tag]()
    choices = ", ".join(f'["{choice}"]' for choice in known)
    raise SequenceError(f'step {step.action!r}: {name} must be ["value", ...], ["missing"] or one of {choices}')


def token_variants(token: str, by: int) -> dict[str, Callable[[], str]]:
    """Return the known values of damaged tokens for :func:`resolve_value`; see :func:`damage_token`."""
    return {f"damaged {how}": partial(damage_token, token, how, by) for how in range(DAMAGES)}


def drop_missing(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields without the missing ones."""
    return {name: value for name, value in fields.items() if value is not MISSING}


def damage_token(token: str, how: int, by: int) -> str:
    """Return an invalid token made from a valid one.

    Args:
        token: Valid token.
        how: 0 truncated, 1 extended, 2 with one character changed, 3 without its second half.
        by: Number of characters, or the position of the changed one.
    """
    middle = len(token) // 2 + by % max(1, len(token) // 3)
    other = "A" if token[middle] != "A" else "B"
    damaged = {
        0: token[: -(1 + by % max(1, len(token) // 2))],
        1: token + "A" * (1 + by % 8),
        2: token[:middle] + other + token[middle + 1 :],
        3: token[: len(token) // 2],
    }[how % DAMAGES]
    SECRETS.add(damaged, "damaged token")
    return damaged
