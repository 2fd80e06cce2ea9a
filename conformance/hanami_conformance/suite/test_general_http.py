"""General: requests as proxies, load balancers and browsers send them get no 5xx."""

from __future__ import annotations

import contextlib
import json

import pytest

from hanami_conformance.cases.checks import observe, require
from hanami_conformance.cases.failures import ConnectionClosed
from hanami_conformance.catalogue import requirement
from hanami_conformance.clients.rest_response import RestResponse
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.resources.upload import init_fields
from hanami_conformance.suite.support.operations import request_bytes
from hanami_conformance.target.target import Target

pytestmark = pytest.mark.parallel

OTHER_METHODS = ("HEAD", "OPTIONS", "TRACE")


@requirement("GEN-1")
@pytest.mark.parametrize("method", OTHER_METHODS)
def test_other_methods_never_get_a_5xx(target: Target, method: str) -> None:
    """A method that no operation has is served or rejected on each path, without a 5xx."""
    known = {route.path for route in target.dialect.routes.values()}
    for path in (*sorted(known), "/", f"{target.dialect.prefix}nothing"):
        for token in (target.account.token, None):
            answer = target.rest.request(method, path, token=token)
            expect_no_5xx(answer, f"{method} of {path}")


def expect_no_5xx(answer: RestResponse, what: str) -> None:
    """Check that an answer is no 5xx."""
    require(not answer.failed, expected=f"an answer below 500 to {what}", actual=answer)


HTTP_1_0: dict[str, tuple[bytes, bool]] = {  # header Connection, and whether there is a Host
    "as nginx sends it": (b"close", True),
    "with a connection to keep": (b"keep-alive", True),
    "without a host": (b"close", False),
}


@requirement("GEN-1")
@pytest.mark.parametrize("operation", ["dataset.list", "csv.init"])
@pytest.mark.parametrize("kind", list(HTTP_1_0))
def test_http_1_0_never_gets_a_5xx(resources: ResourceFactory, kind: str, operation: str) -> None:
    """A request in HTTP/1.0, as some proxies send it, is served or rejected, without a 5xx."""
    target = resources.target
    connection, has_host = HTTP_1_0[kind]
    body = json.dumps(init_fields(resources.name("csv"), {"input": 100})).encode()
    request = request_bytes(target, operation, body=body, connection=connection, version=b"1.0")
    if not has_host:
        head, _, rest = request.partition(b"Host: ")
        request = head + rest.partition(b"\r\n")[2]
    outcome = "the connection closed"
    with contextlib.suppress(ConnectionClosed):  # one way to reject it
        answer = target.send_raw(request, f"{operation} in HTTP/1.0, {kind}")
        resources.register_unexpected(answer, operation)
        expect_no_5xx(answer, f"{operation} in HTTP/1.0, {kind}")
        outcome = str(answer.status)
    observe(f"{operation} in HTTP/1.0, {kind}", outcome)
