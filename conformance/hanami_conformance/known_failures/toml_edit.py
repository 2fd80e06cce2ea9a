"""The text of a list cut into its tables, so that one can be changed without changing any other byte.

tomlkit keeps a document as it is written, but it gathers tables of the same name, which changes the order of mixed
``[[known]]`` and ``[[flaky]]``, and it assigns a comment above a header to the table before it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import tomlkit

from hanami_reports.model.known_failures import Entry

_HEADER = re.compile(r"\s*\[\[\s*[\"']?(known|flaky)[\"']?\s*\]\]\s*(#.*)?")
_FAILURE = re.compile(r"\s*\[\[\s*(known|flaky)\s*\.")
_EXPIRES = re.compile(r"\s*expires\s*=")


@dataclass
class Block:
    """One table of a list, as lines with their line ends.

    Attributes:
        kind: ``known`` or ``flaky``; empty for the text before the first table.
        lines: Comments directly above the header, the header and the values.
        tail: Blank lines and comments behind the values.
    """

    kind: str
    lines: list[str] = field(default_factory=list)
    tail: list[str] = field(default_factory=list)


def split(text: str) -> list[Block]:
    """Cut a list into blocks, the text before the first table first. Their lines and tails are the list again."""
    blocks = [Block("")]
    for line in _lines(text):
        current = blocks[-1]
        header = _HEADER.fullmatch(line.rstrip("\r\n"))
        if header:
            above = _take_comment(current.tail, at_top=len(blocks) == 1 and not current.lines)
            blocks.append(Block(header.group(1), [*above, line]))
        elif not line.strip() or line.lstrip().startswith("#"):
            current.tail.append(line)
        else:
            current.lines += [*current.tail, line]
            current.tail = []
    return blocks


def _lines(text: str) -> list[str]:
    """Cut a text behind each line feed: other separators, which ``splitlines`` knows, are letters of a comment."""
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def _take_comment(lines: list[str], *, at_top: bool) -> list[str]:
    """Remove and return the comment at the end; one at the top of the file is about the whole list, and stays."""
    start = len(lines)
    while start and lines[start - 1].lstrip().startswith("#"):
        start -= 1
    if at_top and start == 0:
        return []
    taken = lines[start:]
    del lines[start:]
    return taken


def join(blocks: list[Block]) -> str:
    """Return the list."""
    return "".join("".join(block.lines + block.tail) for block in blocks)


def remove(blocks: list[Block], index: int) -> None:
    """Remove a block with the comment above its header; remarks behind it stay."""
    before, removed = blocks[index - 1], blocks.pop(index)
    rest = removed.tail
    if not before.tail or not before.tail[-1].strip():
        while rest and not rest[0].strip():
            rest = rest[1:]  # one blank line is enough
    before.tail += rest
    is_last = index == len(blocks)
    if is_last and before.lines and not "".join(before.tail).strip():
        before.tail = []


def set_expires(block: Block, day: str, end: str) -> None:
    """Set the last day of an entry.

    Args:
        block: Block of the entry.
        day: Date of TOML.
        end: Line end of the file.
    """
    line = f"expires = {day}{end}"
    for index, old in enumerate(block.lines):
        if _EXPIRES.match(old):
            block.lines[index] = line
            return
    if not block.lines[-1].endswith("\n"):
        block.lines[-1] += end
    tables = [index for index, old in enumerate(block.lines) if _FAILURE.match(old)]
    place = min(tables, default=len(block.lines))
    while place and not block.lines[place - 1].strip():
        place -= 1
    block.lines.insert(place, line)


def drop_failures(block: Block, failures: Collection[tuple[str, str]]) -> None:
    """Remove failures from an entry that keeps others.

    Args:
        block: Block of the entry.
        failures: Requirements or cases, each with its message.
    """
    document = tomlkit.parse("".join(block.lines))
    entry: Any = document[block.kind][0]
    for table in (entry, *entry.get("failure", ())):
        gone = {subject for subject, message in failures if message == table.get("message")}
        for key in ("requirement", "case"):
            names = table.get(key, ())
            if isinstance(names, str):
                names = [names]
            for name in [name for name in names if name in gone]:
                if len(names) > 1:
                    names.remove(name)
                else:
                    del table[key], table["message"]
    left = [table for table in entry.get("failure", ()) if "message" in table]
    if "failure" in entry and len(left) < len(entry["failure"]):
        for index in reversed(range(len(entry["failure"]))):
            if "message" not in entry["failure"][index]:
                del entry["failure"][index]
        if not left:
            del entry["failure"]
    block.lines = _lines(tomlkit.dumps(document))


def entry_lines(entry: Entry) -> list[str]:
    """Return the lines of an entry below its header: a failure a line where a message has several.

    With several messages, each has a table of its own, so that the entry lists no more than its failures.
    """
    tables: dict[tuple[str, bool], list[str]] = {}
    for failure in entry.failures:
        tables.setdefault((failure.message, bool(failure.requirement)), []).append(failure.subject)
    texts = [
        _failure_lines(message, names, "requirement" if of_requirement else "case")
        for (message, of_requirement), names in tables.items()
    ]
    lines = [f"reason = {_quoted(entry.reason)}"]
    for key in ("link", "owner"):
        lines += [f"{key} = {_quoted(getattr(entry, key))}"] if getattr(entry, key) else []
    lines += [f"expires = {entry.expires}"] if entry.expires else []
    if len(texts) == 1:
        return texts[0] + lines
    return lines + [
        line for text in texts for line in ("", f"[[{'flaky' if entry.flaky else 'known'}.failure]]", *text)
    ]


def _failure_lines(message: str, names: Sequence[str], key: str) -> list[str]:
    quoted = [_quoted(name) for name in names]
    if len(quoted) == 1:
        subject = [f"{key} = {quoted[0]}"]
    elif key == "requirement":
        subject = [f"{key} = [{', '.join(quoted)}]"]
    else:
        subject = [f"{key} = [", *(f"    {name}," for name in quoted), "]"]
    return [*subject, f"message = {_quoted(message)}"]


def _quoted(text: str) -> str:
    return tomlkit.item(text).as_string()
