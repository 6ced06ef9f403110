#!/usr/bin/env python3
"""Writes what a real nginx sends by uwsgi_pass, fastcgi_pass and scgi_pass, with the parameters
that its package ships, to corpus/{uwsgi,fastcgi,scgi}/nginx_*.

The files are committed; run this where another nginx is to be learned from. Needs nginx and curl.
"""

from __future__ import annotations

import socket
import subprocess
import tempfile
import threading
from pathlib import Path

HERE = Path(__file__).resolve().parent
PARAMETERS = Path("/etc/nginx")
CONFIG = """
daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    upstream kept {{ server unix:{folder}/fastcgi.sock; keepalive 2; }}
    server {{
        listen unix:{folder}/http; listen unix:{folder}/http2 http2; server_name example.org;
        location /uwsgi/ {{
            include {parameters}/uwsgi_params; uwsgi_pass unix:{folder}/uwsgi.sock;
        }}
        location /mounted/ {{
            include {parameters}/uwsgi_params; uwsgi_param SCRIPT_NAME /mounted;
            uwsgi_param HTTPS on; uwsgi_param HTTP_HOST $http_host; uwsgi_modifier1 30;
            uwsgi_pass unix:{folder}/uwsgi.sock;
        }}
        location /fastcgi/ {{
            include {parameters}/fastcgi_params; fastcgi_pass unix:{folder}/fastcgi.sock;
        }}
        location /kept/ {{
            include {parameters}/fastcgi_params; fastcgi_keep_conn on; fastcgi_pass kept;
        }}
        location /scgi/ {{ include {parameters}/scgi_params; scgi_pass unix:{folder}/scgi.sock; }}
    }}
}}
"""
COMMON: dict[str, list[str]] = {
    "get": ["hello?a=1&b=%20x"],
    "path": ["a%20b%2Fc/%C3%A9"],
    "post": ["form", "-d", "name=value&x=y"],
    "chunked": ["form", "-H", "Transfer-Encoding: chunked", "-d", "chunked body"],
    "twice": [
        "x", "-H", "X-Many: 1", "-H", "X-Many: 2", "-H", "Cookie: a=1", "-H", "Cookie: b=2",
        "-H", "Proxy: evil", "-H", "X_Under: 1", "-H", "Expect: 100-continue",
    ],
    "http10": ["x", "-0", "-H", "Host:"],
    "head": ["x", "-I"],
    "upgrade": ["ws", "-H", "Connection: Upgrade", "-H", "Upgrade: websocket"],
}  # fmt: skip
SMALL_ANSWER = b"Content-Length: 2\r\n\r\nok"


def fastcgi_answer() -> bytes:
    out = b"Status: 200 OK\r\n" + SMALL_ANSWER
    head = b"\1\6\0\1" + len(out).to_bytes(2, "big") + b"\0\0"
    return head + out + b"\1\6\0\1\0\0\0\0" + b"\1\3\0\1\0\x08\0\0" + bytes(8)


def with_clean_padding(records: bytes) -> bytes:
    """nginx pads records with whatever lies in its memory."""
    clean = b""
    while len(records) >= 8:
        content = 8 + int.from_bytes(records[4:6], "big")
        clean += records[:content] + bytes(records[6])
        records = records[content + records[6] :]
    return clean + records


class Listener:
    """Takes down all that comes, and answers when nothing more does."""

    def __init__(self, path: Path, answer: bytes) -> None:
        self.answer, self.received = answer, b""
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(str(path))
        path.chmod(0o666)
        self.socket.listen()
        threading.Thread(target=self.run, daemon=True).start()

    def run(self) -> None:
        while True:
            with self.socket.accept()[0] as connection:
                connection.settimeout(0.3)
                while request := self.take(connection):
                    connection.sendall(self.answer)
                    # FastCGI's begin_request says whether the connection is kept.
                    if request[:2] != b"\1\1" or request[10] & 1 == 0:
                        break

    def take(self, connection: socket.socket) -> bytes:
        """One request; empty where the other side has ended."""
        request = b""
        try:
            while data := connection.recv(65536):
                request += data
        except socket.timeout:
            pass
        self.received += request
        return request


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        http = b"HTTP/1.1 200 OK\r\n" + SMALL_ANSWER
        listeners = {
            "uwsgi": Listener(folder / "uwsgi.sock", http),
            "scgi": Listener(folder / "scgi.sock", b"Status: 200 OK\r\n" + SMALL_ANSWER),
            "fastcgi": Listener(folder / "fastcgi.sock", fastcgi_answer()),
        }
        (folder / "conf").write_text(CONFIG.format(folder=folder, parameters=PARAMETERS))
        nginx = subprocess.Popen(["nginx", "-c", folder / "conf", "-e", folder / "error.log"])
        try:
            while not (folder / "pid").exists():
                assert nginx.poll() is None, (folder / "error.log").read_text()
            capture_all(folder, listeners)
        finally:
            nginx.terminate()
            nginx.wait()


def capture_all(folder: Path, listeners: dict[str, Listener]) -> None:
    def capture(kind: str, name: str, *arguments: str, port: str = "http") -> None:
        listener = listeners[kind]
        listener.received = b""
        curl = ["curl", "-s", "-o", "/dev/null", "--path-as-is", "--max-time", "10"]
        subprocess.run([*curl, "--unix-socket", folder / port, *arguments], check=True)
        seen = with_clean_padding(listener.received) if kind == "fastcgi" else listener.received
        # SERVER_ADDR is the socket's path; sizes must stay.
        place = str(folder).encode()
        seen = seen.replace(place, b"/run/captures".ljust(len(place), b"-"))
        (HERE / "corpus" / kind / f"nginx_{name}").write_bytes(seen)

    for kind in listeners:
        for name, (path, *more) in COMMON.items():
            capture(kind, name, f"http://localhost/{kind}/{path}", *more)
        http2 = ["--http2-prior-knowledge", "-H", "Cookie: a=1", "-H", "Cookie: b=2"]
        capture(kind, "http2", f"http://localhost/{kind}/x?q", *http2, port="http2")
    capture("uwsgi", "mounted", "http://localhost/mounted/x")
    large = ["-d", "x" * 40000]
    capture("fastcgi", "large", "http://localhost/fastcgi/up", *large)
    capture("fastcgi", "kept", *(f"http://localhost/kept/{number}" for number in (1, 2)))


if __name__ == "__main__":
    main()
