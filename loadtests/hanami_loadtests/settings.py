"""What a load run is told, checked before any user is spawned."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hanami_conformance.clients.cluster_messages import ClusterShape
from hanami_conformance.options.definitions import AUTO
from hanami_conformance.options.target import Credentials, TargetOptions, checked_url
from hanami_loadtests.engine.schedule import ARRIVALS, CLOSED, MODELS, OPEN
from hanami_proto.dialect import load_dialect

DEFAULT_REPORT_DIR = Path("reports") / "latest-load"
MIB = 1 << 20
KIB = 1 << 10
SMALLEST_FILE = 64  # bytes: a header and a row
_UNITS = {"": 1, "b": 1, "k": KIB, "kib": KIB, "kb": 1000, "m": MIB, "mib": MIB, "mb": 10**6, "gib": 1 << 30}
MOST_MESSAGE = 1 << 30  # bytes of a chunk
MOST_VALUES = 1_000_000  # of a brick


@dataclass(frozen=True)
class Settings:
    """The options of a load run.

    Attributes:
        target: how the target is reached.
        model: ``closed``: as fast as answers come; ``open``: by a plan of due times.
        rate: in the open model, messages a second of each user; for uploads, files a minute of each user.
        arrivals: of the open model, ``constant`` or ``poisson``.
        window: most messages that are sent and not answered, of each socket.
        chunk: data of a chunk, bytes.
        file: of an upload, bytes, about.
        shape: of every cluster.
        sockets: most sockets at the same time, over all users and workers; 0 for no limit.
        warm_up: seconds at the beginning that are not measured.
        drain: seconds that missing answers are waited for at the end.
        limits: file of the limits, None for the built-in ones.
        report_dir: folder of the reports.
        seed: of plans and of the order of chunks.
    """

    target: TargetOptions
    model: str
    rate: float
    arrivals: str
    window: int
    chunk: int
    file: int
    shape: ClusterShape
    sockets: int
    warm_up: float
    drain: float
    limits: Path | None
    report_dir: Path
    seed: int

    @property
    def message_rate(self) -> float:
        """Messages a second of each user; 0 in the closed model."""
        return self.rate if self.model == OPEN else 0.0

    @property
    def file_rate(self) -> float:
        """Files a second of each user; 0 in the closed model."""
        return self.rate / 60 if self.model == OPEN else 0.0

    def configuration(self, dialect: str) -> dict[str, Any]:
        """Return what makes two runs alike, for the result.

        Args:
            dialect: that was spoken.
        """
        return {
            "dialect": dialect,
            "model": self.model,
            **({"rate": self.rate, "arrivals": self.arrivals} if self.model == OPEN else {}),
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


def settings_of(given: Mapping[str, Any], host: str | None) -> Settings:
    """Check the options.

    Args:
        given: option to value, as Locust parsed them or as its form sent them.
        host: address of the target.

    Raises:
        ValueError: something is wrong or missing; one line that says what would be right.
    """
    if not host:
        raise ValueError("no target: give --host http://HOST:PORT")
    dialect = str(given.get("dialect") or AUTO)
    if dialect != AUTO:
        load_dialect(dialect)
    credentials = _credentials(given)
    model = _choice(given, "model", MODELS, CLOSED)
    limits = str(given.get("limits") or "")
    ca_file = str(given.get("ca_file") or "")
    if ca_file and given.get("insecure"):
        raise ValueError("--ca-file and --insecure exclude each other")
    return Settings(
        target=TargetOptions(
            url=checked_url(host),
            account=credentials,
            dialect=dialect,
            deadline=_number(given, "deadline", float, 10.0, 0.1),
            ca_file=Path(ca_file) if ca_file else None,
            insecure=bool(given.get("insecure")),
        ),
        model=model,
        rate=_number(given, "rate", float, 50.0, 0.001),
        arrivals=_choice(given, "arrivals", ARRIVALS, ARRIVALS[0]),
        window=int(_number(given, "window", int, 4, 1)),
        chunk=_size(given, "chunk_size", 128 * KIB, 1, MOST_MESSAGE),
        file=_size(given, "file_size", MIB, SMALLEST_FILE, 10_000_000_000),
        shape=ClusterShape(
            inputs=_bricks(given, "inputs", "784", "input"),
            outputs=_bricks(given, "outputs", "10", "output"),
            hidden=int(_number(given, "hidden", int, 400, 1)),
        ),
        sockets=int(_number(given, "sockets", int, 0, 0)),
        warm_up=_number(given, "warm_up", float, 1.0, 0),
        drain=_number(given, "drain", float, 10.0, 0.1),
        limits=Path(limits) if limits else None,
        report_dir=Path(str(given.get("report_dir") or DEFAULT_REPORT_DIR)),
        seed=int(_number(given, "seed", int, 0, 0)),
    )


def _credentials(given: Mapping[str, Any]) -> Credentials:
    user, password, token = (str(given.get(name) or "") for name in ("user", "password", "token"))
    if token:
        if user or password:
            raise ValueError("--token and --user exclude each other")
        return Credentials(token=token)
    if not user:
        raise ValueError("no user: give --user NAME and its password in HANAMI_PASSWORD, or a token in HANAMI_TOKEN")
    if not password:
        raise ValueError(f"no password for the user {user!r}: give it in the variable HANAMI_PASSWORD")
    return Credentials(user, password)


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _choice(given: Mapping[str, Any], name: str, choices: tuple[str, ...], default: str) -> str:
    value = str(given.get(name) or default)
    if value not in choices:
        raise ValueError(f"{_flag(name)} {value!r}: choose {' or '.join(choices)}")
    return value


def _number(given: Mapping[str, Any], name: str, kind: Callable[[str], float], default: float, least: float) -> float:
    value = given.get(name)
    if value is None or value == "":
        return default
    try:
        number = kind(str(value))
    except ValueError:
        number = float("nan")
    if not least <= number < float("inf"):
        whole = "a whole number" if kind is int else "a number"
        raise ValueError(f"{_flag(name)} {str(value)!r}: give {whole} of at least {least:g}")
    return number


def _size(given: Mapping[str, Any], name: str, default: int, least: int, most: int) -> int:
    value = given.get(name)
    if value is None or value == "":
        return default
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*", str(value))
    unit = _UNITS.get(match[2].lower()) if match else None
    if match is None or unit is None:
        raise ValueError(f"{_flag(name)} {str(value)!r}: give a size such as 128KiB, 1MiB, or a number of bytes")
    size = int(float(match[1]) * unit)
    if not least <= size <= most:
        raise ValueError(f"{_flag(name)} {str(value)!r}: give a size from {least} to {most} bytes")
    return size


def _bricks(given: Mapping[str, Any], name: str, default: str, brick: str) -> dict[str, int]:
    value = str(given.get(name) or default)
    sizes = [int(part) if part.isascii() and part.isdigit() else 0 for part in value.replace(" ", "").split(",")]
    if not all(2 <= size <= MOST_VALUES for size in sizes):
        raise ValueError(f"{_flag(name)} {value!r}: give the values of each brick, such as 784 or 100,50; from 2 on")
    if brick == "output" and len(set(sizes)) < len(sizes):
        raise ValueError(f"{_flag(name)} {value!r}: give bricks of different sizes, so that their answers can be told")
    # The names that sequences give to bricks, so that a incorrect answer can be replayed as one.
    return {f"{brick}_{index}": size for index, size in enumerate(sizes)}
