"""Telling a story to a target."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from conformance.resources import preparing
from conformance.stories.call import CallTeller
from conformance.stories.content import ContentTeller
from conformance.stories.direct import DirectTeller
from conformance.stories.file import Story
from conformance.stories.first import FirstTeller
from conformance.stories.step import Step, StoryError
from conformance.stories.upload import UploadTeller
from conformance.target import Account
from conformance.workshop import Workshop


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
