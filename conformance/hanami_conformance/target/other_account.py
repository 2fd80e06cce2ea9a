"""The user of another project: given, or created on the target if the first user is an admin."""

from __future__ import annotations

import secrets
from typing import Any

from hanami_conformance.cases.failures import ConnectionClosed, ResponseTimeout, TargetDown, TargetRejectedConfiguration
from hanami_conformance.common.redact import SECRETS
from hanami_conformance.common.signals import uninterrupted
from hanami_conformance.options.target import Credentials
from hanami_conformance.target.target import NO_OTHER_ACCOUNT, Target
from hanami_proto.dialect import base64_text

NAME = "second user"
CREATE, DELETE = "user.create", "user.delete"
GONE = (200, 204, 404)  # statuses of a DELETE after which the user is gone


def add_other_account(target: Target, given: Credentials | None) -> None:
    """Log the second user in; create one if none is given, the dialect has a route, and the first user is an admin.

    Without a second user, the reason is kept for the cases that need one.

    Raises:
        TargetRejectedConfiguration, TargetDown: If the given user cannot log in.
    """
    if given is not None:
        target.other_account = target.login(given, NAME)
    elif CREATE not in target.dialect.routes:
        target.other_account_missing_reason = (
            f"{NO_OTHER_ACCOUNT}; the dialect {target.dialect.name} has no route to create one"
        )
    elif not target.account.is_admin:
        target.other_account_missing_reason = f"{NO_OTHER_ACCOUNT}; the first user is no admin, who could create one"
    else:
        _create(target)


def _create(target: Target) -> None:
    user = f"hc_{secrets.token_hex(4)}"
    password = secrets.token_urlsafe(12)
    SECRETS.add(password, f"password of the {NAME}")
    coded = base64_text(password)
    SECRETS.add(coded, f"password of the {NAME}")
    words = {"id": user, "name": user, "project": f"{user}_project", "password": password, "password_base64": coded}
    with uninterrupted():  # a created user is always registered for deletion
        try:
            answer = target.account.call(CREATE, body=_filled(target.dialect.user_body, words))
        except (ResponseTimeout, ConnectionClosed) as error:
            target.teardown_actions.append(lambda: _delete(target, user))  # it may exist nevertheless
            target.other_account_missing_reason = f"{NO_OTHER_ACCOUNT}; none could be created: {error}"
            return
        if answer.status not in (200, 201):
            target.other_account_missing_reason = (
                f"{NO_OTHER_ACCOUNT}; none could be created: {target.dialect.route(CREATE)} answered {answer}"
            )
            return
        target.teardown_actions.append(lambda: _delete(target, user))
    try:
        target.other_account = target.login(Credentials(user, password), NAME)
    except TargetRejectedConfiguration as error:
        target.other_account_missing_reason = f"{NO_OTHER_ACCOUNT}; one was created, but {error}"


def _filled(template: Any, words: dict[str, str]) -> Any:
    """Return the template with values in place of their names in braces."""
    if isinstance(template, dict):
        return {key: _filled(value, words) for key, value in template.items()}
    if isinstance(template, list):
        return [_filled(value, words) for value in template]
    if isinstance(template, str):
        for name, word in words.items():
            template = template.replace(f"{{{name}}}", word)
    return template


def _delete(target: Target, user: str) -> str:
    try:
        answer = target.account.call(DELETE, params={target.dialect.user_key: user})
    except (ResponseTimeout, ConnectionClosed, TargetDown) as error:
        return f"user {user}: {error}"
    return "" if answer.status in GONE else f"user {user}: {answer}"
