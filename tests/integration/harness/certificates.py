"""An authority of the tests' own, and what it signs; made by the openssl program.

authority = Authority(folder)
pair = authority.issue("localhost", "127.0.0.1")
Server(["--https", f"127.0.0.1:0,{pair.chain},{pair.key}", ...], http=None)
ssl.create_default_context(cafile=authority.file)
"""

from __future__ import annotations

import ipaddress
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

KEYS = {
    "ec": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
    "rsa": ["-newkey", "rsa:2048"],
}


def openssl(*arguments: str) -> str:
    done = subprocess.run(["openssl", *arguments], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


@dataclass(frozen=True)
class Pair:
    chain: Path
    key: Path

    def option(self, address: str = "127.0.0.1:0", *more: str) -> str:
        """The value of --https."""
        return ",".join([address, str(self.chain), str(self.key), *more])


class Authority:
    def __init__(self, folder: Path, name: str = "cats authority") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.file, self.key = folder, folder / "ca.pem", folder / "ca.key"
        usage = ["-addext", "keyUsage=critical,keyCertSign,cRLSign"]
        self._request(self.file, self.key, f"/CN={name}", *KEYS["ec"], *usage, "-x509", days=30)

    @staticmethod
    def _request(file: Path, key: Path, subject: str, *options: str, days: int) -> None:
        out = ["-out", str(file), "-keyout", str(key), "-subj", subject, "-days", str(days)]
        openssl("req", "-nodes", "-batch", *options, *out)

    def issue(
        self, *names: str, kind: str = "ec", days: int = 30, subject: str = "", file: str = ""
    ) -> Pair:
        """For a server of these names, or with `subject` for a client."""
        stem = file or (names[0] if names else "client").replace("*", "any")
        pair = Pair(self.folder / f"{stem}.pem", self.folder / f"{stem}.key")
        signed = ["-x509", "-CA", str(self.file), "-CAkey", str(self.key)]
        extensions = ["-addext", "basicConstraints=critical,CA:FALSE"]
        if names:
            extensions += ["-addext", "subjectAltName=" + ",".join(map(_alternative, names))]
        self._request(
            pair.chain, pair.key, subject or f"/CN={names[0]}", *KEYS[kind], *signed, *extensions,
            days=days,
        )  # fmt: skip
        return pair

    def context(self, *protocols: str, client: Pair | None = None) -> ssl.SSLContext:
        """Of a client that trusts the authority, and offers these protocols."""
        context = ssl.create_default_context(cafile=str(self.file))
        if protocols:
            context.set_alpn_protocols(list(protocols))
        if client:
            context.load_cert_chain(client.chain, client.key)
        return context


def _alternative(name: str) -> str:
    try:
        return f"IP:{ipaddress.ip_address(name)}"
    except ValueError:
        return f"DNS:{name}"


def fingerprint(pair: Pair) -> str:
    """SHA-256, in hexadecimal."""
    said = openssl("x509", "-in", str(pair.chain), "-noout", "-fingerprint", "-sha256")
    return said.partition("=")[2].strip().replace(":", "").lower()
