"""The hooks of Locust that we use: environment ready, begin of a run, end of a process."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from typing import Any

import gevent
import locust.stats
from locust.env import Environment
from locust.runners import Runner

from hanami_loadtests.locust_integration.controller import ATTRIBUTE, RunController, controller_for
from hanami_loadtests.locust_integration.exit import exit_with
from hanami_loadtests.locust_integration.parent_watch import ParentWatch, parent_of
from hanami_loadtests.locust_integration.redacted_logs import redact_logs
from hanami_loadtests.locust_integration.shape import Stages
from hanami_loadtests.locust_integration.stopping import end_sending_first
from hanami_loadtests.locust_integration.web import STAGES, Page
from hanami_reports.model.histogram import bucket_bounds, bucket_for
from hanami_reports.model.load import LoadExit

READY_SECONDS = 60.0
POLL = 0.05


def bucket_of_milliseconds(milliseconds: float) -> float:
    """Round a time for Locust's own tables to three digits, below a millisecond as well."""
    low, _ = bucket_bounds(bucket_for(max(0, int(milliseconds * 1000))))
    return low / 1000


def install(environment: Environment, runner: Runner, web_ui: Any = None, **_: Any) -> None:
    """Install the controller in a Locust process; called once, when its environment is ready."""
    locust.stats.bucket_response_time = bucket_of_milliseconds  # type: ignore[assignment] # Locust's are whole
    redact_logs()
    controller = RunController(environment, runner)
    if (parent := parent_of(os.environ)) is not None:
        gevent.spawn(ParentWatch(controller, parent).run)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:  # and not ignored, as by nohup
        gevent.signal_handler(signal.SIGHUP, os.kill, os.getpid(), signal.SIGTERM)  # for which Locust has a handler
    try:
        controller.open_export()
    except ValueError as error:
        exit_with(LoadExit.USAGE, f"ERROR: {error}")
    environment.events.quitting.add_listener(controller.close_export)  # called last: Locust goes backwards
    if controller.worker is None and (web_ui is None or getattr(environment.parsed_options, "autostart", False)):
        controller.check_or_exit()
    if web_ui is not None:
        Page(controller, web_ui)
    listeners: dict[str, Callable[..., None]] = {
        "test_stopping": controller.on_test_stopping,
        "test_stop": controller.on_test_stop,
        "quitting": controller.on_quitting,
        "quit": controller.on_quit,
    }
    for name, listener in listeners.items():
        getattr(environment.events, name).add_listener(listener)
    setattr(environment, ATTRIBUTE, controller)
    if environment.parsed_options is not None and environment.parsed_options.stages and controller.worker is None:
        environment.shape_class = Stages(controller)
        environment.shape_class.runner = runner
        environment.available_shape_classes = {STAGES: environment.shape_class}
    end_sending_first(controller, runner)


def begin(environment: Environment, **_: Any) -> None:
    """Begin a run; a worker that gets the order too early waits until its own environment is ready."""
    until = time.monotonic() + READY_SECONDS
    while ATTRIBUTE not in vars(environment) and time.monotonic() < until:
        gevent.sleep(POLL)
    controller_for(environment).begin()
