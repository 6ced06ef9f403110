"""Cats as a Service with Flask (pip install flask):

mewsgi --chdir examples/catserve_flask app:app
"""

from __future__ import annotations

import sys
from pathlib import Path

from flask import Flask, Response

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "catserve"))

from catserve.site import answer

app = Flask(__name__)


@app.get("/", defaults={"path": ""})
@app.get("/<path:path>")
def cats(path: str) -> Response:
    reply = answer(f"/{path}", "Flask")
    return Response(reply.body, status=reply.status, headers=reply.headers)
