"""A camera's encoder is set within what it offers, and set back if its stream doesn't return."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tawny.config.settings import CameraSettings, Settings
from tawny.delivery.scripts import ScriptRunner
from tawny.model.errors import NotDone
from tawny.model.ids import CameraId
from tawny.service.integrations.device_control import RESTARTS_S, DeviceChange, DeviceControl
from tawny.sources.discovery.onvif_details import EncoderSettings
from tawny.testing.clock import FakeClock
from tests.support.onvif_device import Stream
from tests.support.onvif_simulator import OnvifSimulator, simulated

YARD = CameraId("yard")
OFFERS = {"H264": [(1920, 1080), (1280, 720)], "H265": [(1920, 1080)]}


@pytest.fixture
def camera() -> Iterator[OnvifSimulator]:
    with simulated(
        profile="T", streams=[Stream("big", "H264", 1920, 1080, "rtsp://10.0.0.2/main")], offers=OFFERS
    ) as made:
        yield made


class Bench:
    """newest_ms: returns when the newest frame came, by the clock."""

    def __init__(self, camera: OnvifSimulator, root: Path, newest_ms: Callable[[FakeClock], int | None]) -> None:
        made = CameraSettings.model_validate({"source": "demo:", "onvif": camera.url})
        settings = Settings(cameras={YARD: made})
        self.clock = FakeClock()
        self.hands = DeviceControl(
            lambda: settings, ScriptRunner(root, 20, self.clock), self.clock, None,
            lambda name, stream: newest_ms(self.clock), self.clock.advance,
        )  # fmt: skip

    def set(self, **about: Any) -> EncoderSettings:
        (now,) = self.hands.device(YARD).encoders
        (made,) = self.hands.change_device(YARD, DeviceChange(encoder=replace(now, **about))).encoders
        return made


def test_it_is_set_and_the_stream_comes_back(camera: OnvifSimulator, tmp_path: Path) -> None:
    bench = Bench(camera, tmp_path, lambda clock: clock.now_ms())
    begun_s = bench.clock.mono_s()
    made = bench.set(codec="h265", fps=15.0, quality=2.0)
    assert (made.codec, made.fps, made.quality, made.width) == ("h265", 15.0, 2.0, 1920)
    assert bench.clock.mono_s() - begun_s >= RESTARTS_S


def test_what_ends_the_stream_is_undone(camera: OnvifSimulator, tmp_path: Path) -> None:
    """The last frame is that of before the change."""
    bench = Bench(camera, tmp_path, lambda _: FakeClock().now_ms())
    with pytest.raises(NotDone, match="undone"):
        bench.set(codec="h265", fps=5.0)
    (now,) = bench.hands.device(YARD).encoders
    assert (now.codec, now.fps, now.width) == ("h264", 20.0, 1920)


def test_a_stream_that_is_not_recorded_is_not_waited_for(camera: OnvifSimulator, tmp_path: Path) -> None:
    bench = Bench(camera, tmp_path, lambda _: None)
    assert bench.set(width=1280, height=720).height == 720


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        ({"codec": "av1"}, "doesn't offer AV1"),
        ({"width": 640, "height": 480}, "doesn't offer 640 × 480 with H264"),
        ({"codec": "h265", "width": 1280, "height": 720}, "doesn't offer 1280 × 720 with H265"),
        ({"fps": 7.0}, "doesn't offer 7 frames per second"),
        ({"quality": 9.0}, "doesn't offer a quality of 9"),
        ({"stream": "sub"}, "no sub stream"),
    ],
)
def test_what_it_does_not_offer_is_refused_before_it_is_sent(
    camera: OnvifSimulator, tmp_path: Path, wanted: dict[str, Any], why: str
) -> None:
    bench, before = Bench(camera, tmp_path, lambda _: None), list(camera.streams)
    with pytest.raises(NotDone, match=why):
        bench.set(**wanted)
    assert list(camera.streams) == before
