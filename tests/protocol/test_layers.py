"""Imports point one way: between packages, between the rooms of a package, and between modules."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from support.paths import ROOT

# The packages and programs, each with what it may import.
BELOW = {
    "hanami_proto": set[str](),
    "hanami_reports": {"hanami_proto"},
    "hanami_conformance": {"hanami_proto", "hanami_reports"},
    "hanami_loadtests": {"hanami_proto", "hanami_reports", "hanami_conformance"},
    "hanami_reference_backend": {"hanami_proto"},
    "tools": {"hanami_proto", "hanami_reports", "hanami_conformance", "hanami_loadtests", "hanami_reference_backend"},
}
FOLDERS = {package: ROOT / package.removeprefix("hanami_") / package for package in BELOW} | {"tools": ROOT / "tools"}

# The rooms of a package, from the ground up: each imports only from itself and from those before it. A room is a folder
# or a module; rooms in one string know nothing of each other.
ROOMS = {
    "hanami_proto": (
        "files",
        "validation options command_line http_origin websocket brick_pb2 buffer_pb2",
        "toml codec",
        "dialect_file",
        "dialect",
        "asyncapi",
    ),
    "hanami_reports": ("common", "model", "conformance", "load", "history", "cli"),
    "hanami_conformance": (
        *(
            "common",
            "catalogue",
            "models",
            "data",
            "cases",
            "combinations",
            "clients",
            "options",
            "target",
            "resources",
            "server",
        ),
        *("stateful", "suite", "known_failures", "session", "client_mode", "cli"),
    ),
    "hanami_loadtests": (
        *(
            "ports",
            "engine",
            "server_usage",
            "options",
            "settings",
            "limits",
            "faults",
            "stages",
            "session",
            "scenarios",
        ),
        *("telemetry", "live_view live_history", "result", "launch", "repeat", "run_command", "peak"),
        *("locust_integration", "locustfile", "cli", "entry"),
    ),
    "hanami_reference_backend": (
        *("common", "auth", "storage network", "backend", "sockets rest", "serving", "faults", "quirks", "options"),
        *("run", "cli", "__main__"),
    ),
    "tools": (
        *(
            "process command_options",
            "tcp_proxy",
            "reference",
            "web_ui",
            "bench clocks",
            "kill_matrix",
            "client_kill_matrix target_matrix repeatability mutation sequence_search",
        ),
        *("autobahn schemathesis sample_data dist docs", "pictures"),
    ),
}
PATCHED = (
    "hanami_loadtests.locust_integration",
    "hanami_loadtests.locustfile",
    "tools.bench",
    "tools.clocks.stock_user",
)


def module_name(package: str, path: Path) -> str:
    parts = (package, *path.relative_to(FOLDERS[package]).with_suffix("").parts)
    return ".".join(parts).removesuffix(".__init__")


@cache
def modules() -> dict[str, Path]:
    """Every module of the packages and programs."""
    paths = [(package, path) for package in BELOW for path in sorted(FOLDERS[package].rglob("*.py"))]
    return {module_name(package, path): path for package, path in paths}


@cache
def imported(name: str) -> frozenset[str]:
    """Names that a module imports, wherever in it: also in functions, and for types alone."""
    found = set()
    for node in ast.walk(ast.parse(modules()[name].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}: relative import"
            assert node.module is not None
            inside = {f"{node.module}.{alias.name}" for alias in node.names} & modules().keys()
            found |= inside
            if len(inside) < len(node.names):
                found.add(node.module)
    return frozenset(found)


def edges(package: str) -> Iterator[tuple[str, str]]:
    """Modules of a package, each with one that it imports of ours."""
    for name in modules():
        if name.split(".")[0] == package:
            yield from ((name, other) for other in sorted(imported(name) & modules().keys()))


def room(name: str) -> str:
    """The room of a module; empty for the package itself."""
    return f"{name}.".split(".")[1]


@pytest.mark.parametrize("package", BELOW)
def test_packages_import_only_those_below_them(package: str) -> None:
    allowed = {package} | BELOW[package]
    tops = {(name, other) for name, other in edges(package) if other.split(".")[0] not in allowed}
    assert tops == set()


@pytest.mark.parametrize("package", BELOW)
def test_the_rooms_of_a_package_are_all_listed(package: str) -> None:
    listed = [name for rooms in ROOMS[package] for name in rooms.split()]
    assert len(set(listed)) == len(listed)
    assert {room(name) for name in modules() if name.startswith(f"{package}.")} == set(listed)


@pytest.mark.parametrize("package", BELOW)
def test_rooms_import_only_those_before_them(package: str) -> None:
    places = {name: place for place, rooms in enumerate(ROOMS[package]) for name in rooms.split()}
    seen = 0
    for name, other in edges(package):
        one, two = room(name), room(other)
        if other.split(".")[0] == package and one and two and one != two:
            assert places[two] < places[one], f"{name} imports {other}"
            seen += 1
    assert seen


def test_no_module_imports_itself_by_way_of_others() -> None:
    graph = {name: imported(name) & modules().keys() - {name} for name in modules()}
    while free := [name for name, others in graph.items() if not others & graph.keys()]:
        for name in free:
            del graph[name]
    assert graph == {}, "these import each other"


def test_locust_is_imported_only_where_it_may_be() -> None:
    found = [name for name in modules() if any(other.split(".")[0] == "locust" for other in imported(name))]
    assert found
    assert [name for name in found if not name.startswith(PATCHED)] == []
