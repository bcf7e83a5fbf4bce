"""Transcoding to H.264 for browsers that do not support the camera's codec. Uses far more CPU than any other task."""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from tawny.media.codec.decoder import Decoder
from tawny.media.codec.encoder import Encoder
from tawny.media.image.mask import mask_picture
from tawny.model.packets import VIDEO_RATE, Packet, SourcePacket, VideoFormat
from tawny.model.polygon import Polygon

GOP_S = 1.0


class Reencoder:
    """Transcoder of one stream.

    Not thread-safe. width: maximum width, px. Raises SourceUnusable if no encoder works.
    """

    def __init__(self, video: VideoFormat, width: int, fps: float) -> None:
        self.format = video
        wide = min(width, video.width) // 2 * 2
        self._size = (wide, max(2, round(video.height * wide / video.width / 2) * 2))
        self._decoder = Decoder(video)
        self._encoder = Encoder(*self._size, float(Fraction(fps).limit_denominator(1001)), gop_s=GOP_S, crf=26)
        self._last = -1

    def turn(self, packet: Packet, private: Sequence[Polygon] = ()) -> list[tuple[SourcePacket, int]]:
        """Return the packets that are ready, each with its frame's time (ms UTC). Their pts count from 1970."""
        made: list[tuple[SourcePacket, int]] = []
        for frame in self._decoder.decode(packet):
            at = frame.at_ms * (VIDEO_RATE // 1000)
            if at <= self._last:
                continue
            self._last = at
            small = mask_picture(frame, private).video.reformat(
                width=self._size[0], height=self._size[1], format="yuv420p"
            )
            picture = np.asarray(small.to_ndarray(), np.uint8)
            made += [(coded, coded.pts // (VIDEO_RATE // 1000)) for coded in self._encoder.encode(picture, at)]
        return made

    def close(self) -> None:
        self._encoder.close()
