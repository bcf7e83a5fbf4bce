from pathlib import Path

import pytest

from tawny.delivery.destination import DestinationContext
from tawny.delivery.destinations.folder import FolderDestination
from tawny.model.errors import DeliveryError, TargetMissing
from tawny.testing.clock import FakeClock
from tawny.testing.contracts.destination import DestinationCase, DestinationContract, content


def opening(path: Path) -> DestinationContext:
    return DestinationContext("nas", f"folder:{path}", {}, FakeClock())


class TestFolder(DestinationContract):
    @pytest.fixture
    def target(self, tmp_path: Path) -> DestinationCase:
        def get(name: str) -> bytes | None:
            path = tmp_path / name
            return path.read_bytes() if path.exists() else None

        return DestinationCase(lambda: FolderDestination().connect(opening(tmp_path)), get)


def test_a_disk_that_is_not_mounted_is_told(tmp_path: Path) -> None:
    with pytest.raises(TargetMissing, match="mounted"):
        FolderDestination().connect(opening(tmp_path / "nowhere"))


@pytest.mark.parametrize("name", ["../a.jpg", "/etc/passwd", "a/../../b", ""])
def test_nothing_outside_is_written(tmp_path: Path, name: str) -> None:
    with pytest.raises(DeliveryError):
        FolderDestination().connect(opening(tmp_path)).put(name, content(), "", lambda _: None)


def test_empty_folders_go_with_their_last_file(tmp_path: Path) -> None:
    connection = FolderDestination().connect(opening(tmp_path))
    connection.put("2026/11/a.jpg", content(), "", lambda _: None)
    connection.remove("2026/11/a.jpg")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("url", ["folder:relative/path", "folder:"])
def test_a_path_is_whole(url: str) -> None:
    with pytest.raises(ValueError, match="absolute path"):
        FolderDestination().settings(url, {})
