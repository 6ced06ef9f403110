"""Two ASGI apps and a WSGI app that say how they were found; for test_asgi_mounts.py."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from asgi_checker import checked
from asgi_parts import Scope, Send, answer


def make(name: str) -> Any:
    async def app(scope: Scope, receive: Any, send: Send) -> None:
        if scope["type"] == "lifespan":
            await receive()
            scope["state"]["of"] = name
            await send({"type": "lifespan.startup.complete"})
            await receive()
            print(f"{name} is over", flush=True)
            await send({"type": "lifespan.shutdown.complete"})
            return
        told = {key: scope[key] for key in ("root_path", "path")}
        told.update(app=name, state=scope["state"]["of"], raw=scope["raw_path"].decode())
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.accept"})
            await send({"type": "websocket.send", "text": json.dumps(told)})
            await send({"type": "websocket.close"})
            return
        await answer(send, json.dumps(told).encode(), b"application/json")

    return checked(app)


def by_wsgi(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "application/json")])
    told = {"root_path": environ["SCRIPT_NAME"], "path": environ["PATH_INFO"], "app": "by_wsgi"}
    told["size"] = len(environ["wsgi.input"].read())
    return [json.dumps(told).encode()]


root, shop = make("root"), make("shop")
