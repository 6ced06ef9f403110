"""HTTPS: what clients, apps and operators see of it. The protocol itself is probed in
tests/conformance/tls."""

from __future__ import annotations

import re
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Callable

import pytest
from harness import Connection, Response, Server
from harness.certificates import Authority, Pair, fingerprint
from harness.fixtures import APPS
from harness.h2_client import Client
from harness.h2_load import H2Load
from harness.tls import SecureConnection, secure_get, served_certificate

Serve = Callable[..., Server]
PROBE = ["--chdir", str(APPS), "probe:app"]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def pair(authority: Authority) -> Pair:
    return authority.issue("localhost", "127.0.0.1")


@pytest.fixture(scope="module")
def secured(pair: Pair) -> Iterator[Server]:
    options = ["--https", pair.option(), "--processes", "2", *PROBE]
    with Server(options, http=None) as server:
        yield server


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def subject(der: bytes) -> str:
    pem = ssl.DER_cert_to_PEM_cert(der)
    done = subprocess.run(
        ["openssl", "x509", "-noout", "-subject"], input=pem.encode(), capture_output=True
    )
    return done.stdout.decode().strip().replace(" ", "").replace("subject=", "")


def environ_of(port: int, context: ssl.SSLContext) -> dict[str, str]:
    return dict(secure_get(port, context, "/environ").json)


# Programs


@pytest.mark.parametrize(
    ("options", "version"),
    [([], "2"), (["--http1.1"], "1.1"), (["--tls-max", "1.2"], "2"), (["--no-alpn"], "1.1")],
)
def test_curl(
    secured: Server, authority: Authority, tmp_path: Path, options: list[str], version: str
) -> None:
    url = f"https://localhost:{secured.port_of('https')}"
    curl = ["curl", "-sS", "--max-time", "50", "--cacert", str(authority.file), *options]
    assert run(*curl, "-w", " %{http_version} %{http_code}", f"{url}/hello") == (
        f"hello {version} 200"
    )
    big = tmp_path / "big"
    big.write_bytes(bytes(range(256)) * 20_000)
    run(*curl, "--data-binary", f"@{big}", "-o", str(tmp_path / "back"), f"{url}/echo")
    assert (tmp_path / "back").read_bytes() == big.read_bytes()


def test_nghttp_and_h2load(secured: Server) -> None:
    url = f"https://127.0.0.1:{secured.port_of('https')}"
    shown = run("nghttp", "-nvs", f"{url}/hello", f"{url}/environ")
    assert len(re.findall(r":status: 200", shown)) == 2
    assert "The negotiated protocol: h2" in shown
    said = run("h2load", "-n", "2000", "-c", "8", "-m", "16", f"{url}/hello")
    assert "2000 succeeded, 0 failed, 0 errored, 0 timeout" in said
    assert "Application protocol: h2" in said


PAGE = """
import json

PAGE = b'''<!doctype html><title>cats</title><body>waiting<script>
const all = [...Array(30).keys()].map(n => fetch("/n?" + n).then(answer => answer.text()));
Promise.all(all).then(texts => {
    const navigation = performance.getEntriesByType("navigation")[0];
    document.body.textContent =
        "seen " + navigation.nextHopProtocol + " " + texts.every((text, n) => text == n);
});
</script>'''

def app(environ, start_response):
    page = environ["PATH_INFO"] == "/"
    body = PAGE if page else environ["QUERY_STRING"].encode()
    start_response("200 OK", [("Content-Type", "text/html" if page else "text/plain")])
    return [body]
"""


def test_chromium(serve: Serve, pair: Pair, tmp_path: Path) -> None:
    (tmp_path / "page.py").write_text(PAGE)
    server = serve("--https", pair.option(), "--chdir", str(tmp_path), "page:app", http=None)
    said = run(
        "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
        "--ignore-certificate-errors", f"--user-data-dir={tmp_path / 'profile'}",
        "--virtual-time-budget=20000", "--dump-dom",
        f"https://localhost:{server.port_of('https')}/",
    )  # fmt: skip
    assert "seen h2 true" in said, said


# What the app sees


