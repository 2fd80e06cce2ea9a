"""Faults of careless comparisons: what only resembles an identifier is taken for it (ATT-3, ATT-4, ATT-5, MODE-2)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

import jwt

from hanami_reference_backend.auth import InvalidTokenError, User, Users
from hanami_reference_backend.faults import internals
from hanami_reference_backend.faults.patch import replace_method
from hanami_reference_backend.faults.registry import fault
from hanami_reference_backend.rest import fields
from hanami_reference_backend.sockets.attach import SocketServer
from hanami_reference_backend.sockets.channel import Channel
from hanami_reference_backend.sockets.cluster import ClusterSession


def _parsed(uuid: Any) -> Any:
    """Return the uuid that a text stands for in any form, and what is no uuid as it is."""
    try:
        return str(UUID(uuid))
    except (ValueError, AttributeError, TypeError):
        return uuid


@fault("ATT-4", hook=replace_method(SocketServer, "open_upload"))
def uuids_of_files_in_any_form(original: Any, server: SocketServer, channel: Channel, user: User, uuid: Any) -> Any:
    """A uuid of a file is accepted in braces, as a URN, and without dashes."""
    return original(server, channel, user, _parsed(uuid))


@fault("MODE-2", hook=internals.change_fields(fields.SetMode))
def uuids_of_clusters_in_any_form(values: dict[str, Any]) -> dict[str, Any]:
    """A switch of the mode accepts a uuid in braces, as a URN, and without dashes."""
    return {**values, "uuid": _parsed(values.get("uuid"))}


@fault("PROG-4", "FIN-4", "DEL-1", "GEN-1", hook=internals.change_fields(fields.ByUuid, fields.CsvFinalize))
def uuids_up_to_an_invisible_character(values: dict[str, Any]) -> dict[str, Any]:
    """Calls about datasets ignore invisible characters in a uuid."""
    return {**values, "uuid": "".join(filter(str.isprintable, str(values.get("uuid"))))}


@fault("ATT-3", hook=replace_method(SocketServer, "user"))
def blanks_around_tokens_ignored(original: Any, server: SocketServer, values: dict[str, Any]) -> User:
    """A token in a first message is accepted with blanks and line ends around it."""
    user: User = original(server, {**values, "token": str(values.get("token")).strip()})
    return user


@fault("ATT-5", hook=replace_method(SocketServer, "read"))
def targets_in_full_width(original: Any, server: SocketServer, message: bytes | str) -> Any:
    """A target is accepted in characters that are only compatible with its own."""
    values = original(server, message)
    return {**values, "target": unicodedata.normalize("NFKC", str(values.get("target")))}


@fault("MODE-2", hook=internals.change_fields(fields.SetMode))
def states_end_at_a_nul(values: dict[str, Any]) -> dict[str, Any]:
    """A state counts up to its first NUL character."""
    return {**values, "new_state": str(values.get("new_state")).partition("\0")[0]}


@fault("DIO-12", hook=replace_method(ClusterSession, "decode"))
def names_of_bricks_end_at_a_nul(original: Any, session: ClusterSession, payload: bytes | str) -> Any:
    """The name of a brick counts up to its first NUL character."""
    message = original(session, payload)
    return replace(message, name=message.name.partition("\0")[0])


def _accept_tokens(is_accepted: Callable[[str, str, str], bool]) -> None:
    """Accept tokens whose signature is wrong, by header, claims and signature as they are written."""

    @replace_method(Users, "user_from_token")
    def user_from_token(original: Any, users: Users, token: str) -> User:
        try:
            user: User = original(users, token)
        except InvalidTokenError:
            parts = token.split(".")
            if len(parts) != 3 or not is_accepted(*parts):
                raise
            claims = jwt.decode(token, options={"verify_signature": False})
            found = next((one for one in users if one.id == claims.get("sub")), None)
            if found is None or claims.get("exp", 0) < time.time():
                raise
            return found
        known_signatures.add(token.partition(".")[0] + token.rpartition(".")[2])
        return user


known_signatures: set[str] = set()


def _algorithm(header: str) -> str:
    try:
        parsed = json.loads(base64.urlsafe_b64decode(header + "=" * (-len(header) % 4)))
    except ValueError:
        return ""
    return str(parsed.get("alg")) if isinstance(parsed, dict) else ""


@fault("ATT-3", "INIT-6", "PROG-4", "FIN-4", "MODE-2")
def unsigned_tokens_in_capitals() -> None:
    """An unsigned token is accepted if its algorithm is written NONE."""
    _accept_tokens(lambda header, _claims, signature: _algorithm(header) == "NONE" and not signature)


@fault("ATT-3", "INIT-6", "PROG-4", "FIN-4", "MODE-2")
def claims_of_known_tokens_unverified() -> None:
    """The claims of a token are not verified if its header and its signature were seen before."""
    _accept_tokens(lambda header, _claims, signature: header + signature in known_signatures)


@fault("ATT-3", "INIT-6", "PROG-4", "FIN-4", "MODE-2")
def tokens_of_an_empty_key() -> None:
    """A token that is signed with an empty key is accepted."""

    def is_signed(header: str, claims: str, signature: str) -> bool:
        digest = hmac.digest(b"", f"{header}.{claims}".encode(), hashlib.sha256)
        return signature == base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

    _accept_tokens(is_signed)
