"""The native half of mewsgi, as Python sees it. Works only inside a mewsgi zygote or worker."""

from collections.abc import Callable
from typing import Any, Literal, NoReturn, TypedDict

build_id: int
version: str

class Boot(TypedDict):
    """What the master gave this generation (src/control/boot.h)."""

    given: list[tuple[str, str, bool, str]]  # name, value, bare, name as written
    options: dict[str, Any]  # in force, by name: bool, int, float seconds, str, list of str
    listeners: list[tuple[int, str, str]]  # descriptor, option, address
    master_pid: int
    generation: int
    started: int  # unix time
    package_dir: str
    interpreter_reason: str

def attach(boot_fd: int, /) -> Boot:
    """Read the boot block, check the build id, take the descriptors, say hello to the master."""

def log(level: str, event: str, message: str, /) -> None:
    """One event of the server log; level is debug, info, warning or error."""

def set_role(role: str, /) -> None:
    """The name that this process's log lines bear: "zygote", "worker 3"."""

def set_title(title: str, /) -> None:
    """Process title, as ps shows it."""

def zygote_ready(about: str, /) -> None: ...
def zygote_failed(status: int, text: str, /) -> NoReturn:
    """Tell the master why the app did not start, and exit with `status`."""

def wait_for_spawn() -> tuple[Literal["worker", "task"], int]:
    """Stand still, holding the GIL, and fork a worker or a task for each order.

    Returns only there, after the fork hooks of CPython ran: with a worker's slot (1..N) or with the
    place of a task's singleton in the list (from 1). The zygote itself exits here when the master
    tells it to or is gone.
    """

def worker_failed(status: int, text: str, /) -> NoReturn: ...
def serve(
    application: Callable[..., Any] | None,
    mounts: list[tuple[str, Callable[..., Any] | None]],
    /,
) -> int:
    """Tell the master that this worker is ready, and answer requests until it is retired.

    With mounts (prefix and app), they are all that is served. Returns the exit status.
    """

def asgi_open(
    loop: Any,
    application: Callable[..., Any] | None,
    mounts: list[tuple[str, Callable[..., Any] | None]],
    kinds: list[tuple[Callable[..., Any], dict[str, Any] | None]],
    has_wsgi: bool,
    disconnected: type[Exception],
    /,
) -> None:
    """Tell the master that this worker is ready, and serve as soon as `loop` runs.

    `kinds` are the ASGI apps with the state of their lifespan; `has_wsgi`: there are others beside.
    """

def asgi_close() -> int:
    """After the loop's last turn: the exit status."""

def before_fork() -> None:
    """For a fork by the app: this process has no thread of ours from now on."""

def after_fork() -> None:
    """In the parent: the thread comes back as soon as the fork returned."""

def task_begin() -> None:
    """In a task: wait until the master says that it is the one; hear the master from then on."""

def task_ended(status: int, raised: bool, text: str, /) -> None: ...
def task_stopping() -> bool: ...
def task_begin_stop() -> None: ...
def task_wait_for_stop(seconds: float, /) -> bool:
    """Sleep so long (negative: without end) or until told to leave; whether it was."""

def limit_exit(seconds: float, status: int, /) -> None:
    """From now on this process has so long to end by itself; then it is ended, with a log line."""

def set_exit_step(step: str, /) -> None:
    """What that log line names."""

def leave(status: int, /) -> NoReturn:
    """End this process by _exit, without Python's finalisation."""

def request_reload() -> None: ...
def request_stop() -> None: ...

# Of this worker and of all, read from shared memory.
def worker_id() -> int: ...
def request_id() -> int: ...
def total_requests() -> int: ...
def workers() -> tuple[dict[str, Any], ...]: ...
def show_errors(
    page: Callable[[BaseException, dict[str, Any] | None], tuple[bytes, bytes] | None], /
) -> None:
    """`mewsgi dev`: have this make the (content type, body) of an answer to what the app raised."""

def watch_modules(look: Callable[[], None], /) -> None:
    """Have `look` called after each request that changed the number of modules."""

def tell_files(records: bytes, /) -> bool:
    """Send a list of files (src/control/watch_list.h) to the watcher; whether it went out."""

class WebSocket:
    """One WebSocket behind its handshake, sans-I/O (src/python/uwsgi_websocket)."""

    def __new__(cls, max_bytes: int, window_bits: int, /) -> WebSocket: ...
    def feed(self, received: bytes, /) -> None: ...
    def next(self) -> tuple[int, int, bytes] | None:
        """Kind, close code and payload: 1 text, 2 binary, 8 a close, 10 a pong, 0 a failure."""

    def take_out(self) -> bytes: ...
    def encode(self, text: bool, message: str | bytes | bytearray | memoryview, /) -> bytes:
        """Empty once it is not open."""

    def ping(self) -> bytes: ...
    def close(self, code: int, /) -> bytes: ...
    def is_open(self) -> bool: ...

def retirement() -> tuple[int, int]:
    """A descriptor that is readable once this worker retires, and then the close code of its
    WebSockets; before, 0."""

def websocket_accept(
    key: str | None,
    version: str | None,
    protocols: str | None,
    extensions: str | None,
    protocol: str | None,
    deflate: bool,
    /,
) -> tuple[int, bytes, int]:
    """101, the head of the answer and the window of messages (0: as they are); else a status and a
    reason."""

def open_connections() -> list[tuple[int, str]]:
    """Descriptors of this process that are connected to another one, and to whom."""