@pytest.mark.parametrize("protocol", ["http/1.1", "h2"])
def test_variables(secured: Server, authority: Authority, protocol: str) -> None:
    port = secured.port_of("https")
    if protocol == "h2":
        with Client(port, tls=authority.context("h2")) as client:
            environ = client.get("/environ").json
    else:
        environ = environ_of(port, authority.context("http/1.1"))
    assert environ["wsgi.url_scheme"] == "https"
    assert environ["HTTPS"] == "on"
    assert environ["SERVER_PORT"] == str(port)
    assert not [name for name in environ if name.startswith("SSL_CLIENT")]


def test_what_a_client_says_of_tls_is_not_believed(secured: Server, authority: Authority) -> None:
    with SecureConnection(secured.port_of("https"), authority.context()) as connection:
        answer = connection.get("/environ", SSL_CLIENT_VERIFY="SUCCESS", X_Forwarded_Proto="http")
        assert answer.json["wsgi.url_scheme"] == "https"
        assert "SSL_CLIENT_VERIFY" not in answer.json


def test_bodies_over_h2(secured: Server, authority: Authority) -> None:
    with Client(secured.port_of("https"), tls=authority.context("h2")) as client:
        bodies = [bytes([65 + n]) * (n * 70_001 + 1) for n in range(20)]
        streams = [client.start("POST", "/echo", body) for body in bodies]
        for stream, body in zip(streams, bodies):
            assert client.answer(stream).body == body


# Names


def test_certificates_by_name(serve: Serve, authority: Authority, pair: Pair) -> None:
    folder = authority.folder / "by-name"
    folder.mkdir()
    for name in ("dir.example", "other.example"):
        made = authority.issue(name)
        made.chain.rename(folder / f"{name}.crt")
        made.key.rename(folder / f"{name}.key")
    exact, wild = authority.issue("cats.example"), authority.issue("*.cats.example")
    server = serve(
        *("--https", pair.option(), "--sni-dir", str(folder)),
        *("--sni", f"cats.example {exact.chain},{exact.key}"),
        *("--sni", f"*.cats.example {wild.chain},{wild.key}"),
        *PROBE,
        http=None,
    )
    port = server.port_of("https")
    for name, certificate in {
        "localhost": "localhost",
        "nobody.example": "localhost",
        "cats.example": "cats.example",
        "CATS.example": "cats.example",
        "tom.cats.example": "*.cats.example",
        "a.tom.cats.example": "localhost",
        "dir.example": "dir.example",
        "other.example": "other.example",
    }.items():
        assert subject(served_certificate(port, name)) == f"CN={certificate}", name
    for name in ("cats.example", "tom.cats.example", "dir.example"):
        assert secure_get(port, authority.context(), "/hello", name).text == "hello"


# Clients' certificates


