"""Our part of Locust's web UI: a tab with live figures and the verdict, and a form that is checked before a run.

The tab is a table of Locust's page. Its rows are sent with the statistics, which the page requests every two seconds.
The form sets the load alone: target, account, files and everything else of Locust stay as they were at the start.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import flask
import gevent
from locust.runners import STATE_CLEANUP, STATE_INIT, STATE_RUNNING, STATE_SPAWNING, STATE_STOPPED, STATE_STOPPING
from locust.web import WebUI
from werkzeug.datastructures import ImmutableMultiDict

from hanami_conformance.cases.failures import TargetDown, TargetRejectedConfiguration
from hanami_conformance.common.redact import SECRETS
from hanami_loadtests.engine.failures import GeneratorShortage
from hanami_loadtests.live_view import COLUMNS, RunSnapshot, banner, table_rows
from hanami_loadtests.locust_integration.tab import ELEMENT, add_files
from hanami_loadtests.locust_integration.web_guard import WebGuard
from hanami_loadtests.options import LOAD_OPTIONS, WEB_ALLOWED_HOSTS
from hanami_proto.http_origin import is_loopback
from hanami_reports.load.tables import MEANING

if TYPE_CHECKING:
    from hanami_loadtests.locust_integration.controller import RunController
    from hanami_loadtests.locust_integration.workers import WorkerCoordinator

TAB = "hanami"
STAGES = "Stages"  # name of the shape on the page
RUN_FIELDS = {"user_count", "spawn_rate", "run_time", "user_classes"}  # of Locust, which may be set for each run
FORM_FIELDS = RUN_FIELDS | {option.dest for option in LOAD_OPTIONS if option.in_form}
USER_FIELDS = {"user_class_name", "weight", "fixed_count", "tasks"}
ENDING = (STATE_CLEANUP, STATE_STOPPING, STATE_STOPPED)
OPEN_SECONDS = 5.0  # time after its last request for which a page counts as open
BEGIN_SECONDS = 10.0  # time for a run to begin, once its form was accepted
RETURN_SECONDS = 3.0
VERDICT_SECONDS = 4.0  # time for an open page to request the verdict
POLL = 0.05
logger = logging.getLogger(__name__)


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
        self._accepted = -math.inf  # time at which the last form was accepted
        web_ui.userclass_picker_is_active = True
        structure = [{"key": key, "title": title} for key, title in COLUMNS.items()]
        web_ui.template_args |= {
            "extended_tabs": [{"title": "Hanami", "key": TAB}],
            "extended_tables": [{"key": TAB, "structure": structure}],
        }
        app: flask.Flask = web_ui.app  # type: ignore[assignment] # None only in the class of Locust
        allowed = WEB_ALLOWED_HOSTS.value(vars(self._environment.parsed_options)[WEB_ALLOWED_HOSTS.dest]) or ()
        self._guard = WebGuard(app.wsgi_app, web_ui.host, allowed)
        app.wsgi_app = self._guard  # type: ignore[method-assign] # as Flask recommends for middleware
        prefix = vars(self._environment.parsed_options).get("web_base_path") or ""
        add_files(web_ui, prefix, lambda: self._controller.report_dir)
        app.before_request(self._before)
        app.after_request(self._after)
        if not is_loopback(web_ui.host):
            logger.warning(
                "the web UI listens on %s: whoever reaches it can start load on %s with the account of this process "
                "(only this machine can with --web-host 127.0.0.1)",
                web_ui.host or "all addresses",
                self._environment.host,
            )

    def _before(self) -> flask.Response | None:
        if flask.request.endpoint == "locust.update_user":
            fields = flask.request.get_json(force=True, silent=True)
            error = _user_error(fields)
            return None if error is None else flask.make_response(f"{error}\n", 400)
        if flask.request.endpoint != "locust.swarm":
            return None
        given = flask.request.form
        pairs = [pair for pair in given.items(multi=True) if pair[0] in FORM_FIELDS]
        if self._environment.available_shape_classes:
            pairs.append(("shape_class", STAGES))  # the stages are not for the page to choose
        flask.request.form = ImmutableMultiDict(pairs)
        error = self._fixed_error(given) or self._form_error(flask.request.form)
        if error is None:
            self._accepted = time.monotonic()
            return None
        return flask.jsonify({"success": False, "message": SECRETS.text(error), "host": self._environment.host})

    def _fixed_error(self, form: Mapping[str, str]) -> str | None:
        """Return why a form is refused that sets something which is fixed at the start; None where it does not."""
        environment = self._environment
        # Locust's form sends these as well.
        shown = {"host": environment.host, "profile": environment.profile}
        for name, value in form.items():
            if name in FORM_FIELDS or (name in shown and value in ("", shown[name])):
                continue
            if name == "shape_class" and value in ("", "Default", *(environment.available_shape_classes or ())):
                continue
            return f"{name} is fixed at the start and cannot be set from the page"
        return None

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
            self._controller.check(given, self._environment.host)
        except (ValueError, TargetRejectedConfiguration, GeneratorShortage) as error:
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
        elif endpoint == "locust.index":
            page = self._guard.with_token(response.get_data(as_text=True))
            response.set_data(page.replace("</head>", f"{ELEMENT}</head>", 1))
            response.headers["Cache-Control"] = "no-store"
        return response

    def _add_figures(self, response: flask.Response) -> None:
        data = response.get_json(silent=True)
        if not isinstance(data, dict):
            return
        runner = self._environment.runner
        assert runner is not None
        # The page stops asking as soon as a run is ending, which is before it is judged.
        data["state"] = STATE_RUNNING if runner.state in ENDING and not self._controller.is_judged else runner.state
        # It would show its form again where it asks before the run has begun.
        if runner.state == STATE_INIT and time.monotonic() - self._accepted < BEGIN_SECONDS:
            data["state"] = STATE_SPAWNING
        snapshot = snapshot_of(self._controller)
        data["extended_stats"] = [{"key": TAB, "data": table_rows(snapshot)}]
        session = self._controller.session
        faults = [] if session is None else self._controller.timeline.faults_so_far(session)
        data[TAB] = {"banner": self._banner(snapshot), "points": self._controller.live_points, "faults": faults}
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

    def _banner(self, snapshot: RunSnapshot) -> dict[str, Any]:
        result, folder = self._controller.result, self._controller.report_dir
        state = "" if result is None else result.state.value
        return banner(snapshot) | {"state": state, "has_report": result is not None, "folder": str(folder or "")}


def snapshot_of(controller: RunController) -> RunSnapshot:
    """Return the current state of a run."""
    result, session = controller.result, controller.session
    if result is not None:
        status = f"{result.state.value}: {MEANING[result.state]}"
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
        status += "".join(f", {one['name']}" for one in controller.timeline.faults_so_far(session) if not one["end"])
    # Workers report once a second.
    newest = int(seconds) - (2 if controller.coordinator is not None else 1)
    return RunSnapshot(status, (), controller.live().series, seconds, controller.overdue(), newest)


def _user_error(fields: Any) -> str | None:
    """Return why the settings of a user class are refused, one line; None where only its load is set."""
    if not isinstance(fields, dict):
        return "the settings of a user class are no JSON object"
    for name, value in fields.items():
        if name not in USER_FIELDS and not (name == "host" and not value):
            return f"{name} of a user class cannot be set from the page"
    return None
