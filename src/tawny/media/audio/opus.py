"""Audio to Opus transcoding for WebRTC, in frames of 20 ms. Not thread-safe."""

from fractions import Fraction
from itertools import chain
from typing import NamedTuple

import av
from av.audio.codeccontext import AudioCodecContext

from tawny.model.packets import AudioFormat

OPUS_RATE, FRAME_SAMPLES = 48_000, 960
BIT_RATE_A_CHANNEL = 32_000
HOLE_S = 0.1
"""A timestamp jump larger than this restarts the encoder, in seconds."""
_DECODERS = {"aac": "aac", "pcmu": "pcm_mulaw", "pcma": "pcm_alaw"}


class OpusFrame(NamedTuple):
    """One Opus frame. pts: ticks of OPUS_RATE, same zero as the source."""

    data: bytes
    pts: int


class ToOpus:
    """Transcoder of one audio stream. Raises ValueError if the input cannot be transcoded."""

    def __init__(self, source: AudioFormat) -> None:
        self._source = source
        self._next_pts: int | None = None
        self._zero: int | None = None
        self._taken = self._given = 0
        self._decoder, self._encoder, self._resampler = self._opened()

    def encode(self, data: bytes, pts: int) -> list[OpusFrame]:
        """Return the Opus frames completed by this packet. Data that cannot be decoded is skipped."""
        if self._next_pts is not None and abs(pts - self._next_pts) > HOLE_S * self._source.rate:
            self._zero, self._taken, self._given = None, 0, 0
            self._decoder, self._encoder, self._resampler = self._opened()
        if self._zero is None:
            self._zero = pts * OPUS_RATE // self._source.rate
        packet = av.Packet(data)
        packet.pts, packet.time_base = pts, Fraction(1, self._source.rate)
        try:
            decoded = self._decoder.decode(packet)
        except av.FFmpegError:
            return []
        self._next_pts = pts + sum(frame.samples for frame in decoded)
        made = chain.from_iterable(self._encoder.encode(frame) for raw in decoded for frame in self._resampled(raw))
        frames: list[OpusFrame] = []
        for each in made:
            frames.append(OpusFrame(bytes(each), self._zero + self._given))
            self._given += FRAME_SAMPLES
        return frames

    def _resampled(self, raw: av.AudioFrame) -> list[av.AudioFrame]:
        raw.pts = None
        whole = self._resampler.resample(raw)
        for frame in whole:
            frame.pts, frame.time_base = self._taken, Fraction(1, OPUS_RATE)
            self._taken += frame.samples
        return whole

    def _opened(self) -> tuple[AudioCodecContext, AudioCodecContext, av.AudioResampler]:
        layout = "mono" if self._source.channels == 1 else "stereo"
        try:
            decoder = av.CodecContext.create(_DECODERS[self._source.codec], "r")
            encoder = av.CodecContext.create("libopus", "w")
            assert isinstance(decoder, AudioCodecContext)
            assert isinstance(encoder, AudioCodecContext)
            decoder.sample_rate, decoder.layout = self._source.rate, layout
            if self._source.config:
                decoder.extradata = self._source.config
            encoder.sample_rate, encoder.layout, encoder.format = OPUS_RATE, layout, "s16"
            encoder.bit_rate = BIT_RATE_A_CHANNEL * min(2, self._source.channels)
            encoder.options = {"application": "voip", "frame_duration": "20"}
            encoder.open()
        except (av.FFmpegError, ValueError, KeyError) as error:
            raise ValueError(f"{self._source.codec} at {self._source.rate} Hz cannot become Opus") from error
        return (
            decoder,
            encoder,
            av.AudioResampler(format="s16", layout=layout, rate=OPUS_RATE, frame_size=FRAME_SAMPLES),
        )
