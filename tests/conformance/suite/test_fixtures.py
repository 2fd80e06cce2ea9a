"""The fixtures of the suite: an interrupted run, a target that is lost in the clean-up, and a restart."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from hanami_conformance.cases.failures import TargetDown, Unsupported
from hanami_conformance.cases.recording import begin_case, current_case, end_case, is_case_running
from hanami_conformance.suite import conftest
from hanami_conformance.target.server_control import ServerControl


class Factory:
    """A factory whose clean-up leaves a cluster."""

    def __init__(self, *_: object) -> None:
        self.leftovers: list[str] = []

    def clean(self) -> None:
        self.leftovers.append("cluster x: no connection")


@pytest.fixture(name="fixture")
def _fixture(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(conftest, "ResourceFactory", Factory)
    context: Any = SimpleNamespace(run_id="r", leftovers=[])
    target: Any = SimpleNamespace(is_alive=lambda: False)
    function: Any = conftest.resources
    generator = function.__wrapped__(context, target)
    next(generator)
    return generator, context


def test_a_target_lost_in_the_clean_up_of_a_case_is_reported(fixture: Any) -> None:
    generator, context = fixture
    begin_case("f::t")
    assert is_case_running()
    with pytest.raises(TargetDown, match="cluster x: no connection"):
        next(generator)
    end_case()
    assert context.leftovers == ["cluster x: no connection"]


def test_the_clean_up_after_an_interrupt_raises_nothing(fixture: Any) -> None:
    generator, context = fixture
    end_case()
    assert not is_case_running()
    assert next(generator, None) is None
    assert context.leftovers == ["cluster x: no connection"]


def restart_function(restart: Any, cluster: object = None, password: str = "secret") -> tuple[Any, list[str]]:
    calls: list[str] = []
    account = SimpleNamespace(credentials=SimpleNamespace(password=password))
    target: Any = SimpleNamespace(
        given_cluster=cluster, accounts=[account], close_connections=lambda: calls.append("close")
    )
    context: Any = SimpleNamespace(server=restart and ServerControl(SimpleNamespace(), restart))
    server: Any = conftest.server
    function: Any = conftest.restart_server
    return function.__wrapped__(server.__wrapped__(context, target), target), calls


def test_a_restart_closes_the_websockets_first_and_is_not_recorded() -> None:
    sent: list[str] = []

    def restart() -> None:
        current_case().sent_event("rest", "request", "POST token")
        sent.append("restart")

    run, calls = restart_function(restart)
    case = begin_case("f::t")
    run()
    end_case()
    assert (calls, sent, case.sent) == (["close"], ["restart"], 0)


@pytest.mark.parametrize(
    ("restart", "cluster", "password"), [(None, None, "x"), (lambda: None, "a cluster", "x"), (lambda: None, None, "")]
)
def test_only_a_server_is_restarted_that_can_be_used_afterwards(restart: Any, cluster: object, password: str) -> None:
    with pytest.raises(Unsupported, match=r"needs a server that the suite may restart \(--server-command"):
        restart_function(restart, cluster, password)
