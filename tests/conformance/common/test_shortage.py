"""What this machine lacks, found in the errors of the system."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
import sys

import pytest

from hanami_conformance.common.shortage import MachineShortage, is_port_shortage, shortage_in
from support.few_ports import FEW_PORTS, NEEDS_NAMESPACE

LOOPBACK = ("127.0.0.1", 9)
NO_ROUTE = ("255.255.255.255", 9)  # for datagrams not without asking, for connections not at all


def test_a_process_without_descriptors_says_so() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (os.open(os.devnull, os.O_RDONLY) + 1, hard))
    try:
        with pytest.raises(OSError, match="Too many open files") as raised:
            open(os.devnull)  # noqa: PTH123, SIM115 - it fails
    finally:
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        os.close(limit - 1)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert shortage_in(raised.value).endswith("raise the limit (ulimit -n)")


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.EMFILE, "no file descriptor is left of the"),
        (errno.ENFILE, "no file descriptor is left in the system"),
        (errno.EADDRNOTAVAIL, "no local port is left"),
        (errno.ENOMEM, "no memory is left"),
        (errno.ENOBUFS, "no memory is left"),
        (errno.ENOSPC, "no space is left on a disk"),
        (errno.EDQUOT, "no space is left on a disk"),
    ],
)
def test_an_error_of_the_system_names_what_is_lacking(number: int, words: str) -> None:
    lacking = shortage_in(OSError(number, os.strerror(number)))
    assert lacking.startswith(words)
    assert ": " in lacking, "the cure"
    assert "\n" not in lacking


@pytest.mark.parametrize(
    "error", [None, ConnectionRefusedError(errno.ECONNREFUSED, ""), TimeoutError(), ValueError("no memory"), OSError()]
)
def test_other_errors_are_no_shortage(error: BaseException | None) -> None:
    assert shortage_in(error) == ""


def test_the_causes_of_an_error_are_examined() -> None:
    error, without_from = ValueError("no connection"), ValueError("no connection")
    error.__cause__ = without_from.__context__ = OSError(errno.EMFILE, "Too many open files")
    assert shortage_in(error).startswith("no file descriptor")
    assert shortage_in(without_from).startswith("no file descriptor")
    assert shortage_in(MemoryError()).startswith("no memory")
    assert shortage_in(MachineShortage("no CPU")) == "no CPU"


def test_nothing_that_handles_exceptions_takes_a_shortage_for_one() -> None:
    assert not issubclass(MachineShortage, Exception)


def test_an_address_that_this_machine_has_no_route_to_is_no_shortage_of_ports() -> None:
    error = OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address")
    assert is_port_shortage(error, LOOPBACK)
    assert shortage_in(error, LOOPBACK).startswith("no local port")
    assert not is_port_shortage(error, NO_ROUTE)
    assert shortage_in(error, NO_ROUTE) == ""
    assert not is_port_shortage(ConnectionRefusedError(errno.ECONNREFUSED, ""), LOOPBACK)


USE_UP = """
import socket
from hanami_conformance.common.shortage import is_port_shortage, shortage_in
listener = socket.create_server(("127.0.0.1", 21000), backlog=200)
held = []
try:
    while len(held) < 200:
        held.append(socket.create_connection(("127.0.0.1", 21000)))
except OSError as error:
    print(len(held), is_port_shortage(error, ("127.0.0.1", 21000)), shortage_in(error), sep="; ")
"""


@NEEDS_NAMESPACE
def test_the_last_local_port_is_named_with_its_range() -> None:
    command = [*FEW_PORTS, sys.executable, "-c", USE_UP]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    held, is_shortage, lacking = done.stdout.strip().split("; ")
    assert int(held) <= 61
    assert is_shortage == "True", done.stderr
    assert lacking.startswith("no local port is left of 40000 to 40060: ")
