"""General: uploads that were begun before the server was restarted."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hanami_conformance.cases.attribution import attribute_to
from hanami_conformance.cases.checks import observe, require
from hanami_conformance.cases.failures import ResponseTimeout, Violation
from hanami_conformance.catalogue import requirement
from hanami_conformance.clients.rest import RestResponse
from hanami_conformance.resources.factory import ResourceFactory
from hanami_conformance.resources.upload import Upload
from hanami_conformance.suite.support.bystander import expect_other_clients_served
from hanami_conformance.suite.support.uploads import small_contents, small_upload, start_upload
from hanami_conformance.target.attach import FILE_UPLOAD, attach


@requirement("GEN-2", "GEN-1")
@pytest.mark.hostile
@pytest.mark.destructive
def test_uploads_begun_before_a_restart_get_clean_answers(
    resources: ResourceFactory, restart_server: Callable[[], None]
) -> None:
    """After a restart, sockets, PUT and progress of an upload that was begun before get an answer below 500.

    What the server keeps is observed. Progress comes last, because some servers are known to crash then.
    """
    contents, _ = small_contents("csv")
    partly_sent = start_upload(resources, contents)
    socket = partly_sent.attach()
    socket.write(0, contents["input"][:100])
    socket.close()
    uploads = {"partly sent": partly_sent, "completely sent": small_upload(resources, "mnist")[0]}
    restart_server()
    for state, upload in uploads.items():
        observe_attachment(upload, state)
    for state, upload in uploads.items():
        observe_answer(f"PUT of an upload {state}", upload.finalize())
    for state, upload in uploads.items():
        observe_answer(f"progress of an upload {state}", upload.progress_answer())
    with attribute_to("GEN-2"):
        expect_other_clients_served(resources)


def observe_answer(what: str, answer: RestResponse) -> None:
    """Observe an answer, which must not be a 5xx."""
    expected = f"an answer below 500 to {what} before the restart"
    require(not answer.failed, expected=expected, actual=answer, requirement="GEN-1")
    observe(f"{what} before a restart", answer)


def observe_attachment(upload: Upload, state: str) -> None:
    """Observe whether a socket may attach to the input file of an upload; silence is no answer.

    Raises:
        ResponseTimeout: If the first message is not answered.
    """
    answer = "accepted"
    try:
        attach(upload.account, upload.files["input"].uuid, FILE_UPLOAD).close()
    except ResponseTimeout:
        raise
    except Violation as violation:
        answer = violation.actual
    observe(f"a socket for an upload {state} before a restart", answer)
