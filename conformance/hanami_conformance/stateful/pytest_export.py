"""Export of a sequence as a small pytest file, for the tests of a backend."""

from __future__ import annotations

import json
import math
import re
import textwrap
from collections.abc import Iterator

from hanami_conformance.cases.sequence import StepSequence
from hanami_conformance.cases.step import Step
from hanami_conformance.catalogue import catalogue
from hanami_proto.dialect import DEFAULT_DIALECT

WIDTH = 100  # characters in a line

_FILE = '''\
"""Shrunk sequence of steps on which a Hanami backend failed.

{comment}

Needs hanami-conformance, and runs against any server:

    pytest FILE --hanami-target http://HOST:PORT --hanami-user USER{dialect}
"""

from hanami_conformance.cases.sequence import StepSequence
from hanami_conformance.cases.step import Step
from hanami_conformance.stateful.execute import execute

SEQUENCE = StepSequence(
    "{kind}",
    (
{steps}
    ),
)


def test_{name}(hanami_resources):
    """{sentence}"""
    execute(SEQUENCE, hanami_resources)
'''


def to_pytest(sequence: StepSequence) -> str:
    """Return a test file that executes a sequence and fails if the target behaves differently from the model."""
    known = catalogue().get(sequence.requirement)
    sentence = f"{sequence.requirement}: {known.text}." if known is not None else "The server behaves like the model."
    texts = [(name, text) for name, text in (("expected", sequence.expected), ("actual", sequence.actual)) if text]
    lines = [_wrapped(f"{name:<9} {text}", " " * 10) for name, text in texts]
    dialect = "" if sequence.dialect in ("", DEFAULT_DIALECT) else f" --hanami-dialect {sequence.dialect}"
    return _FILE.format(
        comment="\n".join(lines) or "The failure is not known.",
        dialect=dialect,
        kind=sequence.kind,
        steps="\n".join(line for step in sequence.steps for line in _step(step)),
        name=re.sub(r"\W+", "_", sequence.requirement.lower()) or "sequence",
        sentence=_wrapped(sentence, " " * 4),
    )


def _step(step: Step) -> Iterator[str]:
    """Yield the line of a step, or a line for each argument if it would be too long."""
    arguments = [f"{_literal(name)}: {_literal(value)}" for name, value in step.arguments.items()]
    line = f"        Step({json.dumps(step.action)}, {{{', '.join(arguments)}}}),"
    if len(line) <= WIDTH:
        yield line
        return
    yield from ("        Step(", f"            {json.dumps(step.action)},", "            {")
    yield from (f"                {argument}," for argument in arguments)
    yield from ("            },", "        ),")


def _literal(value: object) -> str:
    """Return a JSON value as a Python literal with double quotes."""
    match value:
        case str():
            # JSON escapes characters beyond the first plane as two surrogates, which Python reads as two characters.
            escaped = (json.dumps(char)[1:-1] if char <= "\uffff" else f"\\U{ord(char):08x}" for char in value)
            return f'"{"".join(escaped)}"'
        case float() if not math.isfinite(value):
            return f'float("{value}")'
        case list():
            return f"[{', '.join(map(_literal, value))}]"
        case dict():
            return f"{{{', '.join(f'{_literal(name)}: {_literal(entry)}' for name, entry in value.items())}}}"
        case _:
            return repr(value)


def _wrapped(text: str, indent: str) -> str:
    safe = text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    return "\n".join(textwrap.wrap(safe, WIDTH - len(indent), subsequent_indent=indent, break_long_words=False))
