"""Our part of Locust's web UI: a tab with the figures and the verdict, and a form that is checked before a run.

Locust's page takes a tab as a table, whose rows come with the statistics that it asks for every two seconds.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import flask
import gevent
from locust.runners import STATE_CLEANUP, STATE_RUNNING, STATE_SPAWNING, STATE_STOPPED, STATE_STOPPING
from locust.web import WebUI
from werkzeug.datastructures import ImmutableMultiDict, MultiDict

from hanami_conformance.cases.failures import TargetDown, TargetRejectedConfiguration
from hanami_conformance.common.redact import SECRETS
from hanami_loadtests.live_view import COLUMNS, Row, RunSnapshot, rows
from hanami_loadtests.options import LOAD_OPTIONS

if TYPE_CHECKING:
    from hanami_loadtests.locust_integration.controller import RunController
    from hanami_loadtests.locust_integration.workers import WorkerCoordinator

TAB = "hanami"
SECRET = tuple(option.dest for option in LOAD_OPTIONS if option.secret)
ENDING = (STATE_CLEANUP, STATE_STOPPING, STATE_STOPPED)
POLLED = 5.0  # seconds after its last question that a page counts as open
RETURN_SECONDS = 3.0
LAST_LOOK = 4.0  # seconds that an open page gets to ask for the verdict; it asks every two
POLL = 0.05


class Page:
    """Adds to the page of a process that has one: local or master.

    Args:
        controller: of its process.
        web_ui: of Locust.
    """

    def __init__(self, controller: RunController, web_ui: WebUI) -> None:
        self._controller = controller
        self._environment = controller.environment
        self._asked = self._told = 0.0  # when a page last asked, and was last told a verdict
        web_ui.userclass_picker_is_active = True
        structure = [{"key": key, "title": title} for key, title in COLUMNS.items()]
        web_ui.template_args |= {
            "extended_tabs": [{"title": "Hanami", "key": TAB}],
            "extended_tables": [{"key": TAB, "structure": structure}],
        }
        app: flask.Flask = web_ui.app  # type: ignore[assignment] # Locust lets it be None in its class alone
        flask.before_render_template.connect(_hide_secrets, app)
        app.before_request(self._before)
        app.after_request(self._after)

    def _before(self) -> flask.Response | None:
        if flask.request.endpoint != "locust.swarm":
            return None
        form = flask.request.form = _with_secrets(flask.request.form, vars(self._environment.parsed_options))
        wrong = self._wrong(form)
        if wrong is None:
            return None
        return flask.jsonify({"success": False, "message": SECRETS.text(wrong), "host": self._environment.host})

    def _wrong(self, form: Mapping[str, str]) -> str | None:
        """Return what a run cannot begin with, one line; None where it can."""
        runner = self._environment.runner
        assert runner is not None
        if runner.state in (STATE_RUNNING, STATE_SPAWNING):
            return None  # the number of users is changed, nothing of ours
        if not self._controller.is_judged:
            return "the run before is still ending: try again when its verdict is there"
        coordinator = self._controller.coordinator
        if coordinator is not None:
            self._wait_for_workers(coordinator)
            if not coordinator.workers:
                return "no worker is connected"
        given = {**vars(self._environment.parsed_options), **form}
        try:
            self._controller.check(given, form.get("host") or self._environment.host)
        except (ValueError, TargetRejectedConfiguration) as error:
            return str(error)
        except TargetDown as error:
            return f"target not reachable: {error}"
        return None

    def _wait_for_workers(self, coordinator: WorkerCoordinator) -> None:
        """Workers of the last run are ready for the next one a moment after its verdict."""
        until = time.monotonic() + RETURN_SECONDS
        while coordinator.is_returning and time.monotonic() < until:
            gevent.sleep(POLL)

    def _after(self, response: flask.Response) -> flask.Response:
        endpoint = flask.request.endpoint
        if endpoint == "locust.request_stats":
            self._asked = time.monotonic()
            self._add_figures(response)
        elif endpoint == "locust.stop":
            self._wait_for_last_look()
        return response

    def _add_figures(self, response: flask.Response) -> None:
        data = response.get_json(silent=True)
        if not isinstance(data, dict):
            return
        runner = self._environment.runner
        assert runner is not None
        # The page stops asking as soon as a run is ending, which is before it is judged.
        data["state"] = STATE_RUNNING if runner.state in ENDING and not self._controller.is_judged else runner.state
        data["extended_stats"] = [{"key": TAB, "data": self.rows()}]
        response.set_data(flask.json.dumps(data))
        if self._controller.is_judged:
            self._told = time.monotonic()

    def _wait_for_last_look(self) -> None:
        """When the answer to Stop is there, the page asks no more: let it ask for the verdict first."""
        now = time.monotonic()
        if now - self._asked > POLLED:
            return
        while self._told < now and time.monotonic() < now + LAST_LOOK:
            gevent.sleep(POLL)

    def rows(self) -> list[Row]:
        """Return the table as it is now."""
        return rows(moment_of(self._controller))


def moment_of(controller: RunController) -> RunSnapshot:
    """Return the run of a process at this moment."""
    result, session = controller.result, controller.session
    if result is not None:
        says = f"{result.state.value}, reports in {controller.report_dir}"
        return RunSnapshot(says, result.reasons, result.series, result.duration)
    if controller.failures:
        state = controller.failures[0][0].value
        return RunSnapshot(state, [line for _, line in controller.failures])
    if session is None:
        return RunSnapshot("not begun")
    seconds = controller.seconds()
    if session.over():
        says = "ending: missing answers are waited for"
    elif session.recorder.clock() < session.recorder.origin:
        says = "warming up"
    else:
        says = f"going on, {controller.runner.user_count} users, {seconds:.0f} s"
    # Workers tell once a second what is new.
    newest = int(seconds) - (2 if controller.coordinator is not None else 1)
    return RunSnapshot(says, (), controller.live().series, seconds, controller.overdue(), newest)


def _hide_secrets(_app: flask.Flask, template: Any, context: dict[str, Any], **_: Any) -> None:  # noqa: ARG001
    """Locust puts the value of every option into the page, secrets from the environment among them."""
    arguments = context.get("template_args")
    if isinstance(arguments, dict) and "extra_options" in arguments:
        shown = dict(arguments["extra_options"])
        for name in SECRET:
            if name in shown:
                shown[name] = {**shown[name], "default_value": ""}
        context["template_args"] = {**arguments, "extra_options": shown}


def _with_secrets(form: Mapping[str, str], known: Mapping[str, Any]) -> ImmutableMultiDict[str, str]:
    """Return the form, where a secret that is left empty stays what it was, unless the form logs in in the other way.

    Args:
        form: as it was sent.
        known: options so far.
    """
    filled = MultiDict(form)
    if "user" not in form:
        return ImmutableMultiDict(filled)
    unused = ("token",) if form["user"] else ("password",)
    for name in SECRET:
        if not form.get(name) and name not in unused:
            filled[name] = known.get(name) or ""
    return ImmutableMultiDict(filled)
