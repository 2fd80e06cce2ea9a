"""``hanami-conformance check-target``: on one screen, what a run against a target will find, and what it will lack."""

from __future__ import annotations

import secrets
import statistics
import sys
import textwrap
import time
from collections.abc import Callable, Mapping
from typing import Any

from hanami_conformance.cases.failures import (
    ConnectionClosed,
    PreconditionFailed,
    ResponseTimeout,
    TargetDown,
    TargetRejectedConfiguration,
    Unsupported,
    Violation,
)
from hanami_conformance.clients.cluster_messages import ClusterShape
from hanami_conformance.common.redact import SECRETS
from hanami_conformance.common.text import printable_line
from hanami_conformance.options.run import RunOptions, resolve
from hanami_conformance.resources.cluster import Cluster
from hanami_conformance.resources.factory import ALREADY, ResourceFactory
from hanami_conformance.resources.training import sample_inputs
from hanami_conformance.server.open import temporary_target
from hanami_conformance.target.capabilities import missing_capabilities
from hanami_conformance.target.target import Account, Target
from hanami_reports.common.text import pluralise
from hanami_reports.model.conformance import ExitStatus

WIDTH = 110  # characters of a line
LABEL = 16
CALLS = 5  # of which the median is told
STARVING = 4  # connections that keep every worker of a real server
TABLE = b"first,second\n1,2\n3,4\n"
SHAPE = ClusterShape({"test_input": 4}, {"test_output": 2}, hidden=4)


