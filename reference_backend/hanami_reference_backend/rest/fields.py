"""Fields of requests, checked strictly: none missing, none unknown, none of another type."""

from __future__ import annotations

import base64
import re
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    create_model,
)

from hanami_proto.dialect import Dialect
from hanami_proto.dialect_file import PASSWORD, PASSWORD_BASE64, USER_ID
from hanami_reference_backend.common.errors import bad_request

UUID_PATTERN = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def is_uuid(text: str) -> bool:
    """Return whether a text is a lower-case v4 uuid."""
    return UUID_PATTERN.fullmatch(text) is not None


def _uuid(text: str) -> str:
    if not is_uuid(text):
        raise ValueError("must be a lower-case v4 uuid")
    return text


def _name(text: str, info: ValidationInfo) -> str:
    dialect = _dialect(info)
    if not dialect.is_name(text):
        low, high = dialect.name_length
        raise ValueError(f"must match {dialect.name_pattern} and have {low} to {high} characters")
    return text


def _size(number: int, info: ValidationInfo) -> int:
    dialect = _dialect(info)
    if not dialect.is_file_size(number):
        low, high = dialect.file_size
        raise ValueError(f"must be a number of bytes from {low} to {high}")
    return number


def _mode(text: str, info: ValidationInfo) -> str:
    modes = _dialect(info).modes
    if text not in modes:
        raise ValueError(f"must be {' or '.join(modes)}")
    return text


def _base64(text: str) -> str:
    try:
        base64.b64decode(text, validate=True)
    except ValueError as error:
        raise ValueError("must be base64") from error
    return text


def _digits(text: object) -> object:
    # A query has only text, so digits are converted for the strict integer.
    return int(text) if isinstance(text, str) and re.fullmatch(r"[0-9]{1,18}", text) else text


def _dialect(info: ValidationInfo) -> Dialect:
    dialect = info.context
    if not isinstance(dialect, Dialect):
        raise TypeError("fields are checked by the rules of a dialect")
    return dialect


Uuid = Annotated[str, AfterValidator(_uuid)]
Name = Annotated[str, AfterValidator(_name)]
Size = Annotated[int, AfterValidator(_size)]
Mode = Annotated[str, AfterValidator(_mode)]
Base64 = Annotated[str, AfterValidator(_base64)]
QueryNumber = Annotated[int, BeforeValidator(_digits), Field(ge=0)]


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
    """Range of rows of a column; the operation checks the number of rows against the dialect."""

    column_name: str
    row_offset: QueryNumber
    number_of_rows: QueryNumber


class ClusterCreate(Fields):
    """A new cluster; the template is base64 of its text."""

    name: Name
    template: str


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


def _reason(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    name = ".".join(str(part) for part in first["loc"])
    if first["type"] == "missing":
        return f"field {name!r} is missing"
    text = first["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    return f"field {name!r}: {text if text.startswith('must') else 'must be ' + text}"
