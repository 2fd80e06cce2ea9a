"""The file of a sequence: what was done, what was expected, what came. Plain JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hanami_conformance.cases.step import SequenceError, Step

FORMAT = "hanami-conformance-sequence"
FORMAT_VERSION = 1


@dataclass(frozen=True)
class StepSequence:
    """A sequence and what went wrong in it.

    Attributes:
        kind: who can tell it: ``upload``.
        steps: what is done.
        dialect: in which it was told.
        requirement: id of the requirement that was broken.
        expected: what the requirement asks for.
        actual: what the target did instead.
    """

    kind: str
    steps: tuple[Step, ...]
    dialect: str = ""
    requirement: str = ""
    expected: str = ""
    actual: str = ""

    def data(self) -> dict[str, Any]:
        """Return the file form, before it is text."""
        return {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "kind": self.kind,
            "dialect": self.dialect,
            "requirement": self.requirement,
            "expected": self.expected,
            "actual": self.actual,
            "steps": steps_data(self.steps),
        }

    def to_json(self) -> str:
        """Return the file form: a line a step, so that people can read it."""
        data = self.data()
        steps = ",\n  ".join(json.dumps(step) for step in data.pop("steps"))
        head = json.dumps(data, indent=1).removesuffix("\n}")
        return f'{head},\n "steps": [\n  {steps}\n ]\n}}\n'

    @staticmethod
    def from_json(text: str) -> StepSequence:
        """Read a sequence.

        Raises:
            SequenceError: the text is none; one line that says why.
        """
        try:
            data = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise SequenceError(f"not a sequence: {error}") from error
        if not isinstance(data, dict) or data.get("format") != FORMAT:
            raise SequenceError(f'not a sequence: "format" is not "{FORMAT}"')
        if data.get("format_version") != FORMAT_VERSION:
            raise SequenceError(
                f"sequence of format version {data.get('format_version')}, this release reads {FORMAT_VERSION}"
            )
        names = ("kind", "dialect", "requirement", "expected", "actual")
        texts = {name: data.get(name, "") for name in names}
        steps = data.get("steps")
        if not all(isinstance(text, str) for text in texts.values()) or not isinstance(steps, list):
            raise SequenceError("not a sequence: kind and the rest must be texts, steps a list")
        return StepSequence(steps=tuple(_step(entry) for entry in steps), **texts)


def steps_data(steps: Sequence[Step]) -> list[dict[str, Any]]:
    """Return steps as plain JSON: what is done, and with what."""
    return [{"do": step.do, **step.with_} for step in steps]


def _step(data: Any) -> Step:
    if not isinstance(data, Mapping) or not isinstance(data.get("do"), str):
        raise SequenceError(f'not a step: {str(data)[:60]}; a step is an object with "do"')
    return Step(data["do"], {name: value for name, value in data.items() if name != "do"})
