"""Servers that are hard to test, for ``make target-matrix``: how each is started, and stopped whatever happens."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import trustme

from hanami_conformance.common.child_process import ChildProcess
from hanami_conformance.common.temporary import temporary_folder
from hanami_conformance.server.process import SERVER_LOG
from hanami_loadtests.ports import free_port
from tools.process import result_in
from tools.reference import ALICE, LARGE_FILES, SECOND, TIMEOUT, USERS, backend, clean_environment
from tools.target_matrix.released import Comparison, compare
from tools.tcp_proxy import COUNTS, NetworkConditions, counting_proxy, proxy

BASE = "/some/base"  # path in front of all others
START_SECONDS = 20.0
POLL = 0.05
SIMULATOR_SPEED = "0.2"  # the delays of a real server, in a fifth of the time
NGINX = """\
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_max_body_size 0;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    map $http_upgrade $connection_upgrade {{ default upgrade; '' close; }}
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {folder}/server.pem;
        ssl_certificate_key {folder}/server.pem;
        location {base}/ {{
            proxy_pass {url}/;
            proxy_http_version 1.1;
            proxy_set_header Host $host;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $connection_upgrade;
        }}
    }}
}}
"""


@dataclass(frozen=True)
class Served:
    """A server that runs.

    Attributes:
        options: Options of the suite that reach the target.
        note: Remark for the printed line; may be empty.
        complaints: Function that returns the deviations seen by the server, called with the report folder after the
            run.
        table: Function that returns the lines to print below that of the target, called with the report folder.
    """

    options: tuple[str, ...]
    note: str = ""
    complaints: Callable[[Path], list[str]] = field(default=lambda _folder: [])
    table: Callable[[Path], list[str]] = field(default=lambda _folder: [])


Serve = Callable[[], AbstractContextManager[Served]]


def reached(url: str, *more: str) -> tuple[str, ...]:
    """Options of the suite for a server with our two users."""
    return ("--target", url, *ALICE, *SECOND, *more)


def reference(*options: str) -> Serve:
    """Return the reference backend with some options."""

    @contextmanager
    def serve() -> Iterator[Served]:
        with backend(*USERS, *LARGE_FILES, *options) as url:
            yield Served(reached(url))

    return serve


def counted(most: int, *options: str) -> Serve:
    """Serve the reference backend with some options; complain of more connections than so many at once."""

    @contextmanager
    def serve() -> Iterator[Served]:
        with backend(*USERS, *LARGE_FILES, *options) as url:
            if not COUNTS:
                yield Served(reached(url), "connections are counted on Linux only")
                return
            with counting_proxy(url) as (address, seen):
                yield Served(reached(address), "", lambda _: [f"{seen()} connections open"] if seen() > most else [])

    return serve


def behind(line: NetworkConditions) -> Serve:
    """Return the reference backend behind a line that is no ideal one."""

    @contextmanager
    def serve() -> Iterator[Served]:
        with backend(*USERS, *LARGE_FILES) as url, proxy(url, line=line) as address:
            yield Served(reached(address))

    return serve


@contextmanager
def behind_tls() -> Iterator[Served]:
    """Provide the reference backend behind a proxy that ends TLS and takes a base path away: nginx, else ours."""
    authority = trustme.CA()
    with temporary_folder("hanami-tls-") as folder, backend(*USERS, *LARGE_FILES) as url:
        authority.cert_pem.write_to_path(folder / "ca.pem")
        certificate = authority.issue_cert("127.0.0.1")
        certificate.private_key_and_cert_chain_pem.write_to_path(folder / "server.pem")
        program = nginx_program()
        trusted = ("--ca-file", str(folder / "ca.pem"))
        if program is None:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            certificate.configure_cert(context)
            with proxy(url, tls=context, prefix=BASE) as address:
                yield Served(reached(address, *trusted), "Python proxy, nginx is not installed")
            return
        with nginx(program, folder, url) as (address, version):
            yield Served(reached(address, *trusted), version)


def nginx_program() -> str | None:
    """Return the path of nginx, which Debian has outside of the path of most users."""
    return shutil.which("nginx", path=os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin")))


@contextmanager
def nginx(program: str, folder: Path, url: str) -> Iterator[tuple[str, str]]:
    """Nginx in front of a server, all of its files in a folder; its address and version."""
    port = free_port()
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder, port=port, base=BASE, url=url), encoding="utf-8")
    version = subprocess.run([program, "-v"], capture_output=True, text=True, check=True, timeout=TIMEOUT).stderr
    command = [program, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log")]
    with ChildProcess(command) as process:
        until = time.monotonic() + START_SECONDS
        while not takes_connections(port):
            if process.status is not None or time.monotonic() > until:
                log = folder / "error.log"
                raise RuntimeError(f"nginx did not start: {log.read_text() if log.exists() else 'it logged nothing'}")
            time.sleep(POLL)
        yield f"https://127.0.0.1:{port}{BASE}", version.strip().removeprefix("nginx version: ")


def takes_connections(port: int) -> bool:
    """Whether somebody listens."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1.0):
        return True
    return False


