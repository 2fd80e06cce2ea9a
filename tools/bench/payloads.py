"""The messages that every generator sends in a benchmark, without their frames."""

from __future__ import annotations

from hanami_conformance.clients.cluster_messages import ClusterShape
from hanami_conformance.stateful.cluster_messages import input_messages
from hanami_conformance.stateful.upload_state import table_file
from hanami_loadtests.engine.direct_io_messages import KINDS, VALUE_SIZE
from hanami_loadtests.engine.upload_messages import ROW_SIZE
from hanami_proto.codec import ProcessType
from hanami_proto.dialect import load_dialect
from tools.bench.generators import FILE_CHUNKS, INPUTS, OUTPUTS, REQUEST

SHAPE = ClusterShape(inputs={"input": INPUTS}, outputs={"output": OUTPUTS}, hidden=400)


def payloads_of(what: str, chunk: int) -> list[tuple[bytes, int]]:
    """Messages, and the payload that each counts for, bytes.

    Args:
        what: ``upload`` or ``request``.
        chunk: Size of the data of a chunk in bytes.
    """
    codec = load_dialect().codec
    if what == REQUEST:
        parts = [input_messages(SHAPE, kind)[0] for kind in range(KINDS)]
        return [
            (
                codec.encode_io(part.name, part.values, is_last=True, process_type=ProcessType.REQUEST),
                INPUTS * VALUE_SIZE,
            )
            for part in parts
        ]
    (file,) = table_file(1000, chunk * FILE_CHUNKS // ROW_SIZE).values()
    return [(codec.encode_chunk(at, file[at : at + chunk]), chunk) for at in range(0, len(file) - chunk + 1, chunk)]
