"""Every message: who sends it, which keys it must and may have, and what they hold.

A server gives each key, the optional ones too where leaving them out would be legal but unusual:
no rule says so, and nothing here asks for it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from asgi_checker import values
from asgi_checker.report import Fault, require
from asgi_checker.scopes import check_keys
from asgi_checker.values import Check


@dataclass(frozen=True)
class Form:
    needed: Mapping[str, Check] = field(default_factory=dict)
    optional: Mapping[str, Check] = field(default_factory=dict)
    extension: str = ""  # without which nobody may send it


BODY = {"body": values.a_bytes, "more_body": values.a_bool}
DATA = {"bytes": values.bytes_or_none, "text": values.str_or_none}
REASON = {"message": values.a_str}

FORMS: dict[tuple[str, str], dict[str, Form]] = {
    ("http", "receive"): {"http.request": Form({}, BODY), "http.disconnect": Form()},
    ("http", "send"): {
        "http.response.start": Form(
            {"status": values.number(200, 599)},
            {"headers": values.headers, "trailers": values.a_bool},
        ),
        "http.response.body": Form({}, BODY),
        "http.response.trailers": Form(
            {},
            {"headers": values.headers, "more_trailers": values.a_bool},
            "http.response.trailers",
        ),
        "http.response.early_hint": Form({"links": values.links}, {}, "http.response.early_hint"),
        "http.response.pathsend": Form(
            {"path": values.absolute_path}, {}, "http.response.pathsend"
        ),
        "http.response.push": Form(
            {"path": values.a_str, "headers": values.headers}, {}, "http.response.push"
        ),
        "http.response.debug": Form({"info": values.a_dict}, {}, "http.response.debug"),
    },
    ("websocket", "receive"): {
        "websocket.connect": Form(),
        "websocket.receive": Form({}, DATA),
        "websocket.disconnect": Form(
            {"code": values.received_close_code}, {"reason": values.str_or_none}
        ),
    },
    ("websocket", "send"): {
        "websocket.accept": Form(
            {}, {"subprotocol": values.str_or_none, "headers": values.headers}
        ),
        "websocket.send": Form({}, DATA),
        "websocket.close": Form({}, {"code": values.close_code, "reason": values.close_reason}),
        "websocket.http.response.start": Form(
            {"status": values.number(200, 599)},
            {"headers": values.headers},
            "websocket.http.response",
        ),
        "websocket.http.response.body": Form({}, BODY, "websocket.http.response"),
    },
    ("lifespan", "receive"): {"lifespan.startup": Form(), "lifespan.shutdown": Form()},
    ("lifespan", "send"): {
        "lifespan.startup.complete": Form(),
        "lifespan.startup.failed": Form({}, REASON),
        "lifespan.shutdown.complete": Form(),
        "lifespan.shutdown.failed": Form({}, REASON),
    },
}


def check_message(
    kind: str,
    way: str,
    message: Any,
    extensions: Collection[str] = (),
    forgiven: Collection[str] = (),
) -> None:
    """`kind`: of the scope; `way`: "receive" or "send"."""
    require(isinstance(message, dict), f"a message must be a dict, not {message!r}")
    name = message.get("type")
    form = FORMS[kind, way].get(name) if isinstance(name, str) else None
    if form is None:
        raise Fault(f"no message of this kind is called {name!r}")
    if form.extension and form.extension not in extensions:
        raise Fault(f"{name} without the extension {form.extension}")
    given = {key: value for key, value in message.items() if key != "type"}
    check_keys(name, given, form.needed, lenient(form.optional, forgiven))
    if name in ("websocket.receive", "websocket.send"):
        both = [key for key in ("bytes", "text") if message.get(key) is not None]
        require(len(both) == 1, f"{name} needs bytes or text, it has {both or 'none'}")
    if name == "websocket.accept":
        named = [field for field, _ in message.get("headers", ())]
        right = b"sec-websocket-protocol" not in named
        require(right, f"{name} names the subprotocol in a header")


def lenient(optional: Mapping[str, Check], forgiven: Collection[str]) -> Mapping[str, Check]:
    if "header case" not in forgiven or "headers" not in optional:
        return optional
    return {**optional, "headers": values.headers_of_any_case}
