"""The native half of mewsgi, as Python sees it. Loaded only inside a mewsgi zygote or worker."""

from collections.abc import Callable
from typing import Any, NoReturn

build_id: int
version: str

class Boot:
    """What the master gave this generation (src/control/boot.h)."""

    given: list[tuple[str, str, bool, str]]  # name, value, bare, origin
    options: dict[str, Any]  # effective, names with dashes; lists, str, int, float seconds, bool
    master_pid: int
    generation: int
    package_dir: str
    interpreter_reason: str
    log_json: bool
    listeners: list[tuple[int, str, str]]  # descriptor, option, address

def attach(boot_fd: int) -> Boot:
    """Read the boot block, check the build id, take the descriptors, say hello to the master."""

def log(level: str, event: str, message: str, fields: dict[str, Any] | None = None) -> None: ...
def set_role(role: str) -> None:
    """The name that this process's log lines bear: "zygote", "worker 3"."""

def set_title(title: str) -> None:
    """Process title, as ps shows it."""

def zygote_ready(about: str) -> None: ...
def zygote_failed(status: int, text: str) -> NoReturn:
    """Tell the master why the app did not start, and exit with `status`."""

def wait_for_spawn() -> int:
    """Stand still, holding the GIL, and fork a worker for each order.

    Returns only in a worker, with its slot (1..N), after the fork hooks of CPython ran; the zygote
    itself exits here when the master tells it to or is gone.
    """

def worker_ready() -> None: ...
def worker_failed(status: int, text: str) -> NoReturn: ...
def serve(application: Callable[..., Any] | None) -> int:
    """Answer requests until the master retires this worker; returns the exit status to leave with."""

def leave(status: int) -> NoReturn:
    """Tell the master and end this process by _exit, without Python's finalisation."""

def request_reload() -> None: ...
def request_stop() -> None: ...

# Of this worker and of all, read from shared memory.
def worker_id() -> int: ...
def request_id() -> int: ...
def total_requests() -> int: ...
def workers() -> list[dict[str, Any]]: ...
