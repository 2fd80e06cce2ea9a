"""Everything that a running server knows."""

from __future__ import annotations

from dataclasses import dataclass

from proto import Dialect
from reference_backend.auth import Users
from reference_backend.chance import Chance
from reference_backend.clusters import ClusterStore
from reference_backend.datasets import DatasetStore
from reference_backend.settings import Settings
from reference_backend.templates import TemplateReader


@dataclass
class Backend:
    """The state of a server and the rules that it follows."""

    dialect: Dialect
    settings: Settings
    users: Users
    datasets: DatasetStore
    clusters: ClusterStore
    templates: TemplateReader

    @staticmethod
    def of(dialect: Dialect, settings: Settings, users: Users, chance: Chance | None = None) -> Backend:
        """A server that has nothing yet."""
        chance = chance or Chance()
        templates = TemplateReader(
            dialect.template,
            dialect.name_pattern,
            max_bricks=settings.max_bricks,
            hidden_size=settings.hidden_size,
        )
        clusters = ClusterStore(settings, dialect.modes, chance)
        return Backend(dialect, settings, users, DatasetStore(settings, chance), clusters, templates)
