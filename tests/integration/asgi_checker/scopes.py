"""The three scopes, key by key. What the specification leaves optional and a good server gives
(raw_path, client, server, root_path) is asked for as well: apps rely on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_to_bytes

from asgi_checker import values
from asgi_checker.report import Fault, require
from asgi_checker.values import Check

COMMON: dict[str, Check] = {
    "type": values.one_of("http", "websocket"),
    "asgi": values.a_dict,
    "http_version": values.one_of("1.0", "1.1", "2", "3"),
    "scheme": values.a_str,
    "path": values.a_str,
    "raw_path": values.a_bytes,
    "query_string": values.a_bytes,
    "root_path": values.a_str,
    "headers": values.headers,
    "client": values.client_address,
    "server": values.address,
}
OPTIONAL: dict[str, Check] = {"state": values.a_dict, "extensions": values.a_dict}
SCOPES: dict[str, dict[str, Check]] = {
    "http": {**COMMON, "method": values.a_str},
    "websocket": {**COMMON, "subprotocols": values.subprotocols},
    "lifespan": {"type": values.a_str, "asgi": values.a_dict},
}
SPEC_VERSIONS = {
    "http": ("2.0", "2.1", "2.2", "2.3", "2.4", "2.5"),
    "websocket": ("2.0", "2.1", "2.2", "2.3", "2.4", "2.5"),
    "lifespan": ("1.0", "2.0"),
}
SCHEMES = {"http": ("http", "https"), "websocket": ("ws", "wss")}
TLS_KEYS: dict[str, Check] = {
    "server_cert": values.str_or_none,
    "client_cert_chain": values.items,
    "client_cert_name": values.str_or_none,
    "client_cert_error": values.str_or_none,
    "tls_version": values.exactly(int, nullable=True),
    "cipher_suite": values.exactly(int, nullable=True),
}
EXTENSIONS: dict[str, dict[str, Check]] = {
    "http.response.trailers": {},
    "http.response.early_hint": {},
    "http.response.pathsend": {},
    "http.response.zerocopysend": {},
    "http.response.push": {},
    "http.response.debug": {},
    "websocket.http.response": {},
    "tls": TLS_KEYS,
}


def check_scope(scope: Any) -> None:
    require(type(scope) is dict, f"must be a dict, not {type(scope).__name__}")
    kind = scope.get("type")
    if kind not in SCOPES:
        raise Fault(f"type must be one of {tuple(SCOPES)}, not {kind!r}")
    needed = SCOPES[kind]
    check_keys(kind, scope, needed, OPTIONAL)
    check_asgi(kind, scope["asgi"])
    if kind == "lifespan":
        return
    check_target(scope)
    right = scope["scheme"] in SCHEMES[kind]
    require(right, f"scheme must be one of {SCHEMES[kind]}, not {scope['scheme']!r}")
    if kind == "http":
        method = scope["method"]
        require(method != "" and method == method.upper(), f"method is not upper-cased: {method!r}")
    else:
        check_websocket_headers(scope)
    check_extensions(kind, scope.get("extensions", {}))


def check_keys(
    what: str, found: Mapping[str, Any], needed: Mapping[str, Check], optional: Mapping[str, Check]
) -> None:
    missing = sorted(needed.keys() - found.keys())
    require(not missing, f"{what}: without {', '.join(missing)}")
    for name, value in found.items():
        check = needed.get(name) or optional.get(name)
        if check is None:
            raise Fault(f"{what}: unknown key {name!r}")
        check(name, value)


def check_asgi(kind: str, asgi: dict[str, Any]) -> None:
    known = {"version": values.one_of("3.0")}
    check_keys("asgi", asgi, known, {"spec_version": values.one_of(*SPEC_VERSIONS[kind])})


def check_target(scope: Mapping[str, Any]) -> None:
    """path is raw_path decoded; neither holds the query."""
    path, raw, root = scope["path"], scope["raw_path"], scope["root_path"]
    require(path.startswith("/") or path in ("", "*"), f"path must begin with a slash: {path!r}")
    require(b"?" not in raw, f"raw_path holds the query: {raw!r}")
    decoded = unquote_to_bytes(raw).decode("utf-8", "replace")
    if "\ufffd" not in decoded:
        require(path == decoded, f"path {path!r} is not raw_path {raw!r} decoded")
    right = root == "" or (root.startswith("/") and not root.endswith("/"))
    require(right, f"root_path must be empty or as in /a/b, not {root!r}")
    require(path.startswith(root), f"path {path!r} does not begin with root_path {root!r}")
    query = scope["query_string"]
    require(not query.startswith(b"?") and b"#" not in query, f"query_string: {query!r}")


def check_websocket_headers(scope: Mapping[str, Any]) -> None:
    """The subprotocols are those of the headers, in their order."""
    rows = values.header_pairs("headers", scope["headers"])
    offered = [
        word.strip().decode("latin-1")
        for name, value in rows
        if name == b"sec-websocket-protocol"
        for word in value.split(b",")
        if word.strip()
    ]
    given = list(scope["subprotocols"])
    require(given == offered, f"subprotocols are {given!r}, the headers say {offered!r}")


def check_extensions(kind: str, extensions: Mapping[str, Any]) -> None:
    for name, about in extensions.items():
        if name not in EXTENSIONS:
            raise Fault(f"unknown extension {name!r}")
        values.a_dict(f"extension {name}", about)
        check_keys(f"extension {name}", about, EXTENSIONS[name], {})
        if name not in ("tls", "http.response.debug"):
            right = name.startswith("websocket.") == (kind == "websocket")
            require(right, f"extension {name} in a scope of {kind}")
