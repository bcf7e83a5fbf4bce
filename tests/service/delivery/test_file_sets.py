"""Sets of files: cut from recordings by the clock, by events and around their transitions; whole, once, and named."""

import errno
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import Mock
from zoneinfo import ZoneInfo

import av
import pytest

from tawny.config.targets import FileSetSettings
from tawny.delivery.delivery import Delivery, DeliveryKind
from tawny.delivery.file_names import safe_names
from tawny.delivery.outbox import Outbox
from tawny.engine import InlineEngine
from tawny.model.errors import DiskFull, StorageError
from tawny.model.events import Event
from tawny.model.geometry import Orientation
from tawny.model.ids import CameraId, EventId
from tawny.model.messages import EventChanged, FileFinished, Message
from tawny.model.packets import VideoFormat
from tawny.model.times import utc_from_text, utc_text
from tawny.playback import recordings
from tawny.playback.clips import ClipCache
from tawny.service.delivery.event_forms import EventForms
from tawny.service.delivery.file_sets import FileSetMeans, FileSets, next_mark_ms
from tawny.service.delivery.upload_scheduler import DeliverySource
from tawny.service.sealing.policy import SealedExport
from tawny.testing.clock import FakeClock
from tests.playback.archives import MAIN, PORCH, SIZES, FakeArchive, pictures
from tests.support.dead_disk import DEATHS, dead

BERLIN = ZoneInfo("Europe/Berlin")
TEN = "2026-11-21T09:07:30Z"
TEN_MS = utc_from_text(TEN)
"""10:07:30 in Berlin."""
SECOND, MINUTE = 1_000, 60_000


class Sealing(SealedExport):
    """Which cameras are encrypted."""

    def __init__(self) -> None:
        self.sealed: set[CameraId] = set()

    def seals(self, camera: CameraId) -> bool:
        return camera in self.sealed


class Bench:
    """A recorder of one porch, recorded second by second on a clock that only this moves."""

    def __init__(self, root: Path, start: str = TEN, **sets: FileSetSettings) -> None:
        self.root, self.clock = root, FakeClock(start)
        (root / "recordings").mkdir()
        self.archive = FakeArchive(root / "recordings")
        self.sealing = Sealing()
        self.outbox = Outbox(root / "outbox.db", self.clock)
        self.told: list[FileFinished] = []
        self.paused: set[str] = set()
        self.sets: dict[str, FileSetSettings] = {}
        self.cameras = {PORCH: "Front Door/Left"}
        self.begin(sets)

    def begin(self, sets: dict[str, FileSetSettings]) -> None:
        """As at a start."""
        contents = EventForms(self.archive, ClipCache(self.archive), lambda _: b"a picture")
        source = DeliverySource(
            self.outbox, self.archive, self.clock, lambda event, now_ms: event.clip(now_ms, 3, 3),
            sealed=self.sealing, called=lambda: safe_names(self.cameras),
        )  # fmt: skip
        self.engine = InlineEngine(self.clock, lambda part, error: None)
        means = FileSetMeans(lambda: [*self.cameras], contents.of, self.publish, BERLIN, self.paused.__contains__)
        self.files = FileSets(source, means, self.engine)
        self.sets = sets
        self.files.take_over(sets)

    def publish(self, message: Message) -> None:
        assert isinstance(message, FileFinished)
        assert not message.path or Path(message.path).stat().st_size == message.size_bytes
        self.told.append(message)

    def work(self) -> None:
        self.files.step()
        self.engine.run_for(1e-4)

    def encrypt(self) -> None:
        """As if the camera was encrypted from now on."""
        self.sealing.sealed.add(PORCH)
        self.archive.suffix = "tws"

    def finish(self) -> None:
        """As at a stop."""
        self.files.finish()
        self.engine.run_for(1e-4)

    def record(self, seconds: int, *, camera: CameraId = PORCH, **about: Any) -> None:
        """Segments of at most 30 s from now on, and the clock goes on."""
        while seconds > 0:
            part = min(30, seconds)
            self.archive.record(self.clock.now_ms(), part, camera=camera, **about)
            self.clock.advance(part)
            self.work()
            seconds -= part

    def event(self, start_s: float, end_s: float | None, key: str = "e", kind: str = "person") -> Event:
        start_ms = TEN_MS + round(start_s * 1000)
        end_ms = None if end_s is None else TEN_MS + round(end_s * 1000)
        event = Event(EventId(key), PORCH, kind, start_ms, end_ms, 50.0, picture_ms=start_ms)
        self.archive.index.put_event(event)
        self.files.on_message(EventChanged("updated", event))
        self.work()
        return event

    def paths(self, folder: str) -> list[str]:
        found = self.root / folder
        return sorted(str(path.relative_to(found)) for path in found.rglob("*") if path.is_file())

    def times(self, one: str) -> list[tuple[str, str]]:
        """Begin and end of the announced files of a set, minutes and seconds of the hour."""
        return [(_clock(each.start_ms), _clock(each.end_ms)) for each in self.told if each.set == one]


