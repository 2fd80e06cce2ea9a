"""Servers that must never receive credentials, and that note whatever reaches them."""

from __future__ import annotations

import base64
import contextlib
import html
import json
import re
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, quote_plus, unquote_plus

from support.hostile_servers import READ, Relay
from support.suite_runs import double

PROXY_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "WS_PROXY", "WSS_PROXY", "SOCKS_PROXY")


@dataclass
class Trap:
    """Notes the first bytes of each connection, and redirects to itself.

    Attributes:
        received: What was received.
    """

    url: str = ""
    received: list[bytes] = field(default_factory=list)

    def __call__(self, connection: socket.socket, done: threading.Event) -> None:  # noqa: ARG002
        """Serve one connection."""
        self.received.append(connection.recv(65_536))
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")

    @property
    def environment(self) -> dict[str, str]:
        """Variables that make most HTTP clients use it as their proxy."""
        names = (*PROXY_VARIABLES, *map(str.lower, PROXY_VARIABLES))
        return dict.fromkeys(names, self.url) | {"NO_PROXY": "", "no_proxy": ""}


@contextlib.contextmanager
def trap() -> Iterator[Trap]:
    """A server that must receive nothing."""
    made = Trap()
    with double(made) as url:
        made.url = url
        yield made


def redirect(status: int, location: str) -> bytes:
    """Return a response that redirects."""
    head = f"HTTP/1.1 {status} Elsewhere\r\nLocation: {location}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    return head.encode()


def unescaped_json(text: str) -> str:
    """Return a text with the escapes of JSON replaced."""
    return re.sub(
        r"\\u([0-9a-fA-F]{4})|\\(.)", lambda it: chr(int(it[1], 16)) if it[1] else it[2], text, flags=re.DOTALL
    )


READERS: dict[str, Callable[[str], str]] = {"URL": unquote_plus, "HTML": html.unescape, "JSON": unescaped_json}


def spellings_of(secret: str, text: str) -> set[str]:
    """Return the spellings in which a secret is in a text, written apart from what the product does about them."""
    found = {"plain"} if secret in text else set[str]()
    for name, read in READERS.items():
        once = read(text)
        found |= {name for again in (once, *(reader(once) for reader in READERS.values())) if secret in again}
    for run in re.findall(r"[A-Za-z0-9+/_-]{6,}", text):
        for begin in range(4):
            part = run[begin:].replace("-", "+").replace("_", "/")
            if secret.encode() in base64.b64decode(part[: len(part) // 4 * 4]):
                found.add("base64")
    return found


def everything_below(folder: Path) -> str:
    """Return all files below a folder as text, and what is in base64 in a result."""
    texts = [path.read_bytes().decode("utf-8", "replace") for path in sorted(folder.rglob("*")) if path.is_file()]
    for path in folder.rglob("result.json"):
        for case in json.loads(path.read_text(encoding="utf-8"))["cases"]:
            texts += [base64.b64decode(event["payload"]).decode("utf-8", "replace") for event in case["exchange"]]
    return "\n".join(texts)


def spelled_out(secret: str) -> str:
    """Return a secret in many spellings, as servers quote what they reject."""
    data = secret.encode()
    return " ".join(
        (
            *(secret, json.dumps(secret), json.dumps(secret).replace("/", r"\/").replace("&", r"\u0026")),
            *(quote(secret), quote(secret, safe=""), quote_plus(secret), html.escape(secret), repr(data)),
            *(base64.b64encode(b"xyz"[:size] + data + b"uvw").decode() for size in range(3)),
            base64.urlsafe_b64encode(data).decode(),
        )
    )


@dataclass
class Echo(Relay):
    """A relay that rejects everything but logins, and quotes password and token in all spellings.

    Attributes:
        password: Password of the user.
        tokens: Tokens that were received.
    """

    password: str = ""
    tokens: set[str] = field(default_factory=set)

    def relay(self, connection: socket.socket, begun: bytes = b"") -> bytes:
        """Serve one connection."""
        begun = begun or connection.recv(READ)
        if b"/token " in begun.split(b"\r\n", 1)[0]:
            return super().relay(connection, begun)
        if found := re.search(rb"(?i)x-auth-token: (\S+)", begun):
            self.tokens.add(found[1].decode())
        said = " ".join(map(spelled_out, (self.password, *sorted(self.tokens)))).encode()
        if b"upgrade: websocket" in begun.lower():
            connection.sendall(b"HTTP/1.1 403 No\r\nX-Reason: %s\r\n" % said[:8000].replace(b"\n", b""))
        else:
            connection.sendall(b"HTTP/1.1 400 No\r\n")
        connection.sendall(b"Content-Length: %d\r\nConnection: close\r\n\r\n%s" % (len(said), said))
        return b""
