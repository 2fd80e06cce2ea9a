"""Locust with its web UI against a reference backend, and a browser that looks at it; all on free ports."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
from playwright.sync_api import Page, sync_playwright

from loadtests.bench.processes import running_server, stopped

ROOT = Path(__file__).parents[2]
CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
]
PATIENCE = 30.0  # seconds; only reached when something is broken
USER, PASSWORD = "alice", "alice-password"


@contextlib.contextmanager
def backend() -> Iterator[str]:
    """A reference backend; its address."""
    options = ["-m", "reference_backend", "--port", "0", "--announce", "json", "--stop-with-stdin"]
    with running_server("the reference backend", options) as announced:
        yield announced["url"]


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on."""
    with contextlib.ExitStack() as stack:
        listeners = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [int(listener.getsockname()[1]) for listener in listeners]


@contextlib.contextmanager
def locust(target: str, folder: Path, workers: int = 0, *options: str) -> Iterator[str]:
    """Locust that shows its page; the address of the page.

    Args:
        target: address.
        folder: for reports and logs.
        workers: processes beside the master; 0 for a single process.
        options: more of them.
    """
    web_port, master_port = free_ports(2)
    command = [sys.executable, "-m", "locust", "-f", "loadtests/locustfile.py", "--host", target, *options]
    page = ["--web-host", "127.0.0.1", "--web-port", str(web_port), "--report-dir", str(folder / "reports")]
    master = ["--master", "--master-bind-host", "127.0.0.1", "--master-bind-port", str(master_port)]
    worker = ["--worker", "--master-host", "127.0.0.1", "--master-port", str(master_port)]
    url = f"http://127.0.0.1:{web_port}"
    with contextlib.ExitStack() as stack:
        processes: list[subprocess.Popen[bytes]] = []
        commands = [command + page + (master if workers else []), *[command + worker] * workers]
        for number, one in enumerate(commands):
            log = stack.enter_context((folder / f"locust-{number}.log").open("wb"))
            # Workers are told by their master.
            account = {} if number else {"HANAMI_USER": USER, "HANAMI_PASSWORD": PASSWORD}
            environment = {
                name: value for name, value in os.environ.items() if not name.startswith("HANAMI_")
            } | account
            process = subprocess.Popen(
                one, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            )
            processes.append(stack.enter_context(stopped(process, grace=10)))
        _wait_until_ready(url, workers, folder)
        yield url
        for process in processes:
            process.terminate()  # all at once: each takes a moment


def _wait_until_ready(url: str, workers: int, folder: Path) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(f"{url}/worker-count", trust_env=False).json()["worker_count"] >= workers:
                return
        time.sleep(0.1)
    logs = "\n".join(file.read_text() for file in sorted(folder.glob("locust-*.log")))
    raise AssertionError(f"Locust was not ready within {PATIENCE:g} s: {logs}")


@contextlib.contextmanager
def browser_page(complaints: list[str]) -> Iterator[Page]:
    """An empty page of a headless browser.

    Args:
        complaints: takes what the browser complains of in its console.
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
