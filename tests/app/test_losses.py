"""When a camera is said to lose parts of its pictures."""

from tawny.app.losses import LOSING, losing
from tawny.model.ids import RunId
from tawny.model.packets import Packet, VideoFormat
from tawny.stream.hub import Hub


def ring(damaged: set[int]) -> Hub:
    """Ten seconds of pictures, some of them damaged."""
    hub = Hub()
    video = VideoFormat("h264", 320, 240, ())
    for number in range(150):
        key, at_ms = number % 15 == 0, number * 66
        hub.append(Packet(RunId("run"), number, video, b"x", number * 6000, at_ms, key, number in damaged))
    return hub


def test_whole_pictures_are_nothing_to_speak_of() -> None:
    assert losing(Hub()) == ""
    assert losing(ring(set())) == ""
    assert losing(ring({40, 41, 42})) == ""


def test_more_than_one_in_fifty_is_told() -> None:
    assert losing(ring({20, 40, 60, 80})) == LOSING
