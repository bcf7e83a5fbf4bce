"""When packets go to the disk, and where files and fragments begin."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from tawny.model.packets import Packet
from tawny.recorder.segmenter import LOOK_S, WriteBuffer, WriteUnit, duration_s, segment_bytes_on
from tawny.stream.hub import Hub
from tawny.testing.clock import FakeClock
from tawny.testing.packet_feed import FORMAT, SOUND, PacketFeed


class Bench:
    """A gatherer that is stepped as the recorder does it while a feed goes on."""

    def __init__(self, *, fps: int = 15, gop: int = 30, sound: bool = False) -> None:
        self.clock, self.hub, self.gatherer = FakeClock(), Hub(keep_s=1e6, max_bytes=1 << 30), WriteBuffer()
        self.feed = PacketFeed(self.hub, self.clock, fps=fps, gop=gop, size_bytes=50, sound=sound)
        self.reader = self.hub.reader()
        self.pieces: list[WriteUnit] = []
        self.oldest_s = 0.0
        self._next_step_s = self.clock.mono_s()

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds * self.feed.fps)):
            self.feed.picture()
            self.wait(1 / self.feed.fps)

    def wait(self, seconds: float) -> None:
        until_s = self.clock.mono_s() + seconds
        while self._next_step_s <= until_s + 1e-9:
            self.clock.advance(max(0.0, self._next_step_s - self.clock.mono_s()))
            self.step()
            self._next_step_s += LOOK_S
        self.clock.advance(max(0.0, until_s - self.clock.mono_s()))

    def step(self, ending: str = "") -> list[WriteUnit]:
        self.gatherer.add(self.reader.take().packets, self.clock.mono_s())
        taken = self.gatherer.take(self.clock.mono_s(), ending)
        self.pieces += taken
        written = [packet.at_ms for piece in self.pieces for packet in piece.packets if packet.is_video]
        waiting_since = max(written) + 1000 / self.feed.fps if written else self.clock.now_ms()
        self.oldest_s = max(self.oldest_s, (self.clock.now_ms() - waiting_since) / 1000)
        return taken

    @property
    def packets(self) -> list[Packet]:
        return [packet for piece in self.pieces for packet in piece.packets]


@pytest.mark.parametrize("fps", [1, 2, 5, 15, 30])
@pytest.mark.parametrize("gop_s", [1, 2, 10])
def test_nothing_waits_a_second(fps: int, gop_s: int) -> None:
    bench = Bench(fps=fps, gop=fps * gop_s)
    bench.run(30)
    assert bench.oldest_s <= 0.85


def test_a_stream_is_synced_at_most_three_times_in_two_seconds() -> None:
    bench = Bench()
    bench.run(60)
    assert len(bench.pieces) <= 1.5 * 60


def test_every_keyframe_begins_a_fragment() -> None:
    bench = Bench(fps=15, gop=22)
    bench.run(20)
    for piece in bench.pieces:
        for fragment in piece.fragments:
            assert not any(packet.is_keyframe for packet in fragment.pictures[1:])


def test_a_stream_of_keyframes_has_fragments_of_half_a_second() -> None:
    bench = Bench(fps=10, gop=1)
    bench.run(20)
    lengths = [len(fragment.pictures) for piece in bench.pieces for fragment in piece.fragments]
    assert max(lengths) <= 10
    assert sum(lengths) / len(lengths) >= 3


@pytest.mark.shows("RC4")
def test_a_file_begins_at_the_first_keyframe_after_a_minute_and_touches_the_last() -> None:
    bench = Bench(fps=15, gop=15 * 7)
    bench.run(200)
    begins = [piece.begins for piece in bench.pieces if piece.begins]
    ends = [piece.ends for piece in bench.pieces if piece.ends]
    assert [round((b.start_ms - begins[0].start_ms) / 1000) for b in begins] == [0, 63, 126, 189]
    assert [end.end_ms for end in ends] == [begin.start_ms for begin in begins[1:]]
    assert {end.why for end in ends} == {"length"}


@pytest.mark.parametrize(
    ("volume_bytes", "gop", "length_s", "why"),
    [
        (1 << 40, 30, 60.0, "length"),
        (32 * 20_000, 30, 24.0, "size"),  # 850 bytes a second: at the first keyframe after 20,000 bytes
        (32 * 20_000, 15 * 40, 40.0, "size"),
        (32 * 100, 30, 2.0, "size"),
        (32 * 100, 5, 2.0, "size"),  # not at each keyframe
        (32 * 1000, 15 * 300, 4.7, "size"),  # no keyframe: at most four times as large
    ],
)
def test_a_file_is_shorter_on_a_small_volume(volume_bytes: int, gop: int, length_s: float, why: str) -> None:
    bench = Bench(fps=15, gop=gop)
    bench.gatherer = WriteBuffer(segment_bytes=segment_bytes_on(volume_bytes))
    bench.run(130)
    begins = [piece.begins.start_ms for piece in bench.pieces if piece.begins]
    assert len(begins) >= 3
    for before, after in pairwise(begins):
        assert (after - before) / 1000 == pytest.approx(length_s, abs=0.3)
    assert {piece.ends.why for piece in bench.pieces if piece.ends} == {why}


def test_another_run_begins_another_file() -> None:
    bench = Bench()
    bench.run(5)
    bench.feed.begin_run()
    bench.run(5)
    assert [piece.begins.run for piece in bench.pieces if piece.begins] == ["run-1", "run-2"]
    assert [piece.ends.end_ms for piece in bench.pieces if piece.ends] == [0]
    assert _runs_are_apart(bench.pieces)


def test_another_format_begins_another_file() -> None:
    bench = Bench()
    bench.run(4)
    other = replace(FORMAT, codec="h265")
    bench.feed.video = other
    bench.run(4)
    assert [piece.begins.video for piece in bench.pieces if piece.begins] == [FORMAT, other]
    assert [piece.ends.why for piece in bench.pieces if piece.ends] == ["another format"]


def test_sound_that_comes_later_begins_another_file_with_it() -> None:
    bench = Bench()
    bench.run(5)
    bench.feed.sound = True
    bench.run(5)
    begins = [piece.begins for piece in bench.pieces if piece.begins]
    assert [begin.audio for begin in begins] == [None, SOUND]
    assert begins[1].start_ms - begins[0].start_ms == 6000


def test_sound_goes_to_the_file_of_its_time() -> None:
    bench = Bench(sound=True)
    bench.run(130)
    bench.step("over")
    start_s = 0.0
    for piece in bench.pieces:
        if piece.begins:
            start_s = piece.begins.first_pts / 90_000
        assert all(packet.pts_s >= start_s - 1e-6 for packet in piece.packets)
    assert sum(len(packet.data) for packet in bench.packets if not packet.is_video) == 130 * 8000


def test_the_last_picture_goes_to_the_disk_though_none_follows() -> None:
    bench = Bench()
    bench.run(3)
    bench.wait(1.2)
    assert len(bench.packets) == 45


def test_ending_takes_all_and_closes() -> None:
    bench = Bench()
    bench.run(2.1)
    taken = bench.step("stopped")
    assert taken[-1].ends is not None
    assert taken[-1].ends.why == "stopped"
    assert len(bench.packets) == 32
    assert bench.step("stopped") == []


def test_what_is_put_back_comes_again_from_a_keyframe_on() -> None:
    bench = Bench(fps=10, gop=10)
    bench.run(2.5)
    written, bench.pieces = bench.pieces, []
    bench.gatherer.put_back(written[-1].packets, bench.clock.mono_s())
    bench.run(2)
    first = next(piece for piece in bench.pieces if piece.fragments)
    assert first.begins is not None
    assert first.packets[0].is_keyframe
    lost = bench.gatherer.lost
    assert lost is not None
    assert lost.begin_ms == written[-1].packets[0].at_ms
    assert lost.end_ms < first.packets[0].at_ms


def test_too_much_is_dropped_up_to_a_keyframe_and_ends_the_file() -> None:
    bench = Bench(fps=10, gop=20)
    bench.run(3)
    for _ in range(200):
        bench.gatherer.add([bench.feed.picture()], bench.clock.mono_s())
    ends = bench.gatherer.shed(10.0, 1 << 30)
    assert [piece.ends is not None and not piece.fragments for piece in ends] == [True]
    assert bench.gatherer.waiting_s <= 10
    assert bench.gatherer.lost is not None
    assert bench.gatherer.take(bench.clock.mono_s())[0].begins is not None


def _sounds(pictures: list[Packet], by_ms: int) -> list[Packet]:
    """Sound of the times of pictures, moved by this."""
    return [Packet(one.run, one.number, SOUND, b"s", 0, one.at_ms + by_ms, is_keyframe=False) for one in pictures]


@pytest.mark.parametrize("by_ms", [-3_600_000, 3_600_000])
def test_the_time_between_pictures_and_sound_does_not_wait(by_ms: int) -> None:
    """Sound with times of its own was taken for an hour of video that the disk was too slow for."""
    bench = Bench(fps=10)
    pictures = [bench.feed.picture() for _ in range(21)]
    packets = [*pictures, *_sounds(pictures, by_ms)]
    bench.gatherer.add(packets, bench.clock.mono_s())
    assert bench.gatherer.waiting_s == duration_s(packets) == 2.0
    assert bench.gatherer.shed(60.0, 1 << 30) == []


def test_sound_alone_is_dropped_without_a_loss_of_video() -> None:
    """An hour of it waited for a disk that hung."""
    bench = Bench(fps=1)
    sounds = _sounds([bench.feed.picture() for _ in range(62)], 0)
    bench.gatherer.add(sounds, bench.clock.mono_s())
    assert bench.gatherer.waiting_s == duration_s(sounds) == 61.0
    bench.gatherer.shed(60.0, 1 << 30)
    assert (bench.gatherer.waiting_s, bench.gatherer.size_bytes) == (0.0, 0)
    assert bench.gatherer.lost is None


@given(
    gops=some.lists(some.integers(1, 40), min_size=1, max_size=12),
    fps=some.sampled_from([2, 7, 15, 30]),
    sound=some.booleans(),
)
@settings(max_examples=50, deadline=None)
def test_every_packet_goes_to_the_disk_once_and_in_order(gops: list[int], fps: int, sound: bool) -> None:
    bench = Bench(fps=fps, sound=sound)
    for gop in gops:
        bench.feed.gop = gop
        bench.feed.begin_run() if gop % 5 == 0 else None
        bench.run(gop / fps)
    bench.step("over")
    every = bench.hub.since(0).packets
    for is_video in (True, False):
        written = [packet.number for packet in bench.packets if packet.is_video is is_video]
        assert written == [packet.number for packet in every if packet.is_video is is_video]
    assert _runs_are_apart(bench.pieces)
    assert all(piece.packets[0].is_keyframe for piece in bench.pieces if piece.begins)


def _runs_are_apart(pieces: list[WriteUnit]) -> bool:
    return all(len({packet.run for packet in piece.packets}) <= 1 for piece in pieces)
