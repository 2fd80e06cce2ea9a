"""How pages are drawn: templates that escape everything, style and script inside, a policy against all else."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from hanami_reports.common.text import block, count, finalize, moment, seconds

_FOLDER = Path(__file__).parents[1] / "templates"


@cache
def environment() -> Environment:
    """Return the environment of all pages. Text is escaped, made printable and bounded without asking for it."""
    made = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(block=block, moment=moment, seconds=seconds)
    made.globals.update(count=count)
    return made


def draw(template: str, values: Mapping[str, Any], *, styles: tuple[str, ...], scripts: tuple[str, ...]) -> str:
    """Return a whole page.

    Args:
        template: name of its file.
        values: what the template shows.
        styles: names of the files of its style.
        scripts: names of the files of its scripts, in their order.
    """
    style = "\n".join(_read(name) for name in styles)
    codes = [_read(name) for name in scripts]
    # They are part of this package, and contain nothing that would end their elements.
    inside = {"policy": policy_of(style, codes), "style": Markup(style), "scripts": list(map(Markup, codes))}  # noqa: S704
    return environment().get_template(template).render(inside | dict(values))


def policy_of(style: str, scripts: Sequence[str]) -> str:
    """Return the content security policy of a page: no style or script works but these, and nothing is fetched or sent.

    Args:
        style: text of the one style element.
        scripts: text of each script element.
    """
    allowed = " ".join(f"'{_digest(script)}'" for script in scripts) or "'none'"
    return "; ".join(
        [
            "default-src 'none'",
            f"style-src '{_digest(style)}'",
            f"script-src {allowed}",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )


def macro(template: str, name: str) -> Any:
    """Return a macro of a template, to be called from Python."""
    return getattr(environment().get_template(template).module, name)


@cache
def _read(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8").strip()


def _digest(text: str) -> str:
    """As a content security policy names a text that it allows."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
