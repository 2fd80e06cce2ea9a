"""Answers about uploads, datasets and clusters, with the keys that the dialect gives them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from hanami_proto.dialect import Dialect

VISIBILITY = "shared"  # with the users of the same project
VERSION = "1"
NEURONS_OF_A_BLOCK = 64


class Resource(Protocol):
    """An upload, a dataset or a cluster; ``created_at`` is in seconds since the epoch."""

    @property
    def uuid(self) -> str: ...  # noqa: D102 - named as in the answers

    @property
    def name(self) -> str: ...  # noqa: D102

    @property
    def owner_id(self) -> str: ...  # noqa: D102

    @property
    def project_id(self) -> str: ...  # noqa: D102

    @property
    def created_at(self) -> float: ...  # noqa: D102


# The keys of every resource. Nothing is ever updated here, and no task makes a resource.
_COMMON: Mapping[str, Callable[[Resource], object]] = {
    "uuid": lambda resource: resource.uuid,
    "name": lambda resource: resource.name,
    "owner_id": lambda resource: resource.owner_id,
    "project_id": lambda resource: resource.project_id,
    "visibility": lambda _: VISIBILITY,
    "created_at": lambda resource: time_text(resource.created_at),
    "created_by": lambda resource: resource.owner_id,
    "updated_at": lambda _: "",
    "updated_by": lambda _: "",
    "task_uuid": lambda _: "",
}
DATASET_KEYS = frozenset((*_COMMON, "type", "location", "version"))
CLUSTER_KEYS = frozenset((*_COMMON, "state", "mode", "new_state", "number_of_blocks", "number_of_sections"))
MEASURES = ("inputs", "outputs", "lines", "number_of_rows", "number_of_columns")


def time_text(seconds: float) -> str:
    """Return a time as ``YYYY-MM-DD HH:MM:SS`` in UTC."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(seconds))


def describe_dataset(resource: Resource, kind: str, keys: Sequence[str]) -> dict[str, object]:
    """Return the values of an upload or a dataset under the given keys.

    Args:
        resource: Upload or dataset.
        kind: Kind of its files.
        keys: Keys of :data:`DATASET_KEYS`.
    """
    return _described(resource, keys, {"type": kind, "location": f"memory/{resource.uuid}", "version": VERSION})


def describe_cluster(resource: Resource, mode: str, layers: Sequence[int], keys: Sequence[str]) -> dict[str, object]:
    """Return the values of a cluster under the given keys.

    Args:
        resource: The cluster.
        mode: Mode of the cluster.
        layers: Sizes of the layers of its network.
        keys: Keys of :data:`CLUSTER_KEYS`.
    """
    values: dict[str, object] = dict.fromkeys(("state", "mode", "new_state"), mode)
    if "number_of_blocks" in keys:
        values["number_of_blocks"] = sum(-(-size // NEURONS_OF_A_BLOCK) for size in layers)
    if "number_of_sections" in keys:
        values["number_of_sections"] = sum(layers)
    return _described(resource, keys, values)


def measure_keys(dialect: Dialect) -> list[str]:
    """Return the keys of :data:`MEASURES` that a dialect has for the numbers of rows and columns of a dataset."""
    keys = {*dialect.rows_keys, *(key for group in dialect.columns_keys for key in group)}
    return [key for key in MEASURES if key in keys]


def unknown_keys(answers: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the keys in the answers of a dialect that this server has no values for, each with its operation."""
    known = {"dataset": DATASET_KEYS, "cluster": CLUSTER_KEYS}
    return [
        f"{key} of {operation}"
        for operation, keys in answers.items()
        for key in keys
        if key not in known[operation.partition(".")[0]]
    ]


def _described(resource: Resource, keys: Sequence[str], values: Mapping[str, object]) -> dict[str, object]:
    return {key: values[key] if key in values else _COMMON[key](resource) for key in keys}
