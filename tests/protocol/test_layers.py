"""Imports point down only, and Locust, whose import patches the whole process, is imported in one place alone."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BELOW = {
    "proto": set(),
    "reports": {"proto"},
    "conformance": {"proto", "reports"},
    "loadtests": {"proto", "reports", "conformance"},
    "reference_backend": {"proto"},
}
PATCHED = ("loadtests/swarm/", "loadtests/hanami_loadtests/locustfile.py")


def imports(path: Path) -> Iterator[str]:
    """Names of the modules that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module or ""


def files(package: str) -> list[Path]:
    return [path for path in sorted((ROOT / package).rglob("*.py")) if "_pb2" not in path.name]


@pytest.mark.parametrize("package", BELOW)
def test_imports_point_down_only(package: str) -> None:
    seen = 0
    for path in files(package):
        for name in imports(path):
            top = name.split(".")[0]
            if top in BELOW and top != package:
                assert top in BELOW[package], f"{path.relative_to(ROOT)} imports {name}"
                seen += 1
    assert seen or package == "proto"


def test_locust_is_imported_in_one_place_alone() -> None:
    everywhere = [path for package in BELOW for path in files(package)]
    locust = [path for path in everywhere if any(name.split(".")[0] == "locust" for name in imports(path))]
    found = [str(path.relative_to(ROOT)) for path in locust]
    assert found
    assert all(name.startswith(PATCHED) or name.startswith("loadtests/bench/") for name in found), found
