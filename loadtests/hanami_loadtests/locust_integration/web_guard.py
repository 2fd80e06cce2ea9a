"""Protection of Locust's web UI: who can open the page can start load, so no other page may do so in its place."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable, Collection, Iterable
from string import Template
from typing import Any

from hanami_proto.http_origin import host_name, is_address, is_loopback, is_same_origin

TOKEN_HEADER = "X-Hanami-Load-Token"  # noqa: S105 - the name of a header
TOKEN_NAME = "hanami-load-token"  # noqa: S105 - of the element of the page that holds the token
READING = ("GET", "HEAD", "OPTIONS")
HEADERS = (
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),  # a page around ours could otherwise lead clicks to its buttons
    ("Content-Security-Policy", "frame-ancestors 'none'"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Referrer-Policy", "same-origin"),
)
# Locust's page calls fetch() alone, with relative addresses.
SCRIPT = Template("""\
<meta name="$name" content="$token">
<script>
{
  const send = window.fetch;
  window.fetch = (input, init) => {
    const request = new Request(input, init);
    if (new URL(request.url).origin === location.origin) request.headers.set("$header", "$token");
    return send(request);
  };
}
</script>""")

Respond = Callable[..., Any]
Application = Callable[[dict[str, Any], Respond], Iterable[bytes]]


class WebGuard:
    """WSGI middleware that refuses requests which do not come from the page itself.

    Every request must name this server in its Host field, since a name of somebody else may resolve to its address
    (DNS rebinding). A request that changes something must also hold the token, which only the page knows, and its
    Origin field, if there is one, must be that of the page. No response may be read by another page.

    Args:
        application: Application of Locust.
        bound_to: Host that the server is bound to; empty for all addresses.
        names: Further hosts by which the page is reached.

    Attributes:
        token: Token of this process.
    """

    def __init__(self, application: Application, bound_to: str, names: Collection[str] = ()) -> None:
        self._application = application
        self._names = {name.lower() for name in (bound_to, *names) if name}
        self._only_here = is_loopback(bound_to.lower())
        self.token = secrets.token_urlsafe(32)

    def __call__(self, environ: dict[str, Any], start_response: Respond) -> Iterable[bytes]:
        """Answer a request."""

        def respond(status: str, headers: Iterable[tuple[str, str]], *more: Any) -> Any:
            kept = [pair for pair in headers if not pair[0].lower().startswith("access-control-")]
            return start_response(status, [*kept, *HEADERS], *more)

        refusal = self._refusal(environ)
        if not refusal:
            return self._application(environ, respond)
        body = f"{refusal}\n".encode()
        respond("403 Forbidden", [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body)))])
        return [body]

    def _refusal(self, environ: dict[str, Any]) -> str:
        """Return why a request is refused, one line; empty if it is not."""
        field = environ.get("HTTP_HOST", "")
        host = host_name(field)
        if not self._is_ours(host):
            named = f"the host {host}" if host else "the Host field"
            return f"{named} is not that of this page: allow it with --web-allowed-hosts"
        if environ["REQUEST_METHOD"] in READING:
            return ""
        origin = environ.get("HTTP_ORIGIN")
        if origin is not None and not is_same_origin(origin, field):
            return "requests of other pages are refused"
        if not hmac.compare_digest(environ.get("HTTP_X_HANAMI_LOAD_TOKEN", "").encode(), self.token.encode()):
            return f"the header {TOKEN_HEADER} is missing or wrong: reload the page"
        return ""

    def _is_ours(self, host: str) -> bool:
        return host in self._names or is_loopback(host) or (is_address(host) and not self._only_here)

    def with_token(self, page: str) -> str:
        """Return the HTML of Locust's page with the token, which it then adds to its requests."""
        script = SCRIPT.substitute(name=TOKEN_NAME, header=TOKEN_HEADER, token=self.token)
        return page.replace("<head>", f"<head>{script}", 1)
