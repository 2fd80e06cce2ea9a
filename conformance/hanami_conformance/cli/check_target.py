"""``hanami-conformance check-target``: a preflight check of a target on one screen."""

from __future__ import annotations

import secrets
import statistics
import sys
import textwrap
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hanami_conformance.cases.failures import (
    PreconditionFailed,
    TargetDown,
    TargetRejectedConfiguration,
    Unsupported,
    Violation,
)
from hanami_conformance.cli.arguments import add_options, target_values
from hanami_conformance.clients.cluster_messages import ClusterShape
from hanami_conformance.clients.cluster_socket import ClusterSocket
from hanami_conformance.common.redact import SECRETS
from hanami_conformance.common.shortage import MachineShortage
from hanami_conformance.common.text import line_width, printable_line
from hanami_conformance.options.definitions import TARGET_OPTIONS
from hanami_conformance.options.run import RunOptions, resolve
from hanami_conformance.resources.cleanup import delete_leftovers, describe
from hanami_conformance.resources.cluster import Cluster
from hanami_conformance.resources.factory import ALREADY, ResourceFactory
from hanami_conformance.resources.training import sample_inputs, training_targets
from hanami_conformance.server.open import temporary_target
from hanami_conformance.server.startup import SHAPE
from hanami_conformance.server.workers import WorkerCount, count_workers
from hanami_conformance.target.attach import FILE_UPLOAD, attach
from hanami_conformance.target.capabilities import (
    CLUSTERS,
    UNJUDGED_WITHOUT,
    UPLOADS,
    WEBSOCKETS,
    large_file_cost,
    missing_capabilities,
    short_list,
)
from hanami_conformance.target.target import Account, Target
from hanami_reports.common.text import pluralise
from hanami_reports.model.conformance import ExitStatus

LONGEST_LINE = 110  # characters
LABEL = 16
CALLS = 5  # of which the median is printed
USUAL_WORKERS = 4  # of a real server
TABLE = b"first,second\n1,2\n3,4\n"
NO_WEBSOCKET = "is not used, since no websocket is accepted"
DESCRIPTION = """\
Checks a target before a run: whether it is reachable, its dialect, which users can log in, whether uploads, websockets
and clusters work, the number of workers, which requirements will be UNSUPPORTED, and the risks of a run. Deletes
everything that it creates. Exit status: ready (0), partly ready (1), this machine lacks what the check needs (3), wrong
options or credentials (4), not reachable (6).
"""


def add_parser(commands: Any, name: str, text: str) -> None:
    """Add the command to the others, with its help in a line."""
    parser = commands.add_parser(name, help=text, description=DESCRIPTION)
    add_options(parser, TARGET_OPTIONS)
    parser.set_defaults(act=lambda arguments: check_target(target_values(arguments)))


def check_target(given: Mapping[str, Any]) -> int:
    """Check a target, and print the findings. Everything created there is deleted.

    Args:
        given: Options of the target, as :func:`resolve` takes them.

    Returns:
        0 if it is ready, 1 if uploads, websockets or clusters do not work, 2 if the check was interrupted, 4 if options
        or credentials are wrong, 6 if the target cannot be reached, 3 if this machine lacks what that needs.
    """
    try:
        options = resolve(given)
    except ValueError as error:
        sys.stderr.write(f"ERROR: {SECRETS.text(str(error))}\n")
        return ExitStatus.USAGE
    _say("target", "the bundled reference backend" if options.reference else options.target.url)
    if options.config is not None:
        _say("settings", f"from {options.config}")
    try:
        with temporary_target(options) as target:
            broken = _TargetCheck(target, options).run()
    except (TargetRejectedConfiguration, ValueError) as error:
        return _end(ExitStatus.USAGE, "NOT READY", str(error))
    except TargetDown as error:
        return _end(ExitStatus.TARGET_LOST, "NOT REACHABLE", str(error))
    except MachineShortage as shortage:
        return _end(ExitStatus.SUITE_FAULT, "NOT CHECKED", str(shortage))
    except KeyboardInterrupt:
        return _end(ExitStatus.INTERRUPTED, "INTERRUPTED", "the rest was not checked")
    return _end_of_check(broken)


def _end_of_check(broken: Sequence[str]) -> int:
    if broken:
        unjudged = {name for part in broken for name in UNJUDGED_WITHOUT[part]}
        what = f"{' and '.join(broken)} do not work: {pluralise(len(unjudged), 'requirement')} cannot be judged"
        return _end(ExitStatus.NOT_CONFORMANT, "PARTLY READY", what)
    return _end(ExitStatus.CONFORMANT, "READY", "hanami-conformance run takes the same options")


