"""A second user: made where the dialect has a way and the first user is an admin, and deleted again."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from hanami_conformance.options.target import Credentials, TargetOptions
from hanami_conformance.target.connect import connect
from support.targets import Said, rest
from support.text import replaced

DOCUMENTED = resources.files("hanami_proto") / "dialects" / "documented.toml"
ROUTES = '"user.create" = "POST user"\n"user.delete" = "DELETE user"\n[fields]'
USER = """
[user]
body = { id = "{id}", name = "{name}", password = "{password_base64}", projects = [{ name = "{project}" }] }
delete_key = "id"
"""


@pytest.fixture(name="dialect")
def written(tmp_path: Path) -> str:
    path = tmp_path / "mine.toml"
    path.write_text(replaced(DOCUMENTED.read_text(encoding="utf-8"), "[fields]", ROUTES) + USER, encoding="utf-8")
    return str(path)


class Server:
    """Users who can be made, and log in."""

    def __init__(self, *, admin: bool = True, status: int = 200) -> None:
        self.admin = admin
        self.status = status
        self.bodies: list[dict[str, Any]] = []

    def __call__(self, method: str, path: str, body: dict[str, Any]) -> Said:
        if path == "/v1/token":
            return 200, {"token": f"token-of-{body['id']}", "is_admin": self.admin and body["id"] == "alice"}
        if path == "/v1/user" and method == "POST":
            self.bodies.append(body)
            return self.status, {}
        return (self.status, {}) if path.startswith("/v1/user?id=") else (404, "no")


def options(url: str, dialect: str, other_account: Credentials | None = None) -> TargetOptions:
    return TargetOptions(url, Credentials("alice", "pw"), other_account=other_account, dialect=dialect, deadline=2.0)


def test_one_is_made_and_deleted_again(dialect: str) -> None:
    server = Server()
    with rest(server) as (url, seen):
        target = connect(options(url, dialect))
        assert target.other_account is not None
        user = target.other_account.credentials.user
        assert target.other_account.token == f"token-of-{user}"
        assert target.teardown() == []
        assert target.teardown() == []
    (body,) = server.bodies
    assert user.startswith("hc_")
    assert (body["id"], body["projects"]) == (user, [{"name": f"{user}_project"}])
    assert seen == ["POST /v1/token", "POST /v1/user", "POST /v1/token", f"DELETE /v1/user?id={user}"]


def test_a_given_one_is_taken(dialect: str) -> None:
    server = Server()
    with rest(server) as (url, _):
        target = connect(options(url, dialect, Credentials("bob", "pw")))
        assert target.other_account is not None
        assert target.other_account.credentials.user == "bob"
    assert server.bodies == []


@pytest.mark.parametrize(
    ("server", "named", "why"),
    [
        (Server(admin=False), "mine", "the first user is no admin, who could create one"),
        (Server(status=403), "mine", "none could be created: POST /v1/user answered 403"),
        (Server(), "documented", "the dialect documented has no route to create one"),
    ],
    ids=["no admin", "refused", "no route"],
)
def test_a_missing_account_has_a_reason(dialect: str, server: Server, named: str, why: str) -> None:
    with rest(server) as (url, _):
        target = connect(options(url, dialect if named == "mine" else named))
        assert target.other_account is None
        assert "--second-user" in target.other_account_missing_reason
        assert why in target.other_account_missing_reason
        assert target.teardown() == []


def test_an_account_that_cannot_be_deleted_is_reported(dialect: str) -> None:
    server = Server()
    with rest(server) as (url, _):
        target = connect(options(url, dialect))
        server.status = 500
        (left,) = target.teardown()
    assert left.startswith("user hc_")
    assert "500" in left
