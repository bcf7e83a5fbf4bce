"""A certificate authority on loopback: Pebble, which is made for tests, and its DNS server."""

import json
import os
import socket
import ssl
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tawny.service.address.acme import HttpChallenges, Order
from tawny.testing.http_service import ReceivedRequest, Reply, StandIn, served
from tawny.testing.waiting import until
from tests.support.ports import free_port

EAB_KEY = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"
DAYS_90_S = 90 * 86_400


@dataclass
class Names:
    """The DNS server. Every name leads to 127.0.0.1 unless set otherwise."""

    port: int
    management: int

    @property
    def server(self) -> str:
        return f"127.0.0.1:{self.port}"

    def post(self, path: str, **body: Any) -> None:
        result = json.dumps(body).encode()
        asked = urllib.request.Request(f"http://127.0.0.1:{self.management}/{path}", result)
        with urllib.request.urlopen(asked, timeout=5) as answer:
            answer.read()


@dataclass
class Authority:
    """The authority with its DNS server. web: answers on the port that it checks instead of 80."""

    directory: str
    trust: Path
    names: Names
    web: StandIn
    challenges: HttpChallenges = field(default_factory=HttpChallenges)

    def order(self, *domains: str, **more: Any) -> Order:
        return Order(
            domains or ("cam.example.org",),
            directory=self.directory,
            trust=str(self.trust),
            dns_servers=(self.names.server,),
            **more,
        )

    def answer(self, asked: ReceivedRequest) -> Reply:
        answer = self.challenges.answer(asked.route.rpartition("/")[2])
        return (200, answer.encode()) if answer else (404, b"")


@contextmanager
def program(*words: str, **environment: str) -> Iterator[None]:
    running = subprocess.Popen(
        words, env={**os.environ, **environment}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        running.kill()
        running.wait()


@contextmanager
def dns_server() -> Iterator[Names]:
    names = Names(free_port(), free_port())
    off = [word for kind in ("http01", "https01", "tlsalpn01") for word in (f"-{kind}", "")]
    places = ["-dns01", names.server, "-management", f"127.0.0.1:{names.management}", "-defaultIPv6", ""]
    with program("pebble-challtestsrv", *places, *off):
        until(lambda: answers(names.management), what="DNS server")
        yield names


@contextmanager
def authority(folder: Path, **more: Any) -> Iterator[Authority]:
    """Run one with its own certificate in a folder. more: settings of Pebble."""
    folder.mkdir(exist_ok=True)
    port, trust = free_port(), folder / "pebble.pem"
    trust.write_bytes(own_certificate(folder / "pebble.key"))
    with dns_server() as names, served(StandIn()) as web:
        settings = {
            "listenAddress": f"127.0.0.1:{port}",
            "managementListenAddress": "",
            "certificate": str(trust),
            "privateKey": str(folder / "pebble.key"),
            "httpPort": web.port,
            "tlsPort": free_port(),
            "certificateValidityPeriod": DAYS_90_S,
            **more,
        }
        (folder / "pebble.json").write_text(json.dumps({"pebble": settings}))
        words = ("pebble", "-config", str(folder / "pebble.json"), "-dnsserver", names.server)
        with program(*words, PEBBLE_VA_NOSLEEP="1", PEBBLE_WFE_NONCEREJECT="20"):
            until(lambda: answers(port), what="Pebble")
            made = Authority(f"https://127.0.0.1:{port}/dir", trust, names, web)
            web.reply = made.answer
            yield made


def answers(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def own_certificate(key_file: Path) -> bytes:
    """Make a certificate for 127.0.0.1 that trusts itself, and write its key."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "pebble")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    none = serialization.NoEncryption()
    key_file.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, none))
    return made.public_bytes(serialization.Encoding.PEM)


def fits(chain: bytes, key: bytes, folder: Path) -> bool:
    """Return whether a server can use them together."""
    (folder / "chain.pem").write_bytes(chain)
    (folder / "key.pem").write_bytes(key)
    ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(folder / "chain.pem", folder / "key.pem")
    return True
