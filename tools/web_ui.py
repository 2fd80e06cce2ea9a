"""Locust with its web UI against a reference backend, and a browser that looks at it; all on free ports."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Page, sync_playwright

from hanami_conformance.common.child_process import ChildProcess
from hanami_loadtests.ports import free_port
from tools.process import running_server
from tools.reference import BACKEND

ROOT = Path(__file__).resolve().parents[1]
CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
]
TOKEN_HEADER, TOKEN_NAME = "X-Hanami-Load-Token", "hanami-load-token"
PATIENCE = 30.0  # seconds; only reached when something is broken
USER, PASSWORD = "alice", "alice-password"


@contextlib.contextmanager
def backend() -> Iterator[str]:
    """Provide a reference backend; its address."""
    with running_server("the reference backend", BACKEND) as announced:
        yield announced["url"]


def page_token(url: str) -> str:
    """Return the token that the page adds to requests which change something."""
    page = httpx.get(url, timeout=PATIENCE, trust_env=False).text
    found = re.search(f'<meta name="{TOKEN_NAME}" content="([^"]+)">', page)
    assert found is not None
    return found[1]


def free_ports(count: int) -> list[int]:
    """Different ports that nobody listens on."""
    ports: set[int] = set()
    while len(ports) < count:
        ports.add(free_port())
    return list(ports)


@contextlib.contextmanager
def locust(target: str, folder: Path, workers: int = 0, *options: str) -> Iterator[Swarm]:
    """Locust that shows its page.

    Args:
        target: Address of the target.
        folder: Folder for reports and logs.
        workers: Number of processes beside the master; 0 for a single process.
        options: Further options of the load run.
    """
    web_port, master_port = free_ports(2)
    command = [
        sys.executable,
        "-m",
        "locust",
        "-f",
        "loadtests/locustfile.py",
        "--host",
        target,
        *options,
    ]
    page = ["--web-port", str(web_port), "--report-dir", str(folder / "reports")]
    master = ["--master", "--master-bind-host", "127.0.0.1", "--master-bind-port", str(master_port)]
    worker = ["--worker", "--master-host", "127.0.0.1", "--master-port", str(master_port)]
    with contextlib.ExitStack() as stack:
        swarm = Swarm(f"http://127.0.0.1:{web_port}", folder, command + worker, stack)
        swarm.start(command + page + (master if workers else []), {"HANAMI_USER": USER, "HANAMI_PASSWORD": PASSWORD})
        for _ in range(workers):
            swarm.add_worker()
        swarm.wait_for_workers(workers)
        yield swarm
        for process in swarm.processes:
            process.popen.terminate()  # all at once: each takes a moment


@dataclass
class Swarm:
    """Locust as one or several processes.

    Attributes:
        url: Address of the page.
        folder: Folder for reports and logs.
    """

    url: str
    folder: Path
    _worker: list[str]
    _stack: contextlib.ExitStack
    processes: list[ChildProcess] = field(default_factory=list)

    def start(self, command: list[str], account: dict[str, str]) -> None:
        """Start a process of it; its output goes to a file."""
        log = self._stack.enter_context((self.folder / f"locust-{len(self.processes)}.log").open("wb"))
        environment = {name: value for name, value in os.environ.items() if not name.startswith("HANAMI_")} | account
        process = ChildProcess(
            command, folder=ROOT, environment=environment, stdout=log, stderr=subprocess.STDOUT, grace=10
        )
        self.processes.append(self._stack.enter_context(process))

    def add_worker(self) -> None:
        """Start one more worker; the master sends it its settings."""
        self.start(self._worker, {})

    def get(self, path: str) -> Any:
        """Return the JSON data of the page."""
        return httpx.get(self.url + path, timeout=PATIENCE, trust_env=False).json()

    def post(self, path: str, **request: Any) -> httpx.Response:
        """Send a request that changes something, as the page does."""
        headers = {TOKEN_HEADER: page_token(self.url)}
        return httpx.post(self.url + path, headers=headers, timeout=PATIENCE, trust_env=False, **request)

    def wait_for_workers(self, count: int) -> None:
        """Wait until the page is there and so many workers are connected."""
        self.wait_until(lambda: self.get("/worker-count")["worker_count"] >= count)

    def wait_until(self, reached: Callable[[], bool]) -> None:
        """Wait until the data of the page fulfil a condition."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            with contextlib.suppress(httpx.HTTPError):
                if reached():
                    return
            time.sleep(0.1)
        logs = "\n".join(file.read_text() for file in sorted(self.folder.glob("locust-*.log")))
        raise AssertionError(f"Locust was not ready within {PATIENCE:g} s: {logs}")


@contextlib.contextmanager
def browser_page(complaints: list[str]) -> Iterator[Page]:
    """Provide an empty page of a headless browser.

    Args:
        complaints: List that receives the console messages of the browser.
    """
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        try:
            page = browser.new_page(viewport={"width": 1500, "height": 720})
            page.set_default_timeout(PATIENCE * 1000)
            page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
            page.on("pageerror", lambda error: complaints.append(str(error)))
            yield page
        finally:
            browser.close()
