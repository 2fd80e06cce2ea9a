"""A server that cases may suspend, kill and restart, as far as they can see."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from hanami_conformance.cases.recording import current_case
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.target.server_control import ServerControl


@dataclass
class Server:
    """A server that is never really ended, and so keeps everything, unless ``lose`` loses it."""

    lose: Callable[[], object] = lambda: None
    log: list[str] = field(default_factory=list)
    pid: int = 1
    sent: int = 0  # messages while it was suspended

    @contextlib.contextmanager
    def suspended(self) -> Iterator[None]:
        before = current_case().sent
        yield
        self.sent += current_case().sent - before

    def kill(self) -> None:
        self.log.append("killed")

    def stop(self) -> None:
        self.log.append("stopped")

    def ended(self) -> str:
        return ""

    def restart(self) -> None:
        self.log.append("restarted")
        self.lose()


def started(resources: ResourceFactory, durable: str = "none", lose: Callable[[], object] = lambda: None) -> Server:
    """Let the steps of sequences control a server."""
    server = Server(lose)
    resources.target.server = ServerControl(server, server.restart)
    resources.target.durable = durable
    return server
