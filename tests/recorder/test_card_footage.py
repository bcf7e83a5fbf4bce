"""Footage from a camera's card: matching with what is recorded, the card's clock, and what is written of it."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tawny.engine import Bus
from tawny.media.mp4.segment_reader import read_segment, samples
from tawny.model.errors import DiskFull
from tawny.model.ids import CameraId, StreamName
from tawny.model.packets import VIDEO_RATE, SourcePacket
from tawny.model.segments import Segment, is_filled_in
from tawny.model.times import Span
from tawny.recorder.card_footage import CardClock, CardWriter, FrameMark, UnfitFootage, frame_digest, offset_ms
from tawny.recorder.stream_writer import SegmentCloser, StreamWriter
from tawny.storage.disk.volume import Volume
from tawny.storage.index.memory_index import MemoryIndex
from tawny.testing.clips import ClipSpec, made_clip
from tests.support.faulty_disk import FaultyDisk

CLIP = made_clip(ClipSpec(width=64, height=64, fps=10, seconds=12.0, gop_s=1.0, detail=20))
WITH_B = made_clip(ClipSpec(width=64, height=64, fps=10, seconds=6.0, gop_s=1.0, b_frames=2, detail=20))
BEGUN_MS = 1_700_000_000_000
CAMERA = CameraId("door")


def marks(*times: float) -> list[FrameMark]:
    return [FrameMark(at_ms, bytes([number])) for number, at_ms in enumerate(times)]


@given(
    st.lists(st.integers(0, 600), min_size=1, max_size=40, unique=True),
    st.integers(-200_000, 200_000),
    st.lists(st.floats(-40, 40), min_size=40, max_size=40),
)
def test_the_offset_of_the_same_frames_is_found(frames: list[int], ahead_ms: int, jitter: list[float]) -> None:
    """Whatever the error of the card's clock; live frames are up to 40 ms off, as they arrive."""
    live = [FrameMark(at * 100 + off_ms, at.to_bytes(2, "big")) for at, off_ms in zip(frames, jitter, strict=False)]
    card = [FrameMark(at * 100 + ahead_ms, at.to_bytes(2, "big")) for at in range(601)]
    found = offset_ms(live, card)
    assert found is not None
    assert abs(found - ahead_ms) <= 40


def test_frames_that_differ_have_no_offset() -> None:
    assert offset_ms(marks(0, 100), [FrameMark(0, b"other")]) is None
    assert offset_ms([], []) is None


def test_most_frames_decide_about_one_that_occurs_twice() -> None:
    live = marks(0, 100, 200)
    card = [*marks(90_000, 90_100, 90_200), FrameMark(50_000, bytes([0])), FrameMark(60_000, bytes([1]))]
    assert offset_ms(live, card) == 90_000


@given(st.floats(-1e5, 1e5), st.floats(-500, 500), st.integers(1, 400_000), st.integers(0, 400_000))
def test_clocks_go_through_both_edges(ahead_ms: float, drift_ms: float, lasts_ms: int, at_ms: int) -> None:
    """Time on the card is mapped evenly between the edges, and never goes back."""
    edges = ((ahead_ms, ahead_ms), (lasts_ms + ahead_ms + drift_ms, ahead_ms + drift_ms))
    clock = CardClock(edges, is_matched=True)
    assert abs(clock.wall_ms(edges[0][0])) < 0.01
    if edges[1][0] > edges[0][0]:
        assert abs(clock.wall_ms(edges[1][0]) - lasts_ms) < 0.01
        if abs(drift_ms) < lasts_ms / 2:
            assert clock.wall_ms(at_ms + ahead_ms + 40) >= clock.wall_ms(at_ms + ahead_ms)


class Stage:
    """A gap between two recordings of a clip, and its card."""

    def __init__(self, folder: Path, begin_s: float, end_s: float, ahead_ms: float = 0.0) -> None:
        self.index, bus = MemoryIndex(), Bus()
        self.disk = FaultyDisk(folder)
        self.volume = Volume(self.disk)
        self.closing = SegmentCloser(self.index, bus)
        self.hole = Span(BEGUN_MS + round(begin_s * 1000), BEGUN_MS + round(end_s * 1000))
        self.ahead_ms = ahead_ms
        stream = StreamWriter(self.volume, self.index, self.closing, CAMERA, StreamName.MAIN)
        clock = CardClock(((BEGUN_MS + ahead_ms, ahead_ms),), is_matched=True)
        self.writer = CardWriter(stream, clock, self.hole, [])

    def replay(self, packets: Sequence[SourcePacket], known: Sequence[SourcePacket] = ()) -> list[Segment]:
        for one in self.replayed(packets):
            self.writer.add(one)
        self.writer.finish()
        return self.listed()

    def listed(self) -> list[Segment]:
        self.closing.retry()
        return self.index.segments(CAMERA, None, Span(0, 1 << 60))

    def replayed(self, packets: Sequence[SourcePacket]) -> list[SourcePacket]:
        begun = round((BEGUN_MS + self.ahead_ms) * VIDEO_RATE / 1000)
        return [replace(one, pts=one.pts + begun) for one in packets]

    def frames(self, segment: Segment) -> list[tuple[float, bytes]]:
        file = read_segment(self.volume.path(segment.path))
        return [(one.pts / 90, bytes(one.data)) for one in samples(file, file.fragments) if one.is_video]


