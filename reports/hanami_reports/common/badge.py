"""The verdict as a badge, SVG: for a README or a dashboard."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from hanami_reports.common.text import one_line

TEXT_LIMIT = 60  # characters
CHARACTER = 7  # width of a character, pixels; the text is stretched or narrowed to what is reckoned with
MARGIN = 12  # pixels around a text

# All of them are dark enough for white text: a contrast of at least 4.5.
GREEN, YELLOW, RED, GREY = "#1a7f37", "#8a6100", "#b3201b", "#59636e"


def draw_badge(label: str, words: str, colour: str) -> str:
    """Return a badge.

    Args:
        label: its left side.
        words: its right side, of anybody.
        colour: of the right side, as SVG has it.
    """
    words = one_line(words, TEXT_LIMIT)
    left = CHARACTER * len(label) + MARGIN
    width = left + CHARACTER * len(words) + MARGIN
    return _template().render(label=label, words=words, left=left, width=width, colour=colour) + "\n"


@cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parents[1] / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    return environment.get_template("badge.svg.j2")
