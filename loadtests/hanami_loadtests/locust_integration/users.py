"""The user classes of Locust: one for each scenario, which runs in the greenlet of the user."""

from __future__ import annotations

from typing import Any, ClassVar

from locust import User, task
from locust.exception import StopUser

from hanami_loadtests.locust_integration.controller import controller_for
from hanami_loadtests.scenarios.all import SCENARIOS
from hanami_loadtests.scenarios.scenario import RunFinished, Scenario


class HanamiUser(User):
    """A user that runs a scenario."""

    abstract = True
    scenario_class: ClassVar[type[Scenario]]

    scenario: Scenario | None = None

    def stop(self, force: bool = False) -> bool:
        """Stop this user; its task would otherwise go on until the run is over."""
        if self.scenario is not None:
            self.scenario.leave()
        return bool(super().stop(force))

    def on_start(self) -> None:
        """Begin the scenario, unless the run could not begin."""
        controller = controller_for(self.environment)
        if controller.session is None:
            raise StopUser
        with controller.abort_on_internal_error():
            self.scenario = self.scenario_class(controller.session)
            self.scenario.begin()

    @task
    def work(self) -> None:
        """Work once."""
        if self.scenario is None:
            raise StopUser
        try:
            with controller_for(self.environment).abort_on_internal_error():
                self.scenario.work()
        except RunFinished as over:
            raise StopUser from over

    def on_stop(self) -> None:
        """End the scenario and clean up."""
        if self.scenario is not None:
            with controller_for(self.environment).abort_on_internal_error():
                self.scenario.end()


def user_classes() -> dict[str, type[HanamiUser]]:
    """Return a class for each scenario, by its name, as ``hanami-load`` takes it."""
    classes: dict[str, type[HanamiUser]] = {}
    for scenario in SCENARIOS.values():
        members: dict[str, Any] = {
            "__doc__": scenario.title,
            "__module__": __name__,
            "abstract": False,
            "scenario_class": scenario,
            "weight": scenario.weight,
        }
        classes[scenario.name] = type(scenario.name, (HanamiUser,), members)
    return classes
