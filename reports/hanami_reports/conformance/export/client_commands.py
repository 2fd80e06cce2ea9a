"""Recorded requests as lines for a shell: ``curl`` for a REST call, ``websocat`` for the messages of a websocket.

A line exists only where the tool sends what was recorded: not for bytes that are no request, malformed or fragmented
messages, payloads of which only the beginning is recorded, and results without headers; nor for legal forms of a
request that the tool does not write, which are named. Whatever the target answered is quoted, so that a shell takes it
as data.
"""

from __future__ import annotations

import base64
import json
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hanami_reports.conformance.export.exchanges import target_address
from hanami_reports.conformance.export.http_message import END, HttpHead
from hanami_reports.conformance.recorded_bytes import cut_of, event_bytes
from hanami_reports.model.conformance import Event

LONGEST = 4_000  # characters of a line
LONGEST_PAYLOAD = LONGEST * 3 // 4  # bytes; more are longer than that in base64
CURL, WEBSOCAT = "curl", "websocat"
FORM = "form"  # kind of a note about the request that follows
BINARY_PREFIX = "base64:"  # marks what websocat sends as a binary message
WAIT = 2  # seconds for answers, after which websocat closes the connection

# What the recorder puts in place of secrets. Nothing else becomes a variable, whatever else stands in brackets.
_LABEL = re.compile(r"\[(secret|(?:token|password) [A-Za-z0-9 -]{1,50}|[a-z ]{1,20} token)\]")
_VARIABLES = {  # of the suite itself, where it has one
    "token of the first user": "HANAMI_TOKEN",
    "token of the second user": "HANAMI_SECOND_TOKEN",
    "password of the first user": "HANAMI_PASSWORD",
    "password of the second user": "HANAMI_SECOND_PASSWORD",
}
_UNNAMED = "a value of your own, since the report hides the one that was sent"
_TARGET = "HANAMI_TARGET"
_WEBSOCKET_TARGET = '"ws${HANAMI_TARGET#http}"'
_ADDRESS = "address of the server, such as http://127.0.0.1:11418"
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, 5.6.2
_TARGET_TEXT = re.compile(r"[!-~]+")
# Headers with these values are those of any HTTP client, and say nothing about the exchange.
_USUAL = {"accept": "*/*", "accept-encoding": "identity", "connection": "keep-alive"}
_OWN = ("content-length", "user-agent")  # curl computes the first, and has another name
_HANDSHAKE = {"upgrade": "websocket", "connection": "Upgrade", "sec-websocket-version": "13"}


@dataclass(frozen=True)
class ClientCommand:
    """A line for a shell.

    Attributes:
        tool: Program that sends the request, ``curl`` or ``websocat``.
        line: Line that can be pasted into a POSIX shell.
        variables: Variables that the line needs, and what each stands for.
    """

    tool: str
    line: str
    variables: Mapping[str, str]


