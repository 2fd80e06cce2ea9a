"""The dialects agree with the protocol page."""

from __future__ import annotations

import pytest

from hanami_proto.dialect import dialect_names, load_dialect


def test_the_default_comes_first() -> None:
    assert dialect_names() == ("documented", "hanami-0.4", "openhanami-0.5", "openhanami-0.6", "openhanami-0.7")


@pytest.mark.parametrize(
    ("name", "init", "finalize", "schema", "template"),
    [
        ("documented", "POST /v1/mnist/dataset", "PUT /v1/csv/dataset", "brick", "bricks"),
        ("hanami-0.4", "POST /control/v1/mnist/dataset", "PUT /control/v1/csv/dataset", "brick", "bricks"),
        (
            "openhanami-0.5",
            "POST /v1.0alpha/dataset/upload/mnist",
            "PUT /v1.0alpha/dataset/upload/csv",
            "buffer",
            "hexagons",
        ),
        *(
            (
                f"openhanami-0.{minor}",
                "POST /v1.0alpha/dataset/upload/mnist",
                "PUT /v1.0alpha/dataset/upload/csv",
                "buffer",
                "axons",
            )
            for minor in (6, 7)
        ),
    ],
)
def test_routes_and_schema(name: str, init: str, finalize: str, schema: str, template: str) -> None:
    dialect = load_dialect(name)
    assert str(dialect.route("mnist.init")) == init
    assert str(dialect.route("csv.finalize")) == finalize
    assert (dialect.schema, dialect.codec.schema, dialect.template) == (schema, schema, template)
    assert (dialect.default_port, dialect.connections) == (11418, 2)


def test_content_cannot_be_read_back_everywhere() -> None:
    assert {name: load_dialect(name).has_content for name in dialect_names()} == {
        "documented": True,
        "hanami-0.4": False,
        "openhanami-0.5": True,
        "openhanami-0.6": True,
        "openhanami-0.7": True,
    }


@pytest.mark.parametrize(
    ("name", "body"),
    [
        *((name, {"id": "alice", "password": "grün&blau"}) for name in ("documented", "hanami-0.4", "openhanami-0.5")),
        *((f"openhanami-0.{minor}", {"id": "alice", "passphrase": "Z3LDvG4mYmxhdQ=="}) for minor in (6, 7)),
    ],
)
def test_the_login_of_each_dialect(name: str, body: dict[str, str]) -> None:
    dialect = load_dialect(name)
    assert dialect.login("alice", "grün&blau") == body
    assert dialect.credentials(body) == ("alice", "grün&blau")


def test_templates_have_sizes_up_to_0_5() -> None:
    assert [load_dialect(name).has_sizes for name in dialect_names()] == [True, True, True, False, False]


@pytest.mark.parametrize(
    ("name", "index"),
    [("documented", 0), ("hanami-0.4", 0), ("openhanami-0.5", 1), ("openhanami-0.6", 1), ("openhanami-0.7", 4)],
)
def test_the_column_of_the_uuid_in_lists(name: str, index: int) -> None:
    dialect = load_dialect(name)
    assert dialect.answers["dataset.list"].index("uuid") == dialect.answers["cluster.list"].index("uuid") == index


def test_names() -> None:
    dialect = load_dialect("documented")
    assert dialect.is_name("My digits-1")
    for wrong in ("abc", "1abc", "a/bcd", "abcd\n", "a" * 255, ""):
        assert not dialect.is_name(wrong), wrong
    assert not load_dialect("hanami-0.4").is_name("My digits-1")
    assert load_dialect("hanami-0.4").is_name("a" * 256)
    assert not load_dialect("hanami-0.4").is_name("a" * 257)


def test_file_sizes() -> None:
    dialect = load_dialect()
    assert dialect.is_file_size(1)
    assert dialect.is_file_size(10_000_000_000)
    for wrong in (0, -1, 10_000_000_001, True, 1.0, "1", None):
        assert not dialect.is_file_size(wrong), wrong


def test_an_unknown_dialect_is_refused_with_a_choice() -> None:
    with pytest.raises(ValueError, match=r"choose one of documented, hanami-0\.4, openhanami-0\.5"):
        load_dialect("hanami-9")
