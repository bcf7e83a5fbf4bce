"""A start on a full disk: the oldest recordings are deleted, and if that is not enough, cameras are recorded still."""

from pathlib import Path
from typing import Any

import pytest

from tawny.api.auth.accounts import Accounts, TokenPurpose
from tawny.app.running import RecorderRuntime
from tawny.delivery.delivery import Delivery, DeliveryKind
from tawny.delivery.outbox import Outbox
from tawny.fleet.sqlite_fleet_index import SqliteFleetIndex
from tawny.model.errors import DiskFull
from tawny.model.times import SystemClock, utc_text
from tawny.service.plugin_registry import PluginRegistry
from tawny.storage.disk.disk import DiskCapacity, QuotaReached
from tawny.storage.disk.lock import VolumeLock
from tawny.storage.disk.volume import Volume
from tawny.storage.history.signed_history import SignedHistory
from tawny.storage.index import opening
from tests.app.rig import settings
from tests.e2e.live_server import live_server
from tests.storage.bench import PORCH, Site


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


def test_a_start_for_a_damaged_index_keeps_the_link_for_the_owner_while_it_is_valid(tmp_path: Path) -> None:
    with live_server(settings(""), tmp_path) as server:
        accounts = server.web.accounts
        assert server.web.welcome(is_demo=False, is_again=True)[0]["link"]  # such as of a recorder in memory
        assert server.web.welcome(is_demo=False, is_again=True)[0]["link"] is None
        accounts.new_token(TokenPurpose.CLAIM, lasts_ms=0)
        assert server.web.welcome(is_demo=False, is_again=True)[0]["link"]


def test_the_start_names_an_rtsp_address_that_other_devices_can_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAWNY_HOST_NAME", "garage")
    with live_server(settings(""), tmp_path) as server:
        monkeypatch.setattr(server.web.site, "rtsp", "0.0.0.0:8554")
        assert "For other apps: rtsp://garage.local:8554/CAMERA" in server.web.welcome(is_demo=False)[1]


@pytest.mark.parametrize("is_full", [True, False])
def test_a_full_disk_gets_room_before_recording_begins(
    is_full: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Retention starts after the interface: without room, the start of a recorder that records would fail. What the
    disk says doesn't count: at a quota it says that it has space."""
    site = Site(tmp_path)
    for age_min in (60 * 24, 60 * 23, 60 * 22):
        site.put(age_min)
    site.index.close()
    monkeypatch.setattr(Volume, "space", lambda _: DiskCapacity(1 << 30, 1 << 32))
    chosen = settings('[storage.retention]\nmin_free = "0 %"\n')
    running = RecorderRuntime.open(chosen, tmp_path, SystemClock(), PluginRegistry({}, {}))
    with monkeypatch.context() as at_quota:
        if is_full:
            at_quota.setattr(opening, "full_by_trial", lambda *_: QuotaReached(str(tmp_path)))
        running.make_room()
    assert bool(list(running.index.all_segments())) is not is_full
    running.close("person")


@pytest.mark.parametrize(
    ("target", "folder", "stays"),
    [("nas", 'destinations.nas.url = "sftp://nas/tawny"', True), ("gone", "", False), ("files box", "", False),
     ("files box", 'files.box.folder = "{}/box"', True)],
)  # fmt: skip
def test_a_start_deletes_nothing_that_waits_for_upload(target: str, folder: str, stays: bool, tmp_path: Path) -> None:
    """Also before the delivery service runs: retention may be the first."""
    with_one_that_waits(tmp_path, target)
    chosen = settings(f'{folder.format(tmp_path)}\n[storage.retention]\nmin = "1 day"\nmax = "7 days"\n')
    running = RecorderRuntime.open(chosen, tmp_path, SystemClock(), PluginRegistry.opened())
    running.parts.stored.retention.run()
    assert bool(list(running.index.all_segments())) is stays
    running.close("person")


def test_a_damaged_outbox_keeps_no_start_from_making_room(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with_one_that_waits(tmp_path, "nas")
    (tmp_path / "outbox.db").write_bytes(b"damaged" * 1000)
    chosen = settings('destinations.nas.url = "sftp://nas/tawny"\n[storage.retention]\nmin = "1 day"\nmax = "7 days"\n')
    running = RecorderRuntime.open(chosen, tmp_path, SystemClock(), PluginRegistry.opened())
    running.parts.stored.retention.run()
    assert "wait for upload aren't known yet" in caplog.text
    assert not list(running.index.all_segments())
    running.close("person")


def with_one_that_waits(folder: Path, target: str) -> None:
    """A recording of eight days ago, and an outbox that has it."""
    site = Site(folder, utc_text(SystemClock().now_ms()))
    old = site.put(8 * 1440)
    site.index.close()
    outbox = Outbox(folder / "outbox.db", site.clock)
    at_ms = site.clock.now_ms()
    outbox.add(
        [Delivery(target, old.path, DeliveryKind.FOOTAGE, {}, at_ms, old.start_ms, camera=PORCH, needs=old.span)]
    )
    outbox.close()


@pytest.mark.parametrize("what", ["lock", "signed history"])
def test_a_start_that_cannot_write_makes_room_first(what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At a quota, or where each write takes new space. It gives up the reserve."""
    reserve = tmp_path / "history/reserve"
    reserve.parent.mkdir()
    reserve.write_bytes(bytes(1000))
    of, name = (VolumeLock, "take") if what == "lock" else (SignedHistory, "opened")
    opened = getattr(of, name)

    def refuse_while_full(*args: Any) -> Any:
        if reserve.exists():
            raise QuotaReached(what)
        return opened(*args)

    monkeypatch.setattr(of, name, refuse_while_full)
    running = RecorderRuntime.open(settings(""), tmp_path, SystemClock(), PluginRegistry({}, {}))
    running.close("person")
    assert not reserve.exists()
