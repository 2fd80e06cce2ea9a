"""The text of a list cut into its tables, so that one can be changed and no other byte moves.

tomlkit keeps what it does not change, but it gathers tables of the same name, so that ``[[known]]`` and ``[[flaky]]``
in turns would change their order. Each table is therefore given to it alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import tomlkit
from tomlkit.items import AoT, Table

_HEADER = re.compile(r"\s*\[\[\s*[\"']?(known|flaky)[\"']?\s*\]\]\s*(#.*)?")
_MULTILINE = ('"""', "'''")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"|\'[^\']*\'')


@dataclass
class Block:
    """One table of a list.

    Attributes:
        kind: ``known`` or ``flaky``; empty for what stands before the first table.
        text: from its header to the last of its values, with the line end.
        tail: blank lines and comments behind that.
    """

    kind: str
    text: str
    tail: str = ""


def _header_places(text: str) -> list[tuple[int, str]]:
    """Indexes of the lines that are headers, with their kind; what stands in a string is none."""
    found = []
    inside = ""
    for index, line in enumerate(text.splitlines(keepends=True)):
        match = None if inside else _HEADER.fullmatch(line.rstrip("\r\n"))
        if match:
            found.append((index, match.group(1)))
            continue
        inside = _string_behind(line, inside)
    return found


def _string_behind(line: str, inside: str) -> str:
    """Return the quotes of the multi-line string that a line leaves open, empty for none."""
    rest = line
    while rest:
        if inside:
            _, found, rest = rest.partition(inside)
            if not found:
                return inside
            inside = ""
            continue
        if rest.startswith("#"):
            return ""
        if rest.startswith(_MULTILINE):
            inside, rest = rest[:3], rest[3:]
            continue
        string = _STRING.match(rest)
        rest = rest[string.end() :] if string else rest[1:]
    return inside


def header_lines(text: str, kind: str) -> list[int]:
    """Numbers of the lines, from 1, that the tables of a kind begin at."""
    return [index + 1 for index, found in _header_places(text) if found == kind]


def split(text: str) -> list[Block]:
    """Cut a list; together, ``text`` and ``tail`` of all blocks are the list again. The first is what stands before."""
    lines = text.splitlines(keepends=True)
    places = _header_places(text)
    starts = [index for index, _ in places]
    blocks = [Block("", "".join(lines[: starts[0] if starts else len(lines)]))]
    for (start, kind), end in zip(places, [*starts[1:], len(lines)][: len(places)], strict=True):
        blocks.append(_cut_tail(Block(kind, "".join(lines[start:end]))))
    return blocks


def _cut_tail(block: Block) -> Block:
    table = _table(tomlkit.parse(block.text), block.kind)
    tail = ""
    for key, item in reversed(table.value.body):
        if key is not None:
            break
        tail = item.as_string() + tail
    if tail and block.text.endswith(tail):
        return Block(block.kind, block.text[: -len(tail)], tail)
    return block


def _table(document: tomlkit.TOMLDocument, kind: str) -> Table:
    tables = document[kind]
    assert isinstance(tables, AoT)
    table = tables[0]
    assert isinstance(table, Table)
    return table


def with_value(block: Block, key: str, value: object) -> Block:
    """Return the block with one of its values set; a new one goes behind the last."""
    text = block.text if block.text.endswith("\n") else f"{block.text}\n"
    document = tomlkit.parse(text)
    _table(document, block.kind)[key] = value
    return Block(block.kind, tomlkit.dumps(document), block.tail)


def remove(blocks: list[Block], index: int) -> None:
    """Take a block out, with the comment that stands right above its header. What stands behind it stays."""
    before, gone = blocks[index - 1], blocks[index]
    attribute = "tail" if before.kind else "text"
    above = getattr(before, attribute).splitlines(keepends=True)
    start = len(above)
    while start and above[start - 1].lstrip().startswith("#"):
        start -= 1
    # At the top of the file, a comment is about the whole list.
    kept = "".join(above if index == 1 and start == 0 else above[:start])
    blank_above = kept.endswith(("\n\n", "\n\r\n")) or (kept and not kept.strip())
    left = kept + (gone.tail.lstrip("\r\n") if blank_above else gone.tail)
    if index == len(blocks) - 1 and before.kind and not left.strip():
        left = ""  # it only stood between the two
    setattr(before, attribute, left)
    del blocks[index]


def joined(blocks: list[Block]) -> str:
    """Return the list again."""
    return "".join(block.text + block.tail for block in blocks)
