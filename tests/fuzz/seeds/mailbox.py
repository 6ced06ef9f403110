"""A hostile worker at a front, one way in each; steps are as in mailbox_fuzz.cc."""

from __future__ import annotations

# Clients' requests.
GET, HEAD, OLD, OLD_KEPT, POST, LARGE_POST, EXPECT, CHUNKED, PIPELINED, OPTIONS = range(10)
# Records.
GO_ON, HEAD_RECORD, BODY, FILE, LEND, HINTS, END, FAIL, UNKNOWN = range(9)
# Descriptors.
NONE, REGULAR, FIFO, WRITE_ONLY, ZERO, PATH, FOLDER, PROC, UNREADABLE = range(9)
# Fields of a slot, and others.
STATE, BODY_WRITTEN, REPLY_READ, REPLY_WRITTEN, BODY_READ, ORDER, LAST_ORDER = range(7)
BODY_END, CANCELLED, WAITING, TAIL, SLEEPING, WORKER_HEAD = range(7, 13)
# Parts of the memory.
ALL, CONTROL, FRAME, BODY_RING, REPLY_RING = range(5)


def number(value: int, size: int) -> bytes:
    return (value % (1 << 8 * size)).to_bytes(size, "little")


def text(value: bytes) -> bytes:
    return bytes([len(value)]) + value


def ask(kind: int, size: int = 0, client: int = 0) -> bytes:
    return bytes([0, client, kind]) + number(size, 2)


def upload(size: int, client: int = 0) -> bytes:
    return bytes([2, client]) + number(size, 2)


def read(client: int = 0) -> bytes:
    return bytes([3, client])


def stop_writing(client: int = 0) -> bytes:
    return bytes([5, client])


def leave(client: int = 0) -> bytes:
    return bytes([6, client])


REST = bytes([8])
ASK_WITNESS = bytes([10])
ATTACH = bytes([12])
TAKE = bytes([13])
RING, RETIRE, DIE, DIE_WITH_VERDICT = (bytes([23, which]) for which in range(4))
HOSTILE_SERVES, BOTH_SERVE, HONEST_SERVES = (bytes([11, who]) for who in range(3))


def wait(milliseconds: int) -> bytes:
    return bytes([9]) + number(milliseconds, 2)


def answer(size: int, slot: int = 0) -> bytes:
    return bytes([14, slot]) + number(size, 2)


def record(kind: int, payload: bytes = b"", lie: int = 0, slot: int = 0) -> bytes:
    return bytes([15, slot, kind, lie]) + text(payload)


def head(
    status: int = 200,
    *headers: tuple[bytes, bytes],
    reason: bytes = b"",
    length: int | None = None,
    close: bool = False,
    slot: int = 0,
) -> bytes:
    flags = bool(reason) | (length is not None) << 1 | close << 2 | len(headers) << 4
    return (
        bytes([16, slot, flags])
        + number(status, 2)
        + (text(reason) if reason else b"")
        + (number(length, 2) if length is not None else b"")
        + b"".join(text(part) for header in headers for part in header)
    )


LEND_UNTIL_END, LEND_FOR_GOOD = (record(LEND, number(how, 8)) for how in range(2))


def body(size: int, slot: int = 0) -> bytes:
    return bytes([17, slot]) + number(size, 2)


def file(fd: int, offset: int, size: int, stale: bool = False, slot: int = 0) -> bytes:
    return bytes([18, slot, fd, 3 * stale]) + number(offset, 3) + number(size, 4)


def packet(content: bytes, first: int = NONE, second: int = NONE) -> bytes:
    return bytes([19, first, second]) + text(content)


def poke(area: int, at: int, content: bytes, slot: int = 0) -> bytes:
    return bytes([20, area, slot]) + number(at, 2) + text(content)


def move(field: int, by: int, slot: int = 0) -> bytes:
    return bytes([21, field, slot, by + 128])


def put(field: int, value: int, slot: int = 0) -> bytes:
    return bytes([21, field, slot, 0]) + number(value, 8)


def state(value: int, slot: int = 0) -> bytes:
    return bytes([22, slot, value])