def _clock(ms: int) -> str:
    return utc_text(round(ms / 1000) * 1000)[14:19]


def chosen(folder: Path, **how: Any) -> FileSetSettings:
    return FileSetSettings(folder=str(folder), **how)


def count(path: Path) -> int:
    """How many pictures the file has; the first one decodes."""
    with av.open(str(path)) as film:
        pictures = [one for one in film.demux(video=0) if one.size]
        assert pictures[0].is_keyframe
        film.seek(0)
        assert next(film.decode(video=0)).key_frame
        return len(pictures)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(
        tmp_path,
        quarters=chosen(tmp_path / "out", names="pancake-clock"),
        events=chosen(tmp_path / "out", names="pancake", split="events"),
    )
    yield made
    made.outbox.close()


def test_a_full_disk_leaves_the_sets_as_they_were(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str, value: str) -> None:
        raise DiskFull(str(bench.root))

    bench.record(60)
    with monkeypatch.context() as full:
        full.setattr(bench.outbox, "mark", refuse)
        with pytest.raises(DiskFull):
            bench.files.take_over(bench.sets | {"more": chosen(bench.root / "more", names="pancake-clock")})
    bench.finish()
    assert bench.times("quarters") == [("07:30", "08:30")]


def test_both_sets_side_by_side(bench: Bench) -> None:
    """From 10:07:30 to 10:31, with an event: each file whole, announced once, the last one when tawny stops."""
    bench.record(60)
    bench.event(20, 40)
    bench.record(int(22.5 * 60))
    bench.finish()
    assert bench.times("quarters") == [("07:30", "15:00"), ("15:00", "30:00"), ("30:00", "31:00")]
    assert bench.times("events") == [("07:47", "08:13")]
    assert bench.paths("out") == [
        "20261121-1007.mp4", "20261121-100747.jpg", "20261121-100747.mp4", "20261121-1015.mp4", "20261121-1030.mp4",
    ]  # fmt: skip
    counts = [count(bench.root / "out" / name) for name in bench.paths("out") if name.endswith(".mp4")]
    assert counts == [4500, 260, 9000, 600]
    assert len(bench.told) == 4


def test_no_frame_is_lost_or_doubled_where_a_file_ends_within_a_segment(bench: Bench) -> None:
    """It is cut at the next keyframe, whose time is no whole number of milliseconds."""
    bench.clock.advance(0.3)
    bench.record(10)
    bench.record(60 * 8)
    bench.finish()
    first, second = bench.told
    assert [count(Path(one.path)) for one in bench.told] == [4500, 400]
    assert first.end_ms - utc_from_text("2026-11-21T09:15:00Z") == pytest.approx(300, abs=20)
    assert second.start_ms == first.end_ms


@pytest.mark.parametrize(
    ("after", "every_min", "expected"),
    [
        ("2026-11-21T10:07:30+01:00", 15, "2026-11-21T10:15:00+01:00"),
        ("2026-11-21T10:15:00+01:00", 15, "2026-11-21T10:30:00+01:00"),
        ("2026-11-21T23:50:00+01:00", 15, "2026-11-22T00:00:00+01:00"),
        ("2026-10-25T02:50:00+02:00", 15, "2026-10-25T02:00:00+01:00"),  # set back: two o'clock again
        ("2026-10-25T01:00:00+02:00", 360, "2026-10-25T06:00:00+01:00"),  # six hours later, and one more
        ("2026-03-29T01:50:00+01:00", 15, "2026-03-29T03:00:00+02:00"),  # set forward
        ("2026-03-29T00:00:00+01:00", 360, "2026-03-29T06:00:00+02:00"),
    ],
)
def test_marks_are_those_of_the_clock_on_the_wall(after: str, every_min: int, expected: str) -> None:
    assert next_mark_ms(utc_from_text(after), every_min * MINUTE, BERLIN) == utc_from_text(expected)


def test_marks_always_go_on(tmp_path: Path) -> None:
    """In zones whose clocks change by half an hour, too."""
    for key in ("Europe/Berlin", "Australia/Lord_Howe", "America/St_Johns", "Pacific/Chatham", "Africa/Casablanca"):
        at_ms = utc_from_text("2026-01-01T00:00:00Z")
        for _ in range(400):
            following_ms = next_mark_ms(at_ms, 6 * 60 * MINUTE, ZoneInfo(key))
            assert 0 < following_ms - at_ms <= 8 * 60 * MINUTE
            at_ms = following_ms


