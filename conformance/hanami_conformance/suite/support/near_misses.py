"""Near misses of an identifier: texts that only resemble it, and that a careless comparison takes for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

WIDE = 0xFEE0  # from an ASCII character to its full-width form, which has the same compatibility form


def _wide(text: str) -> str:
    return "".join(chr(ord(letter) + WIDE) if "!" <= letter <= "~" else letter for letter in text)


def _another(letter: str) -> str:
    """Return another letter or digit, which is hexadecimal where the given one is."""
    return "b" if letter != "b" else "c"


NEAR_MISSES: Mapping[str, Callable[[str], str]] = {
    "cut short": lambda text: text[:-1],
    "twice": lambda text: text + text,
    "with a suffix": lambda text: text + "00",
    "with a blank behind it": lambda text: text + " ",
    "with a blank before it": lambda text: " " + text,
    "with a line end behind it": lambda text: text + "\n",
    "with a NUL character behind it": lambda text: text + "\x00",
    "with an invisible character inside": lambda text: text[:3] + "\u00ad" + text[3:],
    "in quotes": lambda text: f'"{text}"',
    "in full-width characters": _wide,
    "with another first character": lambda text: _another(text[0]) + text[1:],
    "with another character before the last": lambda text: text[:-2] + _another(text[-2]) + text[-1],
}
# A comparison that ignores case has its own entry: uuids are often compared so, and no document forbids it.
OTHER_CASE: Mapping[str, Callable[[str], str]] = {"in the other case": str.swapcase}
# Forms of a uuid that libraries read as the same uuid. A target knows the form that it answered with, and no other.
UUID_FORMS: Mapping[str, Callable[[str], str]] = {
    "without dashes": lambda uuid: uuid.replace("-", ""),
    "with other dashes": lambda uuid: uuid.replace("-", "\u2010"),
    "in braces": lambda uuid: "{" + uuid + "}",
    "as a URN": lambda uuid: "urn:uuid:" + uuid,
    "with a wildcard": lambda uuid: uuid[:-1] + "_",
    "as a wildcard": lambda uuid: "%",  # noqa: ARG005
}


def near_misses(text: str, *more: Mapping[str, Callable[[str], str]]) -> Iterator[tuple[str, str]]:
    """Yield what is different about each near miss of a text, and the near miss."""
    for forms in (NEAR_MISSES, *more):
        for change, form in forms.items():
            yield change, form(text)
