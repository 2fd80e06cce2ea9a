"""What ends a benchmark."""

from __future__ import annotations


class BenchError(Exception):
    """A server did not start, did not answer in time, or answered wrongly; the message is one line that says which."""

    def __init__(self, text: str) -> None:
        super().__init__(" ".join(text.split()))
