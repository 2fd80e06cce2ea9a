"""The fixtures of the suite where a run is interrupted, or the target is lost in the clean-up."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from hanami_conformance.cases.failures import TargetDown
from hanami_conformance.cases.recording import begin_case, end_case, is_case_running
from hanami_conformance.suite import conftest


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
