"""The files of certificates: swapped under a server that runs, broken, foreign, too old."""

from __future__ import annotations

import os
import shutil
import signal
import ssl
from pathlib import Path
from typing import Callable

import pytest
from harness import Server, run_mewsgi, wait_for
from harness.certificates import Authority, Pair, openssl
from harness.fixtures import APPS
from harness.h2_client import Client
from harness.tls import SecureConnection, secure_get, served_certificate

Serve = Callable[..., Server]
PROBE = ["--chdir", str(APPS), "probe:app"]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def put(pair: Pair, place: Path) -> Pair:
    """A copy under new names, put there in one go each."""
    target = Pair(place / "tls.crt", place / "tls.key")
    for source, name in ((pair.key, target.key), (pair.chain, target.chain)):
        fresh = name.with_suffix(".new")
        shutil.copyfile(source, fresh)
        fresh.rename(name)
    return target


def der(pair: Pair) -> bytes:
    return ssl.PEM_cert_to_DER_cert(pair.chain.read_text())


def wait_served(port: int, pair: Pair) -> None:
    wait_for(lambda: served_certificate(port, "localhost") == der(pair), "the new certificate", 20)


def test_new_files_are_served(serve: Serve, authority: Authority, tmp_path: Path) -> None:
    first, second = (authority.issue("localhost", file=name) for name in ("first", "second"))
    served = put(first, tmp_path)
    server = serve("--https", served.option(), *PROBE, http=None)
    port = server.port_of("https")
    streams = Client(port, tls=authority.context("h2"))
    with SecureConnection(port, authority.context()) as kept, streams:
        assert kept.get("/hello").text == streams.get("/hello").text == "hello"
        put(second, tmp_path)
        wait_served(port, second)
        assert kept.get("/hello").text == streams.get("/hello").text == "hello"
        assert not streams.goaways


def test_links_that_kubernetes_swaps(serve: Serve, authority: Authority, tmp_path: Path) -> None:
    first, second = (authority.issue("localhost", file=name) for name in ("one", "two"))
    for number, pair in enumerate((first, second)):
        (tmp_path / f"..{number}").mkdir()
        put(pair, tmp_path / f"..{number}")
    (tmp_path / "..data").symlink_to("..0")
    names = Pair(tmp_path / "tls.crt", tmp_path / "tls.key")
    for name in (names.chain, names.key):
        name.symlink_to(f"..data/{name.name}")
    server = serve("--https", names.option(), *PROBE, http=None)
    port = server.port_of("https")
    assert served_certificate(port, "localhost") == der(first)
    (tmp_path / "..fresh").symlink_to("..1")
    os.rename(tmp_path / "..fresh", tmp_path / "..data")
    shutil.rmtree(tmp_path / "..0")
    wait_served(port, second)


@pytest.mark.parametrize("how", ["garbage", "no key to it", "gone"])
def test_broken_files_change_nothing(
    serve: Serve, authority: Authority, tmp_path: Path, how: str
) -> None:
    first, second, third = (authority.issue("localhost", file=name) for name in "abc")
    served = put(first, tmp_path)
    server = serve("--https", served.option(), *PROBE, http=None)
    port, mark = server.port_of("https"), server.mark()
    if how == "garbage":
        served.chain.write_text("no certificate\n")
    elif how == "gone":
        served.chain.unlink()
    else:
        put(Pair(second.chain, third.key), tmp_path)
    if how != "gone":
        server.wait_log(r"(?i)(warning|error).*tls\.(crt|key)", since=mark, timeout=20)
    assert served_certificate(port, "localhost") == der(first)
    assert secure_get(port, authority.context(), "/hello").text == "hello"
    put(second, tmp_path)
    wait_served(port, second)


def test_reload_reads_them_too(serve: Serve, authority: Authority, tmp_path: Path) -> None:
    first, second = (authority.issue("localhost", file=name) for name in ("r1", "r2"))
    server = serve("--https", put(first, tmp_path).option(), *PROBE, http=None)
    put(second, tmp_path)
    assert server.run("reload").status == 0
    wait_served(server.port_of("https"), second)


def test_a_new_front_has_the_newest(serve: Serve, authority: Authority, tmp_path: Path) -> None:
    first, second = (authority.issue("localhost", file=name) for name in ("f1", "f2"))
    server = serve("--https", put(first, tmp_path).option(), *PROBE, http=None)
    port = server.port_of("https")
    put(second, tmp_path)
    wait_served(port, second)
    front = server.fronts()[0]
    os.kill(front.pid, signal.SIGKILL)
    wait_for(lambda: not front.alive, "its end")
    wait_served(port, second)


def test_expiry_is_told(serve: Serve, authority: Authority) -> None:
    soon = authority.issue("localhost", days=5, file="soon")
    server = serve("--https", soon.option(), *PROBE, http=None)
    server.wait_log(r"warning.*soon\.pem.*expires|warning.*expires.*soon\.pem")
    assert "soon.pem" in server.run("status").out
    (row,) = server.status()["certificates"]
    assert "soon.pem" in str(row)


def refused(*options: str) -> str:
    outcome = run_mewsgi(*options, *PROBE)
    assert outcome.status != 0
    return outcome.text


def test_starts_that_fail(authority: Authority, tmp_path: Path) -> None:
    """With one sentence each that names the file."""
    good, other = authority.issue("localhost", file="good"), authority.issue("x", file="other")
    missing = refused("--https", f"127.0.0.1:0,{tmp_path}/none.pem,{good.key}")
    assert "none.pem" in missing
    mixed = refused("--https", f"127.0.0.1:0,{good.chain},{other.key}")
    assert "other.key" in mixed or "good.pem" in mixed
    sealed = tmp_path / "sealed.key"
    openssl("ec", "-in", str(good.key), "-out", str(sealed), "-aes256", "-passout", "pass:meow")
    assert "encrypted" in refused("--https", f"127.0.0.1:0,{good.chain},{sealed}")
    garbage = tmp_path / "garbage.pem"
    garbage.write_text("meow\n")
    assert "garbage.pem" in refused("--https", f"127.0.0.1:0,{garbage},{good.key}")
    assert "Traceback" not in missing + mixed
