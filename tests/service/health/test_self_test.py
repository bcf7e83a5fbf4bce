"""The nightly self-test: at night and once, it plays and compares, and finds what does not play or has changed."""

import random
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tawny.engine import Bus, InlineEngine
from tawny.media.mp4.segment_reader import read_segment
from tawny.model.errors import FolderUnwritable
from tawny.model.ids import CameraId, RunId, StreamName
from tawny.model.packets import Packet
from tawny.recorder.recorder import SegmentRecorder
from tawny.sealed.key_wrapping import Identity
from tawny.service.health.self_test import PATH, SelfTest, SelfTester
from tawny.storage.disk.secondary_volumes import VolumeUse, join
from tawny.storage.disk.volume import Volume, copy
from tawny.storage.history.signed_history import SignedHistory
from tawny.storage.index.memory_index import MemoryIndex
from tawny.storage.index.protocol import Index
from tawny.storage.sealing.epoch_keys import CameraSealing, EpochKeys
from tawny.stream.hub import Hub
from tawny.testing.clips import ClipSpec, made_clip
from tawny.testing.clock import FakeClock

PORCH = CameraId("porch")


class Night:
    def __init__(self, folder: Path, begin: str = "2026-11-19T20:00:00Z") -> None:
        self.clock, self.folder = FakeClock(begin), folder
        self.failed: list[str] = []
        self.engine = InlineEngine(self.clock, lambda name, error: self.failed.append(f"{name}: {error!r}"))
        self.volume, self.index = Volume.at(folder), MemoryIndex()
        _record(self.volume, self.index, self.clock)
        self.test = self.tester()
        self.test.start(self.engine)

    def tester(self) -> SelfTester:
        return SelfTester(
            self.volume, self.index, self.clock, ZoneInfo("Europe/Berlin"), lambda: [PORCH], random.Random(1)
        )

    def pass_on(self, hours: float = 24.0) -> None:
        self.engine.run_for(hours * 3600)
        assert self.failed == []

    @property
    def last(self) -> SelfTest:
        assert self.test.last is not None
        return self.test.last

    @property
    def path(self) -> Path:
        (segment,) = self.index.all_segments()
        return self.folder / segment.path


def _record(volume: Volume, index: Index, clock: FakeClock, seals: EpochKeys | None = None) -> None:
    engine = InlineEngine(clock, lambda _, error: pytest.fail(str(error)))
    recorder, hub = SegmentRecorder(volume, index, clock, Bus(), seals=seals), Hub()
    recorder.start(engine)
    recorder.add(PORCH, StreamName.MAIN, hub)
    begin_ms = clock.now_ms()
    for number, one in enumerate(made_clip(ClipSpec(seconds=4.0)).packets):
        at_ms = begin_ms + round(one.pts * 1000 / one.format.rate)
        hub.append(Packet(RunId("run-1"), number, one.format, one.data, one.pts, at_ms, one.is_keyframe))
        engine.run_for(0.02)
    recorder.end_all()
    engine.run_for(5)


@pytest.fixture
def night(tmp_path: Path) -> Night:
    return Night(tmp_path)


def test_a_restart_does_not_forget_what_it_found(night: Night) -> None:
    data = bytearray(night.path.read_bytes())
    data[len(data) // 2] ^= 1
    night.path.write_bytes(data)
    night.pass_on(8)
    assert night.last.problems
    assert night.tester().last == night.last


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b'{"at_ms": "x"}'])
def test_a_result_that_cannot_be_read_is_none(night: Night, content: bytes) -> None:
    night.volume.write_whole(PATH, content)
    assert night.tester().last is None


def test_it_runs_at_night_and_once(night: Night) -> None:
    night.pass_on(5.9)
    assert night.test.last is None
    night.pass_on(1.2)
    first = night.last
    assert (first.minutes, first.files, first.problems) == (1, 1, ())
    night.pass_on(22)
    assert night.last is first
    night.pass_on(2)
    assert night.last is not first


@pytest.mark.parametrize("is_restarted", [False, True])
def test_a_computer_that_is_asleep_or_off_at_night_makes_up_for_it_by_day(night: Night, *, is_restarted: bool) -> None:
    night.clock.advance(11 * 3600)  # until 8:00
    if is_restarted:
        night.test.last, night.test = None, night.tester()
        night.test.start(night.engine)
    night.pass_on(0.1)
    assert night.test.last is None, "its disks may appear late"
    night.pass_on(0.2)
    first = night.last
    assert (first.minutes, first.night) == (1, "2026-11-20")
    night.pass_on(12)
    assert night.last is first


