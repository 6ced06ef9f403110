"""apps/numbered.py as an ASGI app: whoever asks with a number is answered with it."""

import asyncio
from typing import Any

from numbered import SLEEPS, body_for

TYPE = (b"content-type", b"text/plain")


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] != "http":
        raise NotImplementedError  # an app without a lifespan
    seconds = SLEEPS.get(scope["path"])
    if seconds:
        await asyncio.sleep(seconds)
    body = body_for(scope["query_string"].decode()) or b"Hello, World!"
    headers = [TYPE, (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
