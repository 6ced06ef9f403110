"""Servers with one certificate (EC P-256), and how to find out that they answer: for the probes of
TLS. Each has a port of HTTPS, and mewsgi and nginx one of plain HTTP beside it."""

from __future__ import annotations

import http.client
import os
import ssl
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from measure.launch import environment, if_known
from measure.nginx import find_nginx
from measure.process import EXPECTED_BODY, START_DEADLINE, StartError, Tree, free_port
from measure.servers import Place

# What nginx lets its users leave out, in the ciphers of TLS 1.2 that mewsgi has too.
NGINX = """daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log error;
{user}
events {{ worker_connections 8192; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    keepalive_requests 100000000;
    keepalive_timeout 600s;
    server {{
        listen 127.0.0.1:{plain} backlog=1024;
        listen 127.0.0.1:{secure} ssl http2 backlog=1024;
        ssl_certificate {chain};
        ssl_certificate_key {key};
        ssl_protocols TLSv1.2 TLSv1.3;
        ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384;
        default_type text/plain;
        location / {{ return 200 "Hello, World!"; }}
    }}
}}
"""


@dataclass(frozen=True)
class Ports:
    secure: int
    plain: int


@dataclass(frozen=True)
class Files:
    folder: Path
    chain: Path
    key: Path


Start = Callable[[Place, Files, Ports], list[str]]


def make_files(place: Place) -> Files:
    folder = place.build / "tls"
    folder.mkdir(parents=True, exist_ok=True)
    files = Files(folder, folder / "cert.pem", folder / "key.pem")
    made = subprocess.run(
        [
            *(
                "openssl",
                "req",
                "-x509",
                "-nodes",
                "-batch",
                "-days",
                "3",
                "-subj",
                "/CN=localhost",
            ),
            *("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-out", str(files.chain), "-keyout", str(files.key)),
        ],
        capture_output=True,
        text=True,
    )
    if made.returncode != 0:
        raise StartError(f"openssl: {made.stderr.strip()[-300:]}")
    return files


def mewsgi(place: Place, files: Files, ports: Ports) -> list[str]:
    """One front before one worker, on one core."""
    https = f"127.0.0.1:{ports.secure},{files.chain},{files.key}"
    listen = ["--https", https, "--http", f"127.0.0.1:{ports.plain}", "--h2c"]
    size = ["--processes", "1", *if_known(place, "--http-processes", "1")]
    quiet = ["--disable-logging", "--http-keepalive", "600s"]
    return [str(place.mewsgi), *listen, *size, *quiet, "--wsgi-file", place.app()]


def granian(place: Place, files: Files, ports: Ports) -> list[str]:
    start = [place.program("granian"), "--interface", "wsgi", "--host", "127.0.0.1"]
    size = ["--workers", "1", "--runtime-threads", "1", "--blocking-threads", "1"]
    secure = ["--ssl-certificate", str(files.chain), "--ssl-keyfile", str(files.key)]
    plain = ["--no-ws", "--no-access-log", "--log-level", "warning"]
    return [*start, "--port", str(ports.secure), *size, *secure, *plain, "hello:application"]


def nginx(_place: Place, files: Files, ports: Ports) -> list[str]:
    program = find_nginx()
    if program is None:
        raise StartError("nginx is missing: apt-get install nginx-light")
    folder = files.folder / "nginx"
    folder.mkdir(exist_ok=True)
    file = folder / "nginx.conf"
    user = "user root;" if os.geteuid() == 0 else ""
    file.write_text(
        NGINX.format(
            folder=folder, user=user, plain=ports.plain, secure=ports.secure, chain=files.chain,
            key=files.key,
        )
    )  # fmt: skip
    return [program, "-p", str(folder), "-c", str(file), "-e", str(folder / "error.log")]


STARTS: dict[str, tuple[str, Start]] = {  # with what has to be installed
    "mewsgi": ("mewsgi", mewsgi),
    "granian": ("granian", granian),
    "nginx, fixed answer": ("mewsgi", nginx),
}


def any_certificate() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def start(name: str, place: Place, files: Files, core: int | None) -> tuple[Tree, Ports]:
    """Started and answering over TLS."""
    ports = Ports(free_port(), free_port())
    command = STARTS[name][1](place, files, ports)
    pin = [] if core is None else ["taskset", "-c", str(core)]
    log = place.build / "logs" / f"tls-{name.split(',')[0]}.log"
    folder = place.bench / "apps"
    tree = Tree.start([*pin, *command], ports.secure, log, environment(place), folder)
    try:
        wait_until_it_answers(tree, ports.secure)
    except BaseException:
        tree.stop()
        raise
    return tree, ports


def wait_until_it_answers(tree: Tree, port: int) -> None:
    end = time.monotonic() + START_DEADLINE
    problem = "no answer"
    while time.monotonic() < end:
        if tree.process.poll() is not None:
            raise StartError(f"ended at start: {tree.last_words()}")
        connection = http.client.HTTPSConnection(
            "127.0.0.1", port, timeout=5, context=any_certificate()
        )
        try:
            connection.request("GET", "/")
            answer = connection.getresponse().read()
            if answer == EXPECTED_BODY:
                return
            problem = f"answered {answer[:60]!r}"
        except (OSError, http.client.HTTPException) as error:
            problem = repr(error)
        finally:
            connection.close()
        time.sleep(0.02)
    raise StartError(f"{problem}: {tree.last_words()}")
