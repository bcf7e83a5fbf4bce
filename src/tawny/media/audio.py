"""Audio of recordings: G.711 to AAC and Opus, decoding to samples, and the sound track of MP4 files."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any, NamedTuple

import av
import numpy as np
from av.audio.codeccontext import AudioCodecContext

from tawny.media.mp4.fragment_writer import Sample
from tawny.model.packets import AudioFormat

AAC_FRAME_SAMPLES = 1024
RATES = frozenset({8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000})
"""Sample rates with a sampling frequency index in AAC, in Hz."""
HOLE_S = 0.1
"""A timestamp jump larger than this restarts the encoder, in seconds; smaller ones are clock jitter of the camera."""
BIT_RATE_A_CHANNEL = 32_000


class CodedSound(NamedTuple):
    """One AAC or Opus frame. pts: ticks of the output's sample rate, same zero as the input."""

    data: bytes
    pts: int


def can_become_aac(source: AudioFormat) -> bool:
    return source.codec in ("pcmu", "pcma") and source.rate in RATES and source.channels in (1, 2)


def linear(codec: str, data: bytes) -> "np.ndarray[tuple[int], np.dtype[np.float32]]":
    """Decode G.711 to float32 [samples], -1 to 1."""
    table = _MU_LAW if codec == "pcmu" else _A_LAW
    return table[np.frombuffer(data, np.uint8)]


def g711(codec: str, pcm: bytes) -> bytes:
    """Encode 16-bit little-endian PCM as G.711, each sample as the nearest code."""
    table = _MU_LAW if codec == "pcmu" else _A_LAW
    order = np.argsort(table, kind="stable")
    known = table[order]
    samples = np.frombuffer(pcm, "<i2").astype(np.float32) / 32768
    above = np.clip(np.searchsorted(known, samples), 1, len(known) - 1)
    nearest = above - (samples - known[above - 1] < known[above] - samples)
    return order[nearest].astype(np.uint8).tobytes()


class ToAac:
    """Transcoder of one G.711 stream.

    format: the output format. Raises ValueError if the input cannot be transcoded.
    """

    def __init__(self, source: AudioFormat) -> None:
        if not can_become_aac(source):
            raise ValueError(f"{source.codec} at {source.rate} Hz with {source.channels} channels cannot become AAC")
        self._source = source
        self._table = _MU_LAW if source.codec == "pcmu" else _A_LAW
        self._layout = "mono" if source.channels == 1 else "stereo"
        self._context = self._opened()
        self._waiting = np.zeros((source.channels, 0), np.float32)
        self._next_pts: int | None = None
        self._at = 0
        config = bytes(self._context.extradata or b"")
        self.format = AudioFormat("aac", source.rate, source.channels, config)

    def encode(self, data: bytes, pts: int) -> list[CodedSound]:
        """Return the AAC frames completed by these samples. After a gap, timestamps continue behind the gap."""
        ended: list[CodedSound] = []
        whole = len(data) - len(data) % self._source.channels
        if self._next_pts is None or abs(pts - self._next_pts) > HOLE_S * self._source.rate:
            ended = self.finish() if self._next_pts is not None else []
            self._next_pts = pts
            self._at = pts
        samples = self._table[np.frombuffer(data[:whole], np.uint8)].reshape(-1, self._source.channels).T
        self._waiting = np.concatenate((self._waiting, samples), axis=1)
        self._next_pts += samples.shape[1]
        return ended + self._whole_frames()

    def finish(self) -> list[CodedSound]:
        """Flush the encoder, padding the last frame with silence, and reset it."""
        if self._next_pts is None:
            return []
        fill = -self._waiting.shape[1] % AAC_FRAME_SAMPLES
        self._waiting = np.pad(self._waiting, ((0, 0), (0, fill)))
        made = self._whole_frames() + self._packets(None)
        self._context = self._opened()
        self._next_pts = None
        return made

    def _whole_frames(self) -> list[CodedSound]:
        made: list[CodedSound] = []
        while self._waiting.shape[1] >= AAC_FRAME_SAMPLES:
            now, self._waiting = self._waiting[:, :AAC_FRAME_SAMPLES], self._waiting[:, AAC_FRAME_SAMPLES:]
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(now), format="fltp", layout=self._layout)
            frame.sample_rate, frame.pts = self._source.rate, self._at
            self._at += AAC_FRAME_SAMPLES
            made += self._packets(frame)
        return made

    def _packets(self, frame: av.AudioFrame | None) -> list[CodedSound]:
        # the encoder's pts are FRAME_SAMPLES early: its first frame decodes to priming samples
        return [CodedSound(bytes(made), made.pts) for made in self._context.encode(frame) if made.pts is not None]

    def _opened(self) -> AudioCodecContext:
        try:
            context = av.CodecContext.create("aac", "w")
            assert isinstance(context, AudioCodecContext)
            context.sample_rate, context.layout, context.format = self._source.rate, self._layout, "fltp"
            context.bit_rate = BIT_RATE_A_CHANNEL * self._source.channels
            context.open()
        except av.FFmpegError as error:
            raise ValueError(f"the AAC encoder does not take {self._source.rate} Hz") from error
        return context


