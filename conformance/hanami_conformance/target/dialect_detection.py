"""Detection of the dialect of a target, by requests that create and change nothing."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hanami_conformance.cases.failures import (
    ConnectionClosed,
    ResponseTimeout,
    TargetDown,
    TargetRejectedConfiguration,
    Violation,
)
from hanami_conformance.clients.deadline import AdaptiveTimeout, Deadline
from hanami_conformance.clients.rest import RestClient, RestResponse
from hanami_conformance.clients.tcp import context_for
from hanami_conformance.common.redact import SECRETS
from hanami_conformance.common.text import printable_line
from hanami_conformance.options.target import Credentials, TargetOptions
from hanami_conformance.target.login import READY_POLL, register_secrets, request_login, token_from
from hanami_proto.dialect import Dialect, Route, dialect_names, load_dialect

REJECTIONS = (400, 401, 403)  # statuses of a login whose path exists


@dataclass(frozen=True)
class DetectedDialect:
    """The dialect of a target, and the reason for the choice, one line."""

    dialect: Dialect
    reason: str


@dataclass(frozen=True)
class _Probe:
    """The answer of a target to a login in one dialect.

    Attributes:
        dialect: The dialect.
        route: Route of the request.
        answer: The answer, None for none.
        fits: Whether the login worked.
        error: Reason where there was no answer.
    """

    dialect: Dialect
    route: Route
    answer: RestResponse | None
    fits: bool
    error: str = ""

    @property
    def status(self) -> str:
        """The status code, or words where there is none."""
        if self.answer is None:
            return "nothing"
        return str(self.answer.status) if self.fits or self.answer.status != 200 else "200 without what it should hold"

    @property
    def is_down(self) -> bool:
        """Whether the target may not be ready yet."""
        return self.answer is None or self.answer.status >= 500


def find_dialect(options: TargetOptions, dialects: Sequence[Dialect] | None = None) -> DetectedDialect:
    """Find the dialect in which the first user can log in.

    Args:
        options: Options of the target.
        dialects: Dialects to try, None for those that come with the suite.

    Raises:
        TargetRejectedConfiguration: If none or several fit; one line with the answers.
        TargetDown: If there is no answer.
    """
    tried = [load_dialect(name) for name in dialect_names()] if dialects is None else dialects
    register_secrets(options.account, "first user")
    rest = RestClient(
        options.url,
        AdaptiveTimeout(options.deadline),
        context_for(options.url, options.ca_file, insecure=options.insecure),
    )
    try:
        probes = _probes(rest, tried, options)
        fitting = [probe for probe in probes if probe.fits]
        if not fitting:
            raise _none(options, probes)
        if len(fitting) == 1:
            others = "/".join(sorted({probe.status for probe in probes if not probe.fits}))
            but = f", the other prefixes {others}" if others else ""
            return DetectedDialect(fitting[0].dialect, f"{fitting[0].route} answered 200{but}")
        return _by_routes(rest, fitting, options.account)
    finally:
        rest.close()


def _probes(rest: RestClient, dialects: Iterable[Dialect], options: TargetOptions) -> list[_Probe]:
    """Try every dialect, repeatedly while only server errors arrive: the server may be starting."""
    ready_by = Deadline.after(options.deadline)
    while True:
        probes = []
        for dialect in dialects:
            probes.append(_probe(rest, dialect, options.account))
            if ready_by.passed and probes[-1].answer is None:
                return probes  # a silent server is not asked once a dialect
        if ready_by.passed or any(probe.fits for probe in probes) or not any(probe.is_down for probe in probes):
            return probes
        time.sleep(READY_POLL)


def _probe(rest: RestClient, dialect: Dialect, credentials: Credentials) -> _Probe:
    route = dialect.route("dataset.list" if credentials.token else "token.create")
    try:
        answer = request_login(rest, dialect, credentials)
    except (ResponseTimeout, ConnectionClosed) as error:
        return _Probe(dialect, route, None, fits=False, error=str(error))
    if credentials.token:
        return _Probe(dialect, route, answer, fits=_is_object(answer))
    token = token_from(answer)
    SECRETS.add(token, "token of the first user")
    return _Probe(dialect, route, answer, fits=bool(token))


def _is_object(answer: RestResponse) -> bool:
    try:
        answer.object()
    except Violation:
        return False
    return True


def _none(options: TargetOptions, probes: Sequence[_Probe]) -> Exception:
    answers = ", ".join(f"{probe.route} answered {probe.status}" for probe in probes)
    if all(probe.is_down for probe in probes):
        silent = next((probe.error for probe in probes if probe.answer is None), "")
        return TargetDown(f"{options.url} is no usable target: {silent or answers}")
    known = [probe for probe in probes if probe.answer is not None and probe.answer.status not in (404, 405)]
    # Some servers answer 401 to unknown paths: only a single different answer is conclusive.
    if len(known) == 1 and known[0].answer is not None and known[0].answer.status in REJECTIONS:
        whom = "token of the first user" if options.account.token else f"first user {options.account.user!r}"
        return TargetRejectedConfiguration(
            f"the target rejects the {whom}: {known[0].route} answered {known[0].status} "
            f"{printable_line(known[0].answer.text, 80)}; "
            f"it seems to speak {known[0].dialect.name}, the others have no such path"
        )
    return TargetRejectedConfiguration(
        f"no dialect fits: {answers}: wrong credentials, or none of these dialects; give --dialect to choose"
    )


def _by_routes(rest: RestClient, fitting: Sequence[_Probe], credentials: Credentials) -> DetectedDialect:
    """Choose among dialects in which the login works, by the paths that exist, each requested with GET."""
    lacking = {}
    for probe in fitting:
        assert probe.answer is not None
        token = credentials.token or token_from(probe.answer)
        paths = sorted({route.path for route in probe.dialect.routes.values()})
        lacking[probe.dialect.name] = [path for path in paths if not _is_there(rest, path, token)]
    whole = [probe for probe in fitting if not lacking[probe.dialect.name]]
    names = ", ".join(probe.dialect.name for probe in fitting)
    most = max((len(probe.dialect.routes) for probe in whole), default=0)
    best = [probe for probe in whole if len(probe.dialect.routes) == most]
    if len(best) != 1:
        raise TargetRejectedConfiguration(
            f"several dialects fit: {names} all let the first user in; give --dialect to choose"
        )
    return DetectedDialect(
        best[0].dialect,
        f"{names} all answered 200 to the login, and of these it has most of the paths that are there",
    )


def _is_there(rest: RestClient, path: str, token: str) -> bool:
    """Return whether a path exists: the answer differs from that to a path which cannot exist."""
    answers = []
    for asked in (path, f"{path}_nowhere"):
        try:
            answer = rest.request("GET", asked, token=token)
        except (ResponseTimeout, ConnectionClosed, TargetDown):
            return False
        answers.append((answer.status, answer.text.replace("_nowhere", "")))
    return answers[0] != answers[1]
