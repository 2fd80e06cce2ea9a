"""The bystander: another client that must be served whatever one client does."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from hanami_conformance.cases.attribution import precondition
from hanami_conformance.cases.checks import require
from hanami_conformance.cases.failures import (
    ConnectionClosed,
    PreconditionFailed,
    ResponseTimeout,
    TargetDown,
    Unsupported,
    Violation,
)
from hanami_conformance.clients.websocket import WebSocket
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.resources.training import sample_inputs
from hanami_conformance.suite.support.clusters import ANY_SHAPE, direct_cluster
from hanami_conformance.suite.support.uploads import small_contents, start_upload
from hanami_conformance.target.target import Target

SERVING = "serving another client"  # as a preparation


def expect_other_clients_served(resources: ResourceFactory) -> None:
    """Check that another client gets an upload and a cluster served from end to end.

    Each socket is closed before the next step, because one that stays open may keep a worker of the server, and then a
    server of few workers would be blocked by this client.
    """
    with precondition(SERVING):
        contents, _ = small_contents("csv")
        upload = start_upload(resources, contents)
        upload.write_all(contents)
        complete = upload.wait_complete()
        answer = upload.finalize()
        # Progress that never gets complete violates PROG-3, and is no sign that this client is not served.
        require(answer.status == 200 or not complete, expected="200 to the PUT of another client", actual=answer)
        with _any_answer_counts():
            _, socket = direct_cluster(resources, ANY_SHAPE)
            socket.request(sample_inputs(socket.shape, seed=1))
            socket.close()


def try_preparations(resources: ResourceFactory) -> None:
    """Try what cases prepare, without any case: what fails now is no effect of the next one.

    Uploads and clusters are tried apart from each other, since either may fail.
    """
    for attempt in (expect_other_clients_served, lambda made: direct_cluster(made, ANY_SHAPE)):
        with contextlib.suppress(Violation, PreconditionFailed, TargetDown, Unsupported):
            attempt(resources)
        resources.target.close_connections()


@contextlib.contextmanager
def _any_answer_counts() -> Iterator[None]:
    """Accept wrong answers, which violate requirements of their own: they are answers, and the client is served."""
    try:
        yield
    except (ResponseTimeout, ConnectionClosed):
        raise
    except Violation as violation:
        if violation.requirement is None:
            raise


def open_socket(target: Target) -> WebSocket:
    """Return an open websocket on which nothing was sent."""
    websocket = target.websocket()
    websocket.open()
    return websocket
