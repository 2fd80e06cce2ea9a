"""Everything that a running server knows."""

from __future__ import annotations

from dataclasses import dataclass

from hanami_proto.dialect import Dialect
from hanami_reference_backend.auth import Users
from hanami_reference_backend.common.identity import RandomIdentity
from hanami_reference_backend.common.settings import Settings
from hanami_reference_backend.network.clusters import ClusterStore
from hanami_reference_backend.network.templates import TemplateReader
from hanami_reference_backend.storage.datasets import DatasetStore


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
    def of(dialect: Dialect, settings: Settings, users: Users, chance: RandomIdentity | None = None) -> Backend:
        """Return a server that has nothing yet."""
        chance = chance or RandomIdentity()
        templates = TemplateReader(
            dialect.template,
            dialect.name_pattern,
            max_bricks=settings.max_bricks,
            hidden_size=settings.hidden_size,
        )
        clusters = ClusterStore(settings, dialect.modes, chance)
        return Backend(dialect, settings, users, DatasetStore(settings, chance), clusters, templates)
