"""A response of the REST API."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx

from hanami_conformance.cases.failures import Violation
from hanami_conformance.clients.json_response import json_object
from hanami_conformance.common.text import printable_line

MAX_SUMMARY = 300  # characters of a body in the summary of a message


@dataclass(frozen=True)
class RestResponse:
    """An HTTP response.

    Attributes:
        request: Method and path of its request, one line.
        status: Status code.
        body: Body as received.
        content_type: Value of the Content-Type header, empty without one.
        location: Value of the Location header, empty without one.
    """

    request: str
    status: int
    body: bytes
    content_type: str
    location: str = ""

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode("utf-8", "replace")

    @property
    def rejected(self) -> bool:
        """Whether the request was rejected as an error of the client: a 4xx."""
        return 400 <= self.status < 500

    @property
    def failed(self) -> bool:
        """Whether the server failed: a 5xx."""
        return self.status >= 500

    def object(self) -> dict[str, Any]:
        """Return the JSON object of a 200.

        Raises:
            Violation: If the status is another, or the body is no JSON object.
        """
        if self.status != httpx.codes.OK:
            raise Violation(f"200 to {self.request}", str(self))
        parsed = json_object(self.body)
        if parsed is None:
            raise Violation(f"a JSON object as answer to {self.request}", str(self))
        return parsed

    @property
    def redirect(self) -> str:
        """The address that the target redirects to, empty if it does not."""
        return self.location if 300 <= self.status < 400 else ""

    def __str__(self) -> str:
        where = f"redirect to {printable_line(self.redirect)} " if self.redirect else ""
        return f"{self.status} {where}{printable_line(self.text, MAX_SUMMARY)}"
