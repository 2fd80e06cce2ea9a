"""The row of an input model that an executor executes, and the parts that all workflows have in common."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol

from hanami_conformance.cases.failures import PreconditionFailed, Violation
from hanami_conformance.cases.step import Step
from hanami_conformance.clients.http_forms import HttpForm
from hanami_conformance.clients.websocket_forms import MessageForm
from hanami_conformance.combinations.input_model import NUMBER, InputModel, describe, load_model
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.target.attach import AttachForm
from hanami_conformance.target.formed_account import AFTER_USER, CallForm, FormedAccount
from hanami_conformance.target.target import Account

PAUSE = 1.0  # seconds of a silence
NEVER = ("PROG-2", "FIN-3")  # violated by what must not happen at any time, whatever else the values of a row are
CYCLE = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"  # characters of every name


@contextlib.contextmanager
def attribute_to_values(model: InputModel, steps: Sequence[Step]) -> Iterator[None]:
    """Attribute a failure of the block to the values of a row, where it has any that are not plain.

    It violates the requirement that the failed check names if that is one of NEVER or a value of the row belongs to it,
    else that of the first value that has a requirement, and else what the failed check names. A failed precondition is
    such a failure as well, because the values take part in it. The loss of the target violates what the failed check
    names: see :attr:`.Violation.requirement_if_lost`.

    Raises:
        Violation: If the block fails.
        PreconditionFailed: If it does so before anything was sent in the form of the row.
    """
    try:
        yield
    except Violation as violation:
        _attribute(model, steps, violation)
        raise
    except PreconditionFailed as failure:
        if not steps or not isinstance(failure.__cause__, Violation):
            raise
        _attribute(model, steps, failure.__cause__)
        raise failure.__cause__ from None


def _attribute(model: InputModel, steps: Sequence[Step], violation: Violation) -> None:
    if not steps:
        return
    violation.expected += f", as in the plain form: it fails with {describe(steps)}"
    suspects = [requirement for step in steps if (requirement := model.requirement(step))]
    if suspects and violation.requirement not in (*suspects, *NEVER):
        violation.attribute_to_value(suspects[0])


class ChosenRow:
    """The values of a row.

    Args:
        model: Input model of the row.
        steps: Steps of the row, one for each value that is not plain.
        accounts: Accounts of the target.

    Raises:
        SequenceError: If the model has no such dimension or value.
    """

    def __init__(self, model: InputModel, steps: Sequence[Step], accounts: Sequence[Account]) -> None:
        self._values = model.row(steps)
        self._numbers = {step.action: step.int_argument(NUMBER) for step in steps if NUMBER in step.arguments}
        self._accounts = accounts

    def __getitem__(self, dimension: str) -> str:
        return self._values.get(dimension, "")  # a dimension of another model, which is as plain as can be

    def number(self, dimension: str) -> int:
        """Return the number of a value that stands for a class of numbers, or is a number itself."""
        value = self._values[dimension]
        return self._numbers[dimension] if dimension in self._numbers else int(value)

    def call_form(self) -> CallForm:
        """Return the form of REST calls."""
        if "connection" not in self._values:
            return CallForm()
        http = HttpForm(self["body"], self["segments"], self["headers"], self["media type"])
        return CallForm(http, self["json"], self["connection"])

    def attach_form(self) -> AttachForm:
        """Return the form of an attachment."""
        if "handshake" not in self._values:
            return AttachForm()
        frames = MessageForm(self["first frames"], self["first segments"])
        return AttachForm(self["handshake"], self["first message"], frames)

    @property
    def owner(self) -> Account:
        """Account in whose name everything is done."""
        return self._accounts[1 if self["owner"] == "other user" else 0]

    @property
    def other_user(self) -> Account:
        """An account that does not own what the row creates; the owner itself where there is no other."""
        others = [account for account in self._accounts if account is not self.owner]
        return others[0] if others else self.owner

    def formed_account(self) -> FormedAccount:
        """Return the owner with the form of the row for its REST calls."""
        form = self.call_form()
        return FormedAccount(self.owner, form, self.other_user if form.connection == AFTER_USER else None)

    def name(self, resources: ResourceFactory, kind: str) -> str:
        """Return a name of the chosen length and characters, different from all others."""
        name = resources.name(kind)
        length = self._numbers.get("name", 0)
        return NAMES[self["name"]](name, length or resources.target.dialect.name_length[1])


class RowWorkflow(Protocol):
    """A workflow with the values of a row."""

    def run(self) -> None:
        """Execute the workflow.

        Raises:
            Violation: If its outcome differs from that of the plain one.
        """


class RowExecutor:
    """Executes rows of an input model.

    Args:
        model: Name of the input model.
        workflow: Function of a row and the factory of the resources that returns the workflow.
        resources: Factory of the resources.
        accounts: Accounts of the target.
    """

    def __init__(
        self,
        model: str,
        workflow: Callable[[ChosenRow, ResourceFactory], RowWorkflow],
        resources: ResourceFactory,
        accounts: Sequence[Account],
    ) -> None:
        self._model = load_model(model)
        self._workflow = workflow
        self._resources = resources
        self._accounts = accounts

    def execute(self, steps: Sequence[Step]) -> None:
        """See :class:`.execute.SequenceExecutor`."""
        row = ChosenRow(self._model, steps, self._accounts)
        with attribute_to_values(self._model, steps):
            self._workflow(row, self._resources).run()


def filled(name: str, length: int) -> str:
    """Return a name of a length that has every character."""
    return (name + CYCLE * (length // len(CYCLE) + 1))[:length]


NAMES: Mapping[str, Callable[[str, int], str]] = {
    "usual": lambda name, _length: name,
    "longest": filled,
    "with blanks": lambda name, _length: f"{name} a  b",
    "with dashes": lambda name, _length: f"{name}-a--b",
    "in capitals": lambda name, _length: f"{name}_{name.upper()}",
    "about 2^n characters": filled,
}
