"""The misbehaviour of a scenario as rules: at which step of the protocol, the how many times, and what then."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Annotated, Any

from hanami_proto.validation import Check

ALWAYS = 0  # as the number of times of a rule
# Steps that are no REST operation of a dialect, in the order of a websocket.
HANDSHAKE, FIRST_MESSAGE, ACCEPTANCE = "handshake", "first-message", "acceptance"
CHUNK, ACKNOWLEDGEMENT, VALUES, REPLY, OUTPUT = "chunk", "acknowledgement", "values", "reply", "output"
ACTIONS = {
    "drop": "reset the connection; what the client sent is lost",
    "drop-after": "let the server do it, then reset the connection; the answer is lost",
    "answer": "answer a request with `status` and `body`, without the server",
    "answer-after": "let the server do it, then answer with `status` and `body`, as a gateway that waited too long",
    "reject": "reject a websocket message as the server would, with the reason `body`",
    "close": "let the server answer, and close the connection behind the answer",
    "go-away": "close the websocket with 1001, as a server that stops does; what the client sent is lost",
    "set": "let the server answer, and replace the keys of its JSON object by those of `keys`",
    "text": "send `body` in place of the message, in a text frame, or in a binary one with `binary = true`",
    "lose": "do not deliver an answer, or leave a request without one; the connection stays open",
    "delay": "wait `seconds` before the message goes on",
    "leave-open": "send an output with isLast = false",
    "fragment": "send the message in frames of `size` bytes, a ping between the first two",
    "restart": "restart the server: all connections are reset, and uploads, clusters and tokens are forgotten",
}


def _check_action(action: str) -> str:
    if action not in ACTIONS:
        raise ValueError(f"must be one of {', '.join(ACTIONS)}")
    return action


@dataclass(frozen=True)
class Rule:
    """One misbehaviour.

    Attributes:
        at: Step: an operation such as ``mnist.init``, or one of the steps of a websocket; ``*`` stands for any text.
        action: One of :data:`ACTIONS`.
        first: Occurrence of the step at which it begins, from 1.
        times: Number of occurrences, :data:`ALWAYS` for all from the first one.
        status: Status of an answer.
        body: Body of an answer, text of a message, or reason of a rejection.
        binary: Whether a text is sent in a binary frame.
        keys: Keys that replace those of a JSON object.
        seconds: Delay in seconds.
        size: Bytes of a fragment.
    """

    at: str
    action: Annotated[str, Check(_check_action)]
    first: int = 1
    times: int = 1
    status: int = 503
    body: str = ""
    binary: bool = False
    keys: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    size: int = 16


class Interference:
    """Counts the steps of a scenario, and finds the rule for each.

    Args:
        rules: Rules of the scenario; of several that apply, the first one counts.
    """

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = rules
        self._seen: Counter[int] = Counter()  # occurrences by the index of the rule
        self.applied = 0

    def rule_at(self, step: str) -> Rule | None:
        """Count an occurrence of a step, and return the rule that applies to it, None for none."""
        found = None
        for index, rule in enumerate(self._rules):
            if not fnmatchcase(step, rule.at):
                continue
            self._seen[index] += 1
            if found is None and self._applies(rule, self._seen[index]):
                found = rule
        self.applied += found is not None
        return found

    def _applies(self, rule: Rule, number: int) -> bool:
        return number >= rule.first and (rule.times == ALWAYS or number < rule.first + rule.times)
