"""Operations on clusters."""

from __future__ import annotations

import asyncio
import base64
import binascii

from hanami_reference_backend.auth import User
from hanami_reference_backend.backend import Backend
from hanami_reference_backend.common.errors import bad_request
from hanami_reference_backend.network.clusters import Cluster
from hanami_reference_backend.network.network import Network
from hanami_reference_backend.network.template_lines import TemplateError
from hanami_reference_backend.network.templates import Template
from hanami_reference_backend.rest.answer_schemas import CLUSTER_VALUES, EMPTY, record, resource, table, taken
from hanami_reference_backend.rest.answers import describe_cluster
from hanami_reference_backend.rest.fields import ByUuid, ClusterCreate, Nothing, SetMode
from hanami_reference_backend.rest.operation import CONFLICT, NOT_FOUND, Operation, OperationResult


class ClusterOperations:
    """``POST cluster``, ``GET cluster``, ``GET cluster/all``, ``DELETE cluster``, ``PUT cluster/set_mode``."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._clusters = backend.clusters

    def operations(self) -> dict[str, Operation]:
        """Return the operations by their names in the dialects."""
        dialect = self._backend.dialect
        created, described, listed, switched = (
            resource(dialect.answers[f"cluster.{name}"], CLUSTER_VALUES, dialect)
            for name in ("create", "get", "list", "set_mode")
        )
        return {
            "cluster.create": Operation(
                "Build a cluster from a template",
                ClusterCreate,
                self.create,
                record(created),
                (CONFLICT,),
                {
                    "cluster.get": taken("uuid"),
                    "cluster.delete": taken("uuid"),
                    "cluster.set_mode": {**taken("uuid"), "new_state": dialect.modes[1]},
                },
            ),
            "cluster.get": Operation("A cluster", ByUuid, self.get, record(described), (NOT_FOUND,)),
            "cluster.list": Operation("All clusters", Nothing, self.list_all, table(listed)),
            "cluster.delete": Operation("Delete a cluster", ByUuid, self.delete, EMPTY, (NOT_FOUND,)),
            "cluster.set_mode": Operation(
                "Switch between task mode and direct mode",
                SetMode,
                self.set_mode,
                record(switched),
                (NOT_FOUND, CONFLICT),
            ),
        }

    async def create(self, user: User, fields: ClusterCreate) -> OperationResult:
        """Build a cluster.

        Raises:
            RequestError: 400 for an invalid template, with its line; 409 if the name is in use.
        """
        # In a thread: a large cluster takes a while.
        template, network = await asyncio.to_thread(self.build, fields.template)
        return self.describe(self._clusters.create(user, fields.name, template, network), "cluster.create")

    async def get(self, user: User, fields: ByUuid) -> OperationResult:
        """Return the description of a cluster."""
        return self.describe(self._clusters.cluster(user, fields.uuid), "cluster.get")

    async def list_all(self, user: User, _fields: Nothing) -> OperationResult:
        """Return a table of all clusters of the project, oldest first."""
        rows = [self.describe(cluster, "cluster.list") for cluster in self._clusters.clusters(user)]
        return {"header": self._backend.dialect.answers["cluster.list"], "body": [list(row.values()) for row in rows]}

    async def delete(self, user: User, fields: ByUuid) -> OperationResult:
        """Delete a cluster, and close its websocket (DIO-14)."""
        self._clusters.delete(user, fields.uuid)
        return {}

    async def set_mode(self, user: User, fields: SetMode) -> OperationResult:
        """Switch the mode (MODE-1); the task mode closes the websocket of the cluster."""
        return self.describe(self._clusters.set_mode(user, fields.uuid, fields.new_state), "cluster.set_mode")

    def build(self, encoded: str) -> tuple[Template, Network]:
        """Return a template and a network of its shape.

        Args:
            encoded: Text of the template in base64.

        Raises:
            RequestError: 400, if the template is invalid or too large.
        """
        try:
            text = base64.b64decode(encoded, validate=True).decode("utf-8")
        except (binascii.Error, ValueError) as error:
            raise bad_request("field 'template': must be base64 of UTF-8 text") from error
        try:
            template = self._backend.templates.read(text)
        except TemplateError as error:
            raise bad_request(f"field 'template': {error}") from error
        most = self._backend.settings.max_parameters
        if template.parameters > most:
            raise bad_request(f"field 'template': {template.parameters} weights are more than {most}")
        return template, Network(template.layers, self._backend.settings.seed, text)

    def describe(self, cluster: Cluster, operation: str) -> dict[str, object]:
        """Return the values of a cluster under the keys of an operation."""
        return describe_cluster(
            cluster, cluster.mode, cluster.template.layers, self._backend.dialect.answers[operation]
        )