@pytest.mark.parametrize("turned", [Orientation(180), Orientation(mirror=True)])
def test_all_that_was_recorded_reaches_a_file_when_the_picture_is_turned(bench: Bench, turned: Orientation) -> None:
    """One file holds one orientation, of which the index knows nothing."""
    bench.record(60)
    sent = pictures(*SIZES[MAIN], 30)
    form = sent[0].format
    assert isinstance(form, VideoFormat)
    other = [replace(one, format=replace(form, orientation=turned)) for one in sent]
    bench.record(60, packets=other)
    bench.record(60)
    bench.finish()
    assert bench.times("quarters") == [("07:30", "08:30"), ("08:30", "09:30"), ("09:30", "10:30")]
    assert [count(Path(one.path)) for one in bench.told] == [600, 600, 600]


@pytest.mark.parametrize("names", ["pancake", "diycam", "pancake-clock"])
@pytest.mark.parametrize("begin", ["2026-10-25T00:25:00Z", "2026-03-29T00:25:00Z"])
def test_a_change_of_clocks_overwrites_nothing(tmp_path: Path, begin: str, names: str) -> None:
    """PK9, DY5: the hour from two to three twice, or never."""
    bench = Bench(tmp_path, start=begin, all=chosen(tmp_path / "out", names=names))
    for _ in range(5):
        bench.record(30)
        bench.clock.advance(15 * 60 - 30)
        bench.work()
    bench.clock.advance(60)
    bench.work()
    paths = bench.paths("out")
    assert len(paths) == len(bench.told) == 5
    assert sum(path.endswith("B.mp4") for path in paths) == (2 if "10-25" in begin else 0)


def test_a_file_of_the_same_name_is_not_replaced(tmp_path: Path) -> None:
    """Another program's, or of the same minute."""
    bench = Bench(tmp_path, all=chosen(tmp_path / "out", names="pancake-clock"))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "20261121-1007.mp4").write_bytes(b"mine")
    bench.record(10)
    bench.clock.advance(10)
    bench.record(10)
    bench.finish()
    assert bench.paths("out") == ["20261121-1007-2.mp4", "20261121-1007-3.mp4", "20261121-1007.mp4"]
    assert (tmp_path / "out" / "20261121-1007.mp4").read_bytes() == b"mine"


def test_a_gap_begins_another_file_and_a_short_one_does_not(tmp_path: Path) -> None:
    bench = Bench(tmp_path, all=chosen(tmp_path / "out"))
    bench.record(30)
    bench.clock.advance(3)
    bench.record(30)
    bench.clock.advance(60)
    bench.record(6 * 60)
    assert bench.times("all") == [("07:30", "08:33"), ("09:33", "15:00")]
    assert bench.paths("out") == [
        "porch/2026-11-21/porch_20261121_100730.mp4",
        "porch/2026-11-21/porch_20261121_100933.mp4",
    ]


def test_quiet_time_is_in_no_file(tmp_path: Path) -> None:
    """Of a camera that records only around events, or nothing."""
    bench = Bench(tmp_path, all=chosen(tmp_path / "out"))
    bench.clock.advance(10 * 60)
    bench.work()
    bench.record(20)
    bench.clock.advance(20 * 60)
    bench.work()
    assert bench.times("all") == [("17:30", "17:50")]
    bench.clock.advance(20 * 60)
    bench.work()
    assert len(bench.told) == 1


def test_an_event_that_lasts_is_split(tmp_path: Path) -> None:
    """PK11: with an edge clip first, and a split every fifteen minutes; no frame missing or doubled."""
    bench = Bench(tmp_path, all=chosen(tmp_path / "out", names="pancake", split="events", first="3 s", snapshots=False))
    bench.record(30)
    bench.event(20, None)
    bench.record(39 * 60)
    bench.event(20, 20 + 38 * 60)
    bench.record(30)
    assert bench.times("all") == [("07:47", "07:53"), ("07:53", "22:53"), ("22:53", "37:53"), ("37:53", "45:53")]
    assert [one.edge for one in bench.told] == ["start", "", "", ""]
    assert [count(Path(one.path)) for one in bench.told] == [60, 9000, 9000, 4800]


