"""HTML pages: templates that escape everything, inline style and script, and a policy that forbids all else."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from hanami_reports.common.format import format_span
from hanami_reports.common.text import cut_note, format_moment, one_line, pluralise, printable

TEMPLATES = Path(__file__).parents[1] / "templates"
BLOCK_LIMIT = 4_000  # characters of a text with several lines


@cache
def environment(folder: Path = TEMPLATES) -> Environment:
    """Return the environment of all pages; it escapes and shortens every text by default.

    Args:
        folder: Folder of templates that come before the shared ones.
    """
    made = Environment(
        loader=FileSystemLoader([folder, TEMPLATES]),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(block=block, moment=format_moment, seconds=format_span)
    made.globals.update(count=pluralise)
    return made


def finalize(value: object) -> object:
    """Make a text printable and short. Jinja calls this for every expression before it escapes the value."""
    return one_line(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def block(text: str, limit: int = BLOCK_LIMIT) -> Markup:
    """Return an escaped text with several lines, cut after ``limit`` characters."""
    start = printable(text[:limit], keep="\n\t")
    return escape(start if len(text) <= limit else f"{start}\n{cut_note(text)}")


def render_page(
    template: str,
    values: Mapping[str, Any],
    *,
    styles: tuple[str, ...],
    scripts: tuple[str, ...],
    folder: Path = TEMPLATES,
) -> str:
    """Return a whole page.

    Args:
        template: File name of the template.
        values: Variables of the template.
        styles: File names of the style sheets.
        scripts: File names of the scripts, in order.
        folder: Folder of templates, style sheets and scripts that come before the shared ones.
    """
    style = "\n".join(_read(folder, name) for name in styles)
    codes = [_read(folder, name) for name in scripts]
    # Our own files, which contain nothing that would end their elements.
    trusted = {"style": Markup(style), "scripts": [Markup(code) for code in codes]}  # noqa: S704
    policy = content_security_policy(style, codes)
    return environment(folder).get_template(template).render(trusted | {"policy": policy} | dict(values))


def content_security_policy(style: str, scripts: Sequence[str]) -> str:
    """Return a policy that allows exactly these texts, and no request at all.

    Args:
        style: Text of the only style element.
        scripts: Text of each script element.
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
    """Return a macro of a template as a function."""
    return getattr(environment().get_template(template).module, name)


@cache
def _read(folder: Path, name: str) -> str:
    own = folder / name
    return (own if own.exists() else TEMPLATES / name).read_text(encoding="utf-8").strip()


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
