"""Fields of opening handshakes: a line each, the first letter says which."""

from __future__ import annotations

# The target takes a letter modulo 4.
KEY, VERSION, PROTOCOL, EXTENSIONS = "D", "A", "B", "C"
GOOD = [KEY + "dGhlIHNhbXBsZSBub25jZQ==", VERSION + "13"]


def lines(*more: str, base: list[str] = GOOD) -> bytes:
    return "\n".join([*base, *more]).encode()


OFFERS = [
    "permessage-deflate",
    "permessage-deflate; client_max_window_bits",
    "permessage-deflate; server_max_window_bits=9; client_no_context_takeover",
    'permessage-deflate; server_max_window_bits="10"',
    "permessage-deflate; server_max_window_bits=8, permessage-deflate",
    "x-other; a=1; b, permessage-deflate;server_no_context_takeover",
    "permessage-deflate; unknown",
    "permessage-deflate; server_max_window_bits=",
    'permessage-deflate; a="b',
    ", ,permessage-deflate,",
    "permessage-deflate x",
]
SEEDS: dict[str, bytes] = {
    "plain": lines(),
    "protocols": lines(PROTOCOL + "chat, superchat", PROTOCOL + "v2"),
    "protocol_bad": lines(PROTOCOL + "a b"),
    "version": lines(base=[GOOD[0], VERSION + "8"]),
    "version_missing": lines(base=GOOD[:1]),
    "key_short": lines(base=[KEY + "c2hvcnQ=", GOOD[1]]),
    "key_twice": lines(GOOD[0]),
    **{f"offer_{at}": lines(EXTENSIONS + offer) for at, offer in enumerate(OFFERS)},
    "two_offers": lines(EXTENSIONS + OFFERS[6], EXTENSIONS + OFFERS[2]),
}
