"""Markdown of generated pages, from the templates beside this module."""

from __future__ import annotations

from functools import cache

import jinja2


def cell(text: str) -> str:
    """Return a text for a cell of a table or a paragraph, literally but for what is in backticks."""
    parts = " ".join(text.split()).split("`")
    return "`".join(part.replace("|", "\\|") if index % 2 else _literal(part) for index, part in enumerate(parts))


def _literal(text: str) -> str:
    for character in "\\*_[]|":
        text = text.replace(character, f"\\{character}")
    return text.replace("<", "&lt;").replace(">", "&gt;")


def code(text: str) -> str:
    """Return a text as code in a cell of a table, empty for none."""
    return f"`{text.replace('|', chr(92) + '|')}`" if text else ""


@cache
def _templates() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("tools.docs"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - Markdown, escaped by its own filters
    )
    environment.policies["json.dumps_kwargs"] = {"sort_keys": False}
    environment.filters |= {"cell": cell, "code": code}
    return environment


def render(template: str, **values: object) -> str:
    """Return the page that a template makes of these values."""
    return _templates().get_template(f"{template}.md.j2").render(values)
