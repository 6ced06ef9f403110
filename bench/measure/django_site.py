"""A Django project with the admin, as an app to measure on: its database, and a visitor that logs
in and walks through the admin's pages. Used by probes/memory.

The project is that of the tests. Every page is asked for on a connection of its own, so that each
server deals them to its workers as it deals connections.
"""

from __future__ import annotations

import http.client
import re
import subprocess
import threading
import urllib.parse
from collections import Counter
from collections.abc import Iterator
from http.cookies import SimpleCookie
from itertools import cycle, islice
from pathlib import Path

from measure import install
from measure.process import StartError
from measure.servers import Place

APP = "site_with_admin.wsgi:application"
PASSWORD = "let me in"
DEADLINE = 60.0
LOGIN = "/admin/login/"
PAGES = (
    "/admin/",
    "/admin/auth/user/",
    "/admin/auth/user/1/change/",
    "/admin/auth/user/add/",
    "/admin/auth/group/",
    "/admin/auth/group/add/",
    "/admin/auth/user/?q=boss&o=1",
    "/admin/password_change/",
    "/admin/auth/user/1/history/",
    "/stream",
    "/file",
)


class SiteError(StartError):
    pass


def folder(place: Place) -> Path:
    return place.bench.parent / "tests" / "integration" / "apps" / "django_site"


def prepare(place: Place) -> dict[str, str]:
    """A database of its own with one user; the variables that the project wants."""
    reasons = install.install_peers(place, {"Django"})
    if reasons:
        raise SiteError(reasons["Django"])
    database = place.build / "django" / "site.sqlite3"
    database.parent.mkdir(parents=True, exist_ok=True)
    database.unlink(missing_ok=True)
    variables = {"SITE_DATABASE": str(database)}
    settings = {
        **variables,
        "DJANGO_SETTINGS_MODULE": "site_with_admin.settings",
        "DJANGO_SUPERUSER_PASSWORD": PASSWORD,
        "PYTHONPATH": str(folder(place)),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    user = ["--noinput", "--username", "boss", "--email", "boss@example.org"]
    for words in (["migrate", "--verbosity", "0"], ["createsuperuser", *user]):
        django = [place.python, "-m", "django", *words]
        done = subprocess.run(
            django, env=settings, capture_output=True, text=True, timeout=DEADLINE
        )
        if done.returncode != 0:
            raise SiteError(f"django {words[0]}: {done.stderr.strip()[-300:]}")
    return variables


class Visitor:
    """Cookies, and a connection per page."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.cookies: dict[str, str] = {}

    def ask(self, method: str, target: str, form: dict[str, str] | None = None) -> tuple[int, str]:
        headers = {"Connection": "close"}
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={text}" for name, text in self.cookies.items())
        body = None
        if form is not None:
            body = urllib.parse.urlencode(form)
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE)
        try:
            connection.request(method, target, body, headers)
            answer = connection.getresponse()
            text = answer.read().decode(errors="replace")
        finally:
            connection.close()
        for line in answer.headers.get_all("Set-Cookie") or []:
            for name, morsel in SimpleCookie(line).items():
                self.cookies[name] = morsel.value
        return answer.status, text

    def log_in(self) -> None:
        _, page = self.ask("GET", LOGIN)
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
        if token is None:
            raise SiteError(f"no login page but {page[:200]!r}")
        form = {"username": "boss", "password": PASSWORD, "csrfmiddlewaretoken": token[1]}
        status, _ = self.ask("POST", f"{LOGIN}?next=/admin/", form)
        if status != 302:
            raise SiteError(f"logging in was answered with {status}")


def walk(port: int, requests: int, visitors: int) -> Counter[str]:
    """So many pages in all, by so many visitors at once; what went wrong, counted."""
    wrong: Counter[str] = Counter()
    lock = threading.Lock()
    pages = islice(cycle(PAGES), requests)

    def visit(visitor: Visitor) -> None:
        for page in take_turns(pages, lock):
            try:
                status, _ = visitor.ask("GET", page)
                problem = "" if status == 200 else f"{page} answered {status}"
            except (OSError, http.client.HTTPException) as error:
                problem = type(error).__name__
            if problem:
                with lock:
                    wrong[problem] += 1

    guests = [Visitor(port) for _ in range(visitors)]
    for guest in guests:
        guest.log_in()
    threads = [threading.Thread(target=visit, args=(guest,), daemon=True) for guest in guests]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return wrong


def take_turns(pages: Iterator[str], lock: threading.Lock) -> Iterator[str]:
    while True:
        with lock:
            page = next(pages, None)
        if page is None:
            return
        yield page
