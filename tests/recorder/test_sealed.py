"""A sealed camera: nothing of its pictures is ever on the disk in the clear, and its owner gets all of it back."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tawny.engine import Bus, InlineEngine
from tawny.media.mp4.segment_reader import read_segment, samples
from tawny.model.errors import DiskFull, StorageError
from tawny.model.ids import CameraId, StreamName
from tawny.model.segments import Segment
from tawny.model.times import Span
from tawny.recorder.recorder import SegmentRecorder
from tawny.sealed.file_reader import FileEnding, InMemorySource, SealedFileReader, open_sealed, scan_file
from tawny.sealed.key_wrapping import Identity, unwrap
from tawny.sealed.records import FRAGMENTS, INIT
from tawny.sealed.sealer import read_ring
from tawny.storage.disk.volume import Volume
from tawny.storage.history.signed_history import SignedHistory, SignedRow
from tawny.storage.index.memory_index import MemoryIndex
from tawny.storage.sealing.epoch_keys import CameraSealing, EpochKeys
from tawny.stream.hub import Hub
from tawny.testing.clock import FakeClock
from tawny.testing.packet_feed import PacketFeed
from tests.storage.test_signed_history import proved
from tests.support.disk import MemoryDisk

PORCH, YARD = CameraId("porch"), CameraId("yard")
OWNER, RECOVERY = Identity.new(), Identity.new()
EVER = Span(0, 1 << 45)


class Bench:
    """The porch is sealed, the yard is not."""

    def __init__(self) -> None:
        self.disk, self.clock = MemoryDisk(), FakeClock("2026-11-20T05:58:00Z")
        self.failed: list[str] = []
        self.engine = InlineEngine(self.clock, lambda name, error: self.failed.append(f"{name}: {error!r}"))
        self.index = MemoryIndex()
        self.policy = CameraSealing((OWNER.recipient, RECOVERY.recipient))
        self.history = SignedHistory.opened(self.disk, self.clock.now_ms())
        seals = EpochKeys(self.history, self.clock, lambda camera: self.policy if camera == PORCH else None)
        self.recorder = SegmentRecorder(Volume(self.disk), self.index, self.clock, Bus(), seals=seals)
        self.recorder.start(self.engine)
        self.feeds: list[PacketFeed] = []

    def add(self, camera: CameraId = PORCH) -> PacketFeed:
        hub = Hub()
        self.recorder.add(camera, StreamName.MAIN, hub)
        self.feeds.append(PacketFeed(hub, self.clock, fps=10, gop=10, sound=True))
        return self.feeds[-1]

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds * 10)):
            for feed in self.feeds:
                feed.picture()
            self.engine.run_for(0.1)

    def end(self) -> list[Segment]:
        self.recorder.end_all()
        self.engine.run_for(8)
        assert self.failed == []
        return self.index.segments(PORCH, StreamName.MAIN, EVER)

    def opened(self, segment: Segment) -> SealedFileReader:
        return open_sealed(scan_file(InMemorySource(self.disk.files[segment.path])), [OWNER])


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    assert made.failed == []


def film(one: SealedFileReader) -> bytes:
    return b"".join(content for record, content in one.contents() if record.type in {INIT, *FRAGMENTS})


def pictures_in(path: Path) -> list[tuple[bytes, int, bool]]:
    found = samples(read := read_segment(path), read.fragments)
    return [(bytes(one.data), one.pts, one.is_keyframe) for one in found if one.is_video]


@pytest.mark.parametrize("splits", [False, True])
def test_what_comes_out_is_what_a_plain_camera_has(bench: Bench, tmp_path: Path, *, splits: bool) -> None:
    bench.policy = CameraSealing(bench.policy.recipients, splits)
    for camera in (PORCH, YARD):
        bench.add(camera)
    bench.run(130)
    sealed = bench.end()
    plain = bench.index.segments(YARD, StreamName.MAIN, EVER)
    assert [one.span for one in sealed] == [one.span for one in plain]
    assert [one.video for one in sealed] == [one.video for one in plain]
    for one, other in zip(sealed, plain, strict=True):
        assert one.path.endswith(".main.tws")
        (tmp_path / "sealed.mp4").write_bytes(film(bench.opened(one)))
        (tmp_path / "plain.mp4").write_bytes(bench.disk.files[other.path])
        assert pictures_in(tmp_path / "sealed.mp4") == pictures_in(tmp_path / "plain.mp4")


def test_files_are_signed_numbered_and_lead_to_each_other(bench: Bench) -> None:
    bench.add()
    bench.run(190)
    files = [scan_file(InMemorySource(bench.disk.files[one.path])) for one in bench.end()]
    assert [one.ends for one in files] == [FileEnding.SIGNED] * len(files)
    assert [one.header.number for one in files] == list(range(len(files)))
    assert [one.header.prev for one in files] == [bytes(32), *(one.digest for one in files[:-1])]
    assert {one.header.camera for one in files} == {bench.history.camera(PORCH)}
    assert bench.history.state(bench.clock.now_ms())


@pytest.mark.shows("SC27")
def test_no_picture_and_no_name_is_in_what_is_written(bench: Bench) -> None:
    feed = bench.add()
    bench.run(20)
    sent = feed.picture().data
    plain = bench.add(YARD)
    bench.run(3)
    seen = bytes(plain.picture().data)
    bench.run(2)
    bench.end()
    written = b"".join(data for path, data in bench.disk.files.items() if path.startswith("porch/"))
    assert bytes(sent)[5:60] not in written
    assert b"moof" not in written
    assert b"porch" not in written
    control = b"".join(data for path, data in bench.disk.files.items() if path.startswith("yard/"))
    assert seen[5:60] in control, "the search finds what is there"
    assert b"moof" in control


def test_a_key_lives_ten_minutes_at_most_and_stands_in_the_ring_first(bench: Bench) -> None:
    bench.add()
    bench.run(20 * 60)
    by_key: dict[bytes, list[int]] = {}
    born: dict[bytes, int] = {}
    for segment in bench.end():
        header = scan_file(InMemorySource(bench.disk.files[segment.path]), deep=False).header
        by_key.setdefault(header.commit, []).append(segment.end_ms)
        born[header.commit] = header.born_ms
    assert len(by_key) >= 2
    assert all(max(ends) - born[commit] <= 10 * 60_000 for commit, ends in by_key.items())
    rings = [data for path, data in bench.disk.files.items() if path.endswith(".keys")]
    ring = read_ring(b"".join(rings))
    assert set(ring) == set(by_key)
    assert all(len(unwrap(line.wrapped, [RECOVERY], line.commit)) == 32 for line in ring.values())


def test_another_recipient_can_open_what_comes_from_then_on(bench: Bench) -> None:
    bench.add()
    bench.run(70)
    late = Identity.new()
    bench.policy = CameraSealing((*bench.policy.recipients, late.recipient))
    bench.run(130)
    files = [scan_file(InMemorySource(bench.disk.files[one.path])) for one in bench.end()]
    assert late.unwrapped(files[0].wrapped) is None
    assert late.unwrapped(files[-1].wrapped) is not None


def test_after_a_full_disk_the_same_bytes_are_written_again(bench: Bench) -> None:
    bench.add()
    bench.run(10)

    def full(operation: str, path: str) -> None:
        if operation == "append" and path.endswith(".open.tws"):
            raise DiskFull("disk")

    bench.disk.before = full
    bench.run(5)
    bench.disk.before = lambda _operation, _path: None
    bench.run(70)
    segments = bench.end()
    for segment in segments:
        assert scan_file(InMemorySource(bench.disk.files[segment.path])).ends is FileEnding.SIGNED
        film(bench.opened(segment))
    assert sum(one.span.seconds for one in segments) == pytest.approx(85, abs=0.2)


def test_a_disk_that_fails_leaves_a_file_that_opens_and_is_listed(bench: Bench) -> None:
    bench.add()
    bench.run(10)
    was = bench.disk.before

    def fails(operation: str, path: str) -> None:
        if operation == "sync" and path.endswith(".open.tws"):
            bench.disk.before = was
            raise DiskFull("disk")

    bench.disk.before = fails
    bench.run(60)
    segments = bench.end()
    ends = [scan_file(InMemorySource(bench.disk.files[one.path])).ends for one in segments]
    assert ends[0] in (FileEnding.OPEN, FileEnding.CLOSED)
    assert ends[-1] is FileEnding.SIGNED
    film(bench.opened(segments[0]))
    numbers = [scan_file(InMemorySource(bench.disk.files[one.path])).header.number for one in segments]
    assert all(bench.history.is_stated(SignedRow(bench.history.camera(PORCH), 1, 0), number) for number in numbers)


def test_an_end_that_could_not_be_synced_is_cut_off_before_the_file_has_its_name(bench: Bench) -> None:
    """Else the next statement would call signed what no disk has."""
    bench.add()
    bench.run(10)
    failing = ["sync", "cut", "cut"]

    def fails(operation: str, path: str) -> None:
        if path.endswith(".open.tws") and failing and operation == failing[0]:
            failing.pop(0)
            raise StorageError("disk", "input/output error")

    bench.disk.before = fails
    (segment, *_) = bench.end()
    bench.engine.run_for(60)
    assert not failing
    file = scan_file(InMemorySource(bench.disk.files[segment.path]))
    assert file.ends is FileEnding.OPEN
    bench.history.state(bench.clock.now_ms())
    listed = [item for _, items in proved(bench.disk, bench.history.genesis).values() for item in items]
    assert [(item[5], item[6]) for item in listed] == [(file.digest.hex(), "open")]  # type: ignore[index]
