"""Logs of Locust without secrets: on the terminal, in files, and in the web UI."""

from __future__ import annotations

import logging

from hanami_conformance.common.redact import SECRETS


class RedactingFormatter(logging.Formatter):
    """Formats records as another formatter does, without secrets.

    Args:
        formatter: The other formatter, None for the one that handlers have by default.
    """

    def __init__(self, formatter: logging.Formatter | None) -> None:
        super().__init__()
        self._formatter = formatter or logging.Formatter()

    def format(self, record: logging.LogRecord) -> str:
        """Return the text of a record, with its traceback."""
        return SECRETS.text(self._formatter.format(record))


def redact_logs() -> None:
    """Redact what all handlers write, those of Locust included; again has no effect."""
    loggers = [logging.getLogger(), *map(logging.getLogger, list(logging.root.manager.loggerDict))]
    for handler in {handler for logger in loggers for handler in logger.handlers}:
        if not isinstance(handler.formatter, RedactingFormatter):
            handler.setFormatter(RedactingFormatter(handler.formatter))
