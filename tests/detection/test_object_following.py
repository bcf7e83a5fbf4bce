"""What following is made of: how far a camera has turned, and where the object is."""

import numpy as np
import pytest

from tawny.detection import following as following_module
from tawny.detection.following import SETTLES_MS, CameraShift, ObjectFollower, ObjectLook, small_frame
from tawny.model.observations import Look, Observation
from tawny.testing.panorama import PanoramaCamera, PanoramaFrame, Scene, Walker


@pytest.mark.parametrize("background", ["yard", "houses", "fence", "wall"])
@pytest.mark.parametrize("speed", [-7.0, 5.0])
def test_a_turn_is_measured_in_front_of_everything(background: str, speed: float) -> None:
    """While the camera turns with a person, whose image stands still: degrees a second, for 20 s."""
    camera = PanoramaCamera(Scene([Walker(lambda now_s: (speed * now_s, 0.0))], background))
    shift, box, off = CameraShift(), (118, 48, 138, 96), []
    expected = (0.0, 0.0)
    for _ in range(100):
        before, pan = shift.x, camera.pan
        camera.now_s += 0.2
        camera.pan = speed * camera.now_s
        expected = shift.go(small_frame(PanoramaFrame(camera.picture(), 0)), expected, box)
        off.append(abs(shift.x - before - (camera.pan - pan) / camera.width_deg) * 256)
    assert max(off[1:]) < 2.5
    assert shift.x * camera.width_deg == pytest.approx(speed * 19.8, rel=0.04)
    assert abs(shift.y) < 0.03


def test_a_look_that_learns_stays_where_it_is() -> None:
    """A minute of frames with noise. A shift of half a pixel in each would move it off the object."""
    chance = np.random.default_rng(3)
    still = np.full((144, 256), 100, np.float32)
    still[50:90, 100:120] = chance.normal(150, 40, (10, 5)).repeat(4, 0).repeat(4, 1)
    moving = np.zeros_like(still)
    moving[50:90, 100:120] = 1
    look = ObjectLook(still, (100, 50, 120, 90))
    for _ in range(300):
        seen = still + chance.normal(0, 3, still.shape).astype(np.float32)
        assert look.find(seen, look.middle, 12, moving, 0.3)
    assert look.middle == pytest.approx((110, 70), abs=0.5)
    assert look.box == pytest.approx((100, 50, 120, 90), abs=2)


NOW_MS, HOUR_MS = 1_790_000_000_000, 3_600_000
PERSON = Observation("person", 0.9, (0.4, 0.3, 0.5, 0.7), 1)


def following(at_ms: int) -> ObjectFollower:
    """Return a follower that chose a person at a time, and has looked for it once since."""
    follower = ObjectFollower()
    choose(follower, at_ms)
    follower.follow(noise(at_ms + 200))
    return follower


def choose(follower: ObjectFollower, at_ms: int) -> None:
    follower.wanted = ("person",)
    follower.look(noise(at_ms), Look(90, (PERSON,)))
    assert follower.is_following


def noise(at_ms: int) -> PanoramaFrame:
    """A frame in which nothing is found again."""
    return PanoramaFrame(np.random.default_rng(at_ms).integers(0, 255, (144, 256)).astype(np.uint8), at_ms)


def test_a_camera_that_followed_moves_for_a_moment_and_not_before_it() -> None:
    """The clock was set back afterwards: what it shows then is no movement."""
    follower = following(NOW_MS)
    follower.release()
    assert follower.is_moving(NOW_MS + 300)
    assert not follower.is_moving(NOW_MS + 200 + SETTLES_MS)
    assert not follower.is_moving(NOW_MS - HOUR_MS)


def test_one_chosen_after_the_clock_was_set_back_moves_the_camera_as_long() -> None:
    follower = following(NOW_MS)
    follower.release()
    choose(follower, NOW_MS - HOUR_MS)
    follower.release()
    assert follower.is_moving(NOW_MS - HOUR_MS + 200)
    assert not follower.is_moving(NOW_MS - HOUR_MS + SETTLES_MS)


def test_who_is_followed_while_the_clock_is_set_back_is_lost_as_soon() -> None:
    follower = following(NOW_MS)
    for n in range(20):
        if follower.is_following:
            follower.follow(noise(NOW_MS - HOUR_MS + 200 * n))
    assert not follower.is_following
    (over,) = follower.ended()
    assert over.until_ms is not None
    assert over.until_ms < NOW_MS


def test_nothing_is_chosen_once_it_was_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another thread lets go while an object is being chosen."""
    follower = ObjectFollower()
    follower.wanted = ("person",)

    def let_go(*_: object) -> bool:
        follower.wanted = ()
        follower.release()
        return True

    monkeypatch.setattr(following_module, "is_meant", let_go)
    look = Look(90, (PERSON,))
    assert follower.look(noise(NOW_MS), look) is look
    assert not follower.is_following
