"""Against wsgidav."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from tawny.delivery.destination import DestinationConnection, DestinationContext
from tawny.delivery.destinations.webdav import WebDav
from tawny.model.errors import TargetMissing, TargetRefused, TargetUnreachable
from tawny.testing.clock import FakeClock
from tawny.testing.contracts.destination import DestinationCase, DestinationContract, content
from tests.delivery.destinations.servers import dav_server

PASSWORD = "a pass:word/@"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[int]:
    (tmp_path / "tawny").mkdir()
    with dav_server(tmp_path, PASSWORD) as port:
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


def test_a_wrong_password_is_told_without_it(server: int) -> None:
    with pytest.raises(TargetRefused) as refused:
        connect(server, password="wrong-password")
    assert "wrong-password" not in str(refused.value)


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
