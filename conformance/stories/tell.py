"""Telling a story to a target."""

from __future__ import annotations

import secrets

from conformance.stories.file import Story
from conformance.stories.step import StoryError
from conformance.stories.upload import UploadTeller
from conformance.target import Target
from conformance.workshop import Workshop


def tell(story: Story, target: Target) -> None:
    """Act a story out, and delete what it made.

    Raises:
        Violation: the target did something else than the model.
        SetupFailed: a step could not be taken at all.
        TargetLost: the target is gone.
        StoryError: the story has a step that nobody knows.
    """
    if story.kind != "upload":
        raise StoryError(f"story of kind {story.kind!r}: this release tells upload")
    workshop = Workshop(target, secrets.token_hex(4))
    accounts = [account for account in (target.first, target.second) if account is not None]
    try:
        UploadTeller(workshop, accounts).tell(story.steps)
    finally:
        workshop.clean()