def test_transitions_become_short_files(tmp_path: Path) -> None:
    """PK10: exactly two, each of 4 to 6 s and a keyframe's time, with at least 1.5 s on each side."""
    bench = Bench(tmp_path, edges=chosen(tmp_path / "out", names="pancake", split="transitions"))
    bench.record(30)
    bench.event(20, None)
    bench.record(30)
    bench.event(20, 40)
    bench.event(25, 35, "within")
    bench.record(30)
    start, end = bench.told
    assert (start.edge, end.edge) == ("start", "end")
    for one, at_s in ((start, 20), (end, 40)):
        assert one.start_ms <= TEN_MS + (at_s - 1.5) * 1000
        assert one.end_ms >= TEN_MS + (at_s + 1.5) * 1000
        assert 40 <= count(Path(one.path)) <= 70
    assert bench.paths("out") == ["20261121-100750.mp4", "20261121-100810.mp4"]


def test_an_event_within_one_that_lasts_is_no_transition_behind_hundreds_of_others(tmp_path: Path) -> None:
    bench = Bench(tmp_path, edges=chosen(tmp_path / "out", names="pancake", split="transitions"))
    bench.record(30)
    lasting = bench.event(20, None)
    for number in range(201):
        start_ms = lasting.start_ms + SECOND + number
        brief = replace(lasting, id=EventId(f"brief{number}"), start_ms=start_ms, end_ms=start_ms + 1)
        bench.archive.index.put_event(brief)
    bench.record(30)
    bench.event(30, 40, "within")
    bench.record(30)
    assert [(one.event, one.edge) for one in bench.told] == [("e", "start")]


def test_only_the_types_asked_for(tmp_path: Path) -> None:
    bench = Bench(tmp_path, all=chosen(tmp_path / "out", split="events", kinds=("vehicle",)))
    bench.record(30)
    bench.event(10, 12)
    bench.event(15, 16, "car", "vehicle")
    bench.record(30)
    assert [one.event for one in bench.told] == ["car"]


def test_after_a_kill_the_file_goes_on(tmp_path: Path) -> None:
    """Also if tawny was not running for some seconds only; what was planned is not written again."""
    sets = {"all": chosen(tmp_path / "out"), "events": chosen(tmp_path / "ev", split="events")}
    bench = Bench(tmp_path, TEN, **sets)
    bench.record(60)
    bench.event(20, 40)
    bench.record(60)
    assert bench.times("events") == [("07:47", "08:13")]
    bench.begin(sets)
    bench.record(6 * 60)
    assert bench.times("all") == [("07:30", "15:00")]
    bench.outbox.mark("files/all/porch", "")  # killed between the plan and its mark
    bench.begin(sets)
    bench.record(60)
    assert (len(bench.told), len(bench.paths("out")), len(bench.paths("ev"))) == (2, 1, 2)


def test_a_file_that_a_crash_ended_is_there_while_the_next_recording_goes_on(tmp_path: Path) -> None:
    bench = Bench(tmp_path, all=chosen(tmp_path / "out", every="60 s"))
    bench.record(60)
    bench.clock.advance(60)
    bench.archive.record(bench.clock.now_ms(), 30, is_open=True)
    bench.clock.advance(30)
    bench.work()
    assert bench.times("all") == [("07:30", "08:00"), ("08:00", "08:30")]


def test_what_is_recorded_while_tawny_stops_is_no_file_of_its_own(tmp_path: Path) -> None:
    sets = {"all": chosen(tmp_path / "out")}
    bench = Bench(tmp_path, TEN, **sets)
    bench.record(60)
    bench.finish()
    bench.record(3)
    bench.clock.advance(100)
    bench.begin(sets)
    bench.record(6 * 60)
    assert bench.times("all") == [("07:30", "08:30"), ("10:13", "15:00")]


