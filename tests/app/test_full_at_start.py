"""A start on a full disk: the oldest recordings are deleted, and if that is not enough, cameras are recorded still."""

from pathlib import Path
from typing import Any

import pytest

from tawny.api.auth.accounts import Accounts
from tawny.app.running import RecorderRuntime
from tawny.fleet.sqlite_fleet_index import SqliteFleetIndex
from tawny.model.errors import DiskFull
from tawny.model.times import SystemClock
from tawny.service.plugin_registry import PluginRegistry
from tawny.storage.disk.disk import DiskCapacity
from tawny.storage.disk.volume import Volume
from tests.app.rig import settings
from tests.e2e.live_server import live_server
from tests.storage.bench import Site


def refuse(*_: Any, **__: Any) -> str:
    raise DiskFull("accounts.db")


@pytest.mark.parametrize("is_demo", [False, True])
def test_a_start_with_a_full_disk_goes_on_without_a_link(
    is_demo: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Accounts, "new_token", refuse)
    monkeypatch.setattr(SqliteFleetIndex, "invite", refuse)
    with live_server(settings("[hub]\nenabled = true\n"), tmp_path) as server:
        data, text = server.web.welcome(is_demo=is_demo)
        assert data["address"] == server.base
        assert (data["link"], data.get("join")) == (None, None)
        assert server.base in text
        assert "accounts.db is full" in text
        assert "`tawny setup-link`" in text


def test_the_start_names_an_rtsp_address_that_other_devices_can_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAWNY_HOST_NAME", "garage")
    with live_server(settings(""), tmp_path) as server:
        monkeypatch.setattr(server.web.site, "rtsp", "0.0.0.0:8554")
        assert "For other apps: rtsp://garage.local:8554/CAMERA" in server.web.welcome(is_demo=False)[1]


@pytest.mark.parametrize(("free_bytes", "has_room"), [(1000, True), (1 << 30, False)])
def test_a_full_disk_gets_room_before_recording_begins(
    free_bytes: int, has_room: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Retention starts after the interface: without room, the start of a recorder that records would fail."""
    site = Site(tmp_path)
    for age_min in (60 * 24, 60 * 23, 60 * 22):
        site.put(age_min)
    site.index.close()
    monkeypatch.setattr(Volume, "space", lambda _: DiskCapacity(free_bytes, 1 << 32))
    chosen = settings('[storage.retention]\nmin_free = "0 %"\n')
    running = RecorderRuntime.open(chosen, tmp_path, SystemClock(), PluginRegistry({}, {}))
    running.make_room()
    assert bool(list(running.index.all_segments())) is not has_room
    running.close("person")
