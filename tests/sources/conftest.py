"""What tests of RTSP share: they run over both clients, ours and FFmpeg's."""

import pytest

from tawny.sources.rtsp import source
from tawny.sources.rtsp.client import connection


@pytest.fixture(params=["own", "ffmpeg"])
def client(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Who reads cameras in this test."""
    name = str(request.param)
    monkeypatch.setitem(source.DEFAULTS, "client", name)
    return name


@pytest.fixture
def short_deadline_s(client: str, monkeypatch: pytest.MonkeyPatch) -> float:
    """Cameras are given up so soon in this test."""
    deadline_s = 1.5
    monkeypatch.setattr(connection, "OPEN_S", deadline_s)
    monkeypatch.setattr("tawny.sources.rtsp.ffmpeg_connection.DEADLINE_S", deadline_s)
    return deadline_s
