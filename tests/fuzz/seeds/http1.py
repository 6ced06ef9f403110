"""One small connection per feature of the HTTP/1 codec."""

from __future__ import annotations

HOST = b"Host: h\r\n"
GET = b"GET / HTTP/1.1\r\n" + HOST + b"\r\n"
CHUNKED = b"POST /c HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n"


def head(*lines: bytes, first: bytes = b"GET / HTTP/1.1") -> bytes:
    return b"".join(line + b"\r\n" for line in (first, b"Host: h", *lines)) + b"\r\n"


SEEDS: dict[str, bytes] = {
    "get": GET,
    "get_http10": b"GET / HTTP/1.0\r\n\r\n",
    "get_http10_keep_alive": (
        b"GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /b HTTP/1.0\r\n\r\n"
    ),
    "head": head(first=b"HEAD /x?y=z HTTP/1.1"),
    "options_star": head(first=b"OPTIONS * HTTP/1.1"),
    "absolute": head(first=b"GET http://user.example:81/p?q HTTP/1.1"),
    "absolute_no_path": head(first=b"GET https://[::1]?q HTTP/1.1"),
    "absolute_userinfo": head(first=b"GET http://u:p@h/ HTTP/1.1"),
    "connect": head(first=b"CONNECT h:443 HTTP/1.1"),
    "http2_preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "http09": b"GET /\r\n",
    "tls_hello": bytes.fromhex("160301020001fc0303"),
    "browser": head(
        b"User-Agent: Mozilla/5.0 (X11; Linux x86_64)",
        b"Accept: text/html,*/*;q=0.8",
        b"Accept-Encoding: gzip, deflate, br",
        b"Cookie: session=abc; csrftoken=def",
        b"Upgrade-Insecure-Requests: 1",
        b"Connection: keep-alive",
    ),
    "empty_line_first": b"\r\n" + GET,
    "two_empty_lines_first": b"\r\n\r\n" + GET,
    "bare_lf": b"GET / HTTP/1.1\nHost: h\n\n",
    "cr_cr_lf": b"GET / HTTP/1.1\r\r\nHost: h\r\n\r\n",
    "folded": head(b"X: a", b" b"),
    "nul_in_value": head(b"X: a\0b"),
    "high_bytes": head(b"X: \xc3\xa9\xff"),
    "underscore_and_proxy": head(b"X_Y: 1", b"Proxy: http://p/", b"X.Y: 2"),
    "space_before_colon": head(b"X : y"),
    "bad_host": b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
    "ipv6_host": b"GET / HTTP/1.1\r\nHost: [2001:db8::1]:8080\r\n\r\n",
    "two_hosts": head(b"Host: g"),
    "many_fields": head(*[b"a:"] * 205),
    "length": head(b"Content-Length: 5", first=b"POST / HTTP/1.1") + b"hello",
    "length_twice": head(b"Content-Length: 5", b"Content-Length: 05") + b"hello",
    "length_differs": head(b"Content-Length: 5", b"Content-Length: 6") + b"hello!",
    "length_huge": head(b"Content-Length: 9223372036854775807") + b"x",
    "length_and_chunked": head(b"Content-Length: 5", b"Transfer-Encoding: chunked") + b"0\r\n\r\n",
    "chunked": CHUNKED + b"5\r\nhello\r\nA\r\n0123456789\r\n0\r\n\r\n",
    "chunked_extensions": CHUNKED + b'1;a;b=c;d="e\\"f"\r\nx\r\n0;g\r\n\r\n',
    "chunked_trailers": CHUNKED + b"1\r\nx\r\n0\r\nX-Sum: abc\r\nY:\r\n\r\n" + GET,
    "chunked_forbidden_trailer": CHUNKED + b"0\r\nContent-Length: 5\r\n\r\n",
    "chunked_size_overflow": CHUNKED + b"ffffffffffffffff\r\n",
    "chunked_size_blank": CHUNKED + b"5 \r\nhello\r\n0\r\n\r\n",
    "chunked_long_data": CHUNKED + b"5\r\nhello!\r\n0\r\n\r\n",
    "chunked_bare_lf": CHUNKED + b"5\nhello\n0\n\n",
    "chunked_http10": b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "coding_gzip": head(b"Transfer-Encoding: gzip, chunked") + b"0\r\n\r\n",
    "expect": head(b"Expect: 100-continue", b"Content-Length: 1") + b"x",
    "expect_other": head(b"Expect: tea"),
    "close_then_more": head(b"Connection: x, close") + GET,
    "upgrade_h2c": head(b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c") + GET,
    "pipeline": GET * 3 + CHUNKED + b"1\r\nx\r\n0\r\n\r\n" + head(first=b"HEAD / HTTP/1.1") + GET,
    "pipeline_bad_second": GET + b"GET  / HTTP/1.1\r\n\r\n" + GET,
    "pipeline_empty_lines": GET + b"\r\n" + GET + b"\r\n" + GET,
    "request_in_body": head(b"Content-Length: 27") + b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n" + GET,
    "cut_head": GET[:-2],
    "cut_body": head(b"Content-Length: 5") + b"hel",
    "cut_chunk": CHUNKED + b"5\r\nhel",
}
