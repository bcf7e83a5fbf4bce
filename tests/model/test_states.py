"""The sentence that counts cameras."""

import pytest

from tawny.model.states import CameraState, summary


@pytest.mark.parametrize(
    ("states", "told"),
    [
        ([CameraState.ENDED], "0 of 1 camera working: 1 video file ended."),
        ([CameraState.ENDED] * 2, "0 of 2 cameras working: 2 video files ended."),
        ([CameraState.MOVED] * 2 + [CameraState.RECORDING], "1 of 3 cameras working: 2 cameras moved."),
        ([CameraState.COVERED, CameraState.FROZEN], "0 of 2 cameras working: 1 frozen image, 1 lens covered."),
    ],
)
def test_several_cameras_are_counted_in_the_plural(states: list[CameraState], told: str) -> None:
    assert summary(states) == told
