"""A hostile front at a worker's end of a channel; steps are as in mailbox_taking_fuzz.cc."""

from __future__ import annotations

NO_BODY, RING, FILE = range(3)
VARIABLE, COMPLETE, MAY_LEND, REVOKED = 4, 8, 16, 32
# Of a frame: where they lie, in bytes.
VERSION, FRAMING, FACTS, FIELDS, BLOCK_SIZE, BODY, ADDRESS_SIZE, FIRST_FIELD = (
    56,
    57,
    72,
    88,
    96,
    100,
    128,
    184,
)
FRAME, BODY_RING, FRONT = range(3)
STATE, BODY_WRITTEN, REPLY_READ, ORDER, BODY_END, CANCELLED, WAITING, TAIL, SLEEPING = range(9)
FILE_PACKET, LEAVING_PACKET = 1, 2


def number(value: int, size: int) -> bytes:
    return (value % (1 << 8 * size)).to_bytes(size, "little")


def post(flags: int = 0, size: int = 0) -> bytes:
    return bytes([0, flags]) + number(size, 2)


def poke(area: int, at: int, content: bytes, slot: int = 0) -> bytes:
    return bytes([1, area, slot]) + number(at, 2) + bytes([len(content)]) + content


def move(field: int, by: int, slot: int = 0) -> bytes:
    return bytes([2, field, slot, by + 128])


def put(field: int, value: int, slot: int = 0) -> bytes:
    return bytes([2, field, slot, 0]) + number(value, 8)


def packet(fd: int, kind: int, slot: int, sequence: int) -> bytes:
    return bytes([3, fd, kind, slot, sequence])


def step(what: int, size: int = 0, exchange: int = 0) -> bytes:
    return bytes([9, what, exchange]) + number(size, 2)


READ_ANSWERS, CLOSE = bytes([4, 0]), bytes([5])
TAKE, SLEEP, LEAVE = bytes([6]), bytes([7]), bytes([8])
HEAD, LOOK, BORROW, END = step(0), step(2), step(5), step(6)
TAKEN = post() + TAKE


def body(size: int) -> bytes:
    return step(1, size)


def write(size: int) -> bytes:
    return step(3, size)


def file(size: int) -> bytes:
    return step(4, size)


def changed(at: int, content: bytes) -> bytes:
    return post() + poke(FRAME, at, content) + TAKE + HEAD


SEEDS: dict[str, bytes] = {
    "get": TAKEN + HEAD + write(9) + END + READ_ANSWERS,
    "variables": post(VARIABLE) + TAKE + HEAD,
    "body": post(RING | COMPLETE, 900) + TAKE + HEAD + body(400) + body(900),
    "body_open": post(RING, 900) + TAKE + HEAD + body(900) + move(BODY_WRITTEN, 100) + body(900),
    "body_far": post(RING, 900) + TAKE + HEAD + put(BODY_WRITTEN, 1 << 60) + body(9) + body(65535),
    "body_back": post(RING, 900) + TAKE + HEAD + body(900) + move(BODY_WRITTEN, -50) + body(999),
    "body_poked": post(RING, 900) + TAKE + poke(BODY_RING, 3, b"x" * 99) + body(900),
    "body_file": post(FILE) + TAKE + HEAD,
    "file_overtaken": post(FILE) + packet(2, FILE_PACKET, 0, 1) + TAKE + HEAD,
    "file_of_another": packet(4, FILE_PACKET, 0, 9) + TAKEN + HEAD,
    "file_of_99": packet(4, FILE_PACKET, 99, 9) + TAKEN,
    "packet_odd": packet(0, LEAVING_PACKET, 0, 0) + packet(3, 0, 0, 0) + TAKEN + HEAD,
    "broken_off": post(RING | COMPLETE, 9) + TAKE + put(BODY_END, 408) + body(9) + LOOK,
    "revoked": post(REVOKED) + post() + TAKE + HEAD + SLEEP,
    "orders": put(ORDER, 0x7FFFFFFFFFFFFF07) + move(TAIL, 1) + TAKE + SLEEP,
    "order_again": post() + put(ORDER, 1 << 8, 1) + move(TAIL, 1) + TAKE + TAKE,
    "tail_far": move(TAIL, 99) + SLEEP + TAKE + SLEEP,
    "cancelled": TAKEN + HEAD + put(CANCELLED, 1) + LOOK + write(9) + END,
    "read_far": TAKEN + put(REPLY_READ, 1 << 63) + write(30000) + write(30000) + END,
    "waiting": TAKEN + put(WAITING, 1) + write(9) + put(SLEEPING, 1) + LOOK + READ_ANSWERS,
    "file": TAKEN + file(100) + END + READ_ANSWERS,
    "borrow": post(MAY_LEND) + TAKE + HEAD + put(BODY_END, 409) + BORROW + END,
    "borrow_cancelled": post(MAY_LEND) + TAKE + packet(1, 1, 0, 1) + put(CANCELLED, 1) + BORROW,
    "closed": TAKEN + CLOSE + LOOK + write(9) + END + SLEEP,
    "leaves": TAKEN + LEAVE + post() + TAKE + SLEEP + write(9) + END,
    "state": post() + move(STATE, 1) + TAKE + TAKEN + move(STATE, -1) + TAKE + HEAD,
    "slices": changed(0, b"\xff" * 56),
    "method_outside": changed(0, number(30, 4) + number(99, 4)),
    "version": changed(VERSION, b"\x09"),
    "framing": changed(FRAMING, b"\x09"),
    "facts": changed(FACTS, b"\x02" * 6),
    "fields": changed(FIELDS, number(99999, 4)),
    "many_variables": changed(FIELDS + 4, number(0x0FFFFFFF, 4)),
    "block": changed(BLOCK_SIZE, number(0xFFFFFFFF, 4)),
    "way": changed(BODY, b"\x09"),
    "address": changed(ADDRESS_SIZE, b"\xff\xff\xff"),
    "field_outside": changed(FIRST_FIELD, number(99, 4) + number(99, 4)),
    "field_unknown": changed(FIRST_FIELD + 16, b"\xff\x02"),
    "front_poked": poke(FRONT, 0, b"\xff" * 255) + TAKEN + HEAD,
}
