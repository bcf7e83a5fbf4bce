"""Burns privacy masks into a stream: each frame is decoded, masked and encoded again as H.264, with its own time.

Keyframes stay where the camera has them. Uses more CPU than anything else that goes on all the time, so it runs in a
process of its own (`sources/masking_process.py`).
"""

import os
from collections.abc import Sequence
from typing import Final

from tawny.media.codec.decoder import MOST_REORDER_S, DecodedFrame, Decoder
from tawny.media.codec.encoder import Colours, Encoder, EncodingQuality
from tawny.media.image.mask import masked_planes
from tawny.model.geometry import Polygon
from tawny.model.packets import VIDEO_RATE, SourcePacket, VideoFormat

CRF: Final = 23.0
PRESET: Final = "superfast"
MOST_BITS_PER_PIXEL: Final = 0.18
"""Limit of the size of a noisy image: 9 Mbit/s for 1080p with 25 frames per second."""
_THREAD_PIXELS: Final = 1_100_000
_MOST_THREADS: Final = 4
_NEVER_S: Final = 86_400.0
"""Keyframe distance of the encoder itself: keyframes are only where the camera has them."""
_MOST_WAITING: Final = 64
_MOST_BACK: Final = round(MOST_REORDER_S * VIDEO_RATE)
_NEVER: Final = -1 << 62


class MaskBurner:
    """One stream in one format. Not thread-safe. fps: as far as known; the frames have their own times.

    Raises SourceUnusable at the first frame if no encoder works.
    """

    def __init__(self, video: VideoFormat, fps: float) -> None:
        self._video, self._fps = video, fps
        self._decoder = Decoder(video)
        self._encoder: Encoder | None = None
        self._colours = Colours()
        self._waiting: dict[int, tuple[int, bool]] = {}
        """Time and kind of the packets within the decoder, by their time in ms."""
        self._last = _NEVER

    @property
    def encoder(self) -> str:
        """FFmpeg's name of the encoder in use; empty before the first frame."""
        return self._encoder.name if self._encoder is not None else ""

    def turn(self, packet: SourcePacket, private: Sequence[Polygon]) -> list[SourcePacket]:
        """Return the packets that are ready, in order of presentation. private: the masks, in the image as sent."""
        self._waiting[packet.pts * 1000 // VIDEO_RATE] = packet.pts, packet.is_keyframe
        while len(self._waiting) > _MOST_WAITING:
            del self._waiting[next(iter(self._waiting))]
        return self._encoded(self._decoder.decode(packet), private)

    def close(self, private: Sequence[Polygon]) -> list[SourcePacket]:
        """Return the rest."""
        rest = self._encoded(self._decoder.drain(), private)
        return rest + self._encoder.close() if self._encoder is not None else rest

    def _encoded(self, frames: Sequence[DecodedFrame], private: Sequence[Polygon]) -> list[SourcePacket]:
        made: list[SourcePacket] = []
        for frame in frames:
            pts, is_keyframe = self._waiting.pop(frame.at_ms, (frame.at_ms * VIDEO_RATE // 1000, False))
            if pts < self._last - _MOST_BACK and self._encoder is not None:  # the source's times begin again
                made += self._encoder.close()
                self._encoder, self._last = None, _NEVER
            if pts <= self._last:
                continue
            if self._encoder is None:
                self._colours = Colours.of(frame)
                self._encoder = self._opened(frame)
            self._last = pts
            planes = masked_planes(frame, private, self._colours.planes)
            made += self._encoder.encode(planes, pts, as_keyframe=is_keyframe)
        return made

    def _opened(self, frame: DecodedFrame) -> Encoder:
        width, height = frame.raw.width // 2 * 2, frame.raw.height // 2 * 2
        threads = min(_MOST_THREADS, os.cpu_count() or 1, 1 + width * height // _THREAD_PIXELS)
        quality = EncodingQuality(
            crf=CRF, preset=PRESET, most_bit_rate=round(width * height * self._fps * MOST_BITS_PER_PIXEL),
            threads=threads, hardware_first=True,
        )  # fmt: skip
        return Encoder(width, height, self._fps, gop_s=_NEVER_S, quality=quality, colours=self._colours)
