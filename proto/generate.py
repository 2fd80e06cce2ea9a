"""Generate the protobuf modules and their type stubs: ``python proto/generate.py [FOLDER]``."""

from __future__ import annotations

import sys
from importlib import resources
from pathlib import Path

SCHEMAS = ("brick", "buffer")


def generate(folder: Path) -> None:
    """Write ``hanami_proto/*_pb2.py`` and ``hanami_proto/*_pb2.pyi`` below ``folder``.

    Raises:
        RuntimeError: If the protobuf compiler rejects a schema.
    """
    from grpc_tools import protoc  # noqa: PLC0415 - a development tool, not needed to run the suite

    root = Path(__file__).resolve().parent
    include = resources.files("grpc_tools") / "_proto"
    arguments = [f"-I{root}", f"-I{include}", f"--python_out={folder}", f"--pyi_out={folder}"]
    schemas = [str(root / "hanami_proto" / f"{schema}.proto") for schema in SCHEMAS]
    status = protoc.main(["protoc", *arguments, *schemas])
    if status != 0:
        raise RuntimeError(f"protoc ended with status {status}")


if __name__ == "__main__":
    generate(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent)
