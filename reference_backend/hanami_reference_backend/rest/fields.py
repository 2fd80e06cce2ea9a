"""Fields of requests, checked strictly: none missing, none unknown, none of another type."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from hanami_proto.dialect import Dialect
from hanami_proto.dialect_file import PASSWORD, PASSWORD_BASE64, USER_ID
from hanami_reference_backend.common.errors import bad_request
from hanami_reference_backend.common.settings import Settings
from hanami_reference_backend.rest.field_rules import (
    Base64,
    Mode,
    Name,
    RowCount,
    RowOffset,
    Rule,
    Size,
    Template,
    Uuid,
)


class Fields(BaseModel):
    """Base of all bodies and queries."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, hide_input_in_errors=True)


FieldsT = TypeVar("FieldsT", bound=Fields)


class Nothing(Fields):
    """A request without fields."""


class Login(Fields):
    """Credentials of a login; the fields and their names come from the dialect."""


def login_fields(dialect: Dialect) -> type[Login]:
    """Return the model of the body of a login."""
    types = {USER_ID: str, PASSWORD: str, PASSWORD_BASE64: Base64}
    fields: dict[str, Any] = {name: (types[word], ...) for name, word in dialect.token_body.items()}
    return create_model("Login", __base__=Login, __doc__=Login.__doc__, **fields)


class MnistInit(Fields):
    """Upload of an MNIST dataset, step 1 (INIT-1); sizes in bytes."""

    name: Name
    input_data_size: Size
    label_data_size: Size


class CsvInit(Fields):
    """Upload of a CSV file, step 1 (INIT-2); size in bytes."""

    name: Name
    input_data_size: Size


class CsvFinalize(Fields):
    """Upload of a CSV file, step 5 (FIN-1)."""

    uuid: Uuid
    uuid_input_file: Uuid


class MnistFinalize(CsvFinalize):
    """Upload of an MNIST dataset, step 5 (FIN-1)."""

    uuid_label_file: Uuid


class ByUuid(Fields):
    """Uuid of a dataset or a cluster."""

    uuid: Uuid


class ContentQuery(ByUuid):
    """Range of rows of a column."""

    column_name: str
    row_offset: RowOffset
    number_of_rows: RowCount


class ClusterCreate(Fields):
    """A new cluster; the template is base64 of its text."""

    name: Name
    template: Template


class SetMode(ByUuid):
    """Direct interaction, steps 1 and 4 (MODE-1)."""

    new_state: Mode


def check(model: type[FieldsT], values: dict[str, Any], dialect: Dialect) -> FieldsT:
    """Validate the fields of a request.

    Raises:
        RequestError: 400, with the first invalid field.
    """
    for name in values:
        if name not in model.model_fields:
            raise bad_request(f"field {name!r} is unknown")
    try:
        return model.model_validate(values, context=dialect)
    except ValidationError as error:
        raise bad_request(_reason(error)) from error


def request_schema(model: type[Fields], dialect: Dialect, settings: Settings) -> dict[str, Any]:
    """Return the JSON Schema of what :func:`check` accepts, within the limits of the server."""
    schema = model.model_json_schema()
    for name, field in model.model_fields.items():
        for rule in field.metadata:
            if isinstance(rule, Rule):
                schema["properties"][name] |= rule.schema(dialect, settings)
    return schema


def _reason(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    name = ".".join(str(part) for part in first["loc"])
    if first["type"] == "missing":
        return f"field {name!r} is missing"
    text = first["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    return f"field {name!r}: {text if text.startswith('must') else 'must be ' + text}"
