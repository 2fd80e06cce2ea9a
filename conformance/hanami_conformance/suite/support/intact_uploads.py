"""Checks that an upload is intact, for cases that are about something else than progress, PUT and datasets."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from weakref import WeakKeyDictionary

from hanami_conformance.cases.attribution import attribute_to, default_requirement
from hanami_conformance.cases.checks import require
from hanami_conformance.cases.failures import Violation
from hanami_conformance.models.dataset import DatasetModel
from hanami_conformance.models.file import SEGMENT
from hanami_conformance.resources.finding import Finding
from hanami_conformance.resources.finished_upload import FinishedUpload, completion_of, expect_readable
from hanami_conformance.resources.upload import Upload
from hanami_conformance.stateful.upload_state import missing_spans
from hanami_conformance.suite.support.uploads import small_contents
from hanami_conformance.target.target import Target

# Aspects that are wrong of each upload, by kind: cases of PROG-3, FIN-1 and FIN-2 fail for them.
_known: WeakKeyDictionary[Target, dict[str, frozenset[str]]] = WeakKeyDictionary()


def expect_intact(upload: Upload, model: DatasetModel, what: str, *, values: bool = False) -> FinishedUpload:
    """Check that what a case did to an upload makes no difference to the dataset that it becomes.

    Where the dataset is wrong, the same files are uploaded once more in the plainest way. If that one is right, the
    case did the harm, and its own requirement is violated. If it is wrong as well, the fault is not of the case: it
    violates the requirement of the aspect, and where cases of that requirement fail for it anyway, this case does not.

    Args:
        upload: Upload of which every byte was sent.
        model: Required content of the dataset.
        what: Description of the upload, for the report.
        values: Whether the case is about the values; see :func:`.finished_upload.check_dataset`.

    Raises:
        Violation: If an aspect is wrong, and not known to be wrong of each upload.
    """
    finished = FinishedUpload(upload, model, what)
    twin: FinishedUpload | None = None
    for place, name in enumerate(finished.ASPECTS):
        finding = finished.aspect(name)
        if finding.correct:
            require(True, expected=finding.expected, actual=finding.actual)
            continue
        if twin is None:
            twin = finished.plain_twin()
        for earlier in finished.ASPECTS[:place]:
            twin.aspect(earlier)
        _judge_by_twin(name, finding, twin.aspect(name), upload)
    expect_readable(finished, values=values)
    return finished


def expect_complete_as_sent(upload: Upload) -> None:
    """Check that what a case did to an upload does not keep it from being complete.

    Raises:
        Violation: If it does, or if the same files sent plainly are not complete either (requirement PROG-3).
    """
    assert upload.complete, "a test must send every byte"
    finding = completion_of(upload)
    if finding.correct:
        finding.judge()
        return
    if not completion_of(upload.plain_twin()).correct:
        finding.judge()
    raise Violation(f"{finding.expected}, as if it is sent plainly", str(finding.actual))


def _judge_by_twin(name: str, finding: Finding, plain: Finding, upload: Upload) -> None:
    if plain.correct:
        raise Violation(f"{finding.expected}, as if it is sent plainly", str(finding.actual))
    if plain.fact != finding.fact or name not in _known_aspects(upload):
        finding.judge()


def judge_unusual(finished: FinishedUpload, name: str) -> None:
    """Check an aspect of a dataset that the target made of content that it might have rejected.

    Raises:
        Violation: If the aspect is wrong. It violates the requirement of the aspect if it is wrong of usual content as
            well, and else the requirement to reject such content, FIN-6.
    """
    finding = finished.aspect(name)
    if finding.correct or name in _known_aspects(finished.upload):
        finding.judge()
        return
    raise Violation(finding.expected, str(finding.actual), "FIN-6")


def _known_aspects(upload: Upload) -> frozenset[str]:
    """Return the aspects that are wrong of a small upload that is sent plainly, too."""
    known = _known.setdefault(upload.account.target, {})
    if upload.kind not in known:
        contents, model = small_contents(upload.kind)
        plain = upload.start_again({role: len(content) for role, content in contents.items()})
        plain.write_all(contents)
        finished = FinishedUpload(plain, model, "a small upload")
        known[upload.kind] = frozenset(name for name in finished.ASPECTS if not finished.aspect(name).correct)
    return known[upload.kind]


def expect_unchanged(finished: FinishedUpload, event: str) -> None:
    """Check that a finalized dataset is still as it was after :func:`expect_intact`.

    Raises:
        Violation: If it is not.
    """
    before = {name: finished.aspect(name) for name in finished.ASPECTS_OF_DATASETS}
    finished.refresh()
    for name, finding in before.items():
        now = finished.aspect(name)
        require(
            now.fact == finding.fact, expected=f"the dataset as before {event}: {finding.actual}", actual=now.actual
        )


@contextlib.contextmanager
def stays_incomplete(upload: Upload, reason: str) -> Iterator[None]:
    """Check that the block does not complete an upload that lacks bytes.

    Nothing is checked if the target reports it as complete even before the block, for which cases of PROG-2 fail.

    Raises:
        Violation: If the upload is complete after the block, and was not before.
    """
    was_complete = upload.progress()
    yield
    if was_complete:
        return
    expected = f"complete = false: {reason}"
    try:
        complete = upload.progress()
    except Violation as violation:
        if violation.requirement != "PROG-1":
            raise
        raise Violation(expected, violation.actual) from violation  # there was a progress before
    require(not complete, expected=expected, actual="complete = true")


def expect_usable(upload: Upload, contents: Mapping[str, bytes], model: DatasetModel, event: str) -> None:
    """Check that an upload can be completed on new sockets after an event whose outcome is open.

    Only the bytes are sent that were not acknowledged: what was, counts.

    Args:
        upload: Upload without an open socket.
        contents: Role to the bytes of the file.
        model: Dataset that the files make.
        event: Description of the event, for the report.

    Raises:
        Violation: If it accepts no socket or no chunk any more, or becomes another dataset (requirement DATA-7).
    """
    for role, content in contents.items():
        socket = upload.reattach(role)
        with attribute_to("DATA-7"):
            for begin, end in missing_spans(upload.files[role].model.received, SEGMENT):
                socket.write(begin, content[begin:end])
        socket.close()
    with default_requirement("DATA-7"):
        expect_intact(upload, model, f"an upload after {event}")
