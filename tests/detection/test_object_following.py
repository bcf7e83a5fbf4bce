"""What following is made of: how far a camera has turned, and where the object is."""

import numpy as np
import pytest

from tawny.detection.following import CameraShift, ObjectLook, small_frame
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
