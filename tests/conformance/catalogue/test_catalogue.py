"""The catalogue is whole, and every test of the suite hangs on it."""

from __future__ import annotations

import ast
import re
from collections import defaultdict

import pytest

from hanami_conformance.catalogue import catalogue, families, requirement, select
from hanami_reports.model.conformance import Level
from support.paths import ROOT

SUITE = ROOT / "conformance" / "hanami_conformance" / "suite"
COUNTS = {"ATT": 8, "INIT": 6, "DATA": 12, "PROG": 4, "FIN": 7, "DEL": 1, "MODE": 3, "DIO": 14, "GEN": 4}


def test_every_requirement_is_there() -> None:
    expected = [f"{family}-{number}" for family, count in COUNTS.items() for number in range(1, count + 1)]
    assert list(catalogue()) == expected
    assert tuple(COUNTS) == families(catalogue())
    for entry in catalogue().values():
        assert entry.text
        assert entry.step
        assert entry.workflow in ("Attach", "Upload", "Direct interaction", "General")


def suite_tests() -> list[tuple[str, ast.FunctionDef, list[str]]]:
    """Each test of the suite: its file, its function, and the ids that it names."""
    return [
        (path.name, node, named(node))
        for path in sorted(SUITE.glob("test_*.py"))
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    ]


def named(node: ast.FunctionDef, marker: str = "requirement") -> list[str]:
    """The ids in the ``@requirement`` of a test and its parameters, or in another marker."""
    return [
        str(argument.value)
        for decorator in node.decorator_list
        for call in ast.walk(decorator)  # the parameters of a test may have markers of their own
        if isinstance(call, ast.Call) and ast.unparse(call.func).removeprefix("pytest.mark.") == marker
        for argument in call.args
        if isinstance(argument, ast.Constant)
    ]


def test_every_test_names_its_requirements_and_has_a_title() -> None:
    for file, node, ids in suite_tests():
        assert ids, f"{file}::{node.name} names no requirement"
        assert ast.get_docstring(node), f"{file}::{node.name} has no sentence"


def test_every_requirement_has_a_test() -> None:
    tests = defaultdict(list)
    for _, node, ids in suite_tests():
        tests[ids[0]].append(node.name)
    lacking = [name for name in catalogue() if name not in tests]
    assert lacking == [], "these have no test that names them first"


def test_every_should_is_in_sequences_and_every_observe_has_a_probe() -> None:
    sequence_tests = [(node, ids) for _, node, ids in suite_tests() if "search" in [arg.arg for arg in node.args.args]]
    in_sequences = {name for node, ids in sequence_tests for name in (*ids, *named(node, "may_violate"))}
    probed = {name for _, node, ids in suite_tests() if "observe(" in ast.unparse(node) for name in ids}
    for entry in catalogue().values():
        if entry.level is Level.SHOULD:
            assert entry.id in in_sequences, entry.id
        if entry.level is Level.OBSERVE:
            assert entry.id in probed, entry.id


def test_an_observing_test_names_first_what_it_observes() -> None:
    for _, node, ids in suite_tests():
        levels = [catalogue()[name].level for name in ids]
        assert Level.OBSERVE not in levels[1:], node.name  # what follows must hold whatever is observed


def test_a_marker_with_an_unknown_id_is_refused() -> None:
    with pytest.raises(ValueError, match="not in the catalogue: PROG-99"):
        requirement("PROG-99")
    with pytest.raises(ValueError, match="at least one requirement"):
        requirement()


def test_selection_by_id_and_by_family() -> None:
    assert select(["prog-2"]) == {"PROG-2"}
    assert select(["PROG", "DEL-1"]) == {"PROG-1", "PROG-2", "PROG-3", "PROG-4", "DEL-1"}
    with pytest.raises(ValueError, match="did you mean"):
        select(["DATS"])


def sentences() -> list[tuple[str, str, str]]:
    """Ids, sentences and the line below of all comments in the suite that quote a requirement, in their order."""
    found = []
    for path in sorted(SUITE.glob("test_*.py")):
        text = path.read_text(encoding="utf-8")
        for match in re.finditer(r"^# ([A-Z]+-\d+): ((?:.*\n)(?:# .*\n)*)(.*)$", text, flags=re.MULTILINE):
            words = " ".join(line.removeprefix("# ") for line in match[2].splitlines())
            found.append((match[1], words, match[3]))
    return found


def test_the_sentence_of_each_requirement_stands_once_above_its_cases() -> None:
    assert sorted((name, words) for name, words, _ in sentences()) == sorted(
        (entry.id, f"{entry.text}.") for entry in catalogue().values()
    )
    assert [name for name, _, below in sentences() if not below.startswith(f'@requirement("{name}"')] == []
