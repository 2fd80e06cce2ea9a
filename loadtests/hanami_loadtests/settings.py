"""The options of a load run, checked before any user is spawned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hanami_conformance.clients.cluster_messages import ClusterShape
from hanami_conformance.options.definitions import AUTO
from hanami_conformance.options.target import Credentials, TargetOptions, check_tls, checked_url
from hanami_loadtests.engine.schedule import OPEN
from hanami_loadtests.options import LOAD_OPTIONS
from hanami_proto.dialect import load_dialect
from hanami_proto.options import convert_values

DEFAULT_RATE = 50.0  # of each user
FILE_SECONDS = 60.0  # rates of uploads are in files a minute


@dataclass(frozen=True)
class Settings:
    """The options of a load run.

    Attributes:
        target: How the target is reached.
        model: ``closed``, as fast as replies arrive, or ``open``, at scheduled times.
        rate: In the open model, messages a second of all users together; for uploads, files a minute. None for a rate
            of each user.
        rate_per_user: In the open model, messages a second of each user; for uploads, files a minute of each user.
        arrivals: Gaps of the open model, ``constant`` or ``poisson``.
        window: Largest number of messages in flight on each socket.
        chunk: Data of a chunk, bytes.
        file: Approximate size of an upload, bytes.
        shape: Bricks of every cluster.
        sockets: Largest number of sockets at the same time, over all users and workers; 0 for no limit, None to derive
            it from the workers of the server.
        warm_up: Seconds at the beginning that are not measured.
        drain: Seconds to wait for missing responses at the end.
        limits: File of the limits, None for the built-in ones.
        stages: File of the stages, None for a constant load.
        faults: File of the faults, None for none, or for those in the file of the stages.
        report_dir: Folder of the reports.
        seed: Seed of schedules and of the order of chunks.
        server_pid: Process of a server on this machine whose use of CPU and memory is recorded, None for none.
    """

    target: TargetOptions
    model: str
    rate: float | None
    rate_per_user: float
    arrivals: str
    window: int
    chunk: int
    file: int
    shape: ClusterShape
    sockets: int | None
    warm_up: float
    drain: float
    limits: Path | None
    stages: Path | None
    faults: Path | None
    report_dir: Path
    seed: int
    server_pid: int | None = None

    @property
    def message_rate(self) -> float:
        """Messages a second of each user; 0 in the closed model."""
        return self.rate_per_user if self.model == OPEN else 0.0

    @property
    def file_rate(self) -> float:
        """Files a second of each user; 0 in the closed model."""
        return self.rate_per_user / FILE_SECONDS if self.model == OPEN else 0.0

    def configuration(self, dialect: str) -> dict[str, Any]:
        """Return what must be equal in two runs to compare them, for the result.

        Args:
            dialect: Name of the dialect in use.
        """
        rate = {"rate_per_user": self.rate_per_user} if self.rate is None else {"rate": self.rate}
        schedule = {**rate, "arrivals": self.arrivals} if self.model == OPEN else {}
        return {
            "dialect": dialect,
            "model": self.model,
            **schedule,
            "window": self.window,
            "chunk": self.chunk,
            "file": self.file,
            "inputs": list(self.shape.inputs.values()),
            "outputs": list(self.shape.outputs.values()),
            "hidden": self.shape.hidden,
            "sockets": self.sockets,
            "warm_up": self.warm_up,
            "deadline": self.target.deadline,
        }


def settings_from(given: Mapping[str, Any], host: str | None) -> Settings:
    """Check the options.

    Args:
        given: Option ``dest`` to value, as Locust parsed them or as its form sent them.
        host: Address of the target.

    Raises:
        ValueError: If something is wrong or missing; one line that says what would be right.
    """
    if not host:
        raise ValueError("no target: give --host http://HOST:PORT")
    values = convert_values(LOAD_OPTIONS, given)
    if values["rate"] and values["rate_per_user"]:
        raise ValueError("--rate and --rate-per-user exclude each other")
    if values["dialect"] != AUTO:
        load_dialect(values["dialect"])
    url = checked_url(host)
    check_tls(url, values["ca_file"], insecure=bool(values["insecure"]))
    return Settings(
        target=TargetOptions(
            url=url,
            account=_credentials(values),
            dialect=values["dialect"],
            deadline=values["deadline"],
            ca_file=values["ca_file"],
            insecure=bool(values["insecure"]),
            durable=values["durable"],
        ),
        model=values["model"],
        rate=values["rate"],
        rate_per_user=values["rate_per_user"] or DEFAULT_RATE,
        arrivals=values["arrivals"],
        window=values["window"],
        chunk=values["chunk_size"],
        file=values["file_size"],
        shape=ClusterShape(
            inputs=_bricks("input", values["inputs"]),
            outputs=_bricks("output", values["outputs"]),
            hidden=values["hidden"],
        ),
        sockets=values["sockets"],
        warm_up=values["warm_up"],
        drain=values["drain"],
        limits=values["limits"],
        stages=values["stages"],
        faults=values["faults"],
        report_dir=values["report_dir"],
        seed=values["seed"],
        server_pid=values["server_pid"],
    )


def _credentials(values: Mapping[str, str]) -> Credentials:
    user, password, token = values["user"], values["password"], values["token"]
    if token:
        if user or password:
            raise ValueError("--token and --user exclude each other")
        return Credentials(token=token)
    if not user:
        raise ValueError("no user: give --user NAME and its password in HANAMI_PASSWORD, or a token in HANAMI_TOKEN")
    if not password:
        raise ValueError(f"no password for the user {user!r}: give it in the variable HANAMI_PASSWORD")
    return Credentials(user, password)


def _bricks(kind: str, sizes: Sequence[int]) -> dict[str, int]:
    # The names that sequences give to bricks, so that an incorrect output can be replayed as one.
    return {f"{kind}_{index}": size for index, size in enumerate(sizes)}
