"""Stages as a shape of Locust, which asks it every second for the number of users."""

from __future__ import annotations

from locust import LoadTestShape

from hanami_loadtests.locust_integration.run_process import RunProcess


class Stages(LoadTestShape):
    """The number of users over the stages of a run.

    Its clock is that of the run, since Locust's own also counts the preparation.

    Args:
        controller: Controller of the process.
    """

    abstract = True  # or Locust would use it for every run, as it does with shapes in a locustfile

    def __init__(self, controller: RunProcess) -> None:
        super().__init__()
        self._controller = controller

    def tick(self) -> tuple[int, float] | None:
        """Return the number of users and how many may begin or end in a second; None after the last stage."""
        plan, session = self._controller.plan, self._controller.session
        if plan is None:
            return None
        if session is None or self._controller.is_judged:  # before the run
            elapsed = 0.0
        else:
            elapsed = session.recorder.clock() - session.recorder.origin + session.settings.warm_up
        users = plan.users_at(elapsed)
        if users is None:
            return None
        if elapsed <= 0:
            users = max(users, 1)  # Locust begins no run without users
        return users, float(max(plan.most_users, 1))