def test_a_new_set_begins_now_and_one_that_was_removed_again(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.record(60)
    sets = {"all": chosen(tmp_path / "out")}
    bench.files.take_over(sets)
    bench.record(60)
    bench.files.take_over({})
    bench.record(5 * 60)
    bench.files.take_over(sets)
    bench.record(60)
    bench.finish()
    assert bench.times("all") == [("14:30", "15:00"), ("15:00", "15:30")]


def test_the_counter_goes_on_and_repeats_no_number(tmp_path: Path) -> None:
    """RP12: one number for each file, and the same for its snapshot, also after a kill."""
    sets = {"all": chosen(tmp_path / "out", names="ropey-cam", split="events")}
    bench = Bench(tmp_path, TEN, **sets)
    for number in range(3):
        bench.record(30)
        bench.event(number * 30 + 10, number * 30 + 12, f"e{number}")
        bench.begin(sets)
    bench.record(30)
    assert bench.paths("out") == [
        f"{number:05}_20261121_10{at}.{kind}"
        for number, at in ((1, "0737"), (2, "0807"), (3, "0837"))
        for kind in ("jpg", "mp4")
    ]
    assert (tmp_path / "out" / bench.paths("out")[0]).read_bytes() == b"a picture"


def test_names_of_begin_and_end_are_those_of_the_recording(tmp_path: Path) -> None:
    """SC26."""
    bench = Bench(tmp_path, all=chosen(tmp_path / "out", names="sudocam", every="60 s"))
    bench.clock.advance(0.25)
    bench.record(90)
    (path,) = bench.paths("out")
    assert path == "porch/20261121T090730250Z-20261121T090800250Z.mp4"


def test_encrypted_cameras_are_left_out(tmp_path: Path) -> None:
    bench = Bench(tmp_path, all=chosen(tmp_path / "out"), events=chosen(tmp_path / "out", split="events"))
    bench.encrypt()
    bench.record(30)
    bench.event(10, 12)
    bench.record(10 * 60)
    assert bench.outbox.waiting().count == 0
    assert bench.told == []


def test_what_was_recorded_before_a_camera_was_encrypted_still_becomes_a_file(tmp_path: Path) -> None:
    bench = Bench(tmp_path, all=chosen(tmp_path / "out"))
    bench.record(60)
    bench.encrypt()
    bench.record(7 * 60)
    assert bench.times("all") == [("07:30", "08:30")]


def test_a_stop_writes_what_was_recorded_before_a_camera_was_encrypted(tmp_path: Path) -> None:
    bench = Bench(tmp_path, all=chosen(tmp_path / "out"))
    bench.record(60)
    bench.encrypt()
    bench.record(60)
    bench.finish()
    assert bench.times("all") == [("07:30", "08:30")]


def test_what_a_start_records_before_its_camera_is_encrypted_becomes_a_file(tmp_path: Path) -> None:
    """However short: only what a stop recorded after its last file doesn't."""
    sets = {"all": chosen(tmp_path / "out")}
    bench = Bench(tmp_path, TEN, **sets)
    bench.record(60)
    bench.finish()
    bench.clock.advance(6)
    bench.begin(sets)
    bench.record(7)
    bench.encrypt()
    bench.record(8 * 60)
    assert bench.times("all") == [("07:30", "08:30"), ("08:36", "08:43")]


def test_an_event_of_a_camera_that_was_encrypted_meanwhile_costs_no_more_with_its_length(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(tmp_path, events=chosen(tmp_path / "out", split="events", every="60 s", snapshots=False))
    bench.record(30)
    bench.event(12, None)
    bench.encrypt()
    bench.record(600)
    look = Mock(wraps=recordings.segments)
    monkeypatch.setattr(recordings, "segments", look)
    bench.files.step()
    assert look.call_count < 6


@pytest.mark.parametrize(("start_s", "files"), [(12, [("07:39", "08:00")]), (31, [])], ids=["before", "after"])
def test_an_event_that_began_before_its_camera_was_encrypted_becomes_a_file(
    tmp_path: Path, start_s: int, files: list[tuple[str, str]]
) -> None:
    """One that began later doesn't, although its pre-roll isn't encrypted."""
    bench = Bench(tmp_path, events=chosen(tmp_path / "out", split="events", snapshots=False))
    bench.record(30)
    bench.encrypt()
    bench.record(30)
    bench.event(start_s, 40)
    bench.record(30)
    assert bench.times("events") == files


def test_time_of_an_encrypted_camera_is_looked_through_once(tmp_path: Path) -> None:
    """As planned: what is looked through grows no longer than the time between two files."""
    bench = Bench(tmp_path, all=chosen(tmp_path / "out", every="60 s"))
    bench.encrypt()
    bench.record(10 * 60)
    (planned,) = (int(at) for mark, at in bench.outbox.marks("files/all/").items())
    assert bench.clock.now_ms() - planned <= MINUTE


def test_the_oldest_go_when_the_limit_is_reached(tmp_path: Path) -> None:
    """Files that tawny did not write stay."""
    bench = Bench(tmp_path, all=chosen(tmp_path / "out", names="pancake", every="30 s", max_size="100 kB"))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "20260101-000000.mp4").write_bytes(b"mine")
    bench.record(5 * 60)
    paths, names = bench.paths("out"), [one.name for one in bench.told]
    ours = paths[1:]
    assert paths[0] == "20260101-000000.mp4"
    assert 1 < len(ours) < len(names)
    assert ours == names[-len(ours) :]
    assert sum((tmp_path / "out" / path).stat().st_size for path in ours) <= 100_000
    assert list(bench.files.troubles()) == []


def test_a_full_disk_loses_the_oldest_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of kept events last."""
    room = 40_000

    def usage(folder: Path) -> Any:
        used = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
        return os.statvfs_result if used < 0 else type("Disk", (), {"total": room, "free": room - used, "used": used})

    monkeypatch.setattr("tawny.delivery.export_folder.shutil.disk_usage", usage)
    bench = Bench(tmp_path, all=chosen(tmp_path / "out", names="pancake", split="events", snapshots=False))
    for number in range(10):
        bench.record(30)
        event = bench.event(number * 30 + 10, number * 30 + 14, f"e{number}")
        if number == 0:
            bench.archive.index.put_event(replace(event, kept=True))
    bench.record(30)
    names = [one.name for one in bench.told]
    assert len(names) == 10
    paths = bench.paths("out")
    assert paths == [names[0], *names[-(len(paths) - 1) :]]
    (problem,) = bench.files.troubles()
    assert f"{10 - len(paths)} files were deleted from" in problem.detail
    assert "its disk is full" in problem.detail
    assert problem.do == "Free up space on that disk, or set a lower `max_size`."


def test_a_folder_that_cannot_be_written_is_a_problem_and_nothing_is_lost(tmp_path: Path) -> None:
    """Its disk is not mounted, for example."""
    bench = Bench(tmp_path, all=chosen(tmp_path / "mnt" / "out"))
    bench.record(8 * 60)
    (problem,) = bench.files.troubles()
    assert "waiting for all" in problem.detail
    assert "is its disk mounted" in problem.detail
    (tmp_path / "mnt").mkdir()
    bench.clock.advance(60)
    bench.work()
    assert bench.times("all") == [("07:30", "15:00")]
    assert list(bench.files.troubles()) == []


@pytest.mark.parametrize("kind", DEATHS)
def test_a_disk_that_is_gone_while_it_is_mounted_stops_no_other_set(tmp_path: Path, kind: str) -> None:
    (tmp_path / "usb").mkdir()
    bench = Bench(tmp_path, usb=chosen(tmp_path / "usb"), other=chosen(tmp_path / "out"))
    with dead(tmp_path / "usb", kind):
        bench.record(8 * 60)
        assert bench.times("other") == [("07:30", "15:00")]
        (problem,) = bench.files.troubles()
        assert "1 file is waiting for usb: " in problem.detail
        assert "isn't responding (Transport endpoint is not connected)" in problem.detail
        assert [bool(one.trouble) for one in bench.files.views()] == [True, False]
    bench.clock.advance(60)
    bench.work()
    assert bench.times("usb") == [("07:30", "15:00")]
    assert list(bench.files.troubles()) == []


def test_a_read_only_folder_is_no_full_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    bench = Bench(tmp_path, all=chosen(tmp_path / "out"))
    with monkeypatch.context() as patched:
        patched.setattr("tawny.delivery.destinations.folder.OpenFolder.open_part", refuse)
        bench.record(8 * 60)
        (problem,) = bench.files.troubles()
        assert "refused access (Read-only file system). Give the user that runs tawny read and " in problem.detail
        assert problem.do == ""
        bench.begin(bench.sets)
        assert list(bench.files.troubles()) == [problem]
    bench.clock.advance(60)
    bench.work()
    assert list(bench.files.troubles()) == []


def test_a_file_that_its_file_system_cannot_hold_is_tried_once_and_is_a_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As 4 GB on FAT32."""
    tried = []

    def refuse(*_: object) -> None:
        tried.append(1)
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))

    monkeypatch.setattr("tawny.delivery.destinations.folder.OpenFolder.open_part", refuse)
    bench = Bench(tmp_path, all=chosen(tmp_path / "out"))
    bench.record(8 * 60)
    bench.clock.advance(600)
    bench.work()
    (problem,) = bench.files.troubles()
    assert (len(tried), problem.detail) == (
        1, f"Files were too large for the file system of {tmp_path / 'out'}. Set a shorter `every`."
    )  # fmt: skip


