"""A Flask app with upload and streaming; for test_real_apps.py."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

from flask import Flask, Response, jsonify, request, send_file, session

app = Flask(__name__)
app.secret_key = "only for tests"


@app.post("/upload")
def upload() -> Any:
    handle = request.files["file"]
    content = handle.read()
    return jsonify(
        name=handle.filename,
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        note=request.form["note"],
    )


@app.post("/raw")
def raw() -> Any:
    checksum, size = hashlib.sha256(), 0
    while block := request.stream.read(100_000):
        checksum.update(block)
        size += len(block)
    return jsonify(size=size, sha256=checksum.hexdigest())


@app.get("/stream")
def stream() -> Response:
    def parts() -> Iterator[str]:
        for number in range(5):
            yield f"part {number}\n"

    return Response(parts(), mimetype="text/plain")


@app.get("/gate")
def gate() -> Response:
    path = request.args["fifo"]

    def parts() -> Iterator[bytes]:
        yield b"before\n"
        with open(path, "rb") as handle:
            handle.read()
        yield b"after\n"

    return Response(parts(), mimetype="text/plain")


@app.get("/file")
def this_file() -> Response:
    return send_file(__file__, conditional=True)


@app.get("/visits")
def visits() -> str:
    session["visits"] = session.get("visits", 0) + 1
    return str(session["visits"])


@app.get("/fails")
def fails() -> str:
    raise RuntimeError("a view that fails")
