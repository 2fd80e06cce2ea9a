"""Connect to a target: find its dialect, log the accounts in, check the existing cluster."""

from __future__ import annotations

from hanami_conformance.cases.failures import ConnectionClosed, ResponseTimeout, TargetDown, TargetRejectedConfiguration
from hanami_conformance.common.redact import SECRETS
from hanami_conformance.options.definitions import AUTO
from hanami_conformance.options.target import TargetOptions
from hanami_conformance.target.dialect_detection import find_dialect
from hanami_conformance.target.other_account import add_other_account
from hanami_conformance.target.target import Target

GET_CLUSTER = "cluster.get"


def connect(options: TargetOptions) -> Target:
    """Reach a target and log the accounts in; :meth:`Target.teardown` deletes what this creates there.

    Raises:
        TargetDown: If it cannot be reached, or does not speak the protocol.
        TargetRejectedConfiguration: If it rejects the credentials, has no such cluster, or speaks no known dialect.
        ValueError: If the file of certificates, or of the dialect, is not valid.
    """
    SECRETS.add(options.expired_token, "expired token")
    target = Target(options, find_dialect(options) if options.dialect == AUTO else None)
    try:
        target.account = target.login(options.account, "first user")
        check_cluster(target)
        add_other_account(target, options.other_account)
    except BaseException:
        target.teardown()
        raise
    return target


def check_cluster(target: Target) -> None:
    """Check that the existing cluster exists.

    Raises:
        TargetRejectedConfiguration: If it does not.
        TargetDown: If there is no answer.
    """
    given = target.given_cluster
    if given is None or GET_CLUSTER not in target.dialect.routes:
        return
    try:
        answer = target.account.call(GET_CLUSTER, params={"uuid": given.uuid})
    except (ResponseTimeout, ConnectionClosed) as error:
        raise TargetDown(f"{target.url} is no usable target: {error}") from error
    if answer.status != 200:
        raise TargetRejectedConfiguration(
            f"the first user has no cluster {given.uuid}: {target.dialect.route(GET_CLUSTER)} answered {answer}"
        )
