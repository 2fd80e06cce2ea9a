"""The scenarios as data: every rule can apply, every name is known, every requirement has a check."""

from __future__ import annotations

from fnmatch import fnmatchcase

import pytest

from hanami_conformance.catalogue import client_catalogue
from hanami_conformance.client_mode import interference as steps
from hanami_conformance.client_mode.checks import checks
from hanami_conformance.client_mode.interference import ALWAYS, Interference, Rule
from hanami_conformance.client_mode.scenario import EITHER, FAIL, WORKFLOWS, Scenario, scenarios, select_scenarios
from hanami_proto.dialect import load_dialect

REST = frozenset({"drop", "drop-after", "answer", "answer-after", "set", "close", "lose", "delay", "restart"})
ACTIONS = {
    steps.HANDSHAKE: {"drop", "answer", "delay", "restart"},
    steps.FIRST_MESSAGE: {"drop", "reject", "lose", "delay", "drop-after", "go-away", "restart"},
    steps.CHUNK: {"drop", "reject", "lose", "delay", "drop-after", "go-away", "restart"},
    steps.VALUES: {"drop", "reject", "lose", "delay", "drop-after", "go-away", "restart"},
    steps.ACCEPTANCE: {"drop", "text", "lose", "delay", "fragment", "restart"},
    steps.ACKNOWLEDGEMENT: {"drop", "lose", "delay", "fragment", "restart"},
    steps.REPLY: {"drop", "lose", "delay", "fragment", "restart"},
    steps.OUTPUT: {"drop", "lose", "delay", "fragment", "leave-open", "restart"},
}
OPERATIONS = frozenset(load_dialect("documented").routes)


@pytest.mark.parametrize("scenario", scenarios().values(), ids=list(scenarios()))
def test_every_rule_of_a_scenario_can_apply(scenario: Scenario) -> None:
    assert scenario.name.startswith(f"{scenario.workflow}-")
    for rule in scenario.rules:
        operations = [name for name in OPERATIONS if fnmatchcase(name, rule.at)]
        assert operations or rule.at in ACTIONS, rule.at
        assert rule.action in (REST if operations else ACTIONS[rule.at])
    assert scenario.rules or scenario.must not in (FAIL, EITHER)
    assert all(step in ACTIONS or step in OPERATIONS for step in scenario.forbidden)


def test_every_workflow_has_a_scenario_without_faults_and_others() -> None:
    for workflow in WORKFLOWS:
        own = [one for one in scenarios().values() if one.workflow == workflow]
        assert own[0].name == f"{workflow}-plain"
        assert not own[0].rules
        assert {one.must for one in own} == {"succeed", "fail", "either"}


def test_every_requirement_of_clients_has_a_check() -> None:
    assert list(checks()) == list(client_catalogue())
    assert len(checks()) >= 15


def test_a_scenario_is_selected_by_its_name_or_its_workflow() -> None:
    assert [one.name for one in select_scenarios(["csv-slow", "mnist-plain"])] == ["mnist-plain", "csv-slow"]
    assert {one.workflow for one in select_scenarios(["direct"])} == {"direct"}
    assert len(select_scenarios([])) == len(scenarios())
    with pytest.raises(ValueError, match="no scenario 'mnist-plan', did you mean mnist-plain"):
        select_scenarios(["mnist-plan"])


def test_a_rule_applies_from_its_first_occurrence_and_so_many_times() -> None:
    rule = Rule("chunk", "lose", first=2, times=2)
    interference = Interference([rule, Rule("*.finalize", "drop", times=ALWAYS)])
    assert [interference.rule_at("chunk") for _ in range(4)] == [None, rule, rule, None]
    assert [interference.rule_at("csv.finalize") is not None for _ in range(3)] == [True] * 3
    assert interference.rule_at("csv.init") is None
