"""The Host and Origin fields of HTTP requests, by which a server distinguishes its own page from foreign ones."""

from __future__ import annotations

import re
from ipaddress import ip_address

LOCALHOST = "localhost"
_HOST = re.compile(r"(?:\[(?P<address>[0-9a-f:.]+)\]|(?P<name>[a-z0-9_][a-z0-9_.-]*))(?::\d{1,5})?")
_ORIGIN = re.compile(r"https?://(?P<host>[^/?#@]+)")


def host_name(field: str) -> str:
    """Return the host in a Host field in lower case, without port and brackets; empty where it holds no single host."""
    match = _HOST.fullmatch(field.lower())
    if match is None:
        return ""
    return match["address"] or match["name"].removesuffix(".")


def is_address(host: str) -> bool:
    """Return whether a host is a numeric address: no name that a DNS server of somebody else could redirect."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Return whether a host is the loopback, which only programs of this machine reach."""
    return host == LOCALHOST or (is_address(host) and ip_address(host).is_loopback)


def origin_host(origin: str) -> str:
    """Return the host in an Origin field in lower case, without port and brackets; empty where it names no web page."""
    match = _ORIGIN.fullmatch(origin.lower())
    return host_name(match["host"]) if match else ""


def is_same_origin(origin: str, host: str) -> bool:
    """Return whether the Origin field of a request names the server of its Host field."""
    match = _ORIGIN.fullmatch(origin.lower())
    return match is not None and match["host"] == host.lower()
