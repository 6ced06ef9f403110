"""A real nginx before a server, as a tree of its own, with a configuration and a folder of its own.

One worker process, no access log, uwsgi_pass to one address. Run by probes/uwsgi-nginx.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from measure.process import StartError, Tree, free_port

# What Debian's uwsgi_params say; both servers get the same.
PARAMETERS = {
    "QUERY_STRING": "$query_string",
    "REQUEST_METHOD": "$request_method",
    "CONTENT_TYPE": "$content_type",
    "CONTENT_LENGTH": "$content_length",
    "REQUEST_URI": "$request_uri",
    "PATH_INFO": "$document_uri",
    "DOCUMENT_ROOT": "$document_root",
    "SERVER_PROTOCOL": "$server_protocol",
    "REQUEST_SCHEME": "$scheme",
    "HTTPS": "$https if_not_empty",
    "REMOTE_ADDR": "$remote_addr",
    "REMOTE_PORT": "$remote_port",
    "SERVER_PORT": "$server_port",
    "SERVER_NAME": "$server_name",
}

CONFIG = """daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log error;
{user}
events {{ worker_connections 2048; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    keepalive_requests 100000000;
    server {{
        listen 127.0.0.1:{port} backlog=1024;
        location / {{
            uwsgi_pass {address};
{parameters}
        }}
    }}
}}
"""


def find_nginx() -> str | None:
    return shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")


def configuration(folder: Path, port: int, address: str) -> str:
    """`address`: unix:/path or host:port."""
    lines = [f"            uwsgi_param {name} {value};" for name, value in PARAMETERS.items()]
    user = "user root;" if os.geteuid() == 0 else ""
    return CONFIG.format(
        folder=folder, port=port, address=address, user=user, parameters="\n".join(lines)
    )


def start(folder: Path, address: str, core: int) -> Tree:
    """Started; it answers as soon as the server behind it does."""
    program = find_nginx()
    if program is None:
        raise StartError("nginx is missing: apt-get install nginx-light")
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    file = folder / "nginx.conf"
    file.write_text(configuration(folder, port, address))
    command = ["taskset", "-c", str(core), program, "-p", str(folder), "-c", str(file)]
    log = folder / "error.log"
    return Tree.start([*command, "-e", str(log)], port, folder / "output", dict(os.environ), folder)