def _mu_law() -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    code = ~np.arange(256, dtype=np.uint8)
    size = (((code & 15).astype(np.int32) << 3) + 132 << ((code >> 4) & 7)) - 132
    return (np.where(code & 128, -size, size) / 32768).astype(np.float32)


def _a_law() -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    code = np.arange(256, dtype=np.uint8) ^ np.uint8(0x55)
    steps, chord = ((code & 15).astype(np.int32) << 4) + 8, ((code >> 4) & 7).astype(np.int32)
    size = np.where(chord == 0, steps, (steps + 256) << np.maximum(chord - 1, 0))
    return (np.where(code & 128, size, -size) / 32768).astype(np.float32)


_MU_LAW, _A_LAW = _mu_law(), _a_law()


# Audio to Opus transcoding for WebRTC, in frames of 20 ms. Not thread-safe.

OPUS_RATE, OPUS_FRAME_SAMPLES = 48_000, 960
_DECODERS = {"aac": "aac", "pcmu": "pcm_mulaw", "pcma": "pcm_alaw"}


class ToOpus:
    """Transcoder of one audio stream. Raises ValueError if the input cannot be transcoded.

    Timestamps rise, unless those of the source go back by more than a second.
    """

    def __init__(self, source: AudioFormat) -> None:
        self._source = source
        self._next_pts: float | None = None
        self._at = 0
        """Time of the next resampled frame, ticks of OPUS_RATE."""
        self._end: int | None = None
        """End of the newest Opus frame, ticks of OPUS_RATE."""
        self._decoder, self._encoder, self._resampler = self._opened()

    def encode(self, data: bytes, pts: int) -> list[CodedSound]:
        """Return the Opus frames completed by this packet. Data that cannot be decoded is skipped.

        Times are counted by samples, and from the packet's time again where the two are more than HOLE_S apart.
        """
        if self._next_pts is None or abs(pts - self._next_pts) > HOLE_S * self._source.rate:
            if self._next_pts is not None:
                self._decoder, self._encoder, self._resampler = self._opened()
            self._next_pts, self._at = pts, pts * OPUS_RATE // self._source.rate
            if self._end is not None and self._at < self._end - OPUS_RATE:
                self._end = None  # the source begins again
        packet = av.Packet(data)
        packet.pts, packet.time_base = pts, Fraction(1, self._source.rate)
        try:
            decoded = self._decoder.decode(packet)
        except av.FFmpegError:
            return []
        # a camera's timestamps may have another rate than its samples
        self._next_pts += sum(frame.samples * self._source.rate / frame.sample_rate for frame in decoded)
        return [made for raw in decoded for made in self._coded(raw)]

    def _coded(self, raw: av.AudioFrame) -> Iterator[CodedSound]:
        raw.pts = None
        for frame in self._resampler.resample(raw):
            frame.pts, frame.time_base = self._at, Fraction(1, OPUS_RATE)
            self._at += frame.samples
            if self._end is not None and frame.pts < self._end:
                continue  # sound of a fast clock: its time is taken
            self._end = self._at
            for made in self._encoder.encode(frame):
                yield CodedSound(bytes(made), frame.pts)

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
            av.AudioResampler(format="s16", layout=layout, rate=OPUS_RATE, frame_size=OPUS_FRAME_SAMPLES),
        )


