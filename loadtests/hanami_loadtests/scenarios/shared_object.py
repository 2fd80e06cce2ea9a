"""An object that several clients share, and one of these clients: its operations become the history of the object."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, ClassVar

from hanami_conformance.common.text import printable_line
from hanami_conformance.stateful.overlap.history import History, Operation
from hanami_conformance.stateful.overlap.linearizability import Unexplained
from hanami_conformance.stateful.overlap.operations import verdict
from hanami_loadtests.engine.connection import clock
from hanami_loadtests.engine.failures import LoadFailure
from hanami_loadtests.engine.rest import LoadResponse, Rest, ServerError
from hanami_loadtests.scenarios.scenario import Answer, Scenario

Read = Callable[[LoadResponse], object]


@dataclass
class SharedClient:
    """A client with a REST connection of its own.

    Attributes:
        scenario: User that the client works for.
        number: Number of the client, from 1; ALONE for one that asks while no other does.
        history: History of the object.
        resource: Name of the object in the history.
        random: Source of its choices.
        rest: Its connection.
    """

    scenario: Scenario
    number: int
    history: History
    resource: str
    random: random.Random
    rest: Rest = field(init=False)

    def __post_init__(self) -> None:
        self.rest = self.scenario.session.rest()

    def call(
        self,
        operation: str,
        action: str,
        what: str,
        params: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        *,
        read: Read = verdict,
        arguments: Mapping[str, object] | None = None,
    ) -> object:
        """Call a REST operation, which the target may reject, and return its answer in the form of the models.

        Args:
            operation: Operation of the dialect.
            action: Name of the action in the history.
            what: Description of the request for people.
            params: Query parameters.
            body: Body, sent as JSON.
            read: Returns the answer in the form of the models.
            arguments: Arguments that the model needs.

        Raises:
            LoadFailure: If there is no answer, or a 5xx; it is recorded.
        """
        value: object = None
        text = ""

        def act(headers: Mapping[str, str]) -> Answer:
            nonlocal value, text
            response = self.rest.call(operation, params, body, headers=headers)
            if response.failed:
                raise ServerError(f"response to {response.request}: {response}")
            value = read(response)
            text = str(value) if response.status == HTTPStatus.OK else str(response.status)
            return Answer(len(response.body), self.rest.sent, self.rest.answered)

        begin = clock()
        try:
            self.scenario.timed(f"rest {operation}", act)
        except LoadFailure as error:
            self.note(action, what, None, begin, f"no answer: {error}", arguments)
            raise
        self.note(action, what, value, begin, text, arguments)
        return value

    def note(
        self,
        action: str,
        what: str,
        answer: object,
        begin: float,
        text: str,
        arguments: Mapping[str, object] | None = None,
    ) -> Operation:
        """Add an operation that is over, or has no answer, to the history.

        Args:
            action: Name of the action.
            what: Description of the request for people.
            answer: Answer in the form of the models; None if there is none.
            begin: Time at which the request was sent, seconds of the clock.
            text: Answer for people.
            arguments: Arguments that the model needs.
        """
        # The time at which we read the answer: one that is too late never makes a right answer wrong.
        end = clock() if answer is not None else float("inf")
        operation = Operation(
            self.number, action, self.resource, answer, begin, end, arguments or {}, printable_line(f"{what}: {text}")
        )
        self.history.add(operation)
        return operation

    def close(self) -> None:
        """Close the connection."""
        self.rest.close()


class SharedObject:
    """An object that several clients share, from its creation to its deletion.

    Args:
        scenario: User that the clients work for.

    Attributes:
        kind: ``dataset`` or ``cluster``.
        uuid: Uuid of the object; empty before it is created.
        name: Name of the object.
        is_deleted: Whether a client has deleted it.
    """

    kind: ClassVar[str]

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.dialect = scenario.session.dialect
        self.uuid = ""
        self.name = scenario.session.name("shared")
        self.is_deleted = False

    def create(self) -> None:
        """Create the object.

        Raises:
            LoadFailure: If that fails.
        """
        raise NotImplementedError

    def share(self, client: SharedClient) -> None:
        """Work as one of the clients, all of which do so at the same time, until the run is over at most.

        Raises:
            LoadFailure: If there is no answer; it is recorded.
        """
        raise NotImplementedError

    def look(self, client: SharedClient) -> None:
        """Look alone at what the clients left, and delete the object.

        Raises:
            LoadFailure: If there is no answer; it is recorded.
        """
        raise NotImplementedError

    def search(self, operations: Sequence[Operation], most_places: float) -> Unexplained | None:
        """Return why no order explains operations on the object, None if one does.

        Args:
            operations: The operations.
            most_places: Budget of the search.

        Raises:
            Undecided: If it is used up.
        """
        raise NotImplementedError

    def close(self, history: History) -> None:
        """Close all sockets, and record what was lost with them.

        Args:
            history: All operations on the object.
        """
