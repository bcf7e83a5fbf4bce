"""Each old detector decides as its definition says, on the clips its numbers are known on."""

import shutil
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any

import numpy as np
import pytest

from tawny.detection.classic.background import Mixture, Neighbours, Stability
from tawny.detection.classic.base import ClassicDetector, ClassicMeasurement
from tawny.detection.classic.blocks import Blocks
from tawny.detection.classic.canny import Denoise
from tawny.detection.classic.edges import Edges
from tawny.detection.classic.framediff import FrameDiff
from tawny.detection.classic.likeness import Likeness
from tawny.detection.classic.pixels import Pixels
from tests.detection.classic import standins
from tests.support.scenes import START_MS, PictureFrame


def readings(detector: ClassicDetector, frames: Iterable[PictureFrame]) -> list[tuple[int, ClassicMeasurement]]:
    """By the number of the frame."""
    read: list[tuple[int, ClassicMeasurement]] = []
    begun = False
    for frame in frames:
        if not begun:
            detector.forget()
            begun = True
        read.append((round((frame.at_ms - START_MS) / 100), detector.measure(frame.luma)))
    return read


def moving(detector: ClassicDetector, frames: Iterable[PictureFrame]) -> list[int]:
    return [number for number, reading in readings(detector, frames) if reading.moves]


def told(detector: ClassicDetector, frames: Iterable[PictureFrame]) -> list[tuple[float, float]]:
    """Events, in seconds."""
    made: dict[int, tuple[float, float]] = {}
    for frame in frames:
        look = detector.look(frame)
        for thing in look.seen + look.over:
            since_ms = thing.since_ms if thing.since_ms is not None else frame.at_ms
            until_ms = thing.until_ms if thing.until_ms is not None else frame.at_ms
            made[thing.track] = ((since_ms - START_MS) / 1000, (until_ms - START_MS) / 1000)
    return list(made.values())


@pytest.mark.parametrize("kind", [Edges, Blocks, Pixels, FrameDiff, Likeness, Mixture, Neighbours, Stability])
def test_nothing_moves_in_a_still_clip(kind: type[ClassicDetector]) -> None:
    assert moving(kind({}), standins.still()) == []


# --- edges, blocks, new pixels ---------------------------------------------------------------------------------------


@pytest.mark.shows("RC8")
def test_edges_notices_what_appears_and_vanishes() -> None:
    read = dict(readings(Edges({}), standins.burst()))
    assert [n for n, reading in read.items() if reading.moves] == [40, 50, 60, 70]
    assert max(reading.number for reading in read.values()) == pytest.approx(3_720_000, rel=0.02)


@pytest.mark.shows("RC8")
@pytest.mark.parametrize(("last", "expected"), [(248, [199, 249]), (218, [199, 219])])
def test_edges_hardly_notices_what_walks(last: int, expected: list[int]) -> None:
    read = dict(readings(Edges({}), standins.walk(last)))
    assert [n for n, reading in read.items() if reading.moves] == expected
    assert max(reading.number for reading in read.values()) == pytest.approx(381_000, rel=0.02)


@pytest.mark.shows("RC9")
def test_edges_of_a_flash_are_motion_and_of_a_lasting_change_are_not() -> None:
    plain, lit = np.full((480, 640), 128, np.uint8), np.full((480, 640), 128, np.uint8)
    lit[120:360, 160:480] = standins.texture()
    flash = [plain] * 20 + [lit] + [plain] * 20
    change = [plain] * 20 + [lit] * 20
    assert len(told(Edges({}), standins.frames(flash))) == 1
    assert told(Edges({}), standins.frames(change)) == []
    assert len(told(Edges({"frames": 1}), standins.frames(flash))) == 1
    assert len(told(Edges({"frames": 1}), standins.frames(change))) == 1


@pytest.mark.shows("RC20")
@pytest.mark.parametrize(("last", "count"), [(None, 4), (248, 51), (218, 21)])
def test_blocks(last: int | None, count: int) -> None:
    assert len(moving(Blocks({}), _clip(last))) == count


@pytest.mark.shows("RC20")
@pytest.mark.parametrize(("last", "count"), [(None, 2), (248, 50), (218, 20)])
def test_new_pixels(last: int | None, count: int) -> None:
    assert len(moving(Pixels({}), _clip(last))) == count


def test_a_square_on_plain_ground_is_seen_by_blocks_and_not_by_new_pixels() -> None:
    def sliding() -> Iterator[PictureFrame]:
        for n in range(60):
            picture = np.full((480, 640), 128, np.uint8)
            if n >= 20:
                picture[200:280, 40 + 6 * n : 120 + 6 * n] = 255
            yield PictureFrame(picture, START_MS + 100 * n)

    assert len(moving(Blocks({}), sliding())) >= 39
    assert moving(Pixels({}), sliding()) == []


