"""When a camera is said to lose parts of its pictures."""

from tawny.model.damage import DamagedSpan
from tawny.model.ids import CameraId, RunId, StreamName
from tawny.model.packets import Packet, VideoFormat
from tawny.service.cameras.stream_figures import OVER_UDP, TOO_FAST, PacketLoss, loss_warning
from tawny.stream.hub import Hub


def ring(damaged: set[int]) -> Hub:
    """Ten seconds of pictures, some of them damaged."""
    hub = Hub()
    video = VideoFormat("h264", 320, 240, ())
    for number in range(150):
        key, at_ms = number % 15 == 0, number * 66
        hub.append(Packet(RunId("run"), number, video, b"x", number * 6000, at_ms, key, number in damaged))
    return hub


def damage(begin_ms: int) -> DamagedSpan:
    return DamagedSpan(CameraId("door"), StreamName.MAIN, begin_ms, begin_ms + 500, 1, 3)


def test_whole_pictures_are_nothing_to_speak_of() -> None:
    assert not loss_warning(Hub())
    assert not loss_warning(ring(set()))
    assert not loss_warning(ring({40, 41, 42}))
    assert PacketLoss(Hub()).hint(0, over_tcp=True) == ""


def test_more_than_one_in_fifty_is_told() -> None:
    losses = PacketLoss(ring({20, 40, 60, 80}))
    assert losses.hint(0, over_tcp=True) == TOO_FAST
    assert losses.hint(0, over_tcp=False) == OVER_UDP
    assert all("bitrate" in words and "too high for the connection" in words for words in (TOO_FAST, OVER_UDP))


def test_three_times_in_ten_minutes_is_told_over_tcp_only() -> None:
    losses = PacketLoss(Hub())
    for begin_ms in (0, 0, 200_000):
        losses.on_damage(damage(begin_ms))
    assert losses.hint(400_000, over_tcp=True) == ""
    losses.on_damage(damage(400_000))
    assert losses.hint(400_500, over_tcp=True) == TOO_FAST
    assert losses.hint(400_500, over_tcp=False) == ""
    assert losses.hint(600_000, over_tcp=True) == ""
