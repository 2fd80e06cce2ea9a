"""A sequence of steps as a JSON file: the steps, and the failure that they lead to."""

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
    """A sequence of steps and the failure that it leads to.

    Attributes:
        kind: Name of the executor, such as ``upload``.
        steps: Steps in the order of their execution.
        dialect: Name of the dialect in which the sequence failed.
        requirement: Id of the violated requirement.
        expected: What the requirement asks for.
        actual: What the target did instead.
        recurred_alone: Whether the failure recurred when the sequence was repeated with nothing beside it. False as
            well for one that was seen under load only; None if that is not known, as in files of earlier versions.
    """

    kind: str
    steps: tuple[Step, ...]
    dialect: str = ""
    requirement: str = ""
    expected: str = ""
    actual: str = ""
    recurred_alone: bool | None = None

    def data(self) -> dict[str, Any]:
        """Return the content of the file as plain JSON values."""
        return {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "kind": self.kind,
            "dialect": self.dialect,
            "requirement": self.requirement,
            "expected": self.expected,
            "actual": self.actual,
            "recurred_alone": self.recurred_alone,
            "steps": steps_data(self.steps),
        }

    def to_json(self) -> str:
        """Return the text of the file, one line a step so that people can read it."""
        data = self.data()
        steps = ",\n  ".join(json.dumps(step) for step in data.pop("steps"))
        head = json.dumps(data, indent=1).removesuffix("\n}")
        return f'{head},\n "steps": [\n  {steps}\n ]\n}}\n'

    @staticmethod
    def from_json(text: str) -> StepSequence:
        """Read a sequence.

        Raises:
            SequenceError: If the text is not a sequence; one line with the reason.
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
        recurred = data.get("recurred_alone")
        if not isinstance(recurred, bool | None):
            raise SequenceError("not a sequence: recurred_alone must be true, false or null")
        return StepSequence(steps=tuple(_step(entry) for entry in steps), **texts, recurred_alone=recurred)


def steps_data(steps: Sequence[Step]) -> list[dict[str, Any]]:
    """Return steps as plain JSON values, each with its action beside the arguments."""
    return [{"action": step.action, **step.arguments} for step in steps]


def _step(data: Any) -> Step:
    if not isinstance(data, Mapping) or not isinstance(data.get("action"), str):
        raise SequenceError(f'not a step: {str(data)[:60]}; a step is an object with "action"')
    return Step(data["action"], {name: value for name, value in data.items() if name != "action"})
