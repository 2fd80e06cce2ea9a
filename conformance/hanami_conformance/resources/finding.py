"""A finding: one aspect of a dataset, as the target has it and as a model requires it."""

from __future__ import annotations

from dataclasses import dataclass

from hanami_conformance.cases.checks import require


@dataclass(frozen=True)
class Finding:
    """One aspect of a finished upload.

    Attributes:
        requirement: Id of the requirement that the aspect belongs to.
        expected: What the model asks for.
        actual: What the target did.
        fact: What the target did, in a form that two uploads of the same files must agree in.
        correct: Whether it is what the model asks for.
    """

    requirement: str
    expected: str
    actual: object
    fact: object
    correct: bool

    def judge(self) -> None:
        """Require that the aspect is correct.

        Raises:
            Violation: If it is not.
        """
        require(self.correct, expected=self.expected, actual=self.actual, requirement=self.requirement)