def backend_at(port: int, *options: str) -> list[str]:
    """Return the command that starts the reference backend at a port."""
    return [sys.executable, "-m", "hanami_reference_backend", "--port", str(port), *USERS, *LARGE_FILES, *options]


def restarted(port: int, *options: str) -> tuple[str, ...]:
    """Return the options with which the suite starts and restarts a backend, which logs its process ids."""
    program = shlex.join(backend_at(port, *options))
    command = shlex.join(["/bin/sh", "-c", f"echo pid $$; exec {program}"])
    return reached(f"http://127.0.0.1:{port}", "--server-command", command)


def started_by_the_suite(fault: str) -> Serve:
    """Return a faulty reference backend that the suite starts and restarts; it logs its process ids."""

    @contextmanager
    def serve() -> Iterator[Served]:
        port = free_port()
        options = restarted(port, "--fault", fault)
        yield Served(options, "", lambda folder: survivors(folder, port))

    return serve


def simulated(server: str) -> Serve:
    """Return the simulator of a released server, which the suite starts again after each crash."""

    @contextmanager
    def serve() -> Iterator[Served]:
        port = free_port()
        options = restarted(port, "--as", server, "--quirk-speed", SIMULATOR_SPEED)

        @cache
        def compared(folder: Path) -> Comparison | None:
            result = result_in(folder)
            return compare(server, result, _log(folder)) if result else None

        def complaints(folder: Path) -> list[str]:
            comparison = compared(folder)
            return [*survivors(folder, port), *(comparison.complaints if comparison else ())]

        def table(folder: Path) -> list[str]:
            comparison = compared(folder)
            return [comparison.headline, *comparison.lines()] if comparison else []

        yield Served(options, "", complaints, table)

    return serve


def survivors(folder: Path, port: int) -> list[str]:
    """Return what is left of a server that the suite started."""
    pids = re.findall(r"^pid (\d+)", _log(folder), re.MULTILINE)
    left = [f"process {pid} of the server is left" for pid in pids if Path(f"/proc/{pid}").exists()]
    left += [] if pids else ["the server was never started"]
    return left + ([f"somebody listens at port {port}"] if takes_connections(port) else [])


def _log(folder: Path) -> str:
    log = folder / SERVER_LOG
    return log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""


@contextmanager
def dying(fault: str) -> Iterator[Served]:
    """Provide a faulty reference backend that somebody else started: it is not there any more once it ended."""
    port = free_port()
    with ChildProcess(backend_at(port, "--fault", fault), environment=clean_environment()):
        until = time.monotonic() + START_SECONDS
        while not takes_connections(port) and time.monotonic() < until:
            time.sleep(POLL)
        yield Served(reached(f"http://127.0.0.1:{port}"))
