"""Against pyftpdlib, plain and inside TLS."""

import hashlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from tawny.delivery.delivery import in_memory
from tawny.delivery.destination import DestinationConnection, DestinationContext
from tawny.delivery.destinations.ftp import Ftp
from tawny.model.errors import StrangeTarget, TargetMissing, TargetRefused, TargetUnreachable
from tawny.testing.clock import FakeClock
from tawny.testing.contracts.destination import DestinationCase, DestinationContract
from tests.delivery.certificates import self_signed
from tests.delivery.destinations.servers import ftp_server

PASSWORD = "a pass:word/@"


def serving(root: Path, certificate: str = "") -> AbstractContextManager[int]:
    return ftp_server(root, PASSWORD, certificate)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Signed by nobody, with its key."""
    path = self_signed(tmp_path_factory.mktemp("certificate"))
    made = x509.load_pem_x509_certificate(path.read_bytes())
    path.with_suffix(".sha256").write_text(made.fingerprint(hashes.SHA256()).hex())
    return path


def connect(
    port: int, scheme: str = "ftp", folder: str = "", password: str = PASSWORD, **table: Any
) -> DestinationConnection:
    url = f"{scheme}://cam:{quote(password, safe='')}@127.0.0.1:{port}/{folder}"
    options = Ftp().settings(url, table)
    return Ftp().connect(DestinationContext("nas", url, options, FakeClock()))


def target(root: Path, port: int, scheme: str, fingerprint: str = "") -> DestinationCase:
    (root / "tawny").mkdir()

    def get(name: str) -> bytes | None:
        path = root / "tawny" / name
        return path.read_bytes() if path.exists() else None

    return DestinationCase(lambda: connect(port, scheme, "tawny", fingerprint=fingerprint), get)


class TestPlain(DestinationContract):
    @pytest.fixture
    def target(self, tmp_path: Path) -> Iterator[DestinationCase]:
        with serving(tmp_path) as port:
            yield target(tmp_path, port, "ftp")


class TestInsideTls(DestinationContract):
    @pytest.fixture
    def target(self, tmp_path: Path, certificate: Path) -> Iterator[DestinationCase]:
        with serving(tmp_path, str(certificate)) as port:
            yield target(tmp_path, port, "ftps", certificate.with_suffix(".sha256").read_text())


@pytest.mark.shows("PK22")
def test_a_certificate_that_nobody_signed_is_refused_before_the_password(tmp_path: Path, certificate: Path) -> None:
    with serving(tmp_path, str(certificate)) as port:
        with pytest.raises(StrangeTarget, match="its certificate isn't valid"):
            connect(port, "ftps")
        with pytest.raises(StrangeTarget, match="fingerprint"):
            connect(port, "ftps", fingerprint=hashlib.sha256(b"another").hexdigest())


def test_a_wrong_password_is_told_without_it(tmp_path: Path) -> None:
    with serving(tmp_path) as port, pytest.raises(TargetRefused) as refused:
        connect(port, password="wrong-password")
    assert "wrong-password" not in str(refused.value)


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with serving(tmp_path) as port, pytest.raises(TargetMissing):
        connect(port, folder="nowhere")


def test_a_folder_that_is_not_there_is_created_on_request(tmp_path: Path) -> None:
    with serving(tmp_path) as port:
        for _ in range(2):
            connection = connect(port, folder="cam/front", create_folder=True)
            connection.put("2026/a.mp4", in_memory(b"a", "video/mp4", 1000), "", lambda _: None)
            connection.close()
    assert (tmp_path / "cam" / "front" / "2026" / "a.mp4").read_bytes() == b"a"


def test_nobody_there_is_told(tmp_path: Path) -> None:
    with serving(tmp_path) as port:
        pass
    with pytest.raises(TargetUnreachable):
        connect(port)


@pytest.mark.parametrize(
    ("url", "table", "says"),
    [
        ("ftps://", {}, "an address"),
        ("ftps://host/%0d%0aDELE x", {}, "line breaks"),
        ("ftps://host/x", {"fingerprint": "abc"}, "64 hex digits"),
        ("ftps://host/x", {"user": "cam"}, "unknown key"),
    ],
)
def test_settings_that_cannot_be_are_told(url: str, table: dict[str, str], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Ftp().settings(url, table)
