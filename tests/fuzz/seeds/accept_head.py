"""What a worker says to accept a WebSocket: a head of HTTP/1.1, right or not, and what follows."""

from __future__ import annotations

LINE = b"HTTP/1.1 101 Switching Protocols\r\n"
FIELDS = (
    b"Upgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
)
END = b"\r\n"

SEEDS: dict[str, bytes] = {
    "plain": LINE + FIELDS + END,
    "no_fields": LINE + END,
    "no_reason": b"HTTP/1.1 101\r\n" + FIELDS + END,
    "empty_reason": b"HTTP/1.1 101 \r\n" + FIELDS + END,
    "frames": LINE + FIELDS + END + b"\x81\x02hi\r\n\r\n",
    "protocol": LINE + FIELDS + b"Sec-WebSocket-Protocol:\t chat \r\n" + END,
    "extension": LINE + FIELDS + b"Sec-WebSocket-Extensions: permessage-deflate\r\n" + END,
    "cookies": LINE + b"Set-Cookie: a=1\r\nSet-Cookie: b=2\r\n" + END,
    "length": LINE + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n" + END,
    "date_twice": LINE + b"Date: x\r\nDate: y\r\nServer: z\r\n" + END,
    "empty_value": LINE + b"X-A:\r\nX-B: \r\n" + END,
    "refused": b"HTTP/1.1 403 Forbidden\r\n" + END,
    "interim": b"HTTP/1.1 100 Continue\r\n\r\n" + LINE + END,
    "old": b"HTTP/1.0 101 x\r\n" + END,
    "long_status": b"HTTP/1.1 1011\r\n" + END,
    "nothing": END + END,
    "half": LINE + FIELDS,
    "no_colon": LINE + b"what\r\n" + END,
    "folded": LINE + b"A: b\r\n c\r\n" + END,
    "blank_before_colon": LINE + b"A : b\r\n" + END,
    "no_name": LINE + b": b\r\n" + END,
    "control": LINE + b"A: b\x01\r\n" + END,
    "bare_lf": LINE + b"A: b\nC: d\r\n" + END,
    "bare_cr": LINE + b"A: b\rC: d\r\n" + END,
    "many": LINE + 101 * b"A: b\r\n" + END,
    "long": LINE + b"A: " + 17000 * b"b" + b"\r\n" + END,
}
