"""What is to be seen at a demo camera: light, wind, and who comes by, against its own truth."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from tawny.sources.demo.assets import FIGURES_FPS, Plane, leaves, ways
from tawny.sources.demo.renderer import SceneRenderer
from tawny.sources.demo.world import DAY_S, LIGHT_STEP_S, SCENES, DemoWorld, Visit, length_s, light

UTC_MS = 1_795_150_000_000
SMALL = 2
WIDTH, HEIGHT = 1280 // SMALL, 720 // SMALL
Luma = np.ndarray[Any, np.dtype[np.int32]]


def world(scene: str = "front", **options: Any) -> DemoWorld:
    return DemoWorld(SCENES[scene], 0.0, 1, **options)


def luma(picture: Plane) -> Luma:
    return picture[:HEIGHT].astype(np.int32)


def first_visit(scene: str) -> Visit:
    return next(world(scene).visits_between(0, 60))


@pytest.mark.parametrize("scene", SCENES)
def test_pictures_differ_from_the_quiet_place_where_the_truth_says_so(scene: str) -> None:
    busy, quiet = SceneRenderer(world(scene), SMALL), SceneRenderer(world(scene, quiet=True), SMALL)
    visit = first_visit(scene)
    shown = [n for n, frame in enumerate(visit.way.frames) if frame is not None]
    for n in (shown[len(shown) // 4], shown[len(shown) // 2], shown[3 * len(shown) // 4]):
        frame = visit.way.frames[n]
        assert frame is not None
        at_s = visit.start_s + n / FIGURES_FPS
        changed = abs(luma(busy.paint(at_s, UTC_MS)) - luma(quiet.paint(at_s, UTC_MS))) > 10
        x, y = frame.x // SMALL, frame.y // SMALL
        figure = changed[y : y + frame.height // SMALL, x : x + frame.width // SMALL]
        assert figure.mean() > 0.1
        figure[:] = False
        changed[
            frame.shade_y : frame.shade_y + frame.shade_height, frame.shade_x : frame.shade_x + frame.shade_width
        ] = 0
        assert changed.sum() < 40


@pytest.mark.parametrize("scene", SCENES)
def test_nothing_differs_when_nobody_is_there(scene: str) -> None:
    at_s = first_visit(scene).start_s - 1
    busy, quiet = SceneRenderer(world(scene), SMALL), SceneRenderer(world(scene, quiet=True), SMALL)
    assert np.array_equal(busy.paint(at_s, UTC_MS), quiet.paint(at_s, UTC_MS))


@pytest.mark.parametrize("scene", SCENES)
def test_nobody_appears_out_of_nothing(scene: str) -> None:
    """Who comes is first seen at the picture's edge, small, or from behind something."""
    for way in ways(scene):
        frames = [frame for frame in way.frames if frame is not None]
        largest = max(frame.width * frame.height for frame in frames)
        for frame in (frames[0], *(() if way.returns else (frames[-1],))):
            edge = (
                frame.x <= 4 or frame.y <= 4 or frame.x + frame.width >= 1276 or frame.y + frame.height >= 716
            )  # fmt: skip
            assert edge or frame.width * frame.height < 0.25 * largest, (way.name, frame)


def test_a_picture_depends_on_its_second_alone() -> None:
    one, other = SceneRenderer(world(), SMALL), SceneRenderer(world(), SMALL)
    one.paint(3.0, UTC_MS)
    one.paint(17.2, UTC_MS)
    assert np.array_equal(one.paint(14.4, UTC_MS), other.paint(14.4, UTC_MS))


def test_who_returns_stands_a_while_and_goes_back() -> None:
    (way,) = (way for way in ways("drive") if way.returns)
    visit, count = Visit(way, 10.0), len(way.frames)
    middle_s = 10.0 + length_s(way) / 2
    assert visit.frame(middle_s) == count - 1
    assert visit.frame(visit.end_s + 0.05) is None
    assert visit.frame(9.9) is None
    there = [visit.frame(10.05 + n / FIGURES_FPS) for n in range(count)]
    back = [visit.frame(visit.end_s - 0.05 - n / FIGURES_FPS) for n in range(count)]
    assert there == back


def test_wind_moves_leaves_and_nothing_else() -> None:
    painter = SceneRenderer(world(quiet=True), SMALL)
    pictures = np.stack([luma(painter.paint(60 + n * 1.7, UTC_MS)) for n in range(14)])
    moved = pictures.std(0)[: HEIGHT - 30]
    leafy = leaves("front", SMALL)[: HEIGHT - 30]
    assert moved[leafy > 200].mean() > 2 * moved[leafy == 0].mean()
    assert moved[leafy == 0].mean() < 1.5


@pytest.mark.parametrize("scene", SCENES)
def test_the_light_never_jumps_but_when_infrared_comes_and_goes(scene: str) -> None:
    steps = [light(SCENES[scene], n * LIGHT_STEP_S) for n in range(int(DAY_S / LIGHT_STEP_S) + 1)]
    jumps = 0
    for before, after in pairwise(steps):
        if "infrared" in (before.first, after.first):
            jumps += before.first != after.first
            continue
        mix = {name: -share for name, share in shares(before.first, before.second, before.mix).items()}
        for name, share in shares(after.first, after.second, after.mix).items():
            mix[name] = mix.get(name, 0.0) + share
        assert all(abs(change) < 0.03 for change in mix.values())
        assert abs(after.gain - before.gain) < 0.02
    assert jumps == 2


def shares(first: str, second: str, mix: float) -> dict[str, float]:
    data = {first: 1 - mix}
    data[second] = data.get(second, 0.0) + mix
    return data


def test_infrared_has_no_colour() -> None:
    night = SceneRenderer(world("side", quiet=True), SMALL).paint(5.0, UTC_MS)
    assert light(SCENES["side"], 5.0).first == "infrared"
    assert abs(night[HEIGHT:].astype(int) - 128).max() <= 2


def test_days_begin_in_daylight_where_people_look_first() -> None:
    assert [light(SCENES[scene], 0.0).first for scene in ("front", "garden", "hall")] == ["day"] * 3


def test_a_greater_speed_brings_days_and_people_sooner() -> None:
    fast = DemoWorld(SCENES["front"], 0.0, 1, speed=4.0)
    assert len(list(fast.visits_between(0, 600))) > 2.5 * len(list(world().visits_between(0, 600)))
    assert light(SCENES["front"], DAY_S * 0.25, 2.0) == light(SCENES["front"], DAY_S * 0.5, 1.0)


@pytest.mark.parametrize("speed", [0.1, 1.0, 10.0])
def test_who_is_there_does_not_depend_on_where_one_begins_to_look(speed: float) -> None:
    place = world("drive", speed=speed)
    all_ = list(place.visits_between(0, 900))
    for at_s in range(0, 900, 7):
        there = [visit for visit in all_ if visit.start_s <= at_s <= visit.end_s]
        assert list(place.visits_between(at_s, at_s)) == there


def test_the_time_is_written_in_the_corner() -> None:
    painter = SceneRenderer(world(quiet=True), SMALL)
    first, second = luma(painter.paint(4.0, UTC_MS)), luma(painter.paint(4.0, UTC_MS + 1000))
    rows, columns = np.nonzero(first != second)
    assert len(rows)
    assert rows.min() > 0.93 * HEIGHT
    assert columns.min() > 0.7 * WIDTH
