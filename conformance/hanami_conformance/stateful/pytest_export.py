"""A sequence as a small pytest file, to be kept beside the tests of a backend."""

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

WIDTH = 100  # characters of a line

_FILE = '''\
"""What a Hanami backend got wrong once, made as small as possible.

{comment}

Needs hanami-conformance, and runs against any server:

    pytest FILE --hanami-target http://HOST:PORT --hanami-user USER{dialect}
"""

from hanami_conformance.cases.sequence import StepSequence
from hanami_conformance.cases.step import Step
from hanami_conformance.stateful.execute import tell

SEQUENCE = StepSequence(
    "{kind}",
    (
{steps}
    ),
)


def test_{name}(hanami_resources):
    """{sentence}"""
    tell(SEQUENCE, hanami_resources)
'''


def to_pytest(sequence: StepSequence) -> str:
    """Return a test file that executes a sequence, and fails where the target differs from the model."""
    known = catalogue().get(sequence.requirement)
    sentence = f"{sequence.requirement}: {known.text}." if known is not None else "The server does what the model says."
    texts = [(name, text) for name, text in (("expected", sequence.expected), ("actual", sequence.actual)) if text]
    lines = [_wrapped(f"{name:<9} {text}", " " * 10) for name, text in texts]
    dialect = "" if sequence.dialect in ("", DEFAULT_DIALECT) else f" --hanami-dialect {sequence.dialect}"
    return _FILE.format(
        comment="\n".join(lines) or "Nothing is known of what it got wrong.",
        dialect=dialect,
        kind=sequence.kind,
        steps="\n".join(line for step in sequence.steps for line in _step(step)),
        name=re.sub(r"\W+", "_", sequence.requirement.lower()) or "sequence",
        sentence=_wrapped(sentence, " " * 4),
    )


def _step(step: Step) -> Iterator[str]:
    """Yield the lines of a step: one, or one for each part where it would be long."""
    parts = [f"{_literal(name)}: {_literal(value)}" for name, value in step.with_.items()]
    line = f"        Step({json.dumps(step.do)}, {{{', '.join(parts)}}}),"
    if len(line) <= WIDTH:
        yield line
        return
    yield from ("        Step(", f"            {json.dumps(step.do)},", "            {")
    yield from (f"                {part}," for part in parts)
    yield from ("            },", "        ),")


def _literal(value: object) -> str:
    """Return a value of JSON as Python writes it, with the quotes of JSON."""
    match value:
        case str():
            # JSON writes characters beyond the first plane as two halves, which Python takes for two characters.
            shown = (json.dumps(char)[1:-1] if char <= "\uffff" else f"\\U{ord(char):08x}" for char in value)
            return f'"{"".join(shown)}"'
        case float() if not math.isfinite(value):
            return f'float("{value}")'
        case list():
            return f"[{', '.join(map(_literal, value))}]"
        case dict():
            return f"{{{', '.join(f'{_literal(name)}: {_literal(entry)}' for name, entry in value.items())}}}"
        case _:
            return repr(value)


def _wrapped(text: str, indent: str) -> str:
    """Text for a docstring."""
    safe = text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    return "\n".join(textwrap.wrap(safe, WIDTH - len(indent), subsequent_indent=indent, break_long_words=False))