def test_without_noise_the_clips_are_as_they_were() -> None:
    frames = list(standins.burst())[36:72]
    assert moving(Blocks({"denoise": 1, "spread": 0.1}), frames) == [40, 50, 60, 70]
    assert len(moving(Pixels({"denoise": 1}), frames)) == 2


@pytest.mark.shows("RC20")
def test_noise_is_taken_off_and_edges_stay() -> None:
    noisy = [standins.grey_with_noise(n) for n in range(4)]
    calm = Denoise()
    last = [calm(picture) for picture in noisy][-1]
    assert float(last.std()) < 0.7 * float(noisy[-1].std())
    step = np.full((480, 640), 60, np.uint8)
    step[:, 320:] = 180
    assert np.array_equal(Denoise()(step), step)


# --- frame difference -------------------------------------------------------------------------------------------------


@pytest.mark.shows("RP8")
@pytest.mark.parametrize(
    ("ground", "level", "expected"),
    [(64, 192, [384, 576, 672, 720, 744, 756, 762]), (64, 20, [322, 483, 563, 603, 623])],
)
def test_framediff_gives_exactly_its_numbers(ground: int, level: int, expected: list[int]) -> None:
    read = readings(FrameDiff({}), standins.square(ground, level, len(expected) + 1))
    assert [reading.number for _, reading in read[1:]] == expected


def test_framediff_sees_what_becomes_brighter_only() -> None:
    plain, with_square, brighter = (np.full((288, 512), level, np.uint8) for level in (60, 60, 100))
    with_square[120:160, 100:140] = 192
    read = readings(FrameDiff({}), standins.frames([plain, with_square, with_square, plain, brighter]))
    assert [reading.number for _, reading in read] == [0, 1152, 0, 0, 0]


@pytest.mark.parametrize(("spread", "least", "most"), [(2, 0, 0), (5, 0, 0), (10, 3000, 7000)])
def test_framediff_and_noise(spread: float, least: int, most: int) -> None:
    chance = np.random.default_rng(1)
    noisy = [np.clip(chance.normal(90, spread, (288, 512)), 0, 255).astype(np.uint8) for _ in range(6)]
    read = readings(FrameDiff({}), standins.frames(noisy))
    assert least <= read[-1][1].number <= most


@pytest.mark.shows("RP9")
def test_framediff_moves_above_its_level_only() -> None:
    read = readings(FrameDiff({"level": 700}), standins.square(64, 192, 8))
    assert [reading.moves for _, reading in read[1:6]] == [False, False, False, True, True]


@pytest.mark.parametrize(("last", "count"), [(None, 4), (248, 51), (218, 21)])
def test_framediff_on_the_clips(last: int | None, count: int) -> None:
    assert len(moving(FrameDiff({}), _clip(last))) == count


@pytest.mark.parametrize("last", [248, 218])
def test_framediff_at_most_on_who_walks(last: int) -> None:
    read = readings(FrameDiff({}), standins.walk(last))
    assert max(reading.number for _, reading in read) == pytest.approx(4_330, rel=0.02)


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="FFmpeg makes the small stream")
@pytest.mark.parametrize(("last", "count", "most"), [(None, 4, 33_976), (248, 51, 4_330), (218, 21, 4_330)])
def test_framediff_on_the_small_stream(last: int | None, count: int, most: int) -> None:
    read = [reading for _, reading in readings(FrameDiff({}), standins.small_stream(last))]
    assert sum(reading.moves for reading in read) == count
    assert max(reading.number for reading in read) == pytest.approx(most, rel=0.02)


@pytest.mark.shows("RP10")
def test_five_in_a_row_are_told_at_the_fifth() -> None:
    detector = FrameDiff({"level": 300})
    looks = [detector.look(frame) for frame in standins.square(64, 192, 7)]
    assert [bool(look.seen) for look in looks] == [False] * 5 + [True] * 2
    assert looks[5].seen[0].since_ms == START_MS + 100


# --- background ------------------------------------------------------------------------------------------------------


@pytest.mark.shows("DY8")
@pytest.mark.parametrize(("last", "count"), [(None, 10), (248, 50), (218, 20)])
def test_background_by_mixture(last: int | None, count: int) -> None:
    assert len(moving(Mixture({}), _clip(last))) == count


@pytest.mark.parametrize(("last", "longest"), [(None, 9), (248, 50), (218, 20)])
def test_longest_run_of_background_by_mixture(last: int | None, longest: int) -> None:
    numbers = moving(Mixture({}), _clip(last))
    runs = [len(list(run)) for _, run in groupby(enumerate(numbers), lambda one: one[1] - one[0])]
    assert max(runs) == longest


