"""A badge for a README or a dashboard, SVG."""

from __future__ import annotations

from hanami_reports.common.page import environment
from hanami_reports.common.text import one_line

TEXT_LIMIT = 60  # characters
CHARACTER_WIDTH = 7  # pixels; the SVG stretches the text to the computed width, whatever font there is
MARGIN = 12  # pixels around a text

# All are dark enough for white text: a contrast of at least 4.5.
GREEN, YELLOW, RED, GREY = "#1a7f37", "#8a6100", "#b3201b", "#59636e"


def render_badge(label: str, value: str, colour: str) -> str:
    """Return a badge.

    Args:
        label: Text of the left side.
        value: Text of the right side; may come from an untrusted source.
        colour: SVG colour of the right side.
    """
    value = one_line(value, TEXT_LIMIT)
    left = CHARACTER_WIDTH * len(label) + MARGIN
    width = left + CHARACTER_WIDTH * len(value) + MARGIN
    template = environment().get_template("badge.svg.j2")
    return template.render(label=label, words=value, left=left, width=width, colour=colour) + "\n"
