"""Conditions that values of the input models need: what the target, its dialect and the options of the run allow."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping

from hanami_conformance.cases.failures import TargetDown, Violation
from hanami_conformance.cases.recording import recording_paused
from hanami_conformance.target.capabilities import DESTRUCTIVE
from hanami_conformance.target.target import Target

Unmet = Callable[[Target, bool], str]


def unmet_reason(condition: str, target: Target, *, destructive: bool) -> str:
    """Return why a condition is not met; empty if it is.

    Args:
        condition: One of :data:`CONDITIONS`, or empty for none.
        target: Connected target.
        destructive: Whether requests that may crash a fragile server are sent.
    """
    return CONDITIONS[condition](target, destructive) if condition else ""


def _second_user(target: Target, _destructive: bool) -> str:
    return target.other_account_missing_reason if target.other_account is None else ""


def _kept_connections(target: Target, destructive: bool) -> str:
    if reason := _two_connections(target, destructive):  # other REST calls are made beside a kept connection
        return reason
    return "" if keeps_connections(target) else "the target closes the connection of a REST call after its answer"


def _both(target: Target, destructive: bool) -> str:
    return _second_user(target, destructive) or _kept_connections(target, destructive)


def _two_connections(target: Target, _destructive: bool) -> str:
    limit = target.connection_limit.limit
    return "" if limit >= 2 else f"needs 2 connections at the same time, the limit is {limit} (--max-connections)"


def _dashes(target: Target, _destructive: bool) -> str:
    return "" if target.dialect.is_name("hc_a-b") else "the dialect has no dashes in names"


def _permission(_target: Target, destructive: bool) -> str:
    return "" if destructive else DESTRUCTIVE


def _password(target: Target, _destructive: bool) -> str:
    return "" if all(account.credentials.password for account in target.accounts) else "needs users with passwords"


CONDITIONS: Mapping[str, Unmet] = {
    "a second user": _second_user,
    "kept connections": _kept_connections,
    "kept connections and a second user": _both,
    "two connections": _two_connections,
    "dashes in names": _dashes,
    "permission for requests that may crash a fragile server": _permission,
    "a password": _password,
}


def keeps_connections(target: Target) -> bool:
    """Return whether the target answers a second REST call on a connection, tried once."""
    rest = target.rest
    if rest.keeps is None:
        with recording_paused(), contextlib.suppress(Violation, TargetDown):
            for _ in range(2):
                target.account.call("dataset.list")
        rest.keeps = bool(rest.keeps)
    return rest.keeps
