"""Whatever order the stamps of a stream with B-frames have, the detector gets its pictures in order, and sees them."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import av
import numpy as np
import pytest
from av.bitstream import BitStreamFilterContext

from tawny.detection.decode_pipeline import DecodeGate, GateMode
from tawny.detection.motion import MotionDetector
from tawny.media.codec.decoder import PresentationTimes
from tawny.media.codec.video_file import FileVideo
from tawny.model.packets import SourcePacket
from tawny.testing.clips import read_clip
from tawny.testing.clock import FakeClock
from tests.detection.bench import Bench
from tests.detection.camera import Camera
from tests.detection.films import film
from tests.support.scenes import LOOKS_A_SECOND, SyntheticScene, person

LENGTH_S, FPS = 40, 15


@cache
def movie(b_frames: int) -> Path:
    """Somebody walks from 20 s to 30 s; a keyframe every 2 s."""
    scene = SyntheticScene(1, LENGTH_S)
    scene.walk([(20, 20, 90, 45), (30, 170, 90, 45)], person, 45)
    each = FPS // LOOKS_A_SECOND
    pictures = (np.kron(frame.luma, np.ones((2, 2), np.uint8)) for frame in scene.frames() for _ in range(each))
    return film(pictures, FPS, 2 * FPS, f"walker-{b_frames}", b_frames)


@cache
def avi(b_frames: int) -> Path:
    """The same packets in AVI, which keeps no stamps but their order."""
    path = movie(b_frames).with_suffix(".avi")
    with av.open(str(movie(b_frames))) as source, av.open(str(path), "w") as out:
        film_track = source.streams.video[0]
        track = out.add_stream_from_template(film_track)
        start_codes = BitStreamFilterContext("h264_mp4toannexb", film_track, track)
        for packet in source.demux(film_track):
            for coded in start_codes.filter(packet if packet.size else None):
                coded.stream = track
                out.mux(coded)
    return path


def as_made(b_frames: int) -> tuple[SourcePacket, ...]:
    return read_clip(movie(b_frames)).packets


def from_avi(b_frames: int) -> tuple[SourcePacket, ...]:
    return read_clip(avi(b_frames)).packets


def in_decoding_order(b_frames: int) -> tuple[SourcePacket, ...]:
    """A recorder that stamps packets as they leave its encoder."""
    packets = as_made(b_frames)
    stamps = sorted(packet.pts for packet in packets)
    return tuple(replace(packet, pts=pts) for packet, pts in zip(packets, stamps, strict=True))


def late_by_a_picture(b_frames: int) -> tuple[SourcePacket, ...]:
    """Each keyframe has the stamp of the picture behind it: equal stamps."""
    packets = as_made(b_frames)
    step = 90_000 // FPS
    return tuple(replace(one, pts=one.pts + step * one.is_keyframe) for one in packets)


def back_by_one_to_three(b_frames: int) -> tuple[SourcePacket, ...]:
    """Of seven pictures three step back, by one, two and three pictures."""
    step = 90_000 // FPS
    packets = in_decoding_order(b_frames)
    return tuple(replace(one, pts=one.pts - 2 * step * max(0, number % 7 - 3)) for number, one in enumerate(packets))


def by_an_uneven_clock(b_frames: int) -> tuple[SourcePacket, ...]:
    """Each stamp up to a picture and a half too early or too late."""
    chance, step = np.random.default_rng(5), 90_000 // FPS
    return tuple(
        replace(one, pts=one.pts + 2 * step + round(step * chance.uniform(-1.5, 1.5))) for one in as_made(b_frames)
    )


STAMPS: list[Callable[[int], tuple[SourcePacket, ...]]] = [
    as_made,
    from_avi,
    in_decoding_order,
    late_by_a_picture,
    back_by_one_to_three,
    by_an_uneven_clock,
]


def test_the_avi_has_its_stamps_in_decoding_order() -> None:
    for packets in (from_avi(3), in_decoding_order(3)):
        pts = [packet.pts for packet in packets]
        assert pts == sorted(pts)
    pts = [packet.pts for packet in as_made(3)]
    assert pts != sorted(pts)


@pytest.mark.parametrize("stamps", STAMPS)
@pytest.mark.parametrize("b_frames", [0, 1, 3])
@pytest.mark.parametrize("mode", GateMode)
def test_somebody_who_walks_by_is_seen(
    stamps: Callable[[int], tuple[SourcePacket, ...]], b_frames: int, mode: GateMode
) -> None:
    clock = FakeClock()
    bench = Bench(MotionDetector({}), Camera(clock, stamps(b_frames)), clock=clock, gate=DecodeGate(mode))
    bench.run(LENGTH_S)
    times = [at_ms for at_ms, _ in bench.looks]
    assert times == sorted(times)
    seen = [(at_ms - bench.begun_ms, look.seen[0]) for at_ms, look in bench.looks if look.seen]
    assert seen
    assert seen[0][0] == pytest.approx(21_000, abs=1200)
    assert seen[-1][0] > 29_000
    since_ms = seen[0][1].since_ms
    assert since_ms is not None
    assert since_ms - bench.begun_ms == pytest.approx(20_000, abs=800)
    assert len({one.track for _, one in seen}) == 1, "one person, one track"


@pytest.mark.parametrize(
    ("stamps", "times"),
    [
        pytest.param([0, 40, 80, 120, 160], [0, 40, 80, 120, 160], id="in order"),
        pytest.param([0, 40, 80, 120, 80, 40, 0, 280], [0, 40, 80, 120, 142, 160, 175, 280], id="back by 1 to 3"),
        pytest.param([0, 40, 80, 80, 120, 160], [0, 40, 80, 100, 120, 160], id="one twice"),
        pytest.param([0, 40, 80, 40, 120, 160], [0, 40, 80, 100, 120, 160], id="back once"),
        pytest.param([80, 80, 80, 80], [80, 81, 82, 83], id="all the same"),
        pytest.param([9000, 9040, 1000, 1040], [9000, 9040, 1000, 1040], id="another time"),
        pytest.param([0, 3000, 2999], [0, 3000, 3375], id="few pictures: half a second at most"),
    ],
)
def test_times_that_step_back_go_on_instead_and_then_are_as_stated_again(stamps: list[int], times: list[int]) -> None:
    given = PresentationTimes(4000)
    taken = []
    for stamp in stamps:
        given.feed(stamp)
        taken.append(given.take(stamp))
    assert taken == times


@pytest.mark.parametrize("b_frames", [0, 1, 3])
def test_pictures_of_an_avi_file_come_in_order(b_frames: int) -> None:
    frames = list(FileVideo(avi(b_frames)).pictures(18.0, 22.0))
    times = [frame.at_ms for frame in frames]
    assert times == sorted(set(times))
    assert len(times) >= 4 * FPS
