"""Rules A and B of HTTP/2: what a connection and its streams must bear, and what ends them with
which error (RFC 9113; 7541 for header blocks)."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import pytest
from harness import Server
from harness import h2_frames as h2
from harness.h2_frames import frame
from harness.h2_peer import Peer
from wire import app_not_called

BLOCK = h2.literal(h2.request_fields("/"))
OPEN = frame(h2.HEADERS, h2.END_HEADERS, 1, BLOCK)  # its body is to come
PROTOCOL, SIZE, FLOW = {h2.PROTOCOL_ERROR}, {h2.FRAME_SIZE_ERROR}, {h2.FLOW_CONTROL_ERROR}
COMPRESSION = {h2.COMPRESSION_ERROR}
HALF = frame(h2.HEADERS, 0, 1, BLOCK[:9])


@dataclass(frozen=True)
class Fault:
    name: str
    sent: bytes  # after the preface and SETTINGS
    codes: set[int]


def name_of(row: Fault) -> str:
    return row.name


def block(data: bytes, stream: int = 1) -> bytes:
    return frame(h2.HEADERS, h2.END_STREAM | h2.END_HEADERS, stream, data)


def setting(name: int, value: int) -> bytes:
    return h2.settings({name: value})


# None of these lets a request reach the app.
FAULTS = [
    Fault("A large unknown frame", frame(0x42, 0, 0, b"x" * 16385), SIZE),
    Fault("A large PING", frame(h2.PING, 0, 0, b"x" * 16385), SIZE),
    Fault("A large DATA", OPEN + frame(h2.DATA, 0, 1, b"x" * 16385), SIZE),
    Fault("A large HEADERS", block(h2.literal([("a", "b" * 16385)])), SIZE),
    Fault("A credit beyond 2^31-1", h2.window_update(0, 2**31 - 1), FLOW),
    Fault("A credit of 0", h2.window_update(0, 0), PROTOCOL),
    Fault("A credit cut short", frame(h2.WINDOW_UPDATE, 0, 0, b"\0\0\1"), SIZE),
    Fault("A push of 2", setting(h2.ENABLE_PUSH, 2), PROTOCOL),
    Fault("A window of 2^31", setting(h2.INITIAL_WINDOW_SIZE, 2**31), FLOW),
    Fault("A frame size of 16383", setting(h2.MAX_FRAME_SIZE, 16383), PROTOCOL),
    Fault("A frame size of 2^24", setting(h2.MAX_FRAME_SIZE, 2**24), PROTOCOL),
    Fault("A SETTINGS of 5 bytes", frame(h2.SETTINGS, 0, 0, b"x" * 5), SIZE),
    Fault("A SETTINGS acknowledged with a payload", frame(h2.SETTINGS, 1, 0, b"x" * 6), SIZE),
    Fault("A SETTINGS on a stream", frame(h2.SETTINGS, 0, 1), PROTOCOL),
    Fault("A PING of 7 bytes", frame(h2.PING, 0, 0, b"x" * 7), SIZE),
    Fault("A PING on a stream", frame(h2.PING, 0, 1, b"x" * 8), PROTOCOL),
    Fault("A GOAWAY on a stream", frame(h2.GOAWAY, 0, 1, b"\0" * 8), PROTOCOL),
    Fault("A GOAWAY cut short", frame(h2.GOAWAY, 0, 0, b"\0" * 7), SIZE),
    Fault(
        "A PUSH_PROMISE",
        OPEN + frame(h2.PUSH_PROMISE, h2.END_HEADERS, 1, b"\0\0\0\2" + BLOCK),
        PROTOCOL,
    ),
    Fault("A PRIORITY on stream 0", frame(h2.PRIORITY, 0, 0, b"\0\0\0\1\1"), PROTOCOL),
    Fault("B even stream", block(BLOCK, 2), PROTOCOL),
    Fault("B HEADERS on stream 0", block(BLOCK, 0), PROTOCOL),
    Fault("B DATA on stream 0", frame(h2.DATA, 0, 0, b"x"), PROTOCOL),
    Fault("B RST_STREAM on stream 0", h2.rst_stream(0), PROTOCOL),
    Fault("B RST_STREAM cut short", OPEN + frame(h2.RST_STREAM, 0, 1, b"abc"), SIZE),
    Fault("B CONTINUATION on stream 0", frame(h2.CONTINUATION, 4, 0, BLOCK), PROTOCOL),
    Fault("B DATA on an idle stream", frame(h2.DATA, 0, 1, b"x"), PROTOCOL | {h2.STREAM_CLOSED}),
    Fault("B RST_STREAM on an idle stream", h2.rst_stream(1), PROTOCOL),
    Fault("B WINDOW_UPDATE on an idle stream", h2.window_update(1, 1), PROTOCOL),
    Fault("B CONTINUATION on an idle stream", frame(h2.CONTINUATION, 4, 1, BLOCK), PROTOCOL),
    Fault("B CONTINUATION without HEADERS", OPEN + frame(h2.CONTINUATION, 4, 1, b""), PROTOCOL),
    Fault("B DATA within a block", HALF + frame(h2.DATA, 0, 1, b"x"), PROTOCOL),
    Fault("B PING within a block", HALF + h2.ping(), PROTOCOL),
    Fault("B SETTINGS within a block", HALF + h2.settings(), PROTOCOL),
    Fault("B unknown frame within a block", HALF + frame(0x42, 0, 0, b"x"), PROTOCOL),
    Fault("B HEADERS within a block", HALF + block(BLOCK, 3), PROTOCOL),
    Fault("B another's CONTINUATION", HALF + frame(h2.CONTINUATION, 4, 3, BLOCK[9:]), PROTOCOL),
    Fault(
        "B padding as long as DATA",
        OPEN + frame(h2.DATA, h2.PADDED, 1, b"\x06" + b"x" * 5),
        PROTOCOL,
    ),
    Fault(
        "B padding as long as HEADERS",
        frame(h2.HEADERS, h2.END_STREAM | h2.END_HEADERS | h2.PADDED, 1, b"\xff" + BLOCK),
        PROTOCOL,
    ),
    Fault("B padded DATA of nothing", OPEN + frame(h2.DATA, h2.PADDED, 1), PROTOCOL | SIZE),
    Fault("HPACK index 0", block(b"\x80"), COMPRESSION),
    Fault("HPACK index beyond the table", block(b"\xc6"), COMPRESSION),
    Fault("HPACK index of many bytes", block(b"\xff" + b"\xff" * 9 + b"\x7f"), COMPRESSION),
    Fault("HPACK cut literal", block(b"\x00\x05ab"), COMPRESSION),
    Fault("HPACK cut in a length", block(b"\x00\x7f\xff"), COMPRESSION),
    Fault("HPACK long padding of Huffman", block(b"\x00\x82\x1f\xff\x01x"), COMPRESSION),
    Fault("HPACK EOS in Huffman", block(b"\x00\x84\xff\xff\xff\xff\x01x"), COMPRESSION),
    Fault(
        "HPACK table beyond SETTINGS",
        block(h2.integer(1 << 20, 5, 0x20) + BLOCK),
        COMPRESSION,
    ),
    Fault("HPACK table size within a block", block(BLOCK + b"\x20"), COMPRESSION),
]  # fmt: skip


@pytest.mark.parametrize("row", FAULTS, ids=name_of)
def test_ends_the_connection(counting: Server, row: Fault) -> None:
    with app_not_called(counting), Peer(counting.port) as peer:
        peer.try_send(row.sent)
        ended = peer.wait_end()
        assert ended is not None, "no GOAWAY"
        assert ended[0] in row.codes, f"GOAWAY {ended[0]}"


@pytest.mark.parametrize(
    "sent",
    [
        h2.PREFACE[:-2] + b"XX",
        h2.PREFACE[:14] + b"\r\n\r\nXX\r\n\r\n",
        h2.PREFACE + frame(h2.HEADERS, 5, 1, BLOCK),
        h2.PREFACE + h2.ping(),
        h2.PREFACE + h2.window_update(0, 1),
    ],
    ids=["end of the preface", "middle", "HEADERS first", "PING first", "WINDOW_UPDATE first"],
)
def test_begins_wrongly(counting: Server, sent: bytes) -> None:
    with app_not_called(counting), Peer(counting.port, start=False) as peer:
        peer.send(sent)
        data = b""
        while part := _receive(peer):
            data += part
        assert not data or data[3:4] == b"\x04" or data.startswith(b"HTTP/1.1 "), data


def test_neither_preface_nor_request(counting: Server) -> None:
    """Of what is a request of HTTP/1, or may become one, HTTP/1 says what is wrong."""
    for sent, begin in {
        b"INVALID CONNECTION PREFACE\r\n\r\n": b"",
        b"GET / HTTP/1.1\r\n\r\n": b"HTTP/1.1 400",
        b"GET / HTTP/2.0\r\n\r\n": b"HTTP/1.1 ",
    }.items():
        with app_not_called(counting), Peer(counting.port, start=False) as peer:
            peer.send(sent)
            answer = _receive(peer)
            assert answer.startswith(begin) and bool(answer) == bool(begin), answer


def _receive(peer: Peer) -> bytes:
    try:
        return peer.socket.recv(65536)
    except ConnectionResetError:
        return b""


def test_the_servers_preface(counting: Server) -> None:
    with Peer(counting.port) as peer:
        first = peer.read_frame()
        assert (first.kind, first.flags, first.stream) == (h2.SETTINGS, 0, 0)
        peer.wait(lambda: peer.settings_acks, "the acknowledgement of SETTINGS")
        assert 1 <= peer.settings[h2.MAX_CONCURRENT_STREAMS] <= 256
        assert peer.settings.get(h2.ENABLE_PUSH, 0) == 0
        assert 16384 <= peer.settings.get(h2.MAX_FRAME_SIZE, 16384) < 2**24


def test_the_preface_byte_by_byte(counting: Server) -> None:
    with Peer(counting.port, start=False) as peer:
        for byte in h2.PREFACE + h2.settings() + frame(h2.HEADERS, 5, 1, BLOCK):
            peer.send(bytes([byte]))
        peer.new_stream()
        assert peer.answer(1).status == 200


def test_what_is_unknown_is_ignored(counting: Server) -> None:
    with Peer(counting.port, settings={0x4242: 7, 0x7: 1}) as peer:
        peer.send(frame(0x42, 0xFF, 0, b"x") + frame(0x43, 0, 7, b"y"))
        peer.sync()
        assert peer.get("/").status == 200


def test_ping_is_answered(counting: Server) -> None:
    with Peer(counting.port) as peer:
        peer.send(h2.ping(b"12345678") + frame(h2.PING, h2.ACK, 0, b"unasked!"))
        peer.wait(lambda: peer.pongs, "the answer")
        assert peer.pongs == [b"12345678"]


def test_priority_is_ignored(counting: Server) -> None:
    with Peer(counting.port) as peer:
        peer.send(h2.priority(1, 0) + h2.priority(9, 1) + h2.priority(5, 9))
        depends = struct.pack(">IB", 0x80000000 | 3, 200)
        flags = h2.END_STREAM | h2.END_HEADERS | h2.PRIORITY_FLAG
        peer.new_stream()
        peer.send(frame(h2.HEADERS, flags, 1, depends + BLOCK))
        assert peer.answer(1).status == 200
        peer.send(h2.priority(1, 0))
        peer.sync()


def test_continuation_in_many_pieces(counting: Server) -> None:
    with Peer(counting.port) as peer:
        stream = peer.new_stream()
        peer.send(frame(h2.HEADERS, h2.END_STREAM, stream, BLOCK[:1]))
        for at in range(1, 7):
            peer.send(frame(h2.CONTINUATION, 0, stream, BLOCK[at : at + 1]))
        peer.send(frame(h2.CONTINUATION, h2.END_HEADERS, stream, BLOCK[7:]))
        assert peer.answer(stream).status == 200


# Streams: an error of the stream or, where the RFC leaves it open, of the connection.


@pytest.mark.parametrize(
    ("sent", "codes"),
    [
        (h2.window_update(1, 0), PROTOCOL),
        (h2.window_update(1, 2**31 - 1), FLOW),
        (frame(h2.PRIORITY, 0, 1, b"\0\0\0\0"), SIZE),
    ],
    ids=["credit of 0", "credit beyond 2^31-1", "PRIORITY cut short"],
)
def test_errors_of_a_stream(counting: Server, sent: bytes, codes: set[int]) -> None:
    with app_not_called(counting), Peer(counting.port) as peer:
        stream = peer.start("POST", "/", end=False)
        peer.send(sent)
        peer.wait(lambda: peer.streams[stream].over or peer.goaways, "an error")
        if peer.goaways:
            assert peer.goaways[-1][1] in codes
        else:
            assert peer.streams[stream].reset in codes
            assert peer.get("/calls").status == 200


@pytest.mark.parametrize("kind", ["DATA", "HEADERS"])
def test_after_the_end_of_a_stream(counting: Server, kind: str) -> None:
    """Half closed: the body has ended, the answer has not come yet, for it has no credit."""
    with Peer(counting.port, settings={h2.INITIAL_WINDOW_SIZE: 0}) as peer:
        stream = peer.start("GET", "/")
        peer.wait_head(stream)
        more = frame(h2.DATA, 0, stream, b"x")
        peer.send(more if kind == "DATA" else frame(h2.HEADERS, 5, stream, BLOCK))
        peer.wait(lambda: peer.streams[stream].over or peer.goaways, "an error")
        code = peer.goaways[-1][1] if peer.goaways else peer.streams[stream].reset
        assert code in (h2.STREAM_CLOSED, h2.PROTOCOL_ERROR)


def test_older_stream(counting: Server) -> None:
    with Peer(counting.port) as peer:
        peer.next_stream = 5
        assert peer.get("/").status == 200
        peer.send(block(BLOCK, 3))
        ended = peer.wait_end()
        assert ended and ended[0] in (h2.PROTOCOL_ERROR, h2.STREAM_CLOSED)


def test_client_that_says_goaway_is_answered(counting: Server) -> None:
    with Peer(counting.port) as peer:
        stream = peer.start("GET", "/")
        peer.send(frame(h2.GOAWAY, 0, 0, struct.pack(">II", 0, 0)))
        assert peer.answer(stream).status == 200
        peer.wait_end()


def test_window_changes_with_settings(counting: Server) -> None:
    """A new initial window counts for streams that are open, also where theirs becomes negative."""
    with Peer(counting.port, settings={h2.INITIAL_WINDOW_SIZE: 10}) as peer:
        stream = peer.start("GET", "/")
        peer.gives_credit = False
        peer.wait(lambda: len(peer.streams[stream].body) == 10, "ten bytes")
        peer.send(h2.settings({h2.INITIAL_WINDOW_SIZE: 2}))
        peer.send(h2.window_update(stream, 9))  # -8 and 9
        peer.wait(lambda: len(peer.streams[stream].body) == 11, "one more")
        peer.send(h2.settings({h2.INITIAL_WINDOW_SIZE: 65535}))
        assert peer.answer(stream).json["calls"]
