"""The text of a list cut into its tables, so that one can be changed without changing any other byte.

tomlkit keeps a document as it is written, but it gathers tables of the same name, which changes the order of mixed
``[[known]]`` and ``[[flaky]]``, and it assigns a comment above a header to the table before it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_HEADER = re.compile(r"\s*\[\[\s*[\"']?(known|flaky)[\"']?\s*\]\]\s*(#.*)?")
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
    for line in re.findall(r"[^\n]*\n|[^\n]+", text):  # not splitlines: other separators are letters of a comment
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
    block.lines.append(line)
