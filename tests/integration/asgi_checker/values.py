"""Types and values of single keys. Each check takes the name of what it looks at and the value."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from typing import Any, Callable

from asgi_checker.report import Fault, require

Check = Callable[[str, Any], None]

TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# RFC 9110 5.5: no control characters but the tab, no blank at the ends.
VALUE = re.compile(rb"(?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?")
PROTOCOL = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


def exactly(kind: type, nullable: bool = False) -> Check:
    """Of this very type, not of one derived from it: True is no int, a str enum no str."""

    def check(name: str, value: Any) -> None:
        if nullable and value is None:
            return
        require(type(value) is kind, f"{name} must be {kind.__name__}, not {value!r}")

    return check


a_str, a_bytes, a_bool, an_int, a_dict = (exactly(kind) for kind in (str, bytes, bool, int, dict))
str_or_none, bytes_or_none = exactly(str, nullable=True), exactly(bytes, nullable=True)


def one_of(*known: Any) -> Check:
    def check(name: str, value: Any) -> None:
        right = any(type(value) is type(one) and value == one for one in known)
        require(right, f"{name} must be one of {known}, not {value!r}")

    return check


def number(low: int, high: int) -> Check:
    def check(name: str, value: Any) -> None:
        an_int(name, value)
        require(low <= value <= high, f"{name} must be {low} to {high}, not {value}")

    return check


def items(name: str, value: Any) -> list[Any]:
    """Of an iterable that is no text and can be iterated again."""
    right = isinstance(value, Iterable) and not isinstance(value, (str, bytes, bytearray, dict))
    require(right, f"{name} must be an iterable, not {value!r}")
    found = list(value)
    require(not found or iter(value) is not value, f"{name} is an iterator, which we used up")
    return found


def pair(name: str, value: Any) -> tuple[Any, Any]:
    require(isinstance(value, (list, tuple)) and len(value) == 2, f"{name}: no pair: {value!r}")
    return value[0], value[1]


def header_pairs(name: str, value: Any, any_case: bool = False) -> list[tuple[bytes, bytes]]:
    found = []
    for row in items(name, value):
        field, text = pair(name, row)
        a_bytes(f"a name in {name}", field)
        a_bytes(f"the value of {field!r} in {name}", text)
        require(not field.startswith(b":"), f"{name}: a pseudo header {field!r}")
        require(TOKEN.fullmatch(field) is not None, f"{name}: no name of a header: {field!r}")
        lower = any_case or field == field.lower()
        require(lower, f"{name}: {field!r} is not in lower case")
        require(VALUE.fullmatch(text) is not None, f"{name}: no value of a header: {text!r}")
        found.append((field.lower(), text))
    return found


def headers(name: str, value: Any) -> None:
    header_pairs(name, value)


def headers_of_any_case(name: str, value: Any) -> None:
    header_pairs(name, value, any_case=True)


def address(name: str, value: Any) -> None:
    """[host, port], [path, None] or None."""
    if value is None:
        return
    host, port = pair(name, value)
    require(type(host) is str, f"{name}: the host must be a str, not {host!r}")
    if port is not None:
        number(0, 65535)(f"{name}'s port", port)


def client_address(name: str, value: Any) -> None:
    address(name, value)
    if value is not None:
        require(value[1] is not None, f"{name} must be [host, port], not {value!r}")


def absolute_path(name: str, value: Any) -> None:
    a_str(name, value)
    require(os.path.isabs(value), f"{name} must be absolute, not {value!r}")


def links(name: str, value: Any) -> None:
    found = items(name, value)
    require(bool(found), f"{name} is empty")
    for link in found:
        a_bytes(f"one of {name}", link)
        require(VALUE.fullmatch(link) is not None, f"{name}: no value of a header: {link!r}")


def subprotocols(name: str, value: Any) -> None:
    for offered in items(name, value):
        a_str(f"one of {name}", offered)
        right = PROTOCOL.fullmatch(offered) is not None
        require(right, f"{name}: no subprotocol: {offered!r}")


def close_code(name: str, value: Any) -> None:
    """One that may be sent (RFC 6455 7.4)."""
    an_int(name, value)
    right = 1000 <= value <= 1003 or 1007 <= value <= 1014 or 3000 <= value <= 4999
    require(right, f"{name}: {value} may not be sent")


def close_reason(name: str, value: Any) -> None:
    if value is None:
        return
    a_str(name, value)
    require(len(value.encode()) <= 123, f"{name} is longer than 123 bytes")


def received_close_code(name: str, value: Any) -> None:
    """Also those that are only told of: 1005 and 1006."""
    number(1000, 4999)(name, value)
    if value in (1004, 1015):
        raise Fault(f"{name}: {value} is reserved")