END_RECORD = record(END)
FAILED = record(FAIL, number(503, 4) + bytes(4))
TAKEN = ask(GET) + TAKE
HALF = TAKEN + head(length=10) + body(5)
TWO = ask(GET) + ask(GET, client=1) + TAKE + TAKE
RING_FULL = b"".join(body(32000) for _ in range(2)) + REST
_KINDS = {
    "get": ask(GET),
    "head": ask(HEAD),
    "old": ask(OLD),
    "old_kept": ask(OLD_KEPT),
    "post": ask(POST, 300),
    "large_post": ask(LARGE_POST, 6000) + upload(50000),
    "expect": ask(EXPECT, 4) + TAKE + record(GO_ON) + REST + upload(4),
    "chunked": ask(CHUNKED, 300) + upload(100) + upload(0),
    "pipelined": ask(PIPELINED),
    "options": ask(OPTIONS),
}
_FILES = {
    "regular": REGULAR,
    "fifo": FIFO,
    "write_only": WRITE_ONLY,
    "zero": ZERO,
    "path": PATH,
    "folder": FOLDER,
    "proc": PROC,
    "unreadable": UNREADABLE,
    "none": NONE,
}

SEEDS: dict[str, bytes] = {
    **{f"answered_{name}": asked + TAKE + answer(100) + REST for name, asked in _KINDS.items()},
    **{f"died_{name}": asked + TAKE + DIE + REST for name, asked in _KINDS.items()},
    **{
        f"file_{name}": TAKEN + head(length=50) + file(fd, 5, 50) + END_RECORD + REST + read()
        for name, fd in _FILES.items()
    },
    "slots": b"".join(ask(GET, client=i) for i in range(3)) + 3 * TAKE + answer(9, 2) + answer(9),
    "head_crlf": TAKEN + head(200, (b"X", b"a\r\nSet-Cookie: b")) + REST + END_RECORD,
    "head_none": TAKEN + record(1, b"short") + REST,
    "head_twice": TAKEN + head() + head() + body(5) + END_RECORD,
    "head_status": TAKEN + head(100) + END_RECORD,
    "head_headers": TAKEN
    + head(404, (b"Content-Length", b"5"), (b"X", b"y"), reason=b"No")
    + body(5)
    + END_RECORD,
    "head_204": TAKEN + head(204) + body(5) + END_RECORD + ask(GET) + TAKE + answer(5),
    "close": TAKEN + head(length=0, close=True) + END_RECORD + REST + ask(GET),
    "body_first": TAKEN + body(5) + REST + head() + END_RECORD,
    "body_long": TAKEN + head(length=3) + body(9) + END_RECORD,
    "body_short": HALF + END_RECORD + REST,
    "end_at_once": TAKEN + END_RECORD + REST,
    "failed": TAKEN + FAILED + REST,
    "failed_late": HALF + FAILED + REST,
    "fail_odd": TAKEN + record(FAIL, b"x") + REST,
    "two_ends": TAKEN + END_RECORD + END_RECORD + REST,
    "after_end": TAKEN + answer(3) + body(8) + REST + ask(GET) + TAKE + answer(4),
    "unknown_record": TAKEN + record(UNKNOWN, b"?") + REST,
    "record_lies": TAKEN + head() + record(BODY, b"abc", 200) + REST,
    "record_huge": TAKEN + poke(REPLY_RING, 0, number(BODY, 4) + b"\xff" * 4) + move(3, 64) + REST,
    "not_taken": ask(GET) + head(99) + END_RECORD + REST,
    "untaken_again": TAKEN + state(1) + head(99) + END_RECORD + REST + ASK_WITNESS,
    "freed": TAKEN + state(0) + REST + answer(5) + REST,
    "done_early": HALF + state(4) + REST,
    "written_back": HALF + REST + move(REPLY_WRITTEN, -16) + REST,
    "written_far": HALF + put(REPLY_WRITTEN, 1 << 40) + REST,
    "written_odd": HALF + move(REPLY_WRITTEN, 3) + REST,
    "body_read_far": ask(LARGE_POST, 60000) + upload(2000) + TAKE + put(BODY_READ, 1 << 50) + REST,
    "body_ring_poked": ask(LARGE_POST, 60000) + upload(2000) + poke(BODY_RING, 0, b"x" * 99),
    "frame_poked": ask(GET) + poke(FRAME, 0, b"\xff" * 184) + TAKE + answer(5),
    "control_poked": TAKEN + poke(CONTROL, 0, b"\xff" * 192) + REST,
    "header_poked": TAKEN + poke(ALL, 0, b"\xff" * 255) + REST + ask(GET, client=1),
    "orders_poked": ask(GET) + put(LAST_ORDER, (7 << 8) | 3) + TAKE + REST,
    "worker_head": put(WORKER_HEAD, 77) + ask(GET) + REST + BOTH_SERVE + ask(GET, client=1),
    "tail": move(TAIL, 9) + ask(GET) + TAKE + REST,
    "lend_odd": TAKEN + record(LEND, b"odd") + REST,
    "lend_for_good": TAKEN + LEND_FOR_GOOD + REST + END_RECORD + REST + ask(GET, client=1),
    "lend_for_good_and_answer": TAKEN + LEND_FOR_GOOD + head() + body(9) + REST + LEND_UNTIL_END,
    "lend_for_good_held": TAKEN + LEND_FOR_GOOD + REST + leave() + DIE + REST,
    "hints": TAKEN + record(HINTS) + REST,
    "lend": TAKEN + LEND_UNTIL_END + REST + END_RECORD + REST,
    "lend_late": HALF + LEND_UNTIL_END + REST,
    "lend_pipelined": ask(PIPELINED) + TAKE + LEND_UNTIL_END + REST + DIE,
    "file_stale": TAKEN + head(length=50) + file(REGULAR, 0, 50, stale=True) + REST,
    "file_end": TAKEN + head(length=50) + file(REGULAR, 199990, 50) + END_RECORD + REST,
    "file_far": TAKEN + head() + file(REGULAR, -1, -1) + REST,
    "file_large": TAKEN + head() + file(REGULAR, 0, 200000) + END_RECORD + REST + 3 * read(),
    "file_twice": TAKEN + head() + 2 * file(REGULAR, 0, 9) + END_RECORD + REST,
    "file_left": TAKEN + head() + file(REGULAR, 0, 200000) + REST + leave() + END_RECORD + REST,
    "file_unheard": TWO + head(200) + record(FILE, bytes(16)) + ASK_WITNESS,
    "file_proc_two": TWO
    + head(length=200)
    + file(PROC, 0, 100)
    + END_RECORD
    + head(length=3, slot=1)
    + body(3, 1)
    + record(END, slot=1)
    + REST,
    "packet_short": TAKEN + packet(b"what") + REST,
    "packet_long": TAKEN + packet(b"x" * 40) + REST,
    "packet_fd": TAKEN + packet(number(0, 16), REGULAR) + REST,
    "packet_two_fds": TAKEN + packet(number(1, 16), REGULAR, FIFO) + REST,
    "packet_file_of_99": TAKEN + packet(number(1, 4) + number(99, 4) + bytes(8), ZERO) + REST,
    "packet_unknown": TAKEN + packet(number(9, 16)) + REST,
    "slow_reader": TAKEN + head() + 9 * RING_FULL + END_RECORD + REST + 9 * read(),
    "slow_reader_left": TAKEN + head() + 9 * RING_FULL + leave() + REST,
    "slow_reader_died": TAKEN + head() + 9 * RING_FULL + DIE + REST + read(),
    "slow_reader_late": TAKEN + head() + 9 * RING_FULL + wait(11000) + REST,
    "slow_old_reader": ask(OLD) + TAKE + head() + 9 * RING_FULL + DIE_WITH_VERDICT + 3 * read(),
    "retires": TWO + RETIRE + REST + answer(5) + REST + answer(5, 1) + REST + ATTACH + ask(GET),
    "retires_unasked": RETIRE + REST + ATTACH + ask(GET) + TAKE + answer(7),
    "verdict": TAKEN + DIE_WITH_VERDICT + REST + ATTACH + TAKE + answer(5),
    "taken_back": BOTH_SERVE + TWO + wait(2) + wait(2) + REST,
    "moves_on": TAKEN + BOTH_SERVE + ask(GET, client=1) + wait(5) + HONEST_SERVES + wait(5),
    "waits_too_long": 3 * ask(GET) + RETIRE + REST + ask(GET, client=1) + wait(31000),
    "half_closed": ask(GET) + stop_writing() + TAKE + answer(5) + REST + read(),
    "half_closed_body": ask(LARGE_POST, 60000) + upload(70) + stop_writing() + REST + TAKE,
    "early_answer": ask(POST, 2) + ask(LARGE_POST, 999) + TAKE + answer(5) + upload(9999) + REST,
    "upload_held": ask(LARGE_POST, 60000)
    + upload(60000)
    + TAKE
    + head()
    + 9 * (RING_FULL + upload(60000))
    + move(BODY_READ, 100)
    + REST,
    "upload_given_up": ask(LARGE_POST, 60000) + upload(5000) + TAKE + head(99) + REST,
    "lend_and_answer": ask(PIPELINED) + TAKE + LEND_UNTIL_END + 9 * RING_FULL + END_RECORD + REST,
    "lend_too_much": 2 * ask(GET) + ask(POST, 65535) + TAKE + LEND_UNTIL_END + REST,
    "rings": TAKEN + 5 * (RING + REST) + put(SLEEPING, 1) + answer(5) + REST,
    "next_worker": TAKEN + packet(b"?") + REST + ATTACH + ask(GET) + TAKE + answer(5) + REST,
}