class ClientCommands:
    """The lines for the events of an exchange.

    Args:
        events: Events of the exchange, in order.
        manifest: Manifest of the run.
    """

    def __init__(self, events: Sequence[Event], manifest: Mapping[str, Any]) -> None:
        self._events = events
        target = manifest.get("target", {})
        self._address = target_address(manifest)
        self._is_temporary = bool(target.get("reference"))  # it is gone with its port
        self._is_unchecked = not target.get("certificate_checked", True)
        self._channels: dict[str, list[Event]] = {}
        for event in events:
            self._channels.setdefault(event.channel, []).append(event)

    def command(self, index: int) -> ClientCommand | None:
        """Return the line that sends an event, None where none can.

        A REST call has its line at its request, a websocket at its handshake.
        """
        event = self._events[index]
        if event.direction != "sent" or not event.head or self.obstacle(index):
            return None
        before = self._request_before(event) if event.kind == "http" else None
        if event.kind == "http":
            words = self._curl(event)
            if before and words:  # the same connection is used again
                first = self._curl(before)
                words = [*first, "--next", *words[1:]] if first and words[0] == first[0] == CURL else None
        elif event.kind == "open":
            words = self._websocat(event)
        else:
            return None
        line = " ".join(words) if words else ""
        if not line or len(line) > LONGEST:
            return None
        sent = [before, event] if before else [event]
        labels = _LABEL.findall("\n".join(text for one in sent for text in self._texts(one)))
        variables = {variable_name(label): _UNNAMED if label == "secret" else label for label in labels}
        if self._is_temporary:
            variables[_TARGET] = _ADDRESS
        return ClientCommand(CURL if event.kind == "http" else WEBSOCAT, line, variables)

    def obstacle(self, index: int) -> str:
        """Return the form of a REST call that keeps curl from sending it as it was; empty for none."""
        event = self._events[index]
        if event.direction != "sent" or event.kind != "http" or not event.head:
            return ""
        own = self._channels[event.channel]
        place = next(place for place, one in enumerate(own) if one is event)
        if place and own[place - 1].kind == FORM:
            return own[place - 1].summary
        for line in _header_lines(event.head):
            name, _, value = line.partition(":")
            if name.lower() == "host" and name != "Host":
                return f"curl writes Host, whatever the header {name!r} is"
            is_length = name.lower() == "content-length"
            if is_length and line != f"Content-Length: {value.strip()}" and _LABEL.search(_decoded(event_bytes(event))):
                return "its body has secrets of another length, and curl computes a length in the usual spelling alone"
        return ""

    def obstacles(self) -> Iterator[tuple[Event, str]]:
        """Yield every REST call with a form that keeps curl from sending it, with the form."""
        for index, event in enumerate(self._events):
            if obstacle := self.obstacle(index):
                yield event, obstacle

    def _request_before(self, event: Event) -> Event | None:
        """Return the request before another one on its connection, None for the first one."""
        requests = [one for one in self._channels[event.channel] if (one.direction, one.kind) == ("sent", "http")]
        place = next(place for place, one in enumerate(requests) if one is event)
        return requests[place - 1] if place else None

    def all(self) -> Iterator[tuple[Event, ClientCommand]]:
        """Yield every event that has a line, with it."""
        for index, event in enumerate(self._events):
            if command := self.command(index):
                yield event, command

    def _texts(self, event: Event) -> Iterator[str]:
        """Yield the texts of a line in which there may be labels."""
        yield event.head
        for one in [event] if event.kind == "http" else self._channels[event.channel]:
            if one.direction == "sent":
                yield event_bytes(one).decode("utf-8", "replace")

    def _curl(self, event: Event) -> list[str] | None:
        head, body = HttpHead.of(event), event_bytes(event)
        method, target, version = _request_line(head)
        if cut_of(event) or len(body) > LONGEST_PAYLOAD:
            return None
        if not (version.startswith("HTTP/1.") and _TOKEN.fullmatch(method) and _is_target(target)):
            return None
        has_body = bool(body) or bool(head.value("content-length")) or bool(head.value("transfer-encoding"))
        headers = self._curl_headers(event.head)
        if headers is None:
            return None
        if has_body and not any(name.lower() == "content-type" for name, _ in head.headers):
            headers += ["-H", "Content-Type:"]  # curl would send one
        words = [CURL, "-i", *(["-k"] if self._is_unchecked else []), *_method(method, has_body=has_body)]
        words += ["--http1.0"] if version == "HTTP/1.0" else []
        words += [*_target_options(target), self._url(target), *headers]
        if not has_body:
            return words
        text = _decoded(body)
        if text.isprintable():
            return [*words, "--data-raw", _quoted(text)]
        decoding = ["printf", "%s", shlex.quote(_base64(body)), "|", "base64", "-d", "|"]
        return None if _LABEL.search(text) else [*decoding, *words, "--data-binary", "@-"]

    def _websocat(self, opened: Event) -> list[str] | None:
        head = HttpHead.of(opened)
        _, target, _ = _request_line(head)
        others = [event for event in self._channels[opened.channel] if event is not opened]
        sent = [event for event in others if event.direction == "sent" and event.kind != "close"]
        if any(event.kind not in ("text", "binary") or event.frames or cut_of(event) for event in sent):
            return None
        if not _is_target(target) or sum(len(event.payload) for event in sent) > LONGEST:
            return None
        headers = self._headers(head, {**_HANDSHAKE, "host": self._address.netloc}, ("sec-websocket-key",))
        # Of several lines, websocat 1 sends the end of the line with a text: harmless in JSON alone.
        messages = [_message(event) if len(sent) == 1 or _is_exact(event) else None for event in sent]
        if headers is None or any(message is None for message in messages):
            return None
        is_alone = len(sent) == 1
        options = ["--base64", "--binary-prefix", BINARY_PREFIX, *headers]
        options += [*(["--no-line"] if is_alone else []), *(["-k"] if self._is_unchecked else [])]
        printing = (
            ["printf", "%s" if is_alone else r"'%s\n'", *(text for text in messages if text), ";"] if sent else []
        )
        # At the end of its input websocat closes the connection, and prints no further answer.
        waiting = f"({' '.join([*printing, 'sleep', str(WAIT)])})"
        return [waiting, "|", WEBSOCAT, *options, self._url(target, websocket=True)]

    @staticmethod
    def _headers(head: HttpHead, usual: Mapping[str, str], own: Sequence[str]) -> list[str] | None:
        """Return the options of websocat for headers that are not usual, None if one cannot be sent."""
        words: list[str] = []
        for name, value in head.headers:
            if name.lower() in own or value == usual.get(name.lower()):
                continue
            word = _header_word(name, f" {value}" if value else "")
            if word is None:
                return None
            words.append(f"--header={word}")
        return words

    def _curl_headers(self, head: str) -> list[str] | None:
        """Return the options for headers that curl does not send by itself, each spelled as it was sent."""
        usual = {**_USUAL, "host": self._address.netloc}
        words: list[str] = []
        for line in _header_lines(head):
            name, _, rest = line.partition(":")
            value = rest.strip(" \t")
            if line == f"{name.title()}: {value}" and (name.lower() in _OWN or value == usual.get(name.lower())):
                continue
            word = _header_word(name, rest if value else "")
            if word is None:
                return None
            words += ["-H", word]
        return words

    def _url(self, target: str, *, websocket: bool = False) -> str:
        path = target if target.startswith("/") else "/"
        if self._is_temporary:
            return (_WEBSOCKET_TARGET if websocket else f'"${_TARGET}"') + _quoted(path)
        scheme = self._address.scheme
        if websocket:
            scheme = {"https": "wss"}.get(scheme, "ws")
        return _quoted(f"{scheme}://{self._address.netloc}{path}")


