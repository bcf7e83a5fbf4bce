"""A camera's packets, made once and sent as a test likes."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Literal

import numpy as np

from tawny.media.codec.encoder import Encoder
from tawny.model.ids import RunId
from tawny.model.packets import AudioFormat, Packet, SourcePacket
from tawny.model.times import utc_from_text

FPS, GOP = 15, 15
START_MS = utc_from_text("2026-11-20T05:00:00Z")
"""When a fake clock begins as well."""
RUN = RunId("first")
G711 = AudioFormat("pcmu", 8000, 1)


@cache
def pictures(width: int = 64, height: int = 48, count: int = 60) -> tuple[SourcePacket, ...]:
    """A grey ramp that grows brighter: H.264 at FPS, a keyframe every GOP pictures."""
    encoder = Encoder(width, height, FPS, gop_s=GOP / FPS)
    made: list[SourcePacket] = []
    for number in range(count):
        made += encoder.encode(
            np.full((height * 3 // 2, width), 40 + 3 * number % 200, np.uint8), number * 90_000 // FPS
        )
    return tuple(made + encoder.close())


def video(*, run: RunId = RUN, start_ms: int = START_MS, width: int = 64, count: int = 60) -> list[Packet]:
    return [
        Packet(run, 0, one.format, one.data, one.pts, start_ms + one.pts // 90, one.is_keyframe)
        for one in pictures(width, 48, count)
    ]


def sound(
    codec: Literal["aac", "pcmu"] = "pcmu", *, run: RunId = RUN, start_ms: int = START_MS, seconds: float = 4.0
) -> list[Packet]:
    """Silence: G.711 in packets of 20 ms, or AAC frames that hold anything."""
    if codec == "pcmu":
        step, made, data = 160, G711, b"\xff" * 160
    else:
        step, made, data = 1024, AudioFormat("aac", 16000, 1, b"\x14\x08"), b"\x01\x18\x20\x07"
    return [
        Packet(run, 0, made, data, pts, start_ms + pts * 1000 // made.rate, is_keyframe=False)
        for pts in range(0, round(seconds * made.rate), step)
    ]


def numbered(*streams: list[Packet], first: int = 0) -> Iterator[Packet]:
    """Put together in the order in which a camera sends, and numbered as the session does."""
    together = sorted((packet for stream in streams for packet in stream), key=lambda packet: packet.at_ms)
    for number, packet in enumerate(together, first):
        yield replace(packet, number=number)
