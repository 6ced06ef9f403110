"""Certificates beside what else happens to a server: who holds them, new names, upgrades."""

from __future__ import annotations

import os
import shutil
import signal
import ssl
from pathlib import Path
from typing import Callable

import pytest
from harness import Process, Server, wait_for
from harness.certificates import Authority, Pair
from harness.fixtures import APPS
from harness.tls import SecureConnection, secure_get, served_certificate

Serve = Callable[..., Server]
PROBE = ["--chdir", str(APPS), "probe:app"]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def pair(authority: Authority) -> Pair:
    return authority.issue("localhost")


def der(pair: Pair) -> bytes:
    return ssl.PEM_cert_to_DER_cert(pair.chain.read_text())


def holds(process: Process, what: str) -> int:
    return sum(what in target for target in process.descriptors.values())


def test_who_holds_keys(serve: Serve, pair: Pair) -> None:
    """The master, sealed; a front that took them has nothing left to read."""
    server = serve("--https", pair.option(), *PROBE, http=None)
    wait_for(server.watchers, "the watcher of the certificates")
    assert holds(server.master, "mewsgi-tls") == 1
    others = [*server.zygotes(), *server.workers().values(), *server.watchers()]
    if os.geteuid() == 0:  # nobody else may look into a front
        others += server.fronts()
    assert [process.name for process in others if holds(process, "mewsgi-tls")] == []


def test_no_tls_no_watcher(serve: Serve) -> None:
    server = serve(*PROBE, way="routed")
    assert server.watchers() == []
    assert holds(server.master, "mewsgi-tls") == 0
    assert server.status()["certificates"] == []


def test_a_folder_that_only_the_starter_may_enter(
    serve: Serve, authority: Authority, tmp_path: Path
) -> None:
    """A front runs as nobody where root starts the server; the files are not read by it."""
    folder = tmp_path / "sealed"
    folder.mkdir(mode=0o700)
    first, second = (authority.issue("localhost", file=name) for name in ("s1", "s2"))
    names = Pair(folder / "tls.crt", folder / "tls.key")
    for source, place in zip((first.chain, first.key), (names.chain, names.key)):
        shutil.copyfile(source, place)
        place.chmod(0o600)
    server = serve("--https", names.option(), *PROBE, http=None)
    port = server.port_of("https")
    assert served_certificate(port, "localhost") == der(first)
    for source, place in zip((second.key, second.chain), (names.key, names.chain)):
        place.write_bytes(source.read_bytes())
    wait_for(lambda: served_certificate(port, "localhost") == der(second), "the new one", 20)


def test_new_names_in_a_folder(
    serve: Serve, authority: Authority, pair: Pair, tmp_path: Path
) -> None:
    server = serve("--https", pair.option(), "--sni-dir", str(tmp_path), *PROBE, http=None)
    port = server.port_of("https")
    assert served_certificate(port, "cats.example") == der(pair)
    cats = authority.issue("cats.example")
    shutil.copyfile(cats.key, tmp_path / "cats.example.key")
    shutil.copyfile(cats.chain, tmp_path / "cats.example.crt")
    wait_for(lambda: served_certificate(port, "cats.example") == der(cats), "the new name", 20)
    assert served_certificate(port, "localhost") == der(pair)
    assert any("cats.example" in row["names"] for row in server.status()["certificates"])


def test_trouble_is_told_until_it_is_over(
    serve: Serve, authority: Authority, tmp_path: Path
) -> None:
    good = authority.issue("localhost", file="good")
    names = Pair(tmp_path / "tls.crt", tmp_path / "tls.key")
    shutil.copyfile(good.chain, names.chain)
    shutil.copyfile(good.key, names.key)
    server = serve("--https", names.option(), *PROBE, http=None)
    assert server.status()["certificates_trouble"] == ""
    names.chain.write_text("no certificate\n")
    wait_for(lambda: "tls.crt" in server.status()["certificates_trouble"], "the trouble", 20)
    assert "tls.crt" in server.run("status").out
    assert server.run("reload").status == 0
    assert secure_get(server.port_of("https"), authority.context(), "/hello").text == "hello"
    shutil.copyfile(good.chain, names.chain)
    wait_for(lambda: server.status()["certificates_trouble"] == "", "its end", 20)


def session_of(port: int, context: ssl.SSLContext) -> ssl.SSLSession:
    connection = SecureConnection(port, context)
    with connection:
        assert connection.get("/hello").text == "hello"  # by then the tickets of TLS 1.3 are there
        session = connection.tls.session
    assert session
    return session


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_sessions_outlive_fronts_and_upgrades(
    serve: Serve, authority: Authority, pair: Pair, version: str
) -> None:
    server = serve("--http-processes", "2", "--https", pair.option(), *PROBE, http=None)
    port, context = server.port_of("https"), authority.context()
    context.minimum_version = context.maximum_version = ssl.TLSVersion[version]
    session = session_of(port, context)

    def is_resumed() -> bool:
        connection = SecureConnection(port, context, session=session)
        with connection:
            assert connection.get("/hello").text == "hello"
            return bool(connection.tls.session_reused)

    assert all(is_resumed() for _ in range(8))  # whichever front it comes to
    victim = server.fronts()[0]
    os.kill(victim.pid, signal.SIGKILL)
    wait_for(lambda: not victim.alive, "its end")
    wait_for(lambda: len(server.fronts()) == 2, "another front")
    assert all(is_resumed() for _ in range(8))
    assert server.run("upgrade", timeout=60).status == 0
    assert all(is_resumed() for _ in range(8))
    assert served_certificate(port, "localhost") == der(pair)
    assert [Path(row["file"]).name for row in server.status()["certificates"]] == [pair.chain.name]


def test_a_reload_to_files_that_are_wrong_yet(
    serve: Serve, authority: Authority, pair: Pair, tmp_path: Path
) -> None:
    """They come into use once they are put right, without another reload."""
    late = Pair(tmp_path / "late.crt", tmp_path / "late.key")
    for place in (late.chain, late.key):
        place.write_text("not yet\n")
    ini = tmp_path / "app.ini"
    text = f"[mewsgi]\nchdir = {APPS}\nmodule = probe:app\nhttps = 127.0.0.1:0,"
    ini.write_text(text + f"{pair.chain},{pair.key}\n")
    server = serve("--ini", str(ini), http=None)
    port = server.port_of("https")
    ini.write_text(text + f"{late.chain},{late.key}\n")
    assert server.run("reload").status == 0
    wait_for(lambda: "late.crt" in server.status()["certificates_trouble"], "the trouble", 20)
    assert served_certificate(port, "localhost") == der(pair)
    fresh = authority.issue("localhost", file="late")
    shutil.copyfile(fresh.key, late.key)
    shutil.copyfile(fresh.chain, late.chain)
    wait_for(lambda: served_certificate(port, "localhost") == der(fresh), "the new one", 20)
