"""The control groups of this process, which may limit its CPU time and memory; Linux alone has them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

PROC = Path("/proc")
CGROUP = Path("/sys/fs/cgroup")


def control_groups(controller: str) -> Iterator[Path]:
    """Yield the folders of the groups of this process, and of all groups above, in which a controller may set limits.

    In a container the path of a group may be that of the host; then the folder of the controller itself is the group.

    Args:
        controller: Name of the controller, such as ``cpu`` or ``memory``.
    """
    try:
        lines = (PROC / "self" / "cgroup").read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        for mount in (CGROUP / controllers, CGROUP / (controller if controllers else "unified")):
            inside = PurePosixPath(path.lstrip("/"))
            yield from (mount / folder for folder in (inside, *inside.parents))
