"""Audio decoder for analysis: G.711 by tables, AAC by FFmpeg. One decoder per stream. Not thread-safe."""

from typing import Any

import av
import numpy as np
from av.audio.codeccontext import AudioCodecContext

from tawny.media.audio.aac import linear
from tawny.model.packets import AudioFormat

_FULL_SCALE = {"s16": 32768.0, "s16p": 32768.0, "s32": 2147483648.0, "s32p": 2147483648.0}


class SoundDecoder:
    """Decodes audio of one format. Raises ValueError if FFmpeg does not support it."""

    def __init__(self, source: AudioFormat) -> None:
        self.format = source
        self._context = self._opened() if source.codec == "aac" else None

    def decode(self, data: bytes) -> Any:
        """Return float32 [samples], downmixed to mono, -1 to 1; empty if the data cannot be decoded."""
        if self._context is None:
            whole = len(data) - len(data) % self.format.channels
            return linear(self.format.codec, data[:whole]).reshape(-1, self.format.channels).mean(axis=1)
        try:
            frames = self._context.decode(av.Packet(data))
        except av.FFmpegError:
            return np.zeros(0, np.float32)
        parts = [self._mono(frame) for frame in frames]
        return np.concatenate(parts) if parts else np.zeros(0, np.float32)

    def _mono(self, frame: av.AudioFrame) -> Any:
        samples = frame.to_ndarray().astype(np.float32) / _FULL_SCALE.get(frame.format.name, 1.0)
        if not frame.format.is_planar:
            samples = samples.reshape(-1, len(frame.layout.channels)).T
        return samples.mean(axis=0)

    def _opened(self) -> AudioCodecContext:
        try:
            context = av.CodecContext.create("aac", "r")
            assert isinstance(context, AudioCodecContext)
            context.extradata = self.format.config
            context.sample_rate = self.format.rate
            context.open()
        except av.FFmpegError as error:
            raise ValueError("this sound cannot be decoded") from error
        return context