@pytest.mark.shows("DY8")
@pytest.mark.parametrize(
    ("last", "expected"),
    [(None, [*range(40, 50), *range(60, 70)]), (248, [*range(199, 249)]), (218, [*range(199, 219)])],
)
def test_background_by_counting(last: int | None, expected: list[int]) -> None:
    assert moving(Stability({}), _clip(last)) == expected


@pytest.mark.shows("DY8")
@pytest.mark.parametrize("kind", [Mixture, Neighbours, Stability])
@pytest.mark.parametrize(("last", "seconds", "events"), [(248, 3, 1), (218, 3, 0), (218, 1, 1)])
def test_background_asks_for_seconds_without_a_pause(
    kind: type[ClassicDetector], last: int, seconds: float, events: int
) -> None:
    made = told(kind({"seconds": seconds}), standins.walk(last))
    assert len(made) == events
    assert [begin for begin, _ in made] == pytest.approx([19.9] * events, abs=0.11)


@pytest.mark.shows("DY8")
@pytest.mark.parametrize("kind", [Mixture, Stability])
def test_specks_smaller_than_the_kernel_never_score(kind: type[ClassicDetector]) -> None:
    def specks() -> Iterator[PictureFrame]:
        for n in range(80):
            picture = np.full((480, 640), 128, np.uint8)
            if n >= 40:
                for x in range(20, 600, 60):
                    picture[100:105, x + n : x + n + 5] = 255
            yield PictureFrame(picture, START_MS + 100 * n)

    assert max(reading.number for _, reading in readings(kind({}), specks())) == 0


@pytest.mark.shows("DY9")
@pytest.mark.parametrize(("pause", "events"), [(10, 1), (50, 2)])
def test_motions_a_second_apart_are_one_event_and_five_apart_are_two(pause: int, events: int) -> None:
    begin = [*range(160, 199)]
    numbers = [*range(199, 240)]
    plain, walking = list(standins.walk(0)), {round((f.at_ms - START_MS) / 100): f.luma for f in standins.walk(248)}
    pictures = [plain[0].luma] * len(begin) + [walking[n] for n in numbers]
    pictures += [plain[0].luma] * pause + [walking[n] for n in numbers] + [plain[0].luma] * 30
    assert len(told(Mixture({"seconds": 1}), standins.frames(pictures))) == events


# --- what they share -------------------------------------------------------------------------------------------------


@pytest.mark.shows("RC23")
def test_likeness_sees_another_picture() -> None:
    ramp = np.tile(np.linspace(0, 255, 640).astype(np.uint8), (480, 1))
    assert moving(Likeness({}), standins.frames([ramp] * 5 + [ramp[:, ::-1]] * 5)) == [5]


@pytest.mark.shows("RC23")
def test_the_dark_does_not_count_if_told_so() -> None:
    dark = [np.full((480, 640), 20, np.uint8) for _ in range(30)]
    for picture in dark[10:]:
        picture[100:300, 100:300] = standins.texture()[:200, :200] // 6
    assert moving(Edges({"level": 1000}), standins.frames(dark)) == [10]
    assert told(Edges({"level": 1000, "frames": 1, "least_light": 0.15}), standins.frames(dark)) == []


def test_a_change_of_light_does_not_count_if_told_so() -> None:
    dim = [standins.grey_with_noise(n) // 2 for n in range(40)]
    lit = [standins.grey_with_noise(n + 40) for n in range(60)]
    numbers = {"kernel": 1, "seconds": 0, "level": 20}
    assert told(Mixture(numbers), standins.frames(dim + lit))
    assert told(Mixture({**numbers, "light": 0.2}), standins.frames(dim + lit)) == []


@pytest.mark.shows("PK4", "RC23")
def test_while_it_warms_up_nothing_counts() -> None:
    assert told(Edges({"warm_up": 8}), standins.burst()) == []


@pytest.mark.shows("SC14")
@pytest.mark.parametrize("kind", [Edges, Blocks, Pixels, FrameDiff, Mixture, Stability])
def test_more_sensitive_sees_no_less(kind: type[ClassicDetector]) -> None:
    counts = [len(moving(kind({"sensitivity": n}), standins.walk(218, 190, 230))) for n in (1, 50, 100)]
    assert counts == sorted(counts)
    assert kind({"sensitivity": 50}).numbers == kind({}).numbers


@pytest.mark.parametrize(
    "settings",
    [{"sensitivity": 0}, {"sensitivity": 50, "level": 10}, {"level": -1}, {"frames": 1.5}, {"none": 1}, {"level": "1"}],
)
def test_what_cannot_be_set_is_told(settings: Mapping[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"allowed|can't be combined with level"):
        Edges(settings)


def test_an_even_kernel_is_refused() -> None:
    with pytest.raises(ValueError, match="odd"):
        Mixture({"kernel": 16})


def _clip(last: int | None) -> Iterator[PictureFrame]:
    return standins.burst() if last is None else standins.walk(last)
