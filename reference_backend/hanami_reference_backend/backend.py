"""State of a running server."""

from __future__ import annotations

from dataclasses import dataclass, field

from hanami_proto.dialect import Dialect
from hanami_reference_backend.auth import LoginThrottle, Users
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
    logins: LoginThrottle = field(default_factory=LoginThrottle)

    @staticmethod
    def create(dialect: Dialect, settings: Settings, users: Users, identity: RandomIdentity | None = None) -> Backend:
        """Return the state of a server without datasets and clusters."""
        identity = identity or RandomIdentity()
        templates = TemplateReader(
            dialect.template,
            dialect.name_pattern,
            max_bricks=settings.max_bricks,
            hidden_size=settings.hidden_size,
            settings=dialect.template_settings,
            types={"inputs": dialect.input_types, "outputs": dialect.output_types},
        )
        clusters = ClusterStore(settings, dialect.modes, identity)
        return Backend(dialect, settings, users, DatasetStore(settings, identity), clusters, templates)
