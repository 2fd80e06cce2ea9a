"""The files behind our tab in Locust's web UI: its script, ECharts, and the report of the last run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import flask
from locust.web import WebUI

import hanami_reports
from hanami_reports.common.file_names import LOAD_PAGE

SCRIPT = Path(__file__).with_name("tab.js")
ECHARTS = Path(hanami_reports.__file__).parent / "vendor" / "echarts" / "echarts.min.js"
ELEMENT = '<script src="./hanami/tab.js" defer></script>'  # relative, as all addresses of Locust's page
JAVASCRIPT = "text/javascript; charset=utf-8"


def add_files(web_ui: WebUI, prefix: str, report_dir: Callable[[], Path | None]) -> None:
    """Add the files to the web UI.

    Args:
        web_ui: Web UI of Locust.
        prefix: Path under which Locust's page is, empty for the root.
        report_dir: Returns the folder of the reports of the last run, None where there is none yet.
    """
    blueprint = flask.Blueprint("hanami", __name__, url_prefix=f"{prefix}/hanami")

    def script() -> flask.Response:
        return flask.Response(SCRIPT.read_text(encoding="utf-8"), content_type=JAVASCRIPT)

    def echarts() -> flask.Response:
        response = flask.Response(ECHARTS.read_text(encoding="utf-8"), content_type=JAVASCRIPT)
        response.headers["Cache-Control"] = "private, max-age=3600"
        return response

    def report() -> flask.Response:
        folder = report_dir()
        try:
            if folder is None:
                raise FileNotFoundError
            page = (folder / LOAD_PAGE).read_text(encoding="utf-8")
        except OSError:
            return flask.Response("there is no report yet\n", 404, content_type="text/plain; charset=utf-8")
        return flask.Response(page, content_type="text/html; charset=utf-8", headers={"Cache-Control": "no-store"})

    for path, view in (("/tab.js", script), ("/echarts.js", echarts), ("/report", report)):
        blueprint.add_url_rule(path, view.__name__, web_ui.auth_required_if_enabled(view))
    app: flask.Flask = web_ui.app  # type: ignore[assignment] # None only in the class of Locust
    app.register_blueprint(blueprint)
