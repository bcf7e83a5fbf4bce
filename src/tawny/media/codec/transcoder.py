"""Pictures that a browser cannot play, decoded and encoded again as H.264. Costs what nothing else here costs."""

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
    """One stream's, one thread. width: what pictures are made no wider than. SourceUnusable where no encoder works."""

    def __init__(self, video: VideoFormat, width: int, fps: float) -> None:
        self.format = video
        wide = min(width, video.width) // 2 * 2
        self._size = (wide, max(2, round(video.height * wide / video.width / 2) * 2))
        self._decoder = Decoder(video)
        self._encoder = Encoder(*self._size, float(Fraction(fps).limit_denominator(1001)), gop_s=GOP_S, crf=26)
        self._last = -1

    def turn(self, packet: Packet, private: Sequence[Polygon] = ()) -> list[tuple[SourcePacket, int]]:
        """The packets that are ready, each with the instant (UTC ms) of its picture; their times count from 1970."""
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