def test_a_gap_is_filled_from_the_frame_after_it(tmp_path: Path) -> None:
    """It begins between keyframes: earlier frames are in the file, but take no time of their own."""
    stage = Stage(tmp_path, 2.5, 8.3, ahead_ms=90_000)
    (segment,) = stage.replay(CLIP.packets)
    assert segment.span == stage.hole
    assert is_filled_in(segment.run)
    assert stage.writer.written == 58
    frames = stage.frames(segment)
    assert [data for _, data in frames] == [one.data for one in CLIP.packets[20:83]]
    assert [round(at_ms) for at_ms, _ in frames[:5]] == [0] * 5
    assert [round(at_ms) for at_ms, _ in frames[5:9]] == [0, 100, 200, 300]


def test_frames_that_are_recorded_are_not_doubled(tmp_path: Path) -> None:
    """The gap's edges are wrong by a frame: what is the same decides, not the times."""
    stage = Stage(tmp_path, 2.36, 8.42)
    stage.writer = CardWriter(
        StreamWriter(stage.volume, stage.index, stage.closing, CAMERA, StreamName.MAIN),
        CardClock(((float(BEGUN_MS), 0.0),), is_matched=True),
        stage.hole,
        [FrameMark(BEGUN_MS + n * 100, frame_digest(CLIP.packets[n])) for n in (22, 23, 24, 84, 85)],
    )
    (segment,) = stage.replay(CLIP.packets)
    assert stage.writer.written == 59
    assert [data for at_ms, data in stage.frames(segment)][5:] == [one.data for one in CLIP.packets[25:84]]


def test_time_that_the_card_lacks_stays_missing(tmp_path: Path) -> None:
    stage = Stage(tmp_path, 1.0, 11.0)
    packets = [one for one in CLIP.packets if not 40 <= one.pts * 10 // VIDEO_RATE < 70]
    first, second = stage.replay(packets)
    assert (first.start_ms, first.end_ms) == (stage.hole.begin_ms, BEGUN_MS + 4000)
    assert (second.start_ms, second.end_ms) == (BEGUN_MS + 7000, stage.hole.end_ms)


def test_a_card_that_ends_early_says_so(tmp_path: Path) -> None:
    stage = Stage(tmp_path, 1.0, 30.0)
    (segment,) = stage.replay(CLIP.packets)
    assert (segment.start_ms, segment.end_ms) == (stage.hole.begin_ms, BEGUN_MS + 12_000)


def test_frames_out_of_order_are_all_there(tmp_path: Path) -> None:
    stage = Stage(tmp_path, 1.5, 4.5)
    (segment,) = stage.replay(WITH_B.packets)
    assert abs(segment.end_ms - stage.hole.end_ms) <= 1
    times = [at_ms for at_ms, _ in stage.frames(segment)]
    assert len(set(times)) == len(times)
    assert stage.writer.written >= 30


@pytest.mark.parametrize("what", ["damaged", "undecodable", "timeless"])
def test_unfit_frames_are_left_out(tmp_path: Path, what: str) -> None:
    """The rest of their group is left out; the following one is stored."""
    stage = Stage(tmp_path, 1.0, 6.0)
    packets = list(CLIP.packets)
    if what == "damaged":
        packets[23] = replace(packets[23], is_damaged=True)
    elif what == "undecodable":
        packets[20] = replace(packets[20], data=packets[20].data[:5] + bytes(len(packets[20].data) - 5))
    else:
        packets[25] = replace(packets[25], pts=packets[24].pts)
    first, second = stage.replay(packets)
    assert first.start_ms == stage.hole.begin_ms
    assert first.end_ms == BEGUN_MS + (2300 if what == "damaged" else 2000)
    assert (second.start_ms, second.end_ms) == (BEGUN_MS + 3000, stage.hole.end_ms)
    assert stage.writer.refused


def _full_from(appends: int) -> Callable[[str, str], None]:
    """A disk that is full after so many additions to files."""
    left = iter(range(appends))

    def before(operation: str, path: str) -> None:
        if operation == "append" and path.endswith(".mp4") and next(left, None) is None:
            raise DiskFull(path)

    return before


@pytest.mark.parametrize("groups", [0, 1, 4, 6])
def test_only_what_was_written_to_a_full_disk_is_listed(tmp_path: Path, groups: int) -> None:
    """The rest stays missing, so that it is fetched later; also if only the end of the gap is."""
    stage = Stage(tmp_path, 2.5, 8.3)
    stage.disk.before = _full_from(1 + groups)
    with pytest.raises(DiskFull):
        stage.replay(CLIP.packets)
    stage.writer.finish()
    listed = stage.listed()
    assert len(listed) == len(list(tmp_path.rglob("*.mp4"))) == (1 if groups else 0), "no file is left open"
    for one in listed:
        last_ms = one.start_ms + stage.frames(one)[-1][0]
        assert last_ms == BEGUN_MS + 1900 + 1000 * groups
        assert last_ms < one.end_ms <= last_ms + 100
    assert stage.writer.written == max(0, 10 * groups - 5)


def test_a_replay_without_keyframes_is_refused(tmp_path: Path) -> None:
    stage = Stage(tmp_path, 1.0, 6.0)
    first, second = stage.replayed(CLIP.packets[:2])
    stage.writer.add(first)
    with pytest.raises(UnfitFootage):
        for _ in range(100):
            stage.writer.add(replace(second, data=bytes(1_000_000)))
