"""Images of each camera at even intervals, also where nothing moves."""

from pathlib import Path

import pytest

from tawny.config.settings import Settings
from tawny.model.errors import DiskFull
from tawny.model.ids import CameraId, StreamName
from tawny.model.states import CameraState
from tawny.model.times import Span
from tawny.service.retention.periodic_snapshots import PeriodicSnapshots, delete_snapshots
from tawny.storage.disk.secondary_volumes import VolumeUse, join
from tawny.storage.disk.volume import Volume
from tawny.stream.hub import Hub
from tawny.testing.clock import FakeClock
from tests.live.cameras import numbered, video

PORCH = CameraId("porch")
TABLE = {
    "cameras": {PORCH: {"source": "demo:"}},
    "storage": {"snapshots": {"interval": "1 h", "retention": "2 days"}},
}


class Place:
    """A camera that sends, on a clock of its own. state: of the camera."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.clock = folder, FakeClock("2026-11-20T05:10:00Z")
        self.volume = Volume.at(folder)
        self.settings = Settings.model_validate(TABLE)
        self.state: CameraState | None = CameraState.RECORDING
        self.keeper = self.started()

    def started(self) -> PeriodicSnapshots:
        return PeriodicSnapshots(self.volume, lambda: self.settings, self.hub, lambda _: self.state, self.clock)

    def hub(self, camera: CameraId, stream: StreamName) -> Hub | None:
        hub = Hub()
        for packet in numbered(video(start_ms=self.clock.now_ms() - 2000)):
            hub.append(packet)
        return hub if (camera, stream) == (PORCH, StreamName.MAIN) else None

    def pass_hours(self, hours: float) -> None:
        for _ in range(round(hours * 4)):
            self.clock.advance(900)
            self.keeper.step()

    def files(self) -> list[str]:
        return sorted(str(one.relative_to(self.folder / "snapshots")) for one in self.folder.rglob("*.jpg"))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.mark.parametrize("use", [VolumeUse.SPARE, VolumeUse.TIER])
def test_images_on_the_fallback_disk_are_deleted_too(place: Place, tmp_path: Path, use: VolumeUse) -> None:
    """They would come back when they are moved to the main disk. use: TIER: it was one before."""
    Volume.at(tmp_path / "spare").write_whole("history/moving", b"")
    spare = join(place.volume, tmp_path / "spare", use)
    for name in ("20261120T045500.000Z", "20261120T055500.000Z"):
        spare.write_whole(f"snapshots/{PORCH}/2026/11/20/{name}.jpg", b"hourly")
    delete_snapshots(place.volume, PORCH, Span(0, place.clock.now_ms()))
    assert [path.stem for path in spare.root.rglob("*.jpg")] == ["20261120T055500.000Z"]


@pytest.mark.shows("RC23")
def test_an_image_is_saved_every_hour_by_the_clock(place: Place) -> None:
    place.keeper.step()
    place.pass_hours(2)
    assert place.files() == [f"porch/2026/11/20/20261120T{time}.000Z.jpg" for time in ("051000", "061000", "071000")]
    data = (place.folder / "snapshots" / place.files()[0]).read_bytes()
    assert data[:2] == b"\xff\xd8"
    place.keeper = place.started()
    place.keeper.step()
    assert len(place.files()) == 3, "a restart takes none anew"


@pytest.mark.parametrize("state", [CameraState.PAUSED, CameraState.OFF, CameraState.OFFLINE, None])
def test_a_camera_that_is_not_recorded_has_none(place: Place, state: CameraState | None) -> None:
    place.state = state
    place.pass_hours(2)
    assert place.files() == []
    place.state = CameraState.WAITING
    place.keeper.step()
    assert len(place.files()) == 1


def test_old_ones_go_with_their_folders_and_other_files_stay(place: Place) -> None:
    old = place.folder / "snapshots/porch/2026/10/01"
    mine = place.folder / "snapshots/porch/2026/09/30"
    for folder in (old, mine):
        folder.mkdir(parents=True)
        (folder / "20261001T050000.000Z.jpg").write_bytes(b"old")
    (mine / "note.jpg").write_bytes(b"mine")
    place.keeper.step()
    place.pass_hours(24)
    assert not old.exists() and not old.parent.exists()
    assert [one.name for one in mine.iterdir()] == ["note.jpg"]
    place.pass_hours(48)
    assert len([name for name in place.files() if "T" in name]) in (48, 49, 50)


def test_it_is_off_unless_it_is_set_and_in_memory_mode(place: Place) -> None:
    for storage in ({}, {"mode": "memory", "snapshots": {"interval": "1 h"}}):
        place.settings = Settings.model_validate({**TABLE, "storage": storage})
        place.pass_hours(2)
        assert place.files() == []


def test_a_full_disk_is_said_and_the_next_hour_is_tried(
    place: Place, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object) -> str:
        raise DiskFull("/data", "no space left on device")

    right = place.volume.write_whole
    monkeypatch.setattr(place.volume, "write_whole", full)
    place.keeper.step()
    place.keeper.step()
    assert len([line for line in caplog.messages if "periodic snapshot" in line]) == 1
    monkeypatch.setattr(place.volume, "write_whole", right)
    place.pass_hours(1)
    assert len(place.files()) == 1


YEAR_S = 365 * 86_400


@pytest.mark.parametrize("restarts", [True, False])
def test_a_clock_that_is_ahead_for_a_while_deletes_nothing_and_saving_goes_on(place: Place, *, restarts: bool) -> None:
    place.keeper.step()
    place.pass_hours(2)
    before = set(place.files())
    place.clock.jump_utc(YEAR_S)
    if restarts:
        place.keeper = place.started()
    place.pass_hours(2)
    assert before < set(place.files())
    place.clock.jump_utc(-YEAR_S)
    if restarts:
        place.keeper = place.started()
    place.pass_hours(10)
    assert before < set(place.files())
    assert len([name for name in place.files() if "/2026/" in name]) == 3 + 11, (
        "those of before, and of 9 to 19 o'clock"
    )


def test_a_clock_that_stays_ahead_is_believed_after_a_day(place: Place) -> None:
    place.keeper.step()
    before = set(place.files())
    place.clock.jump_utc(YEAR_S)
    place.keeper = place.started()
    place.pass_hours(23)
    assert before < set(place.files())
    place.pass_hours(2)
    assert not before & set(place.files())
