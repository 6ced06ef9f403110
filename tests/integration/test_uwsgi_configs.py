"""Configurations as they are written for uWSGI: they start unchanged and serve behind nginx."""

from __future__ import annotations

import ast
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

import pytest
from harness import Server
from harness.nginx import Nginx, front

Serve = Callable[..., Server]

CONFIGS = Path(__file__).resolve().parent / "configs"


@dataclass(frozen=True)
class Config:
    kind: str  # how nginx speaks to it
    mode: int | None = None  # of its UNIX socket
    prefix: str = ""
    settings: str = ""


LOADED = {
    "tutorial": Config("uwsgi", 0o660),
    "django": Config("uwsgi", 0o666, settings="hello.settings"),
    "http-by-protocol": Config("proxy", 0o666),
    "fastcgi": Config("fastcgi"),
    "scgi": Config("scgi", 0o660),
    "mounts": Config("uwsgi", prefix="/two"),
    "shared": Config("uwsgi", 0o664),
}


def test_all_are_tested() -> None:
    assert {path.stem for path in CONFIGS.glob("*.ini")} == set(LOADED)


@pytest.mark.parametrize("name", LOADED)
def test_serves_behind_nginx(serve: Serve, tmp_path: Path, name: str) -> None:
    config = LOADED[name]
    folder = tmp_path / "site"
    shutil.copytree(CONFIGS, folder)
    server = serve("--ini", f"{name}.ini", cwd=folder, http=None)
    place = server.wait_log(r"bound on (\S+) fd")[1]
    address = "unix:" + (str(folder / place) if place[0] != "@" else place)
    with Nginx(tmp_path, front(config.kind, address)) as nginx:
        for number in range(20):
            answer = nginx.get(f"{config.prefix}/a/b%20c?n={number}")
            assert answer.status == 200
            script_name, path_info, query, scheme, client, settings, _ = ast.literal_eval(
                answer.text
            )
            assert (script_name, path_info) == (config.prefix, "/a/b c")
            assert query == f"n={number}" and scheme == "http"
            assert settings == config.settings
            if config.kind != "proxy":
                assert client == "127.0.0.1"
        assert server.run("reload").status == 0
        assert nginx.get(config.prefix + "/").status == 200
    if config.mode is not None:
        assert (folder / place).stat().st_mode & 0o777 == config.mode
    warnings = re.findall(r"warning .*", server.log)
    assert not warnings, warnings
    server.stop()
    assert place[0] == "@" or not (folder / place).exists()
