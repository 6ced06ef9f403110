"""A real nginx in front of the program, with a configuration, a folder and a pid of its own.

    with Nginx(folder, front("uwsgi", "unix:/path/app.sock")) as nginx:
        nginx.get("/")

nginx gets its listening socket from here, as an inherited one: no port is guessed, and clients may
connect before it is up. It is stopped by its pid.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import ClassVar

from harness.client import Connection, Response
from harness.waiting import wait_for

CONFIG = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log info;
{user}
events {{ worker_connections 512; }}
http {{
    access_log {folder}/access.log;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    client_max_body_size 0;
    server_tokens off;
    keepalive_requests 1000000;
    {upstream}
    server {{
        listen 127.0.0.1:{port};
        server_name front.example;
        location / {{
{location}
        }}
    }}
}}
"""

# What Debian's uwsgi_params, fastcgi_params and scgi_params say, where an app looks for it.
COMMON = {
    "QUERY_STRING": "$query_string",
    "REQUEST_METHOD": "$request_method",
    "CONTENT_TYPE": "$content_type",
    "CONTENT_LENGTH": "$content_length",
    "REQUEST_URI": "$request_uri",
    "DOCUMENT_ROOT": "$document_root",
    "SERVER_PROTOCOL": "$server_protocol",
    "REQUEST_SCHEME": "$scheme",
    "HTTPS": "$https if_not_empty",
    "REMOTE_ADDR": "$remote_addr",
    "REMOTE_PORT": "$remote_port",
    "SERVER_PORT": "$server_port",
    "SERVER_NAME": "$server_name",
    "HTTP_HOST": "$host",
}
OWN: dict[str, dict[str, str]] = {
    "uwsgi": {"PATH_INFO": "$document_uri"},
    # As Django's and Flask's pages have it for FastCGI; nginx's own SCRIPT_NAME is for PHP.
    "fastcgi": {
        "PATH_INFO": "$fastcgi_script_name", "SCRIPT_NAME": '""', "GATEWAY_INTERFACE": "CGI/1.1",
        "SERVER_SOFTWARE": "nginx/$nginx_version", "REMOTE_USER": "$remote_user",
        "SERVER_ADDR": "$server_addr", "REDIRECT_STATUS": "200",
    },
    "scgi": {"SCGI": "1", "PATH_INFO": "$document_uri", "DOCUMENT_URI": "$document_uri"},
}  # fmt: skip
# As they are in nginx's package, with nothing added.
SHIPPED: dict[str, dict[str, str]] = {
    "uwsgi": OWN["uwsgi"],
    "fastcgi": {
        **OWN["fastcgi"], "PATH_INFO": "", "SCRIPT_NAME": "$fastcgi_script_name",
        "DOCUMENT_URI": "$document_uri",
    },
    "scgi": {**OWN["scgi"], "PATH_INFO": ""},
}  # fmt: skip


class Front:
    """What nginx says to the program, and how."""

    def __init__(self, upstream: str, lines: list[str]) -> None:
        self.upstream, self.lines = upstream, lines


def front(
    kind: str,
    address: str,
    *lines: str,
    keep: bool = False,
    variables: dict[str, str] | None = None,
) -> Front:
    """`kind`: proxy, uwsgi, fastcgi or scgi. `address`: "unix:/path" or "host:port". `keep`:
    connections to the program are kept. `variables`: more of them; "" leaves one out. `lines`:
    more directives of nginx's."""
    if kind == "proxy":
        upstream = f"upstream app {{ server {address}; {'keepalive 8;' if keep else ''} }}"
        own = [
            "proxy_pass http://app;",
            "proxy_http_version 1.1;",
            'proxy_set_header Connection "";',
            "proxy_set_header Host $http_host;",
        ]
        return Front(upstream, [*own, *lines])
    upstream = f"upstream app {{ server {address}; {'keepalive 8;' if keep else ''} }}"
    given = {**COMMON, **OWN[kind], **(variables or {})}
    if kind == "scgi":
        del given["CONTENT_LENGTH"]  # nginx's own, as the protocol wants it first
    own = [f"{kind}_pass app;", *(f"{kind}_param {k} {v};" for k, v in given.items() if v)]
    if keep:
        own.append(f"{kind}_keep_conn on;")
    return Front(upstream, [*own, *lines])


def find_nginx() -> str:
    path = os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin"
    found = shutil.which("nginx", path=path)
    assert found, "no nginx: tools/setup test brings it"
    return found


class Nginx:
    living: ClassVar[list[Nginx]] = []  # for the failure report

    def __init__(self, folder: Path, what: Front, timeout: float = 15.0) -> None:
        self.folder, self.front, self.timeout = folder / "nginx", what, timeout

    def __enter__(self) -> Nginx:
        self.folder.mkdir()
        self.socket = socket.socket()
        self.socket.bind(("127.0.0.1", 0))
        self.socket.listen(128)
        self.port: int = self.socket.getsockname()[1]
        config = self.folder / "nginx.conf"
        config.write_text(
            CONFIG.format(
                folder=self.folder,
                user="user root;" if os.geteuid() == 0 else "",
                upstream=self.front.upstream,
                port=self.port,
                location="\n".join(" " * 12 + line for line in self.front.lines),
            )
        )
        number = self.socket.fileno()
        command = [find_nginx(), "-p", str(self.folder), "-c", str(config)]
        self.process = subprocess.Popen(
            [*command, "-e", str(self.folder / "error.log")],
            env={**os.environ, "NGINX": f"{number};"},
            pass_fds=[number],
            stdin=subprocess.DEVNULL,
            stdout=(self.folder / "output").open("wb"),
            stderr=subprocess.STDOUT,
        )
        Nginx.living.append(self)
        try:
            self.wait_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def wait_ready(self) -> None:
        def is_up() -> bool:
            assert self.process.poll() is None, f"nginx ended:\n{self.log}"
            pid = self.folder / "nginx.pid"
            return pid.exists() and pid.read_text().strip() == str(self.process.pid)

        wait_for(is_up, "nginx", self.timeout)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        if kind is None:
            self.expect_no_alarm()

    def stop(self) -> None:
        """At once, with its worker; an answer that runs is cut."""
        self.socket.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)
        Nginx.living.remove(self)

    def expect_no_alarm(self) -> None:
        bad = [line for line in self.log.splitlines() if "[alert]" in line or "[emerg]" in line]
        assert not bad, bad

    @property
    def log(self) -> str:
        names = ("output", "error.log", "access.log")
        texts = [self.folder / name for name in names]
        return "\n".join(text.read_text(errors="replace") for text in texts if text.exists())

    @property
    def errors(self) -> str:
        return (self.folder / "error.log").read_text(errors="replace")

    # talking through it

    def connect(self, timeout: float = 15.0) -> Connection:
        return Connection(("127.0.0.1", self.port), timeout)

    def get(self, target: str, /, timeout: float = 15.0, **headers: str) -> Response:
        return self.request("GET", target, timeout=timeout, **headers)

    def request(
        self, method: str, target: str, body: bytes = b"", /, timeout: float = 15.0, **headers: str
    ) -> Response:
        with self.connect(timeout) as connection:
            return connection.request(method, target, body, **{"Connection": "close", **headers})


def wait_for_errors(nginx: Nginx, part: str, timeout: float = 10.0) -> str:
    """nginx's error log, once it holds `part`."""
    deadline = time.monotonic() + timeout
    wait_for(lambda: part in nginx.errors, f"{part!r} in nginx's log", deadline - time.monotonic())
    return nginx.errors