def test_a_full_disk_without_files_to_delete_is_a_problem_with_its_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = type("Disk", (), {"total": 1000, "free": 0, "used": 1000})
    monkeypatch.setattr("tawny.delivery.export_folder.shutil.disk_usage", lambda _: full)
    bench = Bench(tmp_path, all=chosen(tmp_path / "out"))
    bench.record(8 * 60)
    (problem,) = bench.files.troubles()
    assert problem.detail.endswith("is full (no space left). Free up space there, or keep less there.")


def test_the_remedy_is_that_of_the_present_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A recording that can't be read asks for no space in the folder that was full before."""

    def fails(*_: object) -> None:
        raise StorageError("/data/recordings", "Input/output error")

    bench = Bench(tmp_path, all=chosen(tmp_path / "out"))
    with monkeypatch.context() as full:
        disk = type("Disk", (), {"total": 1000, "free": 0, "used": 1000})
        full.setattr("tawny.delivery.export_folder.shutil.disk_usage", lambda _: disk)
        bench.record(8 * 60)
    monkeypatch.setattr(ClipCache, "clip", fails)
    bench.clock.advance(60)
    bench.work()
    (problem,) = bench.files.troubles()
    assert problem.detail.endswith("Input/output error. Check the disk's cable and health.")
    assert problem.do == ""