class _TargetCheck:
    """One check of a target.

    Args:
        target: Target with its accounts logged in.
        options: Options of the run.
    """

    def __init__(self, target: Target, options: RunOptions) -> None:
        self._target = target
        self._options = options
        self._run_id = secrets.token_hex(4)
        self._resources = ResourceFactory(target, self._run_id)
        self._content: bool | None = None
        self._workers: WorkerCount | None = None
        self._broken: list[str] = []

    def run(self) -> Sequence[str]:
        """Check everything, and print it.

        Returns:
            Parts of the target that do not work, of :data:`UNJUDGED_WITHOUT`.

        Raises:
            TargetRejectedConfiguration: If the existing cluster does not match its description.
            TargetDown: If the target is down at the end.
        """
        try:
            self._facts()
            self._try("upload", self._upload, UPLOADS)
            self._try("websocket", self._websocket, WEBSOCKETS)
            self._try(
                "cluster",
                self._check_existing_cluster if self._target.given_cluster is not None else self._check_new_cluster,
                CLUSTERS,
            )
            self._target.close_connections()
            self._try("workers", self._count_workers)
        finally:
            self._resources.clean()
            leftovers = describe(self._resources.leftovers)
            if self._resources.creation_failed:
                leftovers = delete_leftovers(self._target, self._run_id, self._resources.leftovers)
            for left in leftovers:
                _say("LEFT OVER", left)
        if not self._target.is_alive():
            raise TargetDown("the target no longer answers")
        if WEBSOCKETS in self._broken:  # uploads need one, so they do not fail by themselves
            self._broken = [part for part in self._broken if part != UPLOADS]
        self._print_missing_capabilities()
        return self._broken

    def _try(self, label: str, look: Callable[[], str], part: str = "") -> None:
        """Print the outcome of a check; note the part of the target if it does not work."""
        try:
            _say(label, look())
        except (Unsupported, Violation, PreconditionFailed) as error:
            _say(label, f"{'no' if isinstance(error, Unsupported) else 'FAILS'}: {error}")
            if part:
                self._broken.append(part)
        self._target.close_connections()

    def _facts(self) -> None:
        target = self._target
        _say("reachable", f"yes; a REST call takes {_milliseconds(self._call)}")
        if target.url.startswith("https"):
            _say("TLS", "yes, certificate checked" if target.certificate_checked else "yes, CERTIFICATE NOT CHECKED")
        else:
            _say("TLS", "no: passwords and tokens go over the wire in clear")
        why = target.dialect_reason or "as configured, and the login works (--dialect auto would detect it)"
        _say("dialect", f"{target.dialect.name}: {why}")
        for account, label in ((target.account, "first user"), (target.other_account, "second user")):
            _say(label, target.other_account_missing_reason if account is None else _describe_account(account))
        _say(
            "connections",
            f"{pluralise(target.connection_limit.limit, 'websocket')} at the same time, and one REST call in addition",
        )

    def _call(self) -> None:
        answer = self._target.account.call("dataset.list")
        if answer.failed:
            raise TargetDown(f"{self._target.url} is no usable target: {answer}")

    def _websocket(self) -> str:
        """Attach a websocket to a new upload, after the time of some openings was measured."""
        try:
            upload = self._resources.csv(1)
        except PreconditionFailed:
            return "not tried, since no upload can be begun"

        def open_once() -> None:
            websocket = self._target.websocket()
            try:
                websocket.open()
            finally:
                websocket.close()

        duration = _milliseconds(open_once)
        attach(upload.account, upload.files["input"].uuid, FILE_UPLOAD)
        return f"opens in {duration}, and is accepted"

    def _count_workers(self) -> str:
        if {UPLOADS, WEBSOCKETS} & set(self._broken):
            return "not counted, since no websocket can be attached to an upload"
        if not self._options.destructive:
            return "not counted, since that occupies the server for a moment (--allow-destructive)"
        self._workers = count_workers(self._target, self._run_id)
        return str(self._workers)

    def _upload(self) -> str:
        upload = self._resources.dataset("csv", {"input": TABLE})
        self._content = self._target.serves_content(upload.account, upload.uuid, "first")
        what = "can be read back" if self._content else "can't be read back"
        return f"works, and was deleted again; the content of a dataset {what}"

    def _check_new_cluster(self) -> str:
        cluster = self._resources.cluster(SHAPE)
        cluster.enter_direct_mode()
        if WEBSOCKETS in self._broken:
            return f"can be made, {NO_WEBSOCKET}, and is deleted again"
        socket = cluster.attach()
        # Some servers answer no request to a cluster that was never trained.
        socket.train([*sample_inputs(SHAPE, seed=1), *training_targets(SHAPE, seed=1)])
        return f"can be made and trained, answers{_answer(socket)}, and is deleted again"

    def _check_existing_cluster(self) -> str:
        """Use the existing cluster once, and restore its mode."""
        given, account = self._target.given_cluster, self._target.account
        assert given is not None
        cluster = Cluster(account, given.uuid, given.uuid, ClusterShape(given.inputs, given.outputs, hidden=0))
        if WEBSOCKETS in self._broken:
            return f"{given} is given, {NO_WEBSOCKET}, and is never deleted"
        task, direct = self._target.dialect.modes
        answer = cluster.set_mode(direct)
        if answer.status not in ALREADY:
            raise TargetRejectedConfiguration(f"the given cluster does not switch to direct mode: {answer}")
        try:
            outputs = _answer(cluster.attach())
        except (Violation, PreconditionFailed) as error:
            raise TargetRejectedConfiguration(
                f"the given cluster {given} is not as described: {printable_line(str(error))}"
            ) from error
        finally:
            self._target.close_connections()
            if answer.status == 200:
                cluster.set_mode(task)
        return f"{given} is given, answers{outputs}, and is never deleted"

    def _print_missing_capabilities(self) -> None:
        found = list(
            missing_capabilities(
                self._target,
                content=self._content,
                broken=self._broken,
                destructive=self._options.destructive,
                restartable=self._options.reference or bool(self._options.server),
            )
        )
        if not found:
            _say("UNSUPPORTED", "nothing: every requirement can be judged")
        for lack in found:
            whole = f"{short_list(lack.whole)} {lack.verdict}" if lack.whole else ""
            partly = f"some cases of {', '.join(lack.partly)}" if lack.partly else ""
            _say("lacking", f"{lack.what}: {'; '.join(filter(None, (whole, partly)))}")
        for risk_level in self._dangers():
            _say("careful", risk_level)

    def _dangers(self) -> list[str]:
        target = self._target
        much = (
            "malformed frames, undecodable messages and floods too"
            if self._options.destructive
            else "but without --allow-destructive nothing that is known to crash servers"
        )
        advice = "fragile servers hang or crash, so use one that nobody relies on"
        dangers = [f"malformed input is sent on purpose, {much}; {advice}"]
        dangers += self._worker_dangers()
        if self._options.destructive and not self._options.reference:
            dangers.append(large_file_cost())
        if target.given_cluster is not None:
            dangers.append("the existing cluster will be trained, and its mode switched: its learned state is lost")
        if not target.certificate_checked:
            dangers.append("the certificate is not checked: passwords may go to anybody (--ca-file FILE)")
        there = [text for kind in ("dataset", "cluster") if (text := self._count(kind))]
        if there:
            dangers.append(f"the first user already has {' and '.join(there)}")
        return dangers

    def _worker_dangers(self) -> list[str]:
        """Return a line if the websockets of a run could occupy all workers, so that no REST call is answered."""
        limit = self._target.connection_limit.limit
        if self._workers is None:
            starves = limit >= USUAL_WORKERS
            return [f"{limit} websockets at the same time starve a server of four workers"] if starves else []
        if not self._workers.limited or limit <= self._workers.connections:
            return []
        advice = f"give --max-connections {self._workers.connections}"
        return [f"{limit} websockets at the same time occupy all of the {self._workers.served} workers: {advice}"]

    def _count(self, kind: str) -> str:
        """Return the number of resources of the first user, empty for none."""
        try:
            body = self._target.account.call(f"{kind}.list").object().get("body")
        except (Violation, Unsupported):
            return ""
        return pluralise(len(body), kind) if isinstance(body, list) and body else ""


def _answer(socket: ClusterSocket) -> str:
    """Return the answer to a request as text."""
    answer = socket.request(sample_inputs(socket.shape, seed=1))
    return " with " + ", ".join(f"{pluralise(len(values), 'value')} of {name}" for name, values in answer.items())


def _describe_account(account: Account) -> str:
    name = repr(account.credentials.user) if account.credentials.user else "by a token"
    return f"{name} is logged in{', an admin' if account.is_admin else ''}"


def _milliseconds(act: Callable[[], None]) -> str:
    """Return the median duration of a call."""
    times = []
    for _ in range(CALLS):
        began = time.monotonic()
        act()
        times.append(time.monotonic() - began)
    return f"{1000 * statistics.median(times):.1f} ms"


def _say(label: str, text: str) -> None:
    indent = " " * LABEL
    columns = line_width(LONGEST_LINE) - LABEL
    lines = textwrap.wrap(SECRETS.text(text), columns, break_long_words=False, break_on_hyphens=False)
    sys.stdout.write(f"{label:<{LABEL}}" + f"\n{indent}".join(lines) + "\n")


def _end(status: int, word: str, text: str) -> int:
    sys.stdout.write(f"\n{word}  {SECRETS.text(text)}\n")
    return status
