"""Our part of Locust's web UI: a tab with live figures and the verdict, and a form that is checked before a run.

The tab is a table of Locust's page. Its rows are sent with the statistics, which the page requests every two seconds.
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
from hanami_loadtests.live_view import COLUMNS, Row, RunSnapshot, table_rows
from hanami_loadtests.options import LOAD_OPTIONS

if TYPE_CHECKING:
    from hanami_loadtests.locust_integration.controller import RunController
    from hanami_loadtests.locust_integration.workers import WorkerCoordinator

TAB = "hanami"
SECRET = tuple(option.dest for option in LOAD_OPTIONS if option.secret)
ENDING = (STATE_CLEANUP, STATE_STOPPING, STATE_STOPPED)
OPEN_SECONDS = 5.0  # time after its last request for which a page counts as open
RETURN_SECONDS = 3.0
VERDICT_SECONDS = 4.0  # time for an open page to request the verdict
POLL = 0.05


class Page:
    """Extends the page of a process that has one: local or master.

    Args:
        controller: Controller of the process.
        web_ui: Web UI of Locust.
    """

    def __init__(self, controller: RunController, web_ui: WebUI) -> None:
        self._controller = controller
        self._environment = controller.environment
        self._requested = self._verdict_sent = 0.0  # times of the last request, and of the last verdict sent
        web_ui.userclass_picker_is_active = True
        structure = [{"key": key, "title": title} for key, title in COLUMNS.items()]
        web_ui.template_args |= {
            "extended_tabs": [{"title": "Hanami", "key": TAB}],
            "extended_tables": [{"key": TAB, "structure": structure}],
        }
        app: flask.Flask = web_ui.app  # type: ignore[assignment] # None only in the class of Locust
        flask.before_render_template.connect(_hide_secrets, app)
        app.before_request(self._before)
        app.after_request(self._after)

    def _before(self) -> flask.Response | None:
        if flask.request.endpoint != "locust.swarm":
            return None
        form = flask.request.form = _with_secrets(flask.request.form, vars(self._environment.parsed_options))
        error = self._form_error(form)
        if error is None:
            return None
        return flask.jsonify({"success": False, "message": SECRETS.text(error), "host": self._environment.host})

    def _form_error(self, form: Mapping[str, str]) -> str | None:
        """Return why a run with this form cannot begin, one line; None if it can."""
        runner = self._environment.runner
        assert runner is not None
        if runner.state in (STATE_RUNNING, STATE_SPAWNING):
            return None  # only the number of users is changed
        if not self._controller.is_judged:
            return "the previous run is still ending: try again after its verdict"
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
        """Wait for the workers of the last run, which are ready for the next one a moment after its verdict."""
        until = time.monotonic() + RETURN_SECONDS
        while coordinator.is_returning and time.monotonic() < until:
            gevent.sleep(POLL)

    def _after(self, response: flask.Response) -> flask.Response:
        endpoint = flask.request.endpoint
        if endpoint == "locust.request_stats":
            self._requested = time.monotonic()
            self._add_figures(response)
        elif endpoint == "locust.stop":
            self._wait_for_verdict_request()
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
            self._verdict_sent = time.monotonic()

    def _wait_for_verdict_request(self) -> None:
        """Let the page request the verdict before Stop is answered: after that it requests nothing more."""
        now = time.monotonic()
        if now - self._requested > OPEN_SECONDS:
            return
        while self._verdict_sent < now and time.monotonic() < now + VERDICT_SECONDS:
            gevent.sleep(POLL)

    def rows(self) -> list[Row]:
        """Return the current rows of the table."""
        return table_rows(snapshot_of(self._controller))


def snapshot_of(controller: RunController) -> RunSnapshot:
    """Return the current state of a run."""
    result, session = controller.result, controller.session
    if result is not None:
        status = f"{result.state.value}, reports in {controller.report_dir}"
        return RunSnapshot(status, result.reasons, result.series, result.duration)
    if controller.failures:
        state = controller.failures[0][0].value
        return RunSnapshot(state, [line for _, line in controller.failures])
    if session is None:
        return RunSnapshot("not started")
    seconds = controller.seconds()
    if session.over():
        status = "ending: waiting for missing answers"
    elif session.recorder.clock() < session.recorder.origin:
        status = "warming up"
    else:
        status = f"running, {controller.runner.user_count} users, {seconds:.0f} s"
    # Workers report once a second.
    newest = int(seconds) - (2 if controller.coordinator is not None else 1)
    return RunSnapshot(status, (), controller.live().series, seconds, controller.overdue(), newest)


def _hide_secrets(_app: flask.Flask, template: Any, context: dict[str, Any], **_: Any) -> None:  # noqa: ARG001
    """Remove secrets from the page, into which Locust puts the value of every option."""
    arguments = context.get("template_args")
    if isinstance(arguments, dict) and "extra_options" in arguments:
        options = dict(arguments["extra_options"])
        for name in SECRET:
            if name in options:
                options[name] = {**options[name], "default_value": ""}
        context["template_args"] = {**arguments, "extra_options": options}


def _with_secrets(form: Mapping[str, str], known: Mapping[str, Any]) -> ImmutableMultiDict[str, str]:
    """Return the form with known values for secrets that are left empty, unless the form logs in in the other way.

    Args:
        form: Submitted form.
        known: Options so far.
    """
    filled = MultiDict(form)
    if "user" not in form:
        return ImmutableMultiDict(filled)
    unused = ("token",) if form["user"] else ("password",)
    for name in SECRET:
        if not form.get(name) and name not in unused:
            filled[name] = known.get(name) or ""
    return ImmutableMultiDict(filled)
