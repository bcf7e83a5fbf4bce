"""A camera's packets from a made-up scene, put into a hub as time passes."""

from collections.abc import Sequence
from functools import cache

import numpy as np

from tawny.media.codec.encoder import Encoder
from tawny.model.ids import RunId
from tawny.model.packets import Packet, SourcePacket
from tawny.stream.hub import Hub
from tawny.testing.clock import FakeClock
from tests.support.scenes import SyntheticScene, person

FPS = 5
SCALE = 2


@cache
def walker(length_s: int = 40, gop_s: float = 2.0, scale: int = SCALE) -> tuple[SourcePacket, ...]:
    """Somebody walks from 20 s to 30 s, at 5 pictures a second."""
    scene = SyntheticScene(1, length_s)
    scene.walk([(20, 20, 90, 45), (30, 170, 90, 45)], person, 45)
    return encoded(scene, gop_s, scale)


def encoded(scene: SyntheticScene, gop_s: float = 2.0, scale: int = SCALE) -> tuple[SourcePacket, ...]:
    """The packets of a scene at 5 pictures a second."""
    width, height = 192 * scale, 108 * scale
    encoder = Encoder(width, height, FPS, gop_s=gop_s)
    packets: list[SourcePacket] = []
    for n, frame in enumerate(scene.frames()):
        luma = np.kron(frame.luma, np.ones((scale, scale), np.uint8))
        yuv = np.concatenate([luma, np.full((height // 2, width), 128, np.uint8)])
        packets += encoder.encode(yuv, n * 90_000 // FPS)
    return tuple(packets + encoder.close())


class Camera:
    """Its packets come as the clock moves."""

    def __init__(self, clock: FakeClock, packets: Sequence[SourcePacket] | None = None, keep_s: float = 15.0) -> None:
        self.hub = Hub(keep_s=keep_s)
        self.begun_ms = clock.now_ms()
        self._clock = clock
        self._packets = list(packets if packets is not None else walker())
        self._given = self._number = 0
        self.run = RunId("first")
        self.sends = True

    def come(self) -> None:
        """All that is due by now is in the hub; or lost, while the camera does not send."""
        while self._given < len(self._packets):
            packet = self._packets[self._given]
            at_ms = self.begun_ms + packet.pts // 90
            if at_ms > self._clock.now_ms():
                return
            self._given += 1
            if self.sends:
                self.hub.append(
                    Packet(self.run, self._number, packet.format, packet.data, packet.pts, at_ms, packet.is_keyframe)
                )
                self._number += 1
