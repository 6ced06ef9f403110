"""Rules 16 to 20 on the wire: how the end of a body is known.

Rows are refused or accepted as wire.py says; see docs/conformance.md for what covers which rule.
"""

from __future__ import annotations

import pytest
from harness import Server
from wire import (
    Accepted,
    Refused,
    accepted,
    accepted_at_every_split,
    chunked,
    get,
    name_of,
    post,
    refused,
    refused_at_every_split,
)

REFUSED = [
    # 16. Content-Length
    *(
        Refused(f"16 length {value!r}", post(b"Content-Length: " + value, body=b"abc"))
        for value in (
            b"",
            b"+3",
            b"-3",
            b"-0",
            b"3 3",
            b"3,3",
            b"3, 4",
            b"0x3",
            b"3a",
            b"a",
            b"3.0",
            b"3e0",
            b"3;",
            b'"3"',
            b"\xd9\xa3",
            b"\xef\xbc\x93",
            b"0b11",
            b"0o3",
            b"3_0",
            b"1" * 20,
            b"9" * 19,
            b"18446744073709551616",
            b"18446744073709551619",
            b"9223372036854775808",
            b"99999999999999999999999999999999",
        )
    ),
    # 17. both framings, and a coding in 1.0
    Refused(
        "17 both",
        post(b"Content-Length: 3", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
        split=True,
    ),
    Refused(
        "17 both, other order",
        post(b"Transfer-Encoding: chunked", b"Content-Length: 5", body=b"0\r\n\r\n"),
    ),
    Refused(
        "17 length zero and chunked",
        post(b"Content-Length: 0", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
    ),
    Refused(
        "17 chunked in 1.0",
        get(b"Transfer-Encoding: chunked", line=b"POST / HTTP/1.0") + b"0\r\n\r\n",
    ),
    # 18. codings
    *(
        Refused(
            f"18 coding {value!r}",
            post(b"Transfer-Encoding: " + value, body=b"0\r\n\r\n"),
            501,
            split=value == b"chunked, gzip",
        )
        for value in (
            b"",
            b"identity",
            b"gzip",
            b"gzip, chunked",
            b"chunked, gzip",
            b"chunked, chunked",
            b"chunked,",
            b",chunked",
            b"chunked;a=b",
            b"xchunked",
            b"chunkedx",
            b"chunke",
            b'"chunked"',
            b"chunked identity",
            b"identity, chunked",
            b"cow",
            b"chun ked",
        )
    ),
    Refused("18 vertical tab", post(b"Transfer-Encoding: \x0bchunked", body=b"0\r\n\r\n")),
    Refused("18 NUL", post(b"Transfer-Encoding: chunked\0", body=b"0\r\n\r\n")),
    Refused(
        "18 unknown coding with a length",
        post(b"Transfer-Encoding: x", b"Content-Length: 3", body=b"abc"),
        501,
    ),
    # 19. chunks
    *(
        Refused(
            f"19 size {size!r}",
            chunked(size + b"\r\nabc\r\n0\r\n\r\n"),
            split=size == b"0x3",
        )
        for size in (
            b"",
            b"0x3",
            b"+3",
            b"-3",
            b" 3",
            b"3 ",
            b"\t3",
            b"3\t",
            b"g",
            b"3g",
            b"3_0",
            b"3 ;a",
            b"00000000000000003",
            b"fffffffffffffffff",
            b"ffffffffffffffff",
            b"8000000000000000",
            b"3\x00",
            b"\xef\xbc\x93",
            b"3,",
            b"3.0",
        )
    ),
    Refused("19 bare LF after the size", chunked(b"3\nabc\r\n0\r\n\r\n")),
    Refused("19 bare CR after the size", chunked(b"3\rabc\r\n0\r\n\r\n")),
    Refused("19 no CRLF after the data", chunked(b"3\r\nabc0\r\n\r\n"), split=True),
    Refused("19 bare LF after the data", chunked(b"3\r\nabc\n0\r\n\r\n")),
    Refused("19 data longer than the size", chunked(b"3\r\nabcd\r\n0\r\n\r\n")),
    Refused("19 bare LF at the end", chunked(b"3\r\nabc\r\n0\r\n\n"), split=True),
    Refused("19 bare LF after the last size", chunked(b"3\r\nabc\r\n0\n\r\n")),
    Refused("19 LF in an extension", chunked(b"3;a=b\nc\r\nabc\r\n0\r\n\r\n")),
    Refused("19 CR in an extension", chunked(b"3;a=b\rc\r\nabc\r\n0\r\n\r\n")),
    Refused("19 NUL in an extension", chunked(b"3;a=\0\r\nabc\r\n0\r\n\r\n")),
    Refused("19 bad extension", chunked(b"3;a b\r\nabc\r\n0\r\n\r\n")),
    Refused("19 extension without a name", chunked(b"3;=b\r\nabc\r\n0\r\n\r\n")),
    Refused("19 open quote", chunked(b'3;a="b\r\nabc\r\n0\r\n\r\n')),
    # 20. trailers
    Refused("20 no colon", chunked(b"0\r\nX-T v\r\n\r\n"), split=True),
    Refused("20 blank before the colon", chunked(b"0\r\nX-T : v\r\n\r\n")),
    Refused("20 empty name", chunked(b"0\r\n: v\r\n\r\n")),
    Refused("20 folded", chunked(b"0\r\nX-T: v\r\n w\r\n\r\n")),
    Refused("20 bare LF", chunked(b"0\r\nX-T: v\n\r\n")),
    Refused("20 NUL in the value", chunked(b"0\r\nX-T: \0\r\n\r\n")),
    Refused("20 a request in its place", chunked(b"0\r\n" + get())),
    *(
        Refused(f"20 field {name}", chunked(b"0\r\n" + name.encode() + b": 1\r\n\r\n"))
        for name in (
            "Content-Length",
            "Transfer-Encoding",
            "Trailer",
            "TE",
            "Connection",
            "Host",
            "Expect",
            "Authorization",
            "Cookie",
            "Content-Type",
            "Content-Encoding",
            "X-Forwarded-For",
            "Forwarded",
        )
    ),
]

ACCEPTED = [
    Accepted("16 leading zeros", post(b"Content-Length: 0003", body=b"abc"), body="abc"),
    Accepted("16 zero", post(b"Content-Length: 0")),
    Accepted(
        "18 any case",
        post(b"Transfer-Encoding: ChUnKeD", body=b"3\r\nabc\r\n0\r\n\r\n"),
        body="abc",
    ),
    Accepted("18 blanks around", post(b"Transfer-Encoding:  chunked\t", body=b"0\r\n\r\n")),
    Accepted("19 16 digits", chunked(b"0000000000000003\r\nabc\r\n0\r\n\r\n"), body="abc"),
    Accepted("19 upper case", chunked(b"A\r\n0123456789\r\n000\r\n\r\n"), body="0123456789"),
    Accepted(
        "19 extensions", chunked(b'3;a;b=c;d="e f"\r\nabc\r\n0;z\r\n\r\n'), body="abc", split=True
    ),
    Accepted("20 trailers", chunked(b"3\r\nabc\r\n0\r\nX-T: v\r\n\r\n"), body="abc", split=True),
]


@pytest.mark.parametrize("row", REFUSED, ids=name_of)
def test_refused(counting: Server, row: Refused) -> None:
    refused(counting, row)


@pytest.mark.parametrize("row", [row for row in REFUSED if row.split], ids=name_of)
def test_refused_at_every_split(counting: Server, row: Refused) -> None:
    refused_at_every_split(counting, row)


@pytest.mark.parametrize("row", ACCEPTED, ids=name_of)
def test_accepted(counting: Server, row: Accepted) -> None:
    accepted(counting, row)


@pytest.mark.parametrize("row", [row for row in ACCEPTED if row.split], ids=name_of)
def test_accepted_at_every_split(counting: Server, row: Accepted) -> None:
    accepted_at_every_split(counting, row)


def test_trailers_are_never_merged(counting: Server) -> None:
    """Rule 20: neither into the variables of their own request nor into the next one's."""
    with counting.connect() as connection:
        for _ in range(2):
            connection.send(chunked(b"3\r\nabc\r\n0\r\nX-T: evil\r\nX-User: evil\r\n\r\n"))
            answer = connection.read_response()
            assert answer.json["body"] == "abc"
            assert "evil" not in answer.text
