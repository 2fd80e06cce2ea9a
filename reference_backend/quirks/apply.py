"""Making a server odd."""

from __future__ import annotations

from reference_backend.quirks import closing, cycles, delays, first_messages, paths, pool, start
from reference_backend.quirks.profile import Quirks

# From the inside out: what is closed is every answer, also that of a server which is not ready; a call keeps its worker
# while it is delayed.
_ALL = (
    *(paths.answer_unknown_ones, first_messages.answer_in_json, first_messages.let_refused_ones_try_again),
    *(cycles.answer_by_dummies, cycles.leave_requests_open),
    *(delays.slow_down_calls, delays.slow_down_messages, delays.slow_down_tables),
    *(start.fail_until_ready, pool.serve_by_four, closing.close_after_each_answer),
)


def apply(quirks: Quirks) -> None:
    """Make the servers that this process starts from now on have these quirks."""
    for quirk in _ALL:
        quirk(quirks)