def _header_lines(head: str) -> list[str]:
    return head.partition(END)[0].split("\r\n")[1:]


def _header_word(name: str, rest: str) -> str | None:
    """Return a header as a word of a shell, None if it cannot be sent.

    Args:
        name: Name of the header.
        rest: What follows the colon, blanks before the value included; empty for no value.
    """
    if not _TOKEN.fullmatch(name):
        return None
    text = f"{name}:{rest}" if rest else f"{name};"  # with a colon, curl would send no such header
    if text.isascii() and text.isprintable():
        return _quoted(text)
    if _LABEL.search(text) or not _is_latin_1(text):
        return None
    return '"$(printf ' + shlex.quote("".join(f"\\{byte:03o}" for byte in text.encode("latin-1"))) + ')"'


def variable_name(label: str) -> str:
    """Return the name of the shell variable for a redacted secret."""
    return _VARIABLES.get(label) or "_".join(["HANAMI", *re.findall(r"[A-Z0-9]+", label.upper())])


def what_to_set(commands: Iterable[ClientCommand]) -> str:
    """Return what to set before the lines are run, one line; empty without variables."""
    variables = {name: meaning for command in commands for name, meaning in command.variables.items()}
    return "; ".join(f"{name}: {meaning}" for name, meaning in variables.items())


def _request_line(head: HttpHead) -> tuple[str, str, str]:
    """Return method, target and version; in place of a secret, the target may have a label with spaces."""
    method, _, rest = head.first_line.partition(" ")
    target, _, version = rest.rpartition(" ")
    return method, target, version


def _is_target(text: str) -> bool:
    return _TARGET_TEXT.fullmatch(_LABEL.sub("x", text)) is not None


def _method(method: str, *, has_body: bool) -> list[str]:
    if method == "HEAD" and not has_body:
        return ["-I"]
    return [] if method == ("POST" if has_body else "GET") else ["-X", shlex.quote(method)]


def _target_options(target: str) -> Iterator[str]:
    """Yield the options without which curl would change the target of the request."""
    if not target.startswith("/") or "#" in target:
        yield from ("--request-target", _quoted(target))
    if any(char in _LABEL.sub("", target) for char in "[]{}"):
        yield "-g"
    if "/." in target:
        yield "--path-as-is"


def _message(event: Event) -> str | None:
    """Return a message as a word that websocat sends as such, None where it cannot."""
    data = event_bytes(event)
    text = _decoded(data)
    if event.kind == "binary":
        if not data:
            return None  # for websocat it is the end of its input
        if not _LABEL.search(text):
            return f"{BINARY_PREFIX}{_base64(data)}"
        if text.isprintable():
            return f"\"{BINARY_PREFIX}$(printf %s {_quoted(text)} | base64 | tr -d '\\n')\""
        return None
    return _quoted(text) if text and text.isprintable() and not text.startswith(BINARY_PREFIX) else None


def _is_exact(event: Event) -> bool:
    """Return whether a line break behind a message does not change its meaning."""
    if event.kind == "binary":
        return True
    try:
        json.loads(event_bytes(event))
    except (ValueError, RecursionError):
        return False
    return True


def _quoted(text: str) -> str:
    """Return a text as one word of a shell, with variables in place of redacted secrets."""
    words = []
    for index, part in enumerate(_LABEL.split(text)):
        if index % 2:
            words.append(f'"${variable_name(part)}"')
        elif part:
            words.append(shlex.quote(part))
    return "".join(words) or "''"


def _decoded(data: bytes) -> str:
    """Return bytes as text; what is no UTF-8 becomes characters that are not printable."""
    return data.decode("utf-8", "surrogateescape")


def _is_latin_1(text: str) -> bool:
    return all(char <= "\xff" for char in text)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
