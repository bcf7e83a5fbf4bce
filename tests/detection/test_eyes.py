"""A camera's decoders, as the watcher goes to sleep, looks back, and sleeps on."""

import gc
import weakref
from typing import Any

import pytest

from tawny.detection import decode_pipeline
from tawny.detection.decode_pipeline import DecodePipeline
from tawny.detection.watcher import in_software
from tawny.media.codec.decoder import Decoder
from tawny.model.ids import CameraId, RunId
from tawny.model.observations import Frame, Look
from tawny.model.packets import Packet
from tests.detection.bench import Counting
from tests.media.clips import encoded

PORCH = CameraId("porch")


@pytest.mark.parametrize("params", ["bframes=0", "bframes=3"])
def test_pictures_held_back_for_their_order_never_come_out_behind_a_later_keyframe(params: str) -> None:
    clip = encoded("h264", frames=150, params=params, gop=30)
    packets = [
        Packet(RunId("r"), n, clip.video, unit.data, unit.pts, unit.pts // 90, unit.is_keyframe)
        for n, unit in enumerate(clip.units)
    ]
    times_ms: list[int] = []

    def looked(frame: Frame, _look: Look) -> None:
        times_ms.append(frame.at_ms)

    eyes = DecodePipeline(PORCH, Counting(), looked, in_software)
    slept = 0
    for packet in packets:
        eyes.pass_by(packet)
        if not packet.is_keyframe:
            continue
        frame = eyes.alone(packet)
        if packet.pts in (2 * 90_000, 6 * 90_000):  # looks back at the group of pictures before it
            for earlier in packets[slept : packet.number]:
                eyes.watch(earlier)
        assert frame is not None
        eyes.look(frame)
        slept = packet.number
    assert times_ms == sorted(set(times_ms))
    assert len(times_ms) >= 5 + 2 * 7


def test_awake_it_keeps_one_decoder_and_asleep_none_with_the_buffers_of_all_pictures(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened: weakref.WeakSet[Decoder] = weakref.WeakSet()

    class Counted(Decoder):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            opened.add(self)

    monkeypatch.setattr(decode_pipeline, "Decoder", Counted)
    clip = encoded("h264", frames=90, params="bframes=0", gop=30)
    packets = [
        Packet(RunId("r"), n, clip.video, unit.data, unit.pts, unit.pts // 90, unit.is_keyframe)
        for n, unit in enumerate(clip.units)
    ]
    eyes = DecodePipeline(PORCH, Counting(), lambda _frame, _look: None, in_software)
    for packet in packets[:30]:  # awake
        eyes.pass_by(packet)
        eyes.watch(packet)
    full = list(opened)
    assert len(full) == 1
    reference = weakref.ref(full.pop())
    for keyframe in (packets[30], packets[60]):  # asleep: each keyframe alone
        eyes.pass_by(keyframe)
        assert eyes.alone(keyframe) is not None
    gc.collect()
    assert reference() is None
    eyes.watch(packets[60])
    eyes.watch(packets[61])
    assert len(opened) <= 2
