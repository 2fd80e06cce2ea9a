"""A network namespace with 61 local ports, where the kernel lets a user have one."""

from __future__ import annotations

import shutil
import subprocess

import pytest

SCRIPT = 'ip link set lo up && echo "40000 40060" > /proc/sys/net/ipv4/ip_local_port_range && exec "$@"'
FEW_PORTS = ("unshare", "--user", "--map-root-user", "--net", "sh", "-c", SCRIPT, "sh")  # before a command


def _has_namespaces() -> bool:
    if not (shutil.which("unshare") and shutil.which("ip")):
        return False
    return subprocess.run([*FEW_PORTS, "true"], capture_output=True, check=False).returncode == 0


NEEDS_NAMESPACE = pytest.mark.skipif(not _has_namespaces(), reason="no network namespace of its own is allowed here")
