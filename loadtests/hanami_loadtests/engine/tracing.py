"""Traces of exchanges: what is sent with a request, so that the target can add its own spans to the trace."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager


class Tracing:
    """No traces. Where they are exported, a class of :mod:`hanami_loadtests.telemetry` takes its place."""

    @contextmanager
    def exchange(self, series: str) -> Iterator[Mapping[str, str]]:  # noqa: ARG002 - for those that trace
        """Trace one exchange in a block, and provide the header fields of its request.

        Args:
            series: Type of message.
        """
        yield {}
