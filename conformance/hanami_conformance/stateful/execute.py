"""Telling a story to a target."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from hanami_conformance.cases.attribution import preparing
from hanami_conformance.cases.sequence import Story
from hanami_conformance.cases.step import Step, StoryError
from hanami_conformance.resources.factory import Workshop
from hanami_conformance.stateful.executors.dataset_contents import ContentTeller
from hanami_conformance.stateful.executors.direct_io import DirectTeller
from hanami_conformance.stateful.executors.first_messages import FirstTeller
from hanami_conformance.stateful.executors.rest_calls import CallTeller
from hanami_conformance.stateful.executors.uploads import UploadTeller
from hanami_conformance.target.target import Account


class Teller(Protocol):
    """Acts stories of one kind out."""

    def tell(self, steps: Sequence[Step]) -> None:
        """Act a story out, and compare what the target does with a model, step by step.

        A step that has nothing to act on is passed over, so that any part of a story is a story.

        Raises:
            Violation: the target did something else than the model.
        """


TELLERS: Mapping[str, Callable[[Workshop, Sequence[Account]], Teller]] = {
    "upload": UploadTeller,
    "direct": DirectTeller,
    "first": FirstTeller,
    "call": CallTeller,
    "content": ContentTeller,
}


def tell(story: Story, workshop: Workshop) -> None:
    """Act a story out, and delete what it made.

    Args:
        story: of a kind that is known.
        workshop: makes its uploads and clusters; nothing of them is left when this returns.

    Raises:
        Violation: the target did something else than the model.
        SetupFailed: a step could not be taken at all.
        TargetLost: the target is gone.
        StoryError: the story has a step that nobody knows.
    """
    if story.kind not in TELLERS:
        raise StoryError(f"story of kind {story.kind!r}: this release tells {', '.join(TELLERS)}")
    target = workshop.target
    with preparing("logging in again"):  # stories of a long search outlive a token
        target.renew_tokens()
    accounts = [account for account in (target.first, target.second) if account is not None]
    try:
        TELLERS[story.kind](workshop, accounts).tell(story.steps)
    finally:
        workshop.clean()
