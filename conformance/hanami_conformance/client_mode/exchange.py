"""One scenario while the client runs: what is recorded, and what goes wrong."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

from hanami_conformance.client_mode.interference import Interference, Rule
from hanami_conformance.client_mode.record import Record


class Exchange:
    """One scenario while the client runs: what is recorded, and what goes wrong.

    Args:
        record: Record of the scenario.
        rules: Misbehaviour of the server.
        restart: Function that restarts the server.

    Attributes:
        is_restarting: Whether the server restarts now, so that no connection is accepted.
        failure: Internal error of the gateway, None for none.
    """

    def __init__(self, record: Record, rules: Sequence[Rule], restart: Callable[[], None]) -> None:
        self.record = record
        self._interference = Interference(rules)
        self.is_restarting = False
        self.failure: Exception | None = None
        self._restart = restart
        self._restarts: asyncio.Task[None] | None = None
        self.transports: set[asyncio.WriteTransport] = set()

    def rule_at(self, step: str) -> Rule | None:
        """Count an occurrence of a step, and return the rule that applies to it, None for none."""
        rule = self._interference.rule_at(step)
        if rule is not None:
            self.record.disturbed = min(self.record.disturbed, time.monotonic())
        return rule

    async def restart(self) -> None:
        """Reset all connections, and restart the server; meanwhile no connection is accepted."""
        if not self.is_restarting:
            self.is_restarting = True
            for transport in self.transports:
                transport.abort()
            self._restarts = asyncio.create_task(self._restart_server())
        await self.restarted()

    async def restarted(self) -> None:
        """Wait until the server is there again, if it restarts."""
        if self._restarts is not None:
            await asyncio.shield(self._restarts)  # goes on although the connection that waits for it has ended

    async def _restart_server(self) -> None:
        try:
            await asyncio.to_thread(self._restart)
        finally:
            self.is_restarting = False