@pytest.fixture(scope="module")
def club(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Signs the certificates of clients."""
    made = Authority(tmp_path_factory.mktemp("club"), "cats club")
    made.issue(subject="/O=Cats/CN=Tom")
    return made


def member(club: Authority) -> Pair:
    return Pair(club.folder / "client.pem", club.folder / "client.key")


def test_client_certificates(
    serve: Serve, authority: Authority, pair: Pair, club: Authority
) -> None:
    server = serve(
        *("--https", pair.option("127.0.0.1:0", "HIGH", str(club.file)), "--https-export-cert"),
        *PROBE,
        http=None,
    )
    port = server.port_of("https")
    without = environ_of(port, authority.context())
    assert without.get("SSL_CLIENT_VERIFY", "NONE") == "NONE"
    assert "SSL_CLIENT_S_DN" not in without
    for protocol in ("http/1.1", "h2"):
        context = authority.context(protocol, client=member(club))
        if protocol == "h2":
            with Client(port, tls=context) as client:
                environ = client.get("/environ").json
        else:
            environ = environ_of(port, context)
        assert environ["SSL_CLIENT_VERIFY"] == "SUCCESS"
        assert environ["SSL_CLIENT_S_DN"] == "CN=Tom,O=Cats"
        assert environ["SSL_CLIENT_I_DN"] == "CN=cats club"
        shown = environ["SSL_CLIENT_FINGERPRINT"].replace(":", "").lower()
        assert shown == fingerprint(member(club))
        assert environ["HTTPS_CC"].startswith("-----BEGIN CERTIFICATE-----")
    stranger = authority.issue(subject="/CN=stranger")
    with pytest.raises((ssl.SSLError, ConnectionResetError)):
        environ_of(port, authority.context(client=stranger))


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_required_client_certificates(
    serve: Serve, authority: Authority, pair: Pair, club: Authority, version: str
) -> None:
    option = pair.option("127.0.0.1:0", "HIGH", f"!{club.file}")
    server = serve("--https", option, *PROBE, http=None)
    port = server.port_of("https")
    for client in (None, member(club)):
        context = authority.context(client=client)
        context.maximum_version = ssl.TLSVersion[version]
        if client is None:
            with pytest.raises((ssl.SSLError, ConnectionResetError)):
                environ_of(port, context)
        else:
            assert environ_of(port, context)["SSL_CLIENT_VERIFY"] == "SUCCESS"
    assert sum(front["requests"] for front in server.status()["fronts"]) == 1


# From HTTP to HTTPS


def test_redirect(serve: Serve, pair: Pair) -> None:
    server = serve("--http-to-https", "127.0.0.1:0", "--https", pair.option(), *PROBE, http=None)
    port = server.port_of("http-to-https")
    answer = plain_get(port, "/a%20b?c=d", Host=f"cats.example:{port}")
    assert answer.status in (301, 308)
    location = answer.get("Location") or ""
    assert re.fullmatch(rf"https://cats\.example(:{server.port_of('https')})?/a%20b\?c=d", location)
    assert plain_get(port, "/", Host="").status == 400
    assert plain_get(port, "/", Host="a@evil.example").status == 400
    assert sum(front["requests"] for front in server.status()["fronts"]) <= 1


def plain_get(port: int, target: str, **headers: str) -> Response:
    with Connection(("127.0.0.1", port)) as connection:
        return connection.get(target, **headers)


def test_hsts(serve: Serve, authority: Authority, pair: Pair) -> None:
    server = serve("--https", pair.option(), "--hsts", "86400s", "--http", "127.0.0.1:0", *PROBE,
                   http=None)  # fmt: skip
    port, context = server.port_of("https"), authority.context()
    for target in ("/hello", "/nowhere", "/boom"):
        value = secure_get(port, context, target).get("Strict-Transport-Security")
        assert value and value.split(";")[0] == "max-age=86400"
    with Client(port, tls=authority.context("h2")) as client:
        assert client.get("/hello").get("strict-transport-security")
    assert plain_get(server.port_of("http"), "/hello").get("Strict-Transport-Security") is None


def test_no_hsts_unless_asked_for(secured: Server, authority: Authority) -> None:
    answer = secure_get(secured.port_of("https"), authority.context(), "/hello")
    assert answer.get("Strict-Transport-Security") is None


# Other ways to write it


def test_https2(serve: Serve, authority: Authority, pair: Pair) -> None:
    option = f"addr=127.0.0.1:0,cert={pair.chain},key={pair.key},spdy=1"
    server = serve("--https2", option, *PROBE, http=None)
    assert secure_get(server.port_of("https"), authority.context(), "/hello").text == "hello"


def test_shared_socket(serve: Serve, authority: Authority, pair: Pair) -> None:
    server = serve("--shared-socket", "127.0.0.1:0", "--https", pair.option("=0"), *PROBE,
                   http=None)  # fmt: skip
    port = int(server.wait_log(r"bound on 127\.0\.0\.1:(\d+)")[1])
    assert secure_get(port, authority.context(), "/hello").text == "hello"


def test_dev_certificate(serve: Serve) -> None:
    server = serve("--https-dev", "127.0.0.1:0", *PROBE, http=None)
    port = server.port_of("https-dev")
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    assert secure_get(port, context, "/hello").text == "hello"
    assert "localhost" in subject(served_certificate(port, "localhost"))
    assert server.find_log(r"warning.*certificate"), server.log


# Beside reloads and kills


def test_reloads_under_load(serve: Serve, authority: Authority, pair: Pair, tmp_path: Path) -> None:
    (tmp_path / "query.py").write_text(
        "def app(environ, start_response):\n"
        "    start_response('200 OK', [('Content-Type', 'text/plain')])\n"
        "    return [environ['QUERY_STRING'].encode()]\n"
    )
    server = serve("--https", pair.option(), "--processes", "2", "--chdir", str(tmp_path),
                   "query:app", http=None)  # fmt: skip
    with H2Load(server.port_of("https"), tls=authority.context("h2")) as load:
        for _ in range(3):
            load.wait_for_more(50)
            assert server.run("reload").status == 0
        load.wait_for_more(50)
        load.stop()
    assert not load.errors, load.errors[:5]
    assert load.goaways == 0
