"""One page for each dialect, from its OpenAPI and AsyncAPI documents, which are files of the site as well."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from hanami_conformance import __version__
from hanami_proto.asyncapi import asyncapi_document
from hanami_proto.dialect import Dialect, dialect_names, load_dialect
from hanami_reference_backend.auth import User, Users
from hanami_reference_backend.backend import Backend
from hanami_reference_backend.common.settings import Settings
from hanami_reference_backend.rest.operation import TOKEN_HEADER
from hanami_reference_backend.serving.app import build_rest, operations
from tools.docs.markdown import code, render

FOLDER = "reference/protocol"
LIMITS = {
    "minLength": "at least {:,} characters",
    "maxLength": "at most {:,} characters",
    "minimum": "at least {:,}",
    "maximum": "at most {:,}",
}


def protocol_files() -> dict[str, str]:
    """Return the pages and the documents by their places in the site."""
    dialects = [load_dialect(name) for name in dialect_names()]
    files = {f"{FOLDER}/index.md": render("protocol", dialects=dialects)}
    for dialect in dialects:
        rest, sockets = openapi_document(dialect), asyncapi_document(dialect, __version__)
        for kind, document in (("openapi", rest), ("asyncapi", sockets)):
            files[f"{FOLDER}/{kind}-{dialect.name}.json"] = json.dumps(document, indent=2) + "\n"
        files[f"{FOLDER}/{dialect.name}.md"] = render(
            "dialect",
            dialect=dialect,
            token_header=TOKEN_HEADER,
            operations=list(_operations(rest)),
            sockets=sockets,
            messages=sockets["components"]["messages"],
        )
    return files


def openapi_document(dialect: Dialect) -> dict[str, Any]:
    """Return the OpenAPI document of a dialect: that of the reference backend, without limits of its own."""
    settings = Settings(max_file_size=dialect.file_size[1])
    users = Users([User.parse("alice:password:project")], settings.token_lifetime)
    backend = Backend.create(dialect, settings, users)
    document = build_rest(backend, operations(backend)).openapi()
    return {**document, "info": {"title": f"Hanami REST API, dialect {dialect.name}", "version": __version__}}


def _operations(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the operations of an OpenAPI document in the words of the page."""
    schemas = document.get("components", {}).get("schemas", {})
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield {
                "name": operation["operationId"],
                "method": method.upper(),
                "path": path,
                "summary": operation["summary"],
                "fields": list(_fields(operation)),
                "responses": [
                    {"status": status, "meaning": response.get("description", ""), "value": _answer(response, schemas)}
                    for status, response in operation.get("responses", {}).items()
                ],
            }


def _fields(operation: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    for parameter in operation.get("parameters", []):
        yield {"name": parameter["name"], "place": "query", "value": _rules(parameter["schema"])}
    for content in operation.get("requestBody", {}).get("content", {}).values():
        for name, schema in content["schema"].get("properties", {}).items():
            yield {"name": name, "place": "body", "value": _rules(schema)}


def _answer(response: Mapping[str, Any], schemas: Mapping[str, Any]) -> str:
    shapes = (_shape(content.get("schema", {}), schemas) for content in response.get("content", {}).values())
    return "; ".join(filter(None, shapes))


def _shape(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> str:
    """Return what an answer holds, in a few words."""
    schema = schemas.get(schema.get("$ref", "").rpartition("/")[2], schema)
    if keys := schema.get("properties"):
        return "object with " + ", ".join(code(key) for key in keys)
    return "empty object" if schema.get("additionalProperties") is False else _rules(schema)


def _rules(schema: Mapping[str, Any]) -> str:
    """Return the type of a value and the rules for it, in a few words."""
    if "const" in schema or "enum" in schema:
        return " or ".join(code(json.dumps(value)) for value in schema.get("enum", [schema.get("const")]))
    words = [str(schema.get("type", ""))]
    if "pattern" in schema:
        words.append(f"matches {code(schema['pattern'])}")
    words += [text.format(schema[key]) for key, text in LIMITS.items() if key in schema]
    return ", ".join(filter(None, words))