def test_a_computer_that_sleeps_every_night_waits_for_its_disks_each_day(night: Night) -> None:
    for day in (20, 21):
        night.clock.advance(11 * 3600)  # until 8:00
        night.pass_on(0.1)
        assert night.test.last is None or night.last.night < f"2026-11-{day}"
        night.pass_on(12.9)
        assert night.last.night == f"2026-11-{day}"


def test_a_computer_that_sleeps_again_before_it_made_up_for_the_night_waits_again(night: Night) -> None:
    for hours in (11, 1):  # until 8:00, and an hour more
        night.clock.advance(hours * 3600)
        night.pass_on(0.1)
        assert night.test.last is None
    night.pass_on(0.1)
    assert night.last.night == "2026-11-20"


def test_no_first_day_begins_with_it(tmp_path: Path) -> None:
    night = Night(tmp_path, "2026-11-19T08:00:00Z")
    night.pass_on(12)
    assert night.test.last is None


def test_a_test_that_was_asked_for_by_day_makes_up_for_the_night(night: Night) -> None:
    night.clock.advance(11 * 3600)
    night.test.ask()
    night.pass_on(0.01)
    asked = night.last
    night.pass_on(12)
    assert night.last is asked


def test_a_bit_that_changed_is_found(night: Night) -> None:
    fragment = read_segment(night.path).fragments[1]
    data = bytearray(night.path.read_bytes())
    data[fragment.offset + fragment.size - 9] ^= 1
    night.path.write_bytes(data)
    night.pass_on()
    assert any("changed on disk: 1 of" in one for one in night.last.problems)


def test_a_file_that_does_not_play_is_found(night: Night) -> None:
    read = read_segment(night.path)
    data = bytearray(night.path.read_bytes())
    for fragment in read.fragments:
        begin = fragment.offset + fragment.head_bytes + 8 + 5
        data[begin : fragment.offset + fragment.size] = bytes([0xAA]) * (fragment.offset + fragment.size - begin)
    night.path.write_bytes(data)
    night.pass_on()
    assert any("doesn't play" in one or "changed" in one for one in night.last.problems)


@pytest.mark.parametrize("is_changed", [False, True])
def test_an_encrypted_file_is_compared_on_the_disk_that_holds_it(tmp_path: Path, *, is_changed: bool) -> None:
    night = Night(tmp_path / "main")
    night.index.drop_segments(list(night.index.all_segments()))
    policy = CameraSealing((Identity.new().recipient,))
    history = SignedHistory.opened(night.volume.disk, night.clock.now_ms())
    _record(night.volume, night.index, night.clock, EpochKeys(history, night.clock, lambda _: policy))
    (segment,) = night.index.all_segments()
    tier = join(night.volume, tmp_path / "tier", VolumeUse.TIER)
    copy(night.volume, tier, segment.path)
    night.path.unlink()
    if is_changed:
        data = bytearray((tier.root / segment.path).read_bytes())
        data[len(data) // 2] ^= 1
        (tier.root / segment.path).write_bytes(data)
    night.pass_on()
    assert night.last.files == 1
    assert any("changed on disk" in one for one in night.last.problems) == is_changed


def test_a_file_that_is_gone_is_found(night: Night) -> None:
    night.path.unlink()
    night.pass_on()
    assert len(night.last.problems) == 2


def test_a_camera_that_never_recorded_is_no_problem(tmp_path: Path) -> None:
    night = Night(tmp_path)
    night.index.drop_segments(list(night.index.all_segments()))
    night.pass_on()
    assert (night.last.minutes, night.last.problems) == (0, ())


def test_it_can_be_asked_for_at_any_time_and_writes_to_the_disk_too(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    night.test.ask()
    running = [night.test.is_running]
    night.pass_on(0.01)
    assert [*running, night.test.is_running] == [True, False]
    assert (night.last.minutes, night.last.files, night.last.problems) == (1, 1, ())

    def refuses() -> None:
        raise FolderUnwritable("/srv/video", "Read-only file system")

    monkeypatch.setattr(night.volume, "check_writable", refuses)
    night.test.ask()
    night.pass_on(0.01)
    assert "Read-only file system" in night.last.problems[0]
    assert night.last.minutes == 1


def test_the_next_night_has_its_own_whatever_was_asked_for_by_day(night: Night) -> None:
    night.pass_on(14)
    night.test.ask()
    night.pass_on(0.01)
    asked = night.last
    night.pass_on(18)
    assert night.last is not asked


def test_a_restart_within_the_hour_runs_it_no_second_time(night: Night) -> None:
    night.pass_on(6.1)
    first = night.last
    night.test = night.tester()
    night.test.start(night.engine)
    night.pass_on(0.5)
    assert night.last == first
