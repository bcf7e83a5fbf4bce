"""What the default detector follows, and how long something must be seen while insects fly."""

import numpy as np
import pytest

from tawny.detection.motion import MotionDetector
from tawny.detection.motion.background_model import BackgroundModel, Sensitivity
from tawny.detection.motion.cells import Blob, CellBox, blobs, way
from tawny.detection.motion.motion import gather
from tawny.detection.motion.tracks import GroundGrid, MotionScene, MotionTrack, assign
from tests.support.scenes import START_MS, PictureFrame

LEAST = 6
SMALL, LARGE = CellBox(50, 50, 53, 55), CellBox(40, 40, 52, 62)


def _track(box: CellBox, area: float, *, trust_s: float = 30.0, worth: float = 1.0) -> MotionTrack:
    track = MotionTrack.begun(1, 10.0, Blob(1, box, area, 1.0))
    track.trust_s, track.worth = trust_s, worth
    return track


def _hint(box: CellBox, area: float = 4.0) -> Blob:
    return Blob(7, box, area, 1.0, is_sure=False)


def test_too_little_to_begin_with_is_a_hint() -> None:
    front = np.zeros((108, 192), np.bool_)
    front[50:52, 50:52] = True
    excess = np.where(front, np.float32(2), np.float32(0))
    assert blobs(front, front, excess, LEAST) == []
    (hint,) = blobs(front, front, excess, LEAST, hints=True)
    assert not hint.is_sure


def test_somebody_faint_is_followed_by_a_hint() -> None:
    track, hint = _track(SMALL, 8.0), _hint(SMALL)
    assert assign(10.2, [track], [hint], LEAST) == ([(track, hint)], [])


@pytest.mark.parametrize(
    "track",
    [_track(LARGE, 120.0), _track(SMALL, 8.0, trust_s=2.0), _track(SMALL, 8.0, worth=0.4)],
    ids=["what is large", "where it was restless", "where much came to nothing"],
)
def test_a_hint_does_not_do_for(track: MotionTrack) -> None:
    assert assign(10.2, [track], [_hint(track.box)], LEAST) == ([], [])


def test_nothing_begins_with_a_hint() -> None:
    assert assign(10.2, [], [_hint(SMALL)], LEAST) == ([], [])


def test_what_flies_by_is_noticed_and_forgotten() -> None:
    ground = GroundGrid((108, 192))
    assert ground.flies == 0
    ground.flew_by()
    ground.flew_by()
    assert ground.flies == 1
    for _ in range(5 * 300):
        ground.pass_time(0.2)
    assert ground.flies < 0.1


@pytest.mark.parametrize(("in_sight_s", "asks_more"), [(0.0, False), (0.2, False), (0.4, True), (2.0, True)])
def test_only_what_was_followed_raises_what_is_required(in_sight_s: float, asks_more: bool) -> None:
    """Ten a second for ten seconds: dust that one frame catches, or snow."""
    ground = GroundGrid((108, 192))
    for _ in range(50):
        ground.note_dismissed(60.0, in_sight_s, [])
        ground.note_dismissed(60.0, in_sight_s, [])
        ground.pass_time(0.2)
    assert (ground.asks_more(60.0) > 1) == asks_more


def test_a_way_is_measured_in_own_sizes() -> None:
    here, there = CellBox(0, 0, 4, 10), CellBox(8, 0, 12, 10)
    assert way([here], [there]) == 2.0
    assert way([here, here], [there, there]) == 2.0
    assert way([here], [CellBox(0, 5, 4, 15)]) == 0.5


