"""Settings for other load tests do not change ours: files of Locust in three places, and its variables."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from support.load_runs import COMMAND, LOGIN, easy_limits, load_result_of
from support.paths import ROOT
from support.suite_runs import faulty_backend
from tools.reference import TIMEOUT, clean_environment

FILES = {
    "home/.locust.conf": "tags = nothing\nmodel = open\nseed = 99\n",
    "locust.conf": "worker = true\nusers = 7\nlimits = nowhere.toml\n",
    "pyproject.toml": '[tool.locust]\nrun-time = "1h"\nwindow = "1"\nrate = "wrong"\n',
}
VARIABLES = {
    "LOCUST_MODE_WORKER": "1",
    "LOCUST_TAGS": "nothing",
    "LOCUST_USERS": "9",
    "LOCUST_RUN_TIME": "1h",
    "LOCUST_USER_CLASSES": "csv-upload",
    "LOCUST_CONFIG_USERS": "wrong",
    "LOCUST_SKIP_MONKEY_PATCH": "1",
    "LOCUST_HTML": "report-of-locust.html",
}


def test_a_word_that_is_no_boolean_is_an_error_in_locust_itself(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "locust", "-f", str(ROOT / "loadtests" / "locustfile.py"), "--host", "https://h:1"]
    environment = clean_environment(LOGIN | {"HANAMI_INSECURE": "maybe"})
    run = subprocess.run(
        words, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=TIMEOUT, check=False
    )
    assert (run.returncode, run.stderr) == (4, "ERROR: --insecure 'maybe': give 1 or 0\n")


def test_a_run_has_our_settings_alone(tmp_path: Path) -> None:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    environment = clean_environment(LOGIN | VARIABLES | {"HOME": str(tmp_path / "home")})
    with faulty_backend() as url:
        words = ("--target", url, "--users", "2", "--seconds", "2", "--warm-up", "0", "--scenario", "rest")
        run = subprocess.run(
            [*COMMAND, *words, *easy_limits(tmp_path)],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
    assert run.returncode == 0, run.stdout + run.stderr
    result = load_result_of(tmp_path)
    assert result.configuration["users"] == {"rest": 2}
    assert (result.configuration["model"], result.configuration["window"], result.manifest["seed"]) == ("closed", 4, 0)
    assert result.duration < 60
    assert not (tmp_path / "report-of-locust.html").exists()
