"""Texts for the shared grammar."""

from __future__ import annotations

TEXTS = (
    *("/a%20b", "%", "%%41", "%4", "%zz%41", "%25%32%35", "100%", "a%2Fb%00c"),
    *("0", "00000000000000000005", "9223372036854775807", "9223372036854775808", "+5", "5 "),
    *("example.com", "example.com:8000", "h:", "h:65535", "h:65536", "127.0.0.1", "[::1]:80"),
    *("[::ffff:1.2.3.4]", "[::1", "a%2Fb", "a%", "user@h", "a_b:1", "::1", "[v1.x]"),
    *("close", "Upgrade,\tClose , x", "keep-alive, close", ",,close", "closed, x-close"),
    *("Host", "CONTENT-LENGTH", "x-forwarded-for", "Sec-Fetch-Dest", "content_length", "te"),
    *("Upgrade-Insecure-Requests", "x-csrftoken", "x-csrf-token", "cookie", "cookies"),
    *("a value with a\ttab and more", "a value with a\nline feed", "caf\xe9 au lait \x7f"),
)
SEEDS: dict[str, bytes] = {
    f"text_{number:02}": text.encode("latin-1") for number, text in enumerate(TEXTS)
}
