"""The login."""

from __future__ import annotations

import asyncio
from http import HTTPStatus

from hanami_reference_backend.backend import Backend
from hanami_reference_backend.common.errors import RequestError, unauthorized
from hanami_reference_backend.rest.answer_schemas import FLAG, TEXT, record
from hanami_reference_backend.rest.fields import Login, login_fields
from hanami_reference_backend.rest.operation import Operation, OperationResult


class TokenOperations:
    """``POST token``."""

    def __init__(self, backend: Backend) -> None:
        self._users = backend.users
        self._logins = backend.logins
        self._dialect = backend.dialect

    def operations(self) -> dict[str, Operation]:
        """Return the operations by their names in the dialects."""
        answer = record({"id": TEXT, "name": TEXT, "is_admin": FLAG, "token": TEXT})
        fields = login_fields(self._dialect)
        errors = (HTTPStatus.TOO_MANY_REQUESTS,)
        return {"token.create": Operation("Log in, and get a token", fields, self.create, answer, errors, is_open=True)}

    async def create(self, client: str, fields: Login) -> OperationResult:
        """Return a token for a valid id and password.

        Raises:
            RequestError: 401, with the same reason for an unknown user and a wrong password; 429 after many of them.
        """
        user_id, password = self._dialect.credentials(fields.model_dump())
        wait = self._logins.begin(client, user_id)
        if wait is None:
            raise RequestError(HTTPStatus.TOO_MANY_REQUESTS, "there were too many wrong logins: try again later")
        await asyncio.sleep(wait)
        user = self._users.log_in(user_id, password)
        if user is None:
            raise unauthorized("there is no user with that id and password")
        self._logins.forgive(client, user_id)
        return {"id": user.id, "name": user.id, "is_admin": user.is_admin, "token": self._users.token(user)}