def test_no_half_file_has_the_name_of_a_whole_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the disk is full in the middle, and nothing can be deleted."""
    bench = Bench(tmp_path, all=chosen(tmp_path / "out"))
    bench.record(7 * 60)
    seen: list[list[str]] = []

    def fails(_file: int) -> None:
        seen.append(bench.paths("out"))
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as now:
        now.setattr("tawny.delivery.export_folder.os.fsync", fails)
        bench.record(60)
        assert seen[0] == ["porch/2026-11-21/.porch_20261121_100730.mp4.part"]
        assert bench.paths("out") == []
    bench.clock.advance(60)
    bench.work()
    assert bench.paths("out") == ["porch/2026-11-21/porch_20261121_100730.mp4"]


@pytest.mark.parametrize(
    ("who", "modes"), [("tawny", (0o600, 0o700)), ("group", (0o640, 0o750)), ("everyone", (0o644, 0o755))]
)
def test_who_may_read_the_files(tmp_path: Path, who: str, modes: tuple[int, int]) -> None:
    bench = Bench(tmp_path, all=chosen(tmp_path / "out", every="30 s", readable_by=who))
    bench.record(60)
    found = {path.stat().st_mode & 0o777 for path in (tmp_path / "out").rglob("*") if path.is_file()}
    folders = {path.stat().st_mode & 0o777 for path in (tmp_path / "out").rglob("*") if path.is_dir()}
    assert (found, folders | {(tmp_path / "out").stat().st_mode & 0o777}) == ({modes[0]}, {modes[1]})


def test_old_files_go_after_the_retention(tmp_path: Path) -> None:
    bench = Bench(tmp_path, all=chosen(tmp_path / "out", names="pancake", every="60 s", retention="1 h"))
    bench.record(120)
    assert len(bench.paths("out")) == 2
    for _ in range(2):
        bench.clock.advance(3700)
        bench.work()
    assert bench.paths("out") == []


def test_a_clock_that_is_wrong_for_minutes_deletes_no_file(tmp_path: Path) -> None:
    bench = Bench(tmp_path, all=chosen(tmp_path / "out", names="pancake", every="60 s", retention="30 days"))
    bench.record(120)
    bench.clock.jump_utc(40 * 86_400)
    for _ in range(11):
        bench.clock.advance(60)
        bench.work()
    assert len(bench.paths("out")) == 2


@pytest.mark.parametrize("is_restarted", [False, True])
@pytest.mark.parametrize("earlier_s", [0, 180])
def test_when_the_clock_is_set_back_files_go_on(tmp_path: Path, earlier_s: int, *, is_restarted: bool) -> None:
    bench = Bench(tmp_path)
    if earlier_s:
        bench.begin({"all": chosen(tmp_path / "out", names="pancake", every="60 s")})
        bench.record(earlier_s)
    bench.clock.jump_utc(7_200)
    if not earlier_s:
        bench.begin({"all": chosen(tmp_path / "out", names="pancake", every="60 s")})
    bench.record(300)
    bench.clock.jump_utc(-7_200)
    before = len(bench.paths("out"))
    if is_restarted:
        bench.begin(bench.sets)
    bench.record(600)
    assert len(bench.paths("out")) - before in (9, 10)
    bench.outbox.close()


@pytest.mark.parametrize("behind_s", [0, 90])
def test_after_a_start_with_a_clock_that_is_behind_no_file_comes_twice(tmp_path: Path, behind_s: int) -> None:
    """Also if a time at which a file would end passes meanwhile."""
    bench = Bench(tmp_path, all=chosen(tmp_path / "out", names="pancake", every="60 s"))
    bench.record(330)
    known = bench.times("all")
    bench.clock.jump_utc(-300)
    bench.begin(bench.sets)
    bench.work()
    bench.record(behind_s)
    bench.clock.jump_utc(300)
    bench.record(90)
    later = bench.times("all")[len(known) :]
    assert later
    assert min(later)[0] >= max(known)[1]
    bench.outbox.close()


def test_after_a_start_with_a_clock_that_is_behind_a_set_has_nothing_from_before_it_was_made(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.record(1800)
    bench.begin({"all": chosen(tmp_path / "out", names="pancake", split="events")})
    bench.archive.index.put_event(Event(EventId("old"), PORCH, "person", TEN_MS + 60_000, TEN_MS + 90_000, 50.0))
    bench.record(60)
    bench.clock.jump_utc(-86_400)
    bench.begin(bench.sets)
    bench.work()
    bench.clock.jump_utc(86_400)
    bench.work()
    bench.begin(bench.sets)
    bench.record(60)
    assert not bench.outbox.of_event(EventId("old"))
    bench.outbox.close()


def test_the_video_of_an_event_is_whole_after_the_clock_was_ahead(tmp_path: Path) -> None:
    bench = Bench(tmp_path, all=chosen(tmp_path / "out", names="pancake", split="events"))
    bench.archive.record(TEN_MS + 7_200_000, 30)
    bench.record(90)
    bench.event(60, 90)
    bench.record(60)
    assert bench.times("all") == [("08:27", "09:03")]
    bench.outbox.close()


@pytest.mark.parametrize("is_new", [False, True])
def test_events_are_made_up_for_after_the_clock_was_ahead(tmp_path: Path, *, is_new: bool) -> None:
    """Also for a set that was made while it was."""
    sets = {"all": chosen(tmp_path / "out", names="pancake", split="events")}
    bench = Bench(tmp_path)
    bench.begin({} if is_new else sets)
    bench.record(60)
    bench.clock.jump_utc(2 * 86_400)
    if is_new:
        bench.begin(sets)
    bench.event(20, 30, "ahead")
    bench.clock.jump_utc(-2 * 86_400)
    bench.work()
    bench.record(30)
    end_ms = bench.clock.now_ms() - 5_000
    bench.archive.index.put_event(Event(EventId("missed"), PORCH, "person", end_ms - 9_000, end_ms, 50.0))
    bench.begin(bench.sets)
    bench.record(60)
    assert bench.outbox.of_event(EventId("missed"))
    bench.outbox.close()


def test_to_a_destination_it_is_one_of_its_deliveries(tmp_path: Path) -> None:
    bench = Bench(tmp_path, all=FileSetSettings(destination="nas", names="rom-cam", every="60 s"))
    bench.record(60)
    found = bench.outbox.take("nas")
    assert found is not None
    assert (found.what, found.name) == (DeliveryKind.FILE, "front_door_left/1795252050.mp4")
    bench.outbox.done(found, "", 5)
    bench.files.ended(found)
    (answer,) = bench.told
    assert (answer.path, answer.size_bytes) == ("", 5)


def test_a_dropped_file_is_not_announced(bench: Bench) -> None:
    one = Delivery("files quarters", "a.mp4", DeliveryKind.FILE, {"set": "quarters", "from_ms": 0, "to_ms": 1}, 0, 0)
    bench.outbox.add([one])
    bench.outbox.drop(replace(one, id=1), "its recording was deleted")
    bench.files.ended(one)
    assert bench.told == []


def test_with_privacy_masks_files_are_short(tmp_path: Path) -> None:
    """They are encoded in memory, so a whole quarter of an hour is too much."""
    from tawny.model.geometry import Polygon

    bench = Bench(tmp_path, all=chosen(tmp_path / "out"))
    bench.archive.hidden = (Polygon.of([(0, 0), (1, 0), (1, 1)]),)
    bench.record(60)
    assert bench.times("all") == [("07:30", "08:00")]
    (path,) = bench.paths("out")
    assert count(tmp_path / "out" / path) == 300


def test_a_set_can_be_paused_and_is_listed(tmp_path: Path) -> None:
    bench = Bench(tmp_path, all=chosen(tmp_path / "out", every="60 s"))
    bench.paused.add("all")
    bench.record(120)
    (view,) = bench.files.views()
    assert (view.name, view.kind, view.where, view.is_paused) == ("all", "files", str(tmp_path / "out"), True)
    assert (view.waiting.count, bench.told) == (2, [])
    bench.paused.clear()
    bench.outbox.try_now(str(bench.files.target("all")))
    bench.engine.run_for(86_400)
    assert len(bench.told) == 2


def test_a_folder_is_tested_before_it_is_saved(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    (good,) = bench.files.test("new", chosen(tmp_path / "out"))
    assert (good.wrong, list((tmp_path / "out").iterdir())) == ("", [])
    (bad,) = bench.files.test("new", chosen(tmp_path / "a" / "b"))
    assert "is its disk mounted" in bad.wrong
    assert bench.files.target("new") is None


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ({}, "exactly one of folder and destination"),
        ({"folder": "/a", "destination": "nas"}, "exactly one"),
        ({"folder": "out"}, "a whole path"),
        ({"folder": "/a", "every": "7 min"}, "divides a day"),
        ({"folder": "/a", "every": "1 s"}, "10"),
        ({"destination": "nas", "max_size": "1 GB"}, "only with folder"),
        ({"folder": "/a", "kinds": ("person",)}, "only with split"),
    ],
)
def test_settings_that_cannot_be_are_told(how: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        FileSetSettings(**how)
