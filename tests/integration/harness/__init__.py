"""Runs the real program and looks at it from outside: log, sockets, /proc.

activation.py  sockets that the program is started with, as systemd does it
asgi.py     ASGI apps behind the checker
browser.py  cookies and forms
bench.py    the load and the kills of the probes
server.py   the program as a context manager, its log, its end
container.py  PID 1 on a read-only file system
certificates.py  an authority, and what it signs
client.py   HTTP by raw bytes, split wherever a test wants
gate.py     a request that stays in the app until it is let go
given.py    an app for one request, written in the test
nginx.py    a real nginx in front of the program
package.py  an installed package that a test may replace
h2_frames.py, h2_peer.py  HTTP/2 by raw frames
h2_client.py, h2_load.py  whole clients of HTTP/2, by Python's h2
load.py     many clients at once, bounded
procfs.py   processes: trees, descriptors, signal masks
terminal.py  the program on a terminal
tls.py      clients of TLS: whole, interactive, and by records
waiting.py  the one way to wait: a predicate and a deadline
websocket_apps.py  WSGI apps that echo
ws_client.py, h2_websocket.py  clients of WebSockets, by wsproto
"""

from harness.client import Connection, Response
from harness.given import Given
from harness.load import Load
from harness.package import Package
from harness.procfs import Process, processes_tagged
from harness.server import Outcome, Server, package_folder, program, run_mewsgi
from harness.waiting import wait_for

__all__ = [
    "Connection",
    "Given",
    "Load",
    "Outcome",
    "Package",
    "Process",
    "Response",
    "Server",
    "package_folder",
    "processes_tagged",
    "program",
    "run_mewsgi",
    "wait_for",
]
