"""Against pyftpdlib, plain and inside TLS."""

import hashlib
import os
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from ftplib import FTP
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from tawny.delivery.delivery import in_memory
from tawny.delivery.destination import DestinationConnection, DestinationContext, RemoteFile
from tawny.delivery.destinations.ftp import TIMEOUT_S, Ftp
from tawny.model.errors import DeliveryError, StrangeTarget, TargetMissing, TargetRefused, TargetUnreachable
from tawny.testing.clock import FakeClock
from tawny.testing.contracts.destination import Cut, CutContent, DestinationCase, DestinationContract, content
from tests.delivery.certificates import self_signed
from tests.delivery.destinations.servers import ftp_server

PASSWORD = "a pass:word/@"


def serving(root: Path, certificate: str = "", mode: Path | None = None) -> AbstractContextManager[int]:
    return ftp_server(root, PASSWORD, certificate, mode)


@contextmanager
def serving_as(text: str, folder: Path) -> Iterator[tuple[int, Path]]:
    """A server that is told what it can't do; its port and its root."""
    root, mode = folder / "root", folder / "mode"
    root.mkdir()
    mode.write_text(text)
    with serving(root, mode=mode) as port:
        yield port, root


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


class TestWithoutResuming(DestinationContract):
    """As ProFTPD is by default."""

    @pytest.fixture
    def target(self, tmp_path: Path) -> Iterator[DestinationCase]:
        with serving_as("no-rest", tmp_path) as (port, root):
            yield replace(target(root, port, "ftp"), resumes=False)


class TestWithoutFacts(DestinationContract):
    """As vsftpd is: names can be listed, nothing about them."""

    @pytest.fixture
    def target(self, tmp_path: Path) -> Iterator[DestinationCase]:
        with serving_as("no-mlsd", tmp_path) as (port, root):
            yield target(root, port, "ftp")


@pytest.mark.parametrize("said", ["", "no-mlsd"])
def test_a_listed_file_has_its_size_and_time(tmp_path: Path, said: str) -> None:
    with serving_as(said, tmp_path) as (port, root):
        (root / "a.jpg").write_bytes(b"a picture")
        os.utime(root / "a.jpg", (1_700_000_000, 1_700_000_000))
        connection = connect(port)
        listed = list(connection.files())
        connection.close()
    assert listed == [RemoteFile("a.jpg", 9, 1_700_000_000_000)]


def test_a_list_that_is_refused_is_told(tmp_path: Path) -> None:
    with serving_as("", tmp_path) as (port, root):
        connection = connect(port)
        root.rmdir()
        with pytest.raises(DeliveryError, match="No such directory"):
            list(connection.files())
        connection.close()


def test_a_deletion_that_is_refused_is_told(tmp_path: Path) -> None:
    with serving_as("no-delete", tmp_path) as (port, root):
        (root / "a.jpg").write_bytes(b"a picture")
        connection = connect(port)
        with pytest.raises(TargetRefused, match="550"):
            connection.remove("a.jpg")
        connection.remove("missing.jpg")
        connection.close()


def test_a_login_that_may_not_delete_replaces_what_was_cut_off(tmp_path: Path) -> None:
    notes = list[str]()
    with serving_as("no-delete", tmp_path) as (port, root):
        (root / "a.jpg.part").write_bytes(b"of another one")
        connection = connect(port)
        connection.put("a.jpg", content(), "", notes.append)
        connection.close()
        assert ((root / "a.jpg").read_bytes(), notes) == (b"a picture", [""])


def test_a_server_may_take_its_time_for_a_whole_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It scans the file, or moves it to its storage. After a shorter limit, each try would end there again."""
    monkeypatch.setattr("tawny.delivery.destinations.ftp.TIMEOUT_S", 1.0)
    with serving_as("scans", tmp_path) as (port, root):
        connection = connect(port)
        connection.put("a.jpg", content(), "", lambda _: None)
        connection.close()
        assert (root / "a.jpg").read_bytes() == b"a picture"


def test_only_what_takes_long_for_a_whole_file_is_waited_for_longer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that went away would hold the courier."""
    asked, ask = dict[str, float](), FTP.putcmd

    def asking(ftp: FTP, line: str) -> None:
        assert ftp.sock is not None
        asked[line.split()[0]] = ftp.sock.gettimeout() or 0.0
        ask(ftp, line)

    with serving(tmp_path) as port:
        connection = connect(port)
        monkeypatch.setattr(FTP, "putcmd", asking)
        connection.put("porch/a.jpg", content(), "", lambda _: None)
        connection.close()
    assert {"MKD", "SIZE", "STOR"} < asked.keys()
    assert {verb for verb, wait_s in asked.items() if wait_s > TIMEOUT_S} == {"DELE", "RNFR", "RNTO"}


def test_what_is_there_whole_is_not_sent_again(tmp_path: Path) -> None:
    with serving_as("full", tmp_path) as (port, root):
        (root / "a.jpg.part").write_bytes(b"a picture")
        connection = connect(port)
        connection.put("a.jpg", content(), content().sha256, lambda _: None)
        connection.close()
        assert (root / "a.jpg").read_bytes() == b"a picture"


def test_what_was_cut_off_goes_by_the_name_that_it_would_have(tmp_path: Path) -> None:
    with serving(tmp_path) as port:
        connection = connect(port)
        with pytest.raises(Cut):
            connection.put("2026/a.mp4", CutContent(bytes(3_000_000), 2_000_000), "", lambda _: None)
        connection.close()
        again = connect(port)
        listed = [one.name for one in again.files()]
        again.remove("2026/a.mp4")
        again.close()
    assert (listed, list(tmp_path.iterdir())) == (["2026/a.mp4"], [])


def test_what_is_no_utf_8_is_latin_1(tmp_path: Path) -> None:
    with serving_as("latin-1", tmp_path) as (port, root):
        (root / "Küche.jpg").write_bytes(b"a picture")
        connection = connect(port)
        listed = [one.name for one in connection.files()]
        connection.close()
    assert listed == ["Küche.jpg"]


@pytest.mark.parametrize("reply", [b"hello\r\n", b"220 hi\r\n331 pw\r\n230 in\r\n200 ok\r\nx\r\n"])
def test_what_is_no_ftp_is_told(reply: bytes) -> None:
    def answer(listening: socket.socket) -> None:
        with listening.accept()[0] as caller:
            caller.sendall(reply)

    with socket.create_server(("127.0.0.1", 0)) as listening, ThreadPoolExecutor(1) as pool:
        pool.submit(answer, listening)
        with pytest.raises(DeliveryError):
            connect(listening.getsockname()[1])


def test_a_host_name_that_cannot_be_is_told() -> None:
    url = f"ftp://cam:secret@{'a' * 64}.example/"
    with pytest.raises(DeliveryError):
        Ftp().connect(DestinationContext("nas", url, Ftp().settings(url, {}), FakeClock()))


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
