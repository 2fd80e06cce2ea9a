"""Hostile clients: how long does one of them block the event loop of the reference backend for all others?"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial

import httpx

from hanami_conformance.common.child_process import ProcessError
from hanami_proto.dialect import load_dialect
from tools.bench import rest_abuse, socket_abuse
from tools.bench.measurement import Measurement, Plan, Side
from tools.bench.servers import USER, Servers
from tools.bench.statistics import Aim, Sample
from tools.bench.victim import DEADLINE, Victim
from tools.process import running_server
from tools.reference import BACKEND

WATCHED = ("-m", "tools.bench.watched_server", *BACKEND[2:])
PATH = "/watched"  # of that server, which this process must not import
ABUSES: tuple[Callable[[Victim], None], ...] = (
    rest_abuse.nothing,
    rest_abuse.duplicate_keys,
    rest_abuse.many_numbers,
    rest_abuse.many_objects,
    rest_abuse.endless_headers,
    rest_abuse.endless_header,
    rest_abuse.endless_trailers,
    rest_abuse.pipelined_requests,
    rest_abuse.many_columns,
    rest_abuse.columns_within_the_limit,
    rest_abuse.missing_cells,
    rest_abuse.tables_at_once,
    rest_abuse.long_record,
    rest_abuse.large_image,
    rest_abuse.many_clusters,
    socket_abuse.pings,
    socket_abuse.tiny_fragments,
    socket_abuse.tiny_first_messages,
    socket_abuse.large_first_messages,
    socket_abuse.scattered_bytes,
    socket_abuse.unknown_fields,
    socket_abuse.repeated_fields,
    socket_abuse.repeated_names,
    socket_abuse.large_cluster,
    socket_abuse.closed_websockets,
)


class BlockingMeasurement(Measurement):
    """The longest time in which the event loop served nobody, while one hostile client was at work.

    The time of a sample is that of the longest block, its memory the growth of the server to its peak.
    """

    name = "blocking"
    title = "hostile clients: the longest block of the event loop, and the growth of memory"
    ratio_title = "longest block of the event loop by any of them, milliseconds"
    aim = Aim(50, at_least=False)
    default_rounds = 3
    is_timed = False
    scale = 1.0  # of all inputs; tests measure smaller ones

    @contextmanager
    def sides(self, _servers: Servers, _plan: Plan) -> Iterator[Mapping[str, Side]]:
        """See :meth:`Measurement.sides`. The server is one of its own, whose loop is watched."""
        password = secrets.token_urlsafe(12)
        users = {"HANAMI_REFERENCE_USERS": f"{USER}:{password}:bench"}
        with running_server("the watched reference backend", WATCHED, users) as announced:
            url, dialect = announced["url"], load_dialect()
            with httpx.Client(base_url=url, timeout=DEADLINE, trust_env=False) as client:
                login = client.post(dialect.route("token.create").path, json=dialect.login(USER, password))
            victim = Victim(url, dialect, login.json()["token"], self.scale)
            yield {abuse.__name__.replace("_", " "): partial(_watched, victim, abuse) for abuse in ABUSES}

    def ratio(self, samples: Mapping[str, Sample]) -> float:
        """See :meth:`Measurement.ratio`."""
        return max(sample.seconds for sample in samples.values()) * 1000


def _watched(victim: Victim, abuse: Callable[[Victim], None], _seconds: float) -> Sample:
    before = _take(victim)
    abuse(victim)
    after = _take(victim)
    return Sample(1, max(after["block"], 1e-6), memory=max(0, int(after["memory"] - before["held"])))


def _take(victim: Victim) -> dict[str, float]:
    """Return what the server has measured since the last call.

    Raises:
        ProcessError: If it does not answer.
    """
    try:
        with victim.client() as client:
            measured: dict[str, float] = client.get(PATH).json()
    except (httpx.HTTPError, ValueError) as error:
        raise ProcessError(f"the watched reference backend does not answer: {error!r}") from error
    return measured
