"""A dialect is one data file from anywhere; errors in it are reported with file and line."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import pytest

from hanami_proto.dialect import NoRouteError, load_dialect
from support.text import replaced

DOCUMENTED = (resources.files("hanami_proto") / "dialects" / "documented.toml").read_text(encoding="utf-8")


def write(folder: Path, text: str) -> str:
    path = folder / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_a_file_from_outside_is_a_dialect(tmp_path: Path) -> None:
    text = replaced(DOCUMENTED, 'name = "documented"', 'name = "mine"')
    text = replaced(text, 'prefix = "/v1/"', 'prefix = "/mine/"')
    dialect = load_dialect(write(tmp_path, text))
    assert dialect.name == "mine"
    assert str(dialect.route("csv.init")) == "POST /mine/csv/dataset"


def test_routes_may_be_left_out(tmp_path: Path) -> None:
    dialect = load_dialect(write(tmp_path, replaced(DOCUMENTED, '"cluster.create" = "POST cluster"\n', "")))
    with pytest.raises(NoRouteError, match=r"the dialect documented has no operation cluster\.create"):
        dialect.route("cluster.create")


USERS = '"user.create" = "POST user"\n"user.delete" = "DELETE user"\n[fields]'
USER = '[user]\nbody = { id = "{id}" }\ndelete_key = "id"\n'


def test_users_may_be_created(tmp_path: Path) -> None:
    dialect = load_dialect(write(tmp_path, replaced(DOCUMENTED, "[fields]", USERS) + USER))
    assert str(dialect.route("user.create")) == "POST /v1/user"
    assert (dialect.user_body, dialect.user_key) == ({"id": "{id}"}, "id")


def test_login_and_answers_have_defaults(tmp_path: Path) -> None:
    head, section, _ = DOCUMENTED.partition("[token]")
    assert section
    dialect, whole = load_dialect(write(tmp_path, head)), load_dialect()
    assert dialect.login("a", "b") == {"id": "a", "password": "b"}
    assert dialect.answers == whole.answers
    assert dialect.column_range == ("start_column", "end_column")


WRONG = [
    ("name = ", "nmae = ", "2: unknown key 'nmae', did you mean 'name'?"),
    ('name = "documented"', "name = 5", "2: name must be a word"),
    ('prefix = "/v1/"', 'prefix = "v1"', "4: prefix must be a path that begins and ends with /"),
    ('schema = "brick"', 'schema = "bricks"', "5: schema must be one of brick, buffer"),
    ('"csv.init"', '"csv.int"', "12: unknown key 'csv.int' in [routes], did you mean 'csv.init'?"),
    ('"POST csv/dataset"', '"PSOT csv/dataset"', "12: csv.init in [routes] must be METHOD path"),
    ('"token.create" = "POST token"\n', "", "8: no token.create in [routes]"),
    ("name_length = [4, 254]", "name_length = [254, 4]", "27: name_length in [fields] must be two whole numbers"),
    ("[fields]", "[feilds]", "25: unknown key 'feilds', did you mean 'fields'?"),
    ("content_rows = 10_000", "", "30: dataset.content in [routes] and content_rows in [dataset] go together"),
    (
        "[fields]",
        '"user.create" = "POST user"\n[fields]',
        "25: user.create, user.delete and a section [user] go together",
    ),
    ('password = "{password}"', 'pin = "{pin}"', "46: body in [token] must be a table: the body of token.create"),
    ('id = "{id}", ', "", "46: body in [token] must be a table: the body of token.create"),
    ('"dataset.init" =', '"dataset.begin" =', "50: unknown key 'dataset.begin' in [answers], did you mean"),
    ('"dataset.list" = ["uuid", ', '"dataset.list" = [5, ', "52: dataset.list in [answers] must be a list of texts"),
    (
        'template = "bricks"',
        'template = "bricks"\nsettings = ["speed"]',
        "38: settings in [cluster] must be a list of texts",
    ),
    ("connections = 2", "connections = = 2", "41: not TOML: Invalid value"),
    ("connections = 2", "connections = true", "41: connections in [target] must be a whole number from 1"),
]


@pytest.mark.parametrize(("old", "new", "message"), WRONG, ids=[message[:40] for *_, message in WRONG])
def test_errors_are_reported_with_their_line(tmp_path: Path, old: str, new: str, message: str) -> None:
    file = write(tmp_path, replaced(DOCUMENTED, old, new))
    with pytest.raises(ValueError, match=r"mine\.toml") as raised:
        load_dialect(file)
    assert str(raised.value).startswith(f"{file}:{message}")


def test_only_line_ends_of_toml_count_as_lines(tmp_path: Path) -> None:
    text = replaced(DOCUMENTED, "# characters", "# char\u2028act\x85ers")
    file = write(tmp_path, replaced(text, "content_rows = 10_000", "content_rows = 0"))
    with pytest.raises(ValueError, match="content_rows") as raised:
        load_dialect(file)
    assert str(raised.value).startswith(f"{file}:34: content_rows in [dataset] must be a whole number from 1")


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"cannot read the dialect .*nowhere\.toml: No such file"):
        load_dialect(str(tmp_path / "nowhere.toml"))
    (tmp_path / "mine.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ValueError, match="not UTF-8 text"):
        load_dialect(str(tmp_path / "mine.toml"))
