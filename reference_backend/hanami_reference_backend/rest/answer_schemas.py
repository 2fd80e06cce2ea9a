"""Shapes of the answers as JSON Schema, for the API page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hanami_proto.dialect import Dialect
from hanami_reference_backend.rest.answers import measure_keys
from hanami_reference_backend.rest.field_rules import UUID_PATTERN, Schema, whole
from hanami_reference_backend.storage.uploads import Kind

TEXT: Schema = {"type": "string"}
FLAG: Schema = {"type": "boolean"}
COUNT: Schema = {"type": "integer", "minimum": 0}
UUID: Schema = {"type": "string", "pattern": whole(UUID_PATTERN.pattern)}
TIME: Schema = {"type": "string", "pattern": whole("[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}")}
EMPTY: Schema = {"type": "object", "additionalProperties": False}

# The values of the keys that dialects name in their answers.
DATASET_VALUES: Mapping[str, Schema] = {"type": {"enum": [kind.value for kind in Kind]}}
CLUSTER_VALUES: Mapping[str, Schema] = {"number_of_blocks": COUNT, "number_of_sections": COUNT}
RESOURCE_VALUES: Mapping[str, Schema] = {"uuid": UUID, "created_at": TIME}


def record(properties: Mapping[str, Schema]) -> dict[str, Any]:
    """Return the schema of an object with exactly these keys."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


def taken(*keys: str) -> dict[str, str]:
    """Return fields of a later request whose values are those of the same keys in the answer."""
    return {key: f"$response.body#/{key}" for key in keys}


def resource(keys: Sequence[str], values: Mapping[str, Schema], dialect: Dialect) -> dict[str, Schema]:
    """Return the schemas of the values of a dataset or a cluster, by key.

    Args:
        keys: Keys of the answer.
        values: Schemas of the values of this kind of resource; all others are texts.
        dialect: Dialect of the server, for the modes of a cluster.
    """
    modes: Schema = {"enum": list(dialect.modes)}
    known = {**RESOURCE_VALUES, **values, **dict.fromkeys(("state", "mode", "new_state"), modes)}
    return {key: known.get(key, TEXT) for key in keys}


def table(columns: Mapping[str, Schema]) -> dict[str, Any]:
    """Return the schema of a list of resources: the names of its columns, and a row for each resource."""
    row = {
        "type": "array",
        "items": _any_of(list(columns.values())),
        "minItems": len(columns),
        "maxItems": len(columns),
    }
    return record({"header": {"const": list(columns)}, "body": {"type": "array", "items": row}})


def _any_of(schemas: Sequence[Schema]) -> Schema:
    # In place of one schema for each column (prefixItems), which many programs do not know.
    unique = [schema for index, schema in enumerate(schemas) if schema not in schemas[:index]]
    return unique[0] if len(unique) == 1 else {"anyOf": unique}


def measures(dialect: Dialect) -> dict[str, Schema]:
    """Return the schemas of the measures of a dataset, by key."""
    result: dict[str, Schema] = dict.fromkeys(measure_keys(dialect), COUNT)
    if dialect.has_content:
        span = record(dict.fromkeys(dialect.column_range, COUNT))
        result["description"] = {"type": "object", "additionalProperties": span}
    return result


def column_rows() -> dict[str, Any]:
    """Return the schema of rows of a column."""
    row = {"type": "array", "items": {"type": "number"}, "minItems": 1}
    return record({"data": {"type": "array", "items": row}})
