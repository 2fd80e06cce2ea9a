"""Requests that make a server work long or hold much, one function each."""

from __future__ import annotations

import base64
import struct
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus

from hanami_conformance.clients.cluster_messages import ClusterShape
from hanami_conformance.resources.templates import render_template
from tools.bench.victim import MIB, Victim, drain, send_all


def nothing(_victim: Victim) -> None:
    """Do nothing: what the watch and the machine themselves cost."""


def _login(victim: Victim, body: bytes) -> None:
    with victim.client() as client:
        client.post(victim.dialect.route("token.create").path, content=body, headers={"Content-Type": "text/plain"})


def duplicate_keys(victim: Victim) -> None:
    """Log in with a body of 440 KB with 40,000 keys, the last of them twice."""
    keys = ",".join(f'"k{number}":0' for number in range(victim.many(40_000)))
    _login(victim, f'{{{keys},"k{victim.many(40_000) - 1}":0}}'.encode())


def many_numbers(victim: Victim) -> None:
    """Log in with a body of 1 MiB of short numbers with a fraction."""
    _login(victim, b'{"id":[0.1' + b",0.1" * victim.many(MIB // 4 - 16) + b"]}")


def many_objects(victim: Victim) -> None:
    """Log in with a body of 1 MiB of small objects."""
    _login(victim, b'{"id":[{"":0}' + b',{"":0}' * victim.many(MIB // 7 - 16) + b"]}")


def endless_headers(victim: Victim) -> None:
    """Send a head of 64 MiB in small headers."""
    with victim.raw() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n")
        block = b"".join(b"X-%06d: %s\r\n" % (number, b"x" * 32) for number in range(20_000))
        for _ in range(victim.many(64 * MIB // len(block))):
            send_all(connection, block)


def endless_header(victim: Victim) -> None:
    """Send one header of 8 MiB."""
    with victim.raw() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: ")
        for _ in range(victim.many(128)):
            send_all(connection, b"x" * 65536)


def endless_trailers(victim: Victim) -> None:
    """Send trailers of 32 MiB behind a chunked body."""
    with victim.raw() as connection:
        connection.sendall(b"POST /x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n")
        block = b"".join(b"X-%06d: %s\r\n" % (number, b"x" * 32) for number in range(20_000))
        for _ in range(victim.many(32 * MIB // len(block))):
            send_all(connection, block)


def pipelined_requests(victim: Victim) -> None:
    """Send 30,000 requests on one connection at once."""
    with victim.raw() as connection:
        send_all(connection, b"GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n" * victim.many(30_000))
        drain(connection)


def many_columns(victim: Victim) -> None:
    """Finalize, describe and read a table of 1,500,000 columns."""
    names = ",".join(f"{number:x}" for number in range(victim.many(1_500_000)))
    fields = victim.upload("csv", names.encode() + b"\n1\n")
    try:
        if victim.call("csv.finalize", **fields).status_code == HTTPStatus.OK:
            victim.call("dataset.get", uuid=fields["uuid"])
            victim.call("dataset.content", uuid=fields["uuid"], column_name="0", row_offset=0, number_of_rows=1)
    finally:
        victim.call("dataset.delete", uuid=fields["uuid"])


def columns_within_the_limit(victim: Victim) -> None:
    """Finalize, describe and read a table of 100,000 columns."""
    names = ",".join(f"{number:x}" for number in range(victim.many(100_000)))
    fields = victim.upload("csv", names.encode() + b"\n1\n")
    try:
        victim.ask("csv.finalize", **fields)
        victim.call("dataset.get", uuid=fields["uuid"])
        victim.ask("dataset.content", uuid=fields["uuid"], column_name="0", row_offset=0, number_of_rows=1)
    finally:
        victim.call("dataset.delete", uuid=fields["uuid"])


def missing_cells(victim: Victim) -> None:
    """Finalize ten tables of 31 KB, each with 16 million cells, almost all of them missing."""
    width = victim.many(4_000)
    content = ",".join(f"{number:x}" for number in range(width)).encode() + b"\n0" * 4_100
    begun = []
    try:
        for _ in range(10):
            fields = victim.upload("csv", content)
            begun.append(fields["uuid"])
            victim.call("csv.finalize", **fields)
    finally:
        for uuid in begun:
            victim.call("dataset.delete", uuid=uuid)


def tables_at_once(victim: Victim) -> None:
    """Finalize eight tables of 3 MiB at the same time."""
    content = b"a,b,c\n" + b"1.5,2.5,3.5\n" * victim.many(3 * MIB // 12)
    uploads = [victim.upload("csv", content) for _ in range(8)]
    with ThreadPoolExecutor(len(uploads)) as pool:
        list(pool.map(lambda fields: victim.call("csv.finalize", **fields), uploads))
    for fields in uploads:
        victim.call("dataset.delete", uuid=fields["uuid"])


def long_record(victim: Victim) -> None:
    """Finalize a table with one record of 8 MiB on many lines."""
    fields = victim.upload("csv", b"a\n" + b'"\n",' * victim.many(8 * MIB // 4))
    victim.call("csv.finalize", **fields)
    victim.call("dataset.delete", uuid=fields["uuid"])


def large_image(victim: Victim) -> None:
    """Read an image of 4,000,000 pixels."""
    pixels = victim.many(2_000) ** 2
    side = int(pixels**0.5)
    images = struct.pack(">4I", 0x803, 1, side, side) + bytes(pixels)
    fields = victim.upload("mnist", images, struct.pack(">2I", 0x801, 1) + b"\1")
    try:
        victim.ask("mnist.finalize", **fields)
        victim.ask("dataset.content", uuid=fields["uuid"], column_name="picture", row_offset=0, number_of_rows=1)
    finally:
        victim.call("dataset.delete", uuid=fields["uuid"])


def many_clusters(victim: Victim) -> None:
    """Create and list 200 clusters of 250 bricks each."""
    brick = "    2,{},1\n        number_of_neurons: 1\n"
    template = render_template(victim.dialect, ClusterShape({"left": 1}, {"right": 1}, hidden=1))
    template = template.replace(brick.format(1), "".join(map(brick.format, range(250))))
    encoded = base64.b64encode(template.encode()).decode()
    names = [f"abuse {number}" for number in range(victim.many(200))]
    uuids = [victim.ask("cluster.create", name=name, template=encoded)["uuid"] for name in names]
    victim.ask("cluster.list")
    for uuid in uuids:
        victim.call("cluster.delete", uuid=uuid)