@pytest.mark.parametrize(("levels", "is_told"), [(6.0, False), (7.0, False), (20.0, True)])
def test_what_grows_on_the_spot_and_hardly_shows_is_nobody(levels: float, is_told: bool) -> None:
    """An encoder's refresh of a noisy picture does that; somebody who comes nearer shows clearly."""
    chance = np.random.default_rng(1)
    detector = MotionDetector({})
    text = False
    for number in range(5 * 26):
        picture = 90 + chance.normal(0, 1.0, (108, 192))
        wide = max(0, number - 5 * 22)
        picture[40 - wide // 2 : 56 + wide // 2, 90 - wide : 100 + wide] += levels * (wide > 0)
        luma = picture.round().astype(np.uint8)
        text |= bool(detector.look(PictureFrame(luma, START_MS + 200 * number)).seen)
    assert text == is_told


@pytest.mark.parametrize(("cells_a_look", "is_told"), [(2.2, True), (5.0, False)])
def test_insects_hide_nobody_who_is_slower_than_they_are(cells_a_look: float, is_told: bool) -> None:
    """Three insects dart by, then something is in sight for 1.4 s."""
    chance = np.random.default_rng(1)
    detector = MotionDetector({})
    text = False
    for number in range(5 * 26):
        picture = 90 + chance.normal(0, 1.0, (108, 192))
        since, step = number - 5 * 15, (number - 5 * 15) % 10
        if 0 <= since < 30 and step < 7:
            picture[20:25, 60 + 9 * step : 65 + 9 * step] += 60
        walked = number - 5 * 21
        if 0 <= walked < 8:
            x = 40 + round(cells_a_look * walked)
            picture[60:74, x : x + 6] += 40
        text |= bool(detector.look(PictureFrame(picture.round().astype(np.uint8), START_MS + 200 * number)).seen)
    assert text == is_told


@pytest.mark.parametrize(("excess", "counts"), [(1.0, 0.0), (1.3, 0.5), (1.6, 1.0), (3.0, 1.0)])
def test_evidence_counts_by_how_far_it_is_beyond_chance(excess: float, counts: float) -> None:
    """The same steps of what is hardly above its limits, and of what is far above."""
    memory = BackgroundModel(0.0, np.full((108, 192), 90, np.float32), Sensitivity.of(50))
    seen = memory.compare(memory.measure(memory.back, 0.2), 0.2)
    scene = MotionScene(Sensitivity.of(50), memory, GroundGrid(memory.shape), seen, is_young=False, whole=60.0)

    def evidence(strength: float) -> float:
        track = MotionTrack.begun(1, 0.0, Blob(1, SMALL, 15.0, 1.0, strength))
        track.trust_s = 30.0
        for number in range(1, 5):
            blob = Blob(1, CellBox(50 + number, 50, 53 + number, 55), 15.0, 1.0, strength)
            track.step(number / 5, 0.2, blob, moves=True)
            gather(track, blob, scene.ground.places(blob.box), number / 5, 0.2, scene)
        return track.evidence

    assert evidence(excess) == pytest.approx(counts * evidence(3.0))
    assert evidence(3.0) > 0.5


def test_a_blob_says_how_far_it_is_beyond_chance() -> None:
    excess = np.zeros((108, 192), np.float32)
    excess[50:54, 50:54], excess[80:84, 80:84] = 1.6, 40
    found = blobs(excess > 1, excess > 1, excess, LEAST)
    assert sorted(blob.excess for blob in found) == pytest.approx([1.6, 3.0])


@pytest.mark.parametrize(("dismissed", "dismissal_rate"), [(0, 0.0), (1, 1 / 3), (3, 1.0), (9, 1.0)])
def test_dismissed_candidates_are_counted(dismissed: int, dismissal_rate: float) -> None:
    ground = GroundGrid((108, 192))
    for _ in range(dismissed):
        ground.note_dismissed(20.0, 0.5, [])
    assert ground.dismissal_rate == pytest.approx(dismissal_rate)


@pytest.mark.parametrize("dismissal_rate", [0.0, 1.0])
def test_after_dismissed_candidates_noise_has_to_differ_by_more(dismissal_rate: float) -> None:
    """Somebody of three spreads of the noise shows on calm ground alone."""
    chance = np.random.default_rng(3)
    memory = BackgroundModel(0.0, np.full((108, 192), 90, np.float32), Sensitivity.of(50))
    for number in range(1, 5 * 40):
        now = (90 + chance.normal(0, 4, (108, 192))).astype(np.float32)
        seen = memory.compare(memory.measure(now, 0.2), number / 5)
        memory.pass_look(seen, 0.2)
        memory.learn(number / 5, 0.2, seen)
    memory.dismissal_rate = dismissal_rate
    now = np.full((108, 192), 90, np.float32)
    now[40:50, 40:44] += 17
    shown = memory.compare(memory.measure(now, 0.2), 40.0).front[40:50, 40:44].mean()
    assert (shown > 0.9) == (dismissal_rate == 0.0)
