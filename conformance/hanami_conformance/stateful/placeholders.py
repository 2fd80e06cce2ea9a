"""Values in the steps of a sequence: right ones by name, wrong ones as they are, or left out.

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
DAMAGES = 4  # ways to damage a token


def resolve_value(step: Step, name: str, known: Mapping[str, Callable[[], Any]]) -> tuple[str, Any]:
    """Return the value of a field.

    Args:
        step: that holds it.
        name: of the field.
        known: names of right values to what makes them.

    Returns:
        Its tag, and the value, or MISSING.

    Raises:
        SequenceError: it is written otherwise.
    """
    written = step.with_.get(name)
    match written:
        case ["value", value]:
            return "value", value
        case ["missing"]:
            return "missing", MISSING
        case [str(tag)] if tag in known:
            return tag, known[tag]()
    choices = ", ".join(f'["{choice}"]' for choice in known)
    raise SequenceError(f'step {step.do!r}: {name} must be ["value", ...], ["missing"] or one of {choices}')


def token_variants(token: str, by: int) -> dict[str, Callable[[], str]]:
    """Names of damaged tokens to what makes them, for :func:`resolve_value`; see :func:`damage_token`."""
    return {f"damaged {how}": partial(damage_token, token, how, by) for how in range(DAMAGES)}


def drop_missing(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that are sent."""
    return {name: value for name, value in fields.items() if value is not MISSING}


def damage_token(token: str, how: int, by: int) -> str:
    """Return a token that authorises nothing, made from a right one.

    Args:
        token: the right one.
        how: 0 cut short, 1 with more behind it, 2 with one character changed, 3 without its second half.
        by: how many characters, or which.
    """
    middle = len(token) // 2 + by % max(1, len(token) // 3)
    other = "A" if token[middle] != "A" else "B"
    made = {
        0: token[: -(1 + by % max(1, len(token) // 2))],
        1: token + "A" * (1 + by % 8),
        2: token[:middle] + other + token[middle + 1 :],
        3: token[: len(token) // 2],
    }[how % DAMAGES]
    SECRETS.add(made, "damaged token")
    return made
