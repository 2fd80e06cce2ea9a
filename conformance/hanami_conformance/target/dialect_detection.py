"""Detection of the dialect of a target, by requests that create and change nothing."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from hanami_conformance.cases.failures import (
    ConnectionClosed,
    ResponseTimeout,
    TargetDown,
    TargetRejectedConfiguration,
    Violation,
)
from hanami_conformance.clients.deadline import AdaptiveTimeout, Deadline
from hanami_conformance.clients.rest import RestClient
from hanami_conformance.clients.rest_response import RestResponse
from hanami_conformance.common.redact import SECRETS
from hanami_conformance.common.text import printable_line
from hanami_conformance.options.target import Credentials, TargetOptions
from hanami_conformance.target.login import READY_POLL, redirect_error, register_secrets, request_login, token_from
from hanami_proto.dialect import Dialect, Route, dialect_names, load_dialect

NOBODY = "nobody_of_that_name"
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

    def token(self, credentials: Credentials) -> str:
        """Return the given token, or the one in the answer."""
        assert self.answer is not None
        return credentials.token or token_from(self.answer)

    @property
    def is_down(self) -> bool:
        """Whether the target may not be ready yet."""
        return self.answer is None or self.answer.failed


def find_dialect(options: TargetOptions, dialects: Sequence[Dialect] | None = None) -> DetectedDialect:
    """Find the dialect that the target speaks: of those in which the first user can log in, the one that fits the rest.

    Args:
        options: Options of the target.
        dialects: Dialects to try, None for those that come with the suite.

    Raises:
        TargetRejectedConfiguration: If none or several fit; one line with the answers.
        TargetDown: If there is no answer.
    """
    tried = [load_dialect(name) for name in dialect_names()] if dialects is None else dialects
    register_secrets(options.account, "first user")
    rest = RestClient(options.endpoint(), AdaptiveTimeout(options.deadline))
    probes = _probes(rest, tried, options)
    fitting = [probe for probe in probes if probe.fits]
    if not fitting:
        raise _redirected(rest, probes) or _none(options, probes)
    if len(fitting) == 1:
        others = "/".join(sorted({probe.status for probe in probes if not probe.fits}))
        but = f", the other dialects {others}" if others else ""
        return DetectedDialect(fitting[0].dialect, f"{fitting[0].route} answered 200{but}")
    return _choose(rest, fitting, options.account)


def _probes(rest: RestClient, dialects: Iterable[Dialect], options: TargetOptions) -> list[_Probe]:
    """Try every dialect, repeatedly while only server errors arrive: the server may be starting."""
    ready_by = Deadline.after(options.deadline)
    while True:
        probes: list[_Probe] = []
        for dialect in dialects:
            asked = (probe for probe in probes if _same_question(probe.dialect, dialect, options.account))
            same = next(asked, None)
            probes.append(_probe(rest, dialect, options.account) if same is None else replace(same, dialect=dialect))
            if ready_by.passed and probes[-1].answer is None:
                return probes  # a silent server is not asked once a dialect
        if ready_by.passed or any(probe.fits for probe in probes) or not any(probe.is_down for probe in probes):
            return probes
        time.sleep(READY_POLL)


def _same_question(one: Dialect, other: Dialect, credentials: Credentials) -> bool:
    """Return whether the login is the same request in two dialects."""
    if credentials.token:
        return one.route("dataset.list") == other.route("dataset.list")
    return (one.route("token.create"), one.token_body) == (other.route("token.create"), other.token_body)


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


def _redirected(rest: RestClient, probes: Sequence[_Probe]) -> Exception | None:
    return next((error for probe in probes if probe.answer and (error := redirect_error(rest, probe.answer))), None)


def _none(options: TargetOptions, probes: Sequence[_Probe]) -> Exception:
    questions = ", ".join(dict.fromkeys(f"{probe.route} answered {probe.status}" for probe in probes))
    if all(probe.is_down for probe in probes):
        silent = next((probe.error for probe in probes if probe.answer is None), "")
        return TargetDown(f"{options.url} is no usable target: {silent or questions}")
    known = [probe for probe in probes if probe.answer is not None and probe.answer.status not in (404, 405)]
    # On one path, 400 rejects the form of the login, and 401 the credentials in it.
    rejected_routes = {probe.route for probe in known if probe.status in ("401", "403")}
    known = [probe for probe in known if probe.status != "400" or probe.route not in rejected_routes]
    # Some servers answer 401 to unknown paths: only a single different answer is conclusive.
    answers = {(probe.route, probe.status): probe.answer for probe in known}
    if len({probe.route for probe in known}) == 1 and len(answers) == 1:
        ((route, _), answer), *_rest = answers.items()
        if answer is not None and answer.status in REJECTIONS:
            whom = "token of the first user" if options.account.token else f"first user {options.account.user!r}"
            return TargetRejectedConfiguration(
                f"the target rejects the {whom}: {route} answered {answer.status} {printable_line(answer.text, 80)}; "
                f"it seems to speak {' or '.join(probe.dialect.name for probe in known)}, the others have no such path"
            )
    return TargetRejectedConfiguration(
        f"no dialect fits: {questions}: wrong credentials, or none of these dialects; give --dialect to choose"
    )


def _choose(rest: RestClient, fitting: Sequence[_Probe], credentials: Credentials) -> DetectedDialect:
    """Choose among dialects that all let us in: by their forms of a login, the columns of lists, and their paths."""
    reasons = []
    for narrow in (_by_columns, _by_login):
        left, reason = narrow(rest, fitting, credentials)
        if left and len(left) < len(fitting):
            fitting = left
            reasons.append(reason)
    if len(fitting) == 1:
        return DetectedDialect(fitting[0].dialect, f"{fitting[0].route} answered 200, {', and '.join(reasons)}")
    return _by_routes(rest, fitting, credentials)


def _by_columns(rest: RestClient, fitting: Sequence[_Probe], credentials: Credentials) -> tuple[list[_Probe], str]:
    """Return the dialects whose list of datasets has the columns of the target."""
    left: list[_Probe] = []
    headers: dict[Route, tuple[str, ...]] = {}
    for probe in fitting:
        route = probe.dialect.route("dataset.list")
        if route not in headers:
            headers[route] = _columns(rest, route, probe.token(credentials))
        if headers[route] == probe.dialect.answers["dataset.list"]:
            left.append(probe)
    return left, f"{fitting[0].dialect.route('dataset.list')} has its columns"


def _columns(rest: RestClient, route: Route, token: str) -> tuple[str, ...]:
    try:
        header = rest.request(route.method, route.path, token=token).object().get("header")
    except (ResponseTimeout, ConnectionClosed, TargetDown, Violation):
        return ()
    return tuple(map(str, header)) if isinstance(header, list) else ()


def _by_login(rest: RestClient, fitting: Sequence[_Probe], credentials: Credentials) -> tuple[list[_Probe], str]:
    """Return the dialects whose form of a login the target knows: it refuses an unknown user, and not the fields."""
    if not credentials.token:
        return list(fitting), ""  # the login itself has been tried
    left = []
    for probe in fitting:
        try:
            answer = request_login(rest, probe.dialect, Credentials(NOBODY, "no-password"))
        except (ResponseTimeout, ConnectionClosed, TargetDown):
            continue
        if answer.status in (401, 403):
            left.append(probe)
    one = (left or fitting)[0].dialect
    return left, f"{one.route('token.create')} takes {' and '.join(one.token_body)}"


def _by_routes(rest: RestClient, fitting: Sequence[_Probe], credentials: Credentials) -> DetectedDialect:
    """Choose among dialects in which the login works, by the paths that exist, each requested with GET."""
    lacking = {}
    for probe in fitting:
        token = probe.token(credentials)
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