# Audio decoder for analysis: G.711 by tables, AAC by FFmpeg. One decoder per stream. Not thread-safe.

_FULL_SCALE = {"s16": 32768.0, "s16p": 32768.0, "s32": 2147483648.0, "s32p": 2147483648.0}


class Resampler:
    """Samples of one stream at another rate. It holds back the few that its filter needs the next ones for."""

    def __init__(self, rate: int, to_rate: int) -> None:
        self._rate = rate
        self._inner = None if rate == to_rate else av.AudioResampler(format="flt", layout="mono", rate=to_rate)

    def resample(self, samples: Any) -> Any:
        """Return float32 [samples]. samples: the next ones of the stream, float32 [samples]."""
        if self._inner is None or not len(samples):
            return samples
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples[None]), format="flt", layout="mono")
        frame.sample_rate = self._rate
        return np.concatenate([np.zeros(0, np.float32), *(one.to_ndarray()[0] for one in self._inner.resample(frame))])


class SoundDecoder:
    """Decodes audio of one format. Raises ValueError if FFmpeg does not support it."""

    def __init__(self, source: AudioFormat) -> None:
        self.format = source
        self.rate = source.rate
        """Rate of the newest samples, Hz. A camera may state another one, which is then that of its timestamps."""
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
        self.rate = frame.sample_rate
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


# Audio track for browsers: AAC unchanged, G.711 transcoded to AAC, with contiguous timestamps.


class Soundtrack:
    """One audio track. zero: source time that maps to 0, in source ticks. Raises ValueError for unsupported audio."""

    def __init__(self, source: AudioFormat, zero: int = 0) -> None:
        self.source = source
        self._to_aac = None if source.codec == "aac" else ToAac(source)
        self.format = self._to_aac.format if self._to_aac else source
        self._zero = zero
        self._held: CodedSound | None = None
        self._due: list[Sample] = []

    def add(self, data: bytes, pts: int) -> None:
        if self._to_aac:
            self._made(self._to_aac.encode(data, pts))
        elif pts >= self._zero:
            if self._held and pts > self._held.pts:
                self._due.append(self._sample(self._held, pts - self._held.pts))
            self._held = CodedSound(data, pts)

    def finish(self) -> None:
        """Emit the held and buffered frames at the end of the stream."""
        if self._to_aac:
            self._made(self._to_aac.finish())
        if self._held:
            self._due.append(self._sample(self._held, AAC_FRAME_SAMPLES))
            self._held = None

    def take(self) -> list[Sample]:
        """Return the frames completed since the last call."""
        due, self._due = self._due, []
        return due

    def skip(self) -> None:
        """Drop pending frames after skipped packets."""
        self._held, self._due = None, []

    def _made(self, sounds: list[CodedSound]) -> None:
        self._due += [self._sample(sound, AAC_FRAME_SAMPLES) for sound in sounds if sound.pts >= self._zero]

    def _sample(self, sound: CodedSound, duration: int) -> Sample:
        return Sample(sound.data, sound.pts - self._zero, duration, is_keyframe=True)


def soundtrack(source: AudioFormat | None, zero: int = 0) -> Soundtrack | None:
    """Create the audio track; None without audio or for unsupported audio."""
    try:
        return Soundtrack(source, zero) if source else None
    except ValueError:
        return None
