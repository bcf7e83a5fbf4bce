"""Against wsgidav."""

from collections.abc import Iterator
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import pytest

from tawny.delivery.destination import DestinationConnection, DestinationContext, HttpClient
from tawny.delivery.destinations.webdav import WebDav
from tawny.model.errors import DeliveryError, TargetMissing, TargetRefused, TargetUnreachable
from tawny.testing.clock import FakeClock
from tawny.testing.contracts.destination import CutContent, DestinationCase, DestinationContract, content
from tests.delivery.destinations.servers import dav_server
from tests.support.ports import free_port

PASSWORD = "a pass:word/@"


@pytest.fixture
def mode(tmp_path: Path) -> Path:
    """What the server is told to do wrong."""
    return tmp_path / "mode"


@pytest.fixture
def server(tmp_path: Path, mode: Path) -> Iterator[int]:
    (tmp_path / "tawny").mkdir()
    with dav_server(tmp_path, PASSWORD, mode) as port:
        yield port


def connect(port: int, folder: str = "tawny", password: str = PASSWORD) -> DestinationConnection:
    url = f"dav://cam:{quote(password, safe='')}@127.0.0.1:{port}/{folder}"
    return WebDav().connect(DestinationContext("cloud", url, WebDav().settings(url, {}), FakeClock()))


class TestWebDav(DestinationContract):
    @pytest.fixture
    def target(self, server: int, tmp_path: Path) -> DestinationCase:
        def get(name: str) -> bytes | None:
            path = tmp_path / "tawny" / name
            return path.read_bytes() if path.exists() else None

        return DestinationCase(lambda: connect(server), get, resumes=False)


class TestNextcloud(TestWebDav):
    """A server that refuses the names which Nextcloud and ownCloud refuse."""

    @pytest.fixture(autouse=True)
    def refusing(self, mode: Path) -> None:
        mode.write_text("nextcloud")