def check_target(given: Mapping[str, Any]) -> int:
    """Look at a target, and print what was found. Nothing of it stays there.

    Args:
        given: options of the target, as :func:`resolve` takes them.

    Returns:
        0 when it is ready, 2 when it was interrupted, 4 when options or credentials are wrong, 6 when it can't be
        reached.
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
            _Look(target, options).tell()
    except (TargetRejectedConfiguration, ValueError) as error:
        return _end(ExitStatus.USAGE, "NOT READY", str(error))
    except TargetDown as error:
        return _end(ExitStatus.TARGET_LOST, "NOT REACHABLE", str(error))
    except KeyboardInterrupt:
        return _end(ExitStatus.INTERRUPTED, "INTERRUPTED", "nothing is said of the rest")
    return _end(ExitStatus.CONFORMANT, "READY", "hanami-conformance run takes the same options")


class _Look:
    """One look at a target that was reached.

    Args:
        target: logged in to.
        options: by which it was reached.
    """

    def __init__(self, target: Target, options: RunOptions) -> None:
        self._target = target
        self._options = options
        self._resources = ResourceFactory(target, secrets.token_hex(4))
        self._clusters = False
        self._content: bool | None = None

    def tell(self) -> None:
        """Look at everything, and print it.

        Raises:
            TargetRejectedConfiguration: the given cluster is not as it was described.
            TargetDown: the target is gone.
        """
        try:
            self._facts()
            self._try("upload", self._upload)
            self._target.close_websockets()
            self._try("cluster", self._given if self._target.given_cluster is not None else self._made)
        finally:
            self._resources.clean()
            for left in self._resources.leftovers:
                _say("LEFT OVER", str(left))
        if not self._target.is_alive():
            raise TargetDown("the target no longer answers")
        self._outlook()

    def _try(self, label: str, look: Callable[[], str]) -> None:
        try:
            _say(label, look())
        except Unsupported as error:
            _say(label, f"no: {error}")
        except (Violation, PreconditionFailed) as error:
            _say(label, f"FAILS: {error}")

    def _facts(self) -> None:
        target = self._target
        _say("reachable", f"yes; a REST call takes {_milliseconds(self._call)}, a websocket opens in {self._opening()}")
        if target.url.startswith("https"):
            _say("TLS", "yes, certificate checked" if target.certificate_checked else "yes, CERTIFICATE NOT CHECKED")
        else:
            _say("TLS", "no: passwords and tokens go over the wire in clear")
        why = target.dialect_reason or "as told, and the login fits (--dialect auto would ask)"
        _say("dialect", f"{target.dialect.name}: {why}")
        for account, label in ((target.account, "first user"), (target.other_account, "second user")):
            _say(label, target.other_account_missing_reason if account is None else _shown(account))
        _say(
            "connections",
            f"{pluralise(target.connection_limit.limit, 'websocket')} at the same time, and one REST call on top",
        )

    def _call(self) -> None:
        answer = self._target.account.call("dataset.list")
        if answer.status >= 500:
            raise TargetDown(f"{self._target.url} is no usable target: {answer}")

    def _opening(self) -> str:
        def once() -> None:
            websocket = self._target.websocket()
            try:
                websocket.open()
            finally:
                websocket.close()

        try:
            return _milliseconds(once)
        except (ResponseTimeout, ConnectionClosed) as error:
            return f"NO time: {printable_line(str(error))}"

    def _upload(self) -> str:
        upload = self._resources.dataset("csv", {"input": TABLE})
        self._content = self._target.serves_content(upload.account, upload.uuid, "first")
        what = "can be read back" if self._content else "can't be read back"
        return f"works, and is deleted again; the content of a dataset {what}"

    def _made(self) -> str:
        cluster = self._resources.cluster(SHAPE)
        self._clusters = True
        cluster.enter_direct_mode()
        return f"can be made, answers{self._answered(cluster)}, and is deleted again"

    def _given(self) -> str:
        """Ask the given cluster once, and leave it in the mode that it was in."""
        given, account = self._target.given_cluster, self._target.account
        assert given is not None
        cluster = Cluster(account, given.uuid, given.uuid, ClusterShape(given.inputs, given.outputs, hidden=0))
        task, direct = self._target.dialect.modes
        answer = cluster.set_mode(direct)
        if answer.status not in ALREADY:
            raise TargetRejectedConfiguration(f"the given cluster does not switch to direct mode: {answer}")
        try:
            shown = self._answered(cluster)
        except (Violation, PreconditionFailed) as error:
            raise TargetRejectedConfiguration(
                f"the given cluster {given} is not as described: {printable_line(str(error))}"
            ) from error
        finally:
            self._target.close_websockets()
            if answer.status == 200:
                cluster.set_mode(task)
        return f"{given} is given, answers{shown}, and is never deleted"

    def _answered(self, cluster: Cluster) -> str:
        socket = cluster.attach()
        answer = socket.request(sample_inputs(cluster.shape, seed=1))
        socket.close()
        return " with " + ", ".join(f"{pluralise(len(values), 'value')} of {name}" for name, values in answer.items())

    def _outlook(self) -> None:
        found = list(
            missing_capabilities(
                self._target, content=self._content, clusters=self._clusters, destructive=self._options.destructive
            )
        )
        if not found:
            _say("UNSUPPORTED", "nothing: every requirement can be judged")
        for lack in found:
            whole = f"{', '.join(lack.whole)} will be UNSUPPORTED" if lack.whole else ""
            partly = f"some cases of {', '.join(lack.partly)}" if lack.partly else ""
            _say("lacking", f"{lack.what}: {'; '.join(filter(None, (whole, partly)))}")
        for risk_level in self._dangers():
            _say("careful", risk_level)

    def _dangers(self) -> list[str]:
        target = self._target
        much = (
            "broken frames, undecodable bytes and floods too"
            if self._options.destructive
            else "though not what is known to end servers, without --allow-destructive"
        )
        advice = "fragile servers hang or die of it, so let nobody rely on this one"
        dangers = [f"malformed input is sent on purpose, {much}; {advice}"]
        if target.connection_limit.limit >= STARVING and not self._options.reference:
            dangers.append(
                f"{target.connection_limit.limit} websockets at the same time starve a server of four workers"
            )
        if target.given_cluster is not None:
            dangers.append("the given cluster will be trained, and its mode switched: what it knows now is lost")
        if not target.certificate_checked:
            dangers.append("the certificate is not checked: passwords may go to anybody (--ca-file FILE)")
        there = [text for kind in ("dataset", "cluster") if (text := self._count(kind))]
        if there:
            dangers.append(f"the first user has {' and '.join(there)} there already")
        return dangers

    def _count(self, kind: str) -> str:
        """How many resources the first user has, empty for none."""
        try:
            body = self._target.account.call(f"{kind}.list").object().get("body")
        except (Violation, Unsupported):
            return ""
        return pluralise(len(body), kind) if isinstance(body, list) and body else ""


def _shown(account: Account) -> str:
    name = repr(account.credentials.user) if account.credentials.user else "by a token"
    return f"{name} is logged in{', an admin' if account.is_admin else ''}"


def _milliseconds(act: Callable[[], None]) -> str:
    """Return the median time of an act."""
    times = []
    for _ in range(CALLS):
        began = time.monotonic()
        act()
        times.append(time.monotonic() - began)
    return f"{1000 * statistics.median(times):.1f} ms"


def _say(label: str, text: str) -> None:
    indent = " " * LABEL
    lines = textwrap.wrap(SECRETS.text(text), WIDTH - LABEL, break_long_words=False, break_on_hyphens=False)
    sys.stdout.write(f"{label:<{LABEL}}" + f"\n{indent}".join(lines) + "\n")


def _end(status: int, word: str, text: str) -> int:
    sys.stdout.write(f"\n{word}  {SECRETS.text(text)}\n")
    return status
