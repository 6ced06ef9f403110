"""One small connection per feature of the uwsgi codec; what nginx sends lies beside them."""

from __future__ import annotations

GET = {
    "REQUEST_METHOD": "GET",
    "REQUEST_URI": "/a?b",
    "PATH_INFO": "/a",
    "QUERY_STRING": "b",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "HTTP_HOST": "h",
}


def header(modifier1: int, size: int, modifier2: int = 0) -> bytes:
    return bytes([modifier1]) + size.to_bytes(2, "little") + bytes([modifier2])


def variables(pairs: dict[str, str]) -> bytes:
    block = b""
    for pair in pairs.items():
        for text in pair:
            block += len(text).to_bytes(2, "little") + text.encode("latin-1")
    return block


def packet(modifier1: int = 0, /, **changes: str) -> bytes:
    block = variables({**GET, **changes})
    return header(modifier1, len(block)) + block


def raw(block: bytes) -> bytes:
    return header(0, len(block)) + block


POST = packet(REQUEST_METHOD="POST", CONTENT_LENGTH="5")
SEEDS: dict[str, bytes] = {
    "get": packet(),
    "small": raw(variables({"REQUEST_METHOD": "GET"})),
    "head": packet(REQUEST_METHOD="HEAD"),
    "post": POST + b"hello",
    "post_cut": POST + b"hel",
    "post_then_get": POST + b"hello" + packet(),
    "mounted": packet(30, SCRIPT_NAME="/a", PATH_INFO="/a/b"),
    "mounted_outside": packet(30, SCRIPT_NAME="/a", PATH_INFO="/ab"),
    "ping": header(100, 0),
    "ping_then_get": header(100, 2) + b"hi" + packet(),
    "end": packet() + header(200, 0) + packet(),
    "perl": packet(5),
    "http": b"GET / HTTP/1.1\r\nHost: h\r\n\r\n",
    "tls": b"\x16\x03\x01\x02\x00",
    "half_a_header": b"\0\x10",
    "empty": raw(b""),
    "cut_packet": packet()[:-3],
    "name_behind_the_end": raw(b"\x05\0abc"),
    "value_behind_the_end": raw(b"\x01\0a\xff\xff"),
    "nameless": raw(b"\0\0\x01\0a"),
    "names": packet(
        HTTP_PROXY="x", HTTP_X_OWN="y", HTTP_x="z", UWSGI_FILE="/f", SSL_CERT="a\nb", X="1"
    ),
    "one_more_header": packet(HTTP_A="1", HTTP_B="2", HTTP_C="3"),
    "scheme": packet(HTTPS="on", UWSGI_SCHEME="https", REMOTE_ADDR="::1"),
    "bad_host": packet(HTTP_HOST="a b"),
    "bad_length": packet(CONTENT_LENGTH="1,1"),
    "http2": packet(SERVER_PROTOCOL="HTTP/2.0"),
    "http09": packet(SERVER_PROTOCOL="HTTP/0.9"),
    "no_target": packet(REQUEST_URI="", PATH_INFO="/\xe9 %", QUERY_STRING="x y"),
    "script_alone": packet(REQUEST_URI="", SCRIPT_NAME="/s", PATH_INFO=""),
    "absolute": packet(REQUEST_URI="http://h/p?q"),
    "large_body": packet(CONTENT_LENGTH="9223372036854775807") + b"x",
}