def test_a_server_may_take_its_time_for_what_it_was_sent(
    server: int, mode: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tawny.delivery.destination.TIMEOUT_S", 0.3)
    mode.write_text("slow")
    connection = connect(server)
    connection.put("a.jpg", content(), "", lambda _: None)
    connection.close()
    assert (tmp_path / "tawny" / "a.jpg").read_bytes() == b"a picture"


def test_what_arrived_without_an_answer_is_not_sent_again(server: int, mode: Path, tmp_path: Path) -> None:
    notes = list[str]()
    mode.write_text("unanswered")
    with pytest.raises(TargetUnreachable):
        connect(server).put("a.jpg", content(), "", notes.append)
    mode.unlink()
    again, connection = CutContent(b"a picture", 0), connect(server)
    connection.put("a.jpg", again, notes[-1], notes.append)
    connection.close()
    assert (again.first_read, (tmp_path / "tawny" / "a.jpg").read_bytes()) == (-1, b"a picture")


def test_other_content_of_the_same_size_is_sent(server: int, mode: Path, tmp_path: Path) -> None:
    notes = list[str]()
    mode.write_text("unanswered")
    with pytest.raises(TargetUnreachable):
        connect(server).put("a.jpg", content(), "", notes.append)
    mode.unlink()
    connection = connect(server)
    connection.put("a.jpg", content(b"A PICTURE"), notes[-1], notes.append)
    connection.close()
    assert (tmp_path / "tawny" / "a.jpg").read_bytes() == b"A PICTURE"


def test_what_was_cut_off_goes_by_the_name_that_it_would_have(server: int, tmp_path: Path) -> None:
    connection, folder = connect(server), tmp_path / "tawny" / "2026"
    folder.mkdir()
    (folder / "a.mp4.tmp").write_bytes(b"half of it")
    (folder / "b.mp4.part").write_bytes(b"of an earlier version")
    listed = [(one.name, one.size_bytes) for one in connection.files()]
    connection.remove("2026/a.mp4")
    connection.close()
    assert (listed, [one.name for one in folder.iterdir()]) == ([("2026/a.mp4", 10)], ["b.mp4.part"])


def test_the_new_name_at_an_ipv6_address_is_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    moved, entry = (
        list[str](),
        "<d:response><d:href>/a.jpg</d:href><d:getcontentlength>9</d:getcontentlength></d:response>",
    )
    body = f'<d:multistatus xmlns:d="DAV:">{entry}</d:multistatus>'.encode()

    def sent(self: HttpClient, method: str, path: str, body_sent: Any, headers: dict[str, str], *_: Any) -> Any:
        moved.extend([headers["Destination"]] if method == "MOVE" else [])
        return SimpleNamespace(status=207 if method == "PROPFIND" else 201, read=lambda _: body)

    monkeypatch.setattr(HttpClient, "sent", sent)
    url = "dav://cam:secret@[2001:db8::1]:8080/"
    connection = WebDav().connect(DestinationContext("cloud", url, WebDav().settings(url, {}), FakeClock()))
    connection.put("a.jpg", content(), "", lambda _: None)
    assert moved == ["http://[2001:db8::1]:8080/a.jpg"]


def test_a_server_that_is_not_there_is_named_in_words_without_the_number_of_the_error() -> None:
    url = f"dav://cam:secret@127.0.0.1:{free_port()}/"
    context = DestinationContext("cloud", url, WebDav().settings(url, {}), FakeClock())
    with pytest.raises(TargetUnreachable, match=r"\(Connection refused\)"):
        WebDav().connect(context).put("a.jpg", content(), "", lambda _: None)


def test_a_file_that_is_too_large_for_a_server_does_not_mean_that_it_is_full() -> None:
    client = HttpClient("127.0.0.1", 9, tls=False, fingerprint="", headers={}, public="cloud")
    with pytest.raises(DeliveryError, match="the file is too large for this server") as refused:
        client.expect(413, 201)
    assert type(refused.value) is DeliveryError


@pytest.mark.parametrize(
    ("tls", "location", "said"),
    [
        (False, "", "another address (301), often that with https: use `davs://`"),
        (False, "https://cloud.test/", "another address (301), often that with https: use `davs://`"),
        (False, "/dav/a.mp4/", "another address (301): /dav/a.mp4/"),
        (True, "https://new.test/a?token=secret", "another address (301): https://new.test/a"),
        (False, "HTTPS://cloud.test/", "another address (301), often that with https: use `davs://`"),
        (True, "https://anna:secret@new.test/a", "another address (301): https://new.test/a"),
        (True, "https://[secret", "it responded with 301 Moved Permanently"),
        (True, "", "it responded with 301 Moved Permanently"),
    ],
)
def test_where_a_server_leads_is_said(monkeypatch: pytest.MonkeyPatch, tls: bool, location: str, said: str) -> None:
    answer = SimpleNamespace(getheader=lambda *_: location)
    monkeypatch.setattr(HTTPConnection, "request", lambda *_: None)
    monkeypatch.setattr(HTTPConnection, "getresponse", lambda _: answer)
    monkeypatch.setattr(HTTPSConnection, "connect", lambda line: setattr(line, "sock", FakeSocket()))
    client = HttpClient("127.0.0.1", 9, tls=tls, fingerprint="", headers={}, public="cloud")
    client.sent("GET", "/", None, {})
    with pytest.raises(DeliveryError) as refused:
        client.expect(301, 201)
    assert said in refused.value.message
    assert "secret" not in refused.value.message


class FakeSocket:
    def getpeercert(self, **_: bool) -> bytes:
        return b""

    def settimeout(self, _: float) -> None:
        """It never waits."""

    def close(self) -> None:
        """It is not open."""


def test_a_wrong_password_is_told_without_it(server: int) -> None:
    with pytest.raises(TargetRefused) as refused:
        connect(server, password="wrong-password")
    assert "wrong-password" not in str(refused.value)


@pytest.mark.parametrize(("says", "is_sign_in"), [("undeletable", False), ("signed out", True)])
def test_a_login_that_may_not_delete_is_not_one_that_is_refused(
    server: int, mode: Path, says: str, *, is_sign_in: bool
) -> None:
    """Apache answers both with 401."""
    connection = connect(server)
    mode.write_text(says)
    with pytest.raises(TargetRefused) as refused:
        connection.remove("a.jpg")
    connection.close()
    assert refused.value.is_sign_in is is_sign_in


def test_a_folder_that_is_not_there_is_told(server: int) -> None:
    with pytest.raises(TargetMissing):
        connect(server, "nowhere")


def test_nobody_there_is_told() -> None:
    with pytest.raises(TargetUnreachable):
        connect(9)


def test_empty_folders_go_with_their_last_file(server: int, tmp_path: Path) -> None:
    connection = connect(server)
    connection.put("2026/11/a.jpg", content(), "", lambda _: None)
    connection.remove("2026/11/a.jpg")
    connection.close()
    assert list((tmp_path / "tawny").iterdir()) == []
