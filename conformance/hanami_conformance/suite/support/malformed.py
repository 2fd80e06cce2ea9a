"""Malformed bytes: bodies that are not JSON, websocket frames, and HTTP requests."""

from __future__ import annotations

from hanami_conformance.suite.support.sample_data import random_bytes

NO_JSON: dict[str, bytes] = {
    "empty": b"",
    "no JSON": b"this is no JSON",
    "cut short": b'{"name": "abcd", "input_data_size": ',
    "single quotes": b"{'name': 'abcd', 'input_data_size': 10}",
    "a comma too many": b'{"name": "abcd", "input_data_size": 10,}',
    "two objects": b'{"name": "abcd", "input_data_size": 10} {}',
    "not UTF-8": b'{"name": "\xff\xfe"}',
    "a NUL byte": b'{"name": "ab\x00cd"}',
    "nested deeply": b"[" * 20_000,
}
ODD_JSON: dict[str, bytes] = {
    "an array": b"[1, 2]",
    "a huge number": b'{"name": "abcd", "input_data_size": 1' + b"0" * 400 + b"}",
    "a number of 5000 digits": b'{"name": "abcd", "input_data_size": ' + b"1" * 5000 + b"}",
    "a number beyond any float": b'{"name": "abcd", "input_data_size": 1e999}',
    "NaN": b'{"name": "abcd", "input_data_size": NaN}',
    "a lone surrogate": b'{"name": "\\ud800abcd", "input_data_size": 5}',
    "a lone surrogate in an unknown key": b'{"name": "abcd", "input_data_size": 5, "\\ud800": 1}',
}

FRAMES = {
    "bytes that are no frame": b"\xff" * 8,
    "a frame without a mask": b"\x82\x05hello",
    "a frame that announces a tebibyte": b"\x82\xff" + (1 << 40).to_bytes(8, "big") + b"mask" + b"x",
    "a ping in fragments": b"\x09\x80\x00\x00\x00\x00\x80\x80\x00\x00\x00\x00",
    "a ping of 126 bytes": b"\x89\xfe\x00\x7e\x00\x00\x00\x00" + bytes(126),
    "a text frame that is no UTF-8": b"\x81\x84\x00\x00\x00\x00\xff\xfe\xfd\xfc",
    "a close frame of one byte": b"\x88\x81\x00\x00\x00\x00\x03",
    "a continuation of nothing": b"\x80\x82\x00\x00\x00\x00ab",
    "an unknown opcode": b"\x83\x80\x00\x00\x00\x00",
}

REQUESTS = {  # HOST stands for the target
    "no HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + random_bytes(200) + b"\r\n\r\n",
    "a request line cut short": b"GET\r\n\r\n",
    "a header without a colon": b"GET / HTTP/1.1\r\nno header\r\n\r\n",
    "a content length that is no number": b"POST / HTTP/1.1\r\nHost: HOST\r\nContent-Length: many\r\n\r\n",
    "a negative content length": b"POST / HTTP/1.1\r\nHost: HOST\r\nContent-Length: -1\r\n\r\n",
    "a very long target": b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: HOST\r\n\r\n",
    "a very long header": b"GET / HTTP/1.1\r\nX: " + b"a" * 100_000 + b"\r\n\r\n",
    "a chunk size that is no number": b"POST / HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "a handshake without a key": b"GET / HTTP/1.1\r\nHost: HOST\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
}
