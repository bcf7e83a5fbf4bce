from pathlib import Path

import pytest

from tests.playback.archives import FakeArchive


@pytest.fixture
def archive(tmp_path: Path) -> FakeArchive:
    return FakeArchive(tmp_path)
