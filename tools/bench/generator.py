"""Our generator beside what people write, and beside what the machine can do at best, against the same bare server."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any, ClassVar

from hanami_conformance.common.child_process import ChildProcess, ProcessError, log_tail
from tools.bench.generators import CUSTOM, ENGINE, REQUEST, SOCKET, UPLOAD
from tools.bench.measurement import Measurement, Plan, Side
from tools.bench.servers import Servers
from tools.bench.statistics import Aim, Sample

TITLES = {ENGINE: "hanami-load", CUSTOM: "Locust user, websocket-client", SOCKET: "plain socket"}
START_SECONDS = 60.0


class GeneratorMeasurement(Measurement):
    """Three processes that send the same messages: ours, a usual Locust user, and a plain socket.

    Attributes:
        what: Kind of message, ``upload`` or ``request``.
        window: Messages in flight, of our generator and of the plain socket. The usual user waits for each answer.
    """

    what: ClassVar[str]
    window: ClassVar[int]
    kinds: ClassVar[tuple[str, ...]] = (ENGINE, CUSTOM, SOCKET)

    @contextmanager
    def sides(self, servers: Servers, plan: Plan) -> Iterator[Mapping[str, Side]]:
        """See :meth:`Measurement.sides`."""
        url = servers.bare.websocket_url(self.what)
        task = {"url": url, "what": self.what, "chunk": plan.chunk, "window": self.window}
        with ExitStack() as stack:
            yield {TITLES[kind]: stack.enter_context(generator(kind, TITLES[kind], task)) for kind in self.kinds}


class UploadSpeed(GeneratorMeasurement):
    """Chunks: how much of what is possible do we send?"""

    name = "load-upload"
    title = "generators: upload, chunks of the same size, answered by the bare server"
    ratio_title = "MB/s: hanami-load / plain socket"
    aim = Aim(0.8, at_least=True)
    what = UPLOAD
    window = 4

    def ratio(self, samples: Mapping[str, Sample]) -> float:
        """See :meth:`Measurement.ratio`."""
        return samples[TITLES[ENGINE]].megabytes_per_second / samples[TITLES[SOCKET]].megabytes_per_second


class UploadCost(UploadSpeed):
    """Chunks: what does one cost us?"""

    name = "load-upload-cpu"
    title = "generators: processor time of an upload"
    ratio_title = "CPU s/GB: hanami-load / Locust user with websocket-client"
    aim = Aim(1 / 3, at_least=False)
    kinds = (ENGINE, CUSTOM)

    def ratio(self, samples: Mapping[str, Sample]) -> float:
        """See :meth:`Measurement.ratio`."""
        return samples[TITLES[ENGINE]].cpu_per_gigabyte / samples[TITLES[CUSTOM]].cpu_per_gigabyte


class RequestSpeed(UploadSpeed):
    """Direct IO: how many of the possible round trips do we make?"""

    name = "load-request"
    title = "generators: direct IO, 784 values in and 10 out, one request at a time"
    ratio_title = "round trips/s: hanami-load / plain socket"
    what = REQUEST
    window = 1

    def ratio(self, samples: Mapping[str, Sample]) -> float:
        """See :meth:`Measurement.ratio`."""
        return samples[TITLES[ENGINE]].per_second / samples[TITLES[SOCKET]].per_second


@contextmanager
def generator(kind: str, title: str, task: Mapping[str, Any]) -> Iterator[Side]:
    """Provide a process that generates load on request.

    Args:
        kind: Name of a generator in :mod:`tools.bench.generators`.
        title: Name of the generator in messages.
        task: Task of the generator, as JSON data.

    Yields:
        A side. It raises ProcessError where the process does not answer.
    """
    with tempfile.TemporaryFile(prefix="hanami-bench-") as log, ExitStack() as stack:
        command = [sys.executable, "-m", "tools.bench.generators", kind]
        pipe = subprocess.PIPE
        process = stack.enter_context(ChildProcess(command, stdin=pipe, stdout=pipe, stderr=log))
        _write(process, json.dumps(task))

        def work(seconds: float) -> Sample:
            _write(process, repr(seconds))
            try:
                line = process.read_line(START_SECONDS + seconds)
            except TimeoutError as error:
                raise ProcessError(
                    f"{title} did not answer within {START_SECONDS + seconds:g} s{log_tail(log)}"
                ) from error
            except EOFError as error:
                raise ProcessError(f"{title} ended{log_tail(log)}") from error
            return Sample(**json.loads(line))

        yield work


def _write(process: ChildProcess, line: str) -> None:
    assert process.popen.stdin is not None
    try:
        process.popen.stdin.write(line.encode() + b"\n")
        process.popen.stdin.flush()
    except BrokenPipeError:
        pass  # the missing answer is reported by the reader
