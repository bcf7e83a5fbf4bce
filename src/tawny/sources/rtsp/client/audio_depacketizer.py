"""RTP payload formats for audio: AAC with AU headers (RFC 3640), LATM (RFC 6416) or ADTS, and G.711 (RFC 3551).

Cameras send invalid AU headers in many ways. Unreadable frames are dropped and counted; audio errors never end the
connection.
"""

from collections.abc import Callable
from dataclasses import dataclass

from tawny.model.packets import AudioFormat
from tawny.protocols.rtp import signed_step
from tawny.protocols.sdp import SdpTrack
from tawny.sources.rtsp.client.rtp_receiver import Depacketizer, OpenFragment

AAC_SAMPLES = 1024
_ESCAPE, _OWN_RATE, _MOST_HEAD_BITS = 31, 15, 96
_HIGH_EFFICIENCY, _LOW_DELAY = (5, 29), (23, 39)
"""Audio object types: with SBR, whose own rate is half the audible one; with short frames."""
AAC_RATES = (96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350)
_MOST_FRAME_BYTES = 8192
_MOST_CONFIG_BYTES = 64
MAX_FRAMES = 64
"""Frames of one packet; cameras send 1 to 8."""
_ADTS_BYTES = 7
_RATES = range(4_000, 192_001)
_LATM_HEAD_BITS = 15
"""Size of the fields before the AudioSpecificConfig in a typical LATM config (StreamMuxConfig)."""


@dataclass(slots=True)
class AudioFrame:
    """One AAC frame, or the G.711 samples of one packet."""

    data: bytes
    ticks: int
    """Ticks of the format's rate since the first frame, unwrapped; not continuous over a restart."""
    time: int
    """RTP timestamp."""
    samples: int
    is_anew: bool


Give = Callable[[AudioFrame], None]


class _Clock:
    """Unwraps RTP timestamps."""

    def __init__(self) -> None:
        self._ticks, self._last = 0, -1
        self.is_anew = False

    def ticks(self, time: int) -> int:
        if self._last >= 0:
            self._ticks += signed_step(self._last, time)
        self._last = time
        return self._ticks

    def restart(self) -> None:
        self._last, self.is_anew = -1, True

    def resync(self) -> bool:
        is_anew, self.is_anew = self.is_anew, False
        return is_anew


class G711Depacketizer(Depacketizer):
    """Every payload is audio, one byte per sample and channel."""

    def __init__(self, audio: AudioFormat, give: Give) -> None:
        self._channels, self._give = audio.channels, give
        self._clock = _Clock()
        self.bad = 0

    def payload(self, view: memoryview, begin: int, end: int, time: int, *, is_marked: bool) -> None:
        if end > begin:
            data = bytes(view[begin:end])
            self._give(
                AudioFrame(data, self._clock.ticks(time), time, len(data) // self._channels, self._clock.resync())
            )

    def gap(self) -> None:
        """Do nothing: later samples have their own timestamps."""

    def doubt(self) -> None:
        """Do nothing: a truncated packet is only shorter."""

    def spoilt(self) -> None:
        """Do nothing, for the same reason."""

    def restart(self) -> None:
        self._clock.restart()

    def middle(self) -> OpenFragment | None:
        return None


class AacDepacketizer(Depacketizer):
    """AAC depacketizer. size_bits, index_bits: field sizes of an AU header; both 0 for LATM. ticks: of a frame."""

    def __init__(self, give: Give, size_bits: int, index_bits: int, ticks: int = AAC_SAMPLES) -> None:
        self._give, self._size_bits, self._header_bits = give, size_bits, size_bits + index_bits
        self._ticks = ticks
        self._clock = _Clock()
        self._part, self._wanted = bytearray(), 0  # a frame fragmented over several packets
        self.bad = 0
        """Number of packets with unreadable frames."""

    def payload(self, view: memoryview, begin: int, end: int, time: int, *, is_marked: bool) -> None:
        data = bytes(view[begin:end])
        if not data:
            return
        frames = self._frames(data, is_marked=is_marked)
        if frames is None:
            self.bad += 1
            self._part.clear()
            return
        for number, frame in enumerate(frames):
            at = (time + self._ticks * number) & 0xFFFFFFFF
            raw = _without_adts(frame)
            if 0 < len(raw) <= _MOST_FRAME_BYTES:
                self._give(AudioFrame(raw, self._clock.ticks(at), at, self._ticks, self._clock.resync()))

    def gap(self) -> None:
        self._part.clear()

    def doubt(self) -> None:
        self._part.clear()

    def spoilt(self) -> None:
        self._part.clear()

    def restart(self) -> None:
        self._part.clear()
        self._clock.restart()

    def middle(self) -> OpenFragment | None:
        return None

    def _frames(self, data: bytes, *, is_marked: bool) -> list[bytes] | None:
        """Return a packet's frames; None if they are unreadable."""
        if not self._header_bits:
            return self._latm(data, is_marked=is_marked)
        if adts := _adts_frames(data):
            return adts
        count, begin = int.from_bytes(data[:2], "big") // self._header_bits, 2
        bits = count * self._header_bits
        contents = begin + (bits + 7) // 8
        if not 0 < count <= MAX_FRAMES or contents > len(data):
            return None
        headers = int.from_bytes(data[begin:contents], "big") >> (8 * (contents - begin) - bits)
        sizes = [
            headers >> (bits - number * self._header_bits - self._size_bits) & ((1 << self._size_bits) - 1)
            for number in range(count)
        ]
        return self._cut(data[contents:], sizes, is_marked=is_marked)

    def _cut(self, data: bytes, sizes: list[int], *, is_marked: bool) -> list[bytes] | None:
        if len(sizes) == 1 and sizes[0] > len(data):
            return self._piece(data, sizes[0], is_marked=is_marked)
        self._part.clear()
        if sum(sizes) > len(data):
            return None
        frames: list[bytes] = []
        at = 0
        for size in sizes:
            frames.append(data[at : at + size])
            at += size
        return frames

    def _piece(self, data: bytes, size: int, *, is_marked: bool) -> list[bytes] | None:
        """Handle a fragment of a frame, or a complete frame with a wrong size field."""
        if size > _MOST_FRAME_BYTES or (self._part and size != self._wanted):
            return None
        if not self._part and is_marked:
            return [data]
        self._part += data
        self._wanted = size
        if len(self._part) < size:
            return []
        frame = bytes(self._part[:size])
        self._part.clear()
        return [frame]

    def _latm(self, data: bytes, *, is_marked: bool) -> list[bytes] | None:
        """Extract one frame with PayloadLengthInfo: any number of 255 bytes and a remainder."""
        self._part += data
        if len(self._part) > _MOST_FRAME_BYTES:
            return None
        if not is_marked:
            return []
        data = bytes(self._part)
        self._part.clear()
        longs = len(data) - len(data.lstrip(b"\xff"))
        if longs >= len(data):
            return None
        begin = longs + 1
        size = 255 * longs + data[longs]
        return [data[begin : begin + size]] if begin + size <= len(data) else None


def sound_of(track: SdpTrack, give: Give) -> tuple[AudioFormat, G711Depacketizer | AacDepacketizer] | None:
    """Return a track's audio format and depacketizer; None if the track cannot be recorded."""
    codec = track.audio_codec
    rate, channels = track.rate or 8000, max(1, track.channels)
    if codec is None or rate not in _RATES or channels > 8:
        return None
    if codec != "aac":
        audio = AudioFormat(codec, rate, channels)
        return audio, G711Depacketizer(audio, give)
    is_latm = track.encoding.lower() == "mp4a-latm"
    config = _config(track.fmtp.get("config", ""), is_latm=is_latm)
    size_bits, index_bits = _number(track, "sizelength", 13), _number(track, "indexlength", 3)
    if not config or not 0 < size_bits <= 16 or index_bits > 16 or (is_latm and track.fmtp.get("cpresent") != "0"):
        return None
    sizes = (0, 0) if is_latm else (size_bits, index_bits)
    return AudioFormat("aac", rate, channels, config), AacDepacketizer(give, *sizes, _frame_ticks(config, rate))


def _number(track: SdpTrack, name: str, usual: int) -> int:
    text = track.fmtp.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 3 else usual


def _config(text: str, *, is_latm: bool) -> bytes:
    """Return the AudioSpecificConfig; empty if missing or invalid."""
    try:
        config = bytes.fromhex(text.strip().strip('"'))
    except ValueError:
        return b""
    if is_latm and len(config) > 2:
        bits = 8 * len(config) - _LATM_HEAD_BITS
        shifted = int.from_bytes(config, "big") & ((1 << bits) - 1)
        config = (shifted << (-bits % 8)).to_bytes((bits + 7) // 8, "big")
    return config if 2 <= len(config) <= _MOST_CONFIG_BYTES and config[0] >> 3 else b""


def _frame_ticks(config: bytes, rate: int) -> int:
    """Return how long a frame is by an AudioSpecificConfig, in ticks of the RTP clock.

    HE-AAC has half the rate in it, and some cameras state the rate of another codec for the clock.
    """
    text = f"{int.from_bytes(config, 'big'):0{8 * len(config)}b}".ljust(_MOST_HEAD_BITS, "0")
    at = 0

    def take(bits: int) -> int:
        nonlocal at
        at += bits
        return int(text[at - bits : at], 2)

    def take_rate() -> int:
        number = take(4)
        return take(24) if number == _OWN_RATE else AAC_RATES[number] if number < len(AAC_RATES) else 0

    kind = take(5)
    kind = kind if kind != _ESCAPE else 32 + take(6)
    own_rate = take_rate()
    take(4)
    if kind in _HIGH_EFFICIENCY:
        take_rate()
        kind = take(5)
    is_shorter = take(1) == 1
    samples = (480 if is_shorter else 512) if kind in _LOW_DELAY else 960 if is_shorter else AAC_SAMPLES
    return round(samples * rate / own_rate) if own_rate else AAC_SAMPLES


def _adts_size(data: bytes, at: int) -> int:
    """Return the size of the ADTS frame at this offset, in bytes; 0 if there is none."""
    if len(data) - at < _ADTS_BYTES or data[at] != 0xFF or data[at + 1] & 0xF6 != 0xF0:
        return 0
    size = (data[at + 3] & 3) << 11 | data[at + 4] << 3 | data[at + 5] >> 5
    return size if size > _ADTS_BYTES else 0


def _adts_frames(data: bytes) -> list[bytes]:
    """Split a payload that consists entirely of ADTS frames; empty otherwise."""
    frames: list[bytes] = []
    at = 0
    while at < len(data):
        size = _adts_size(data, at)
        if not size or at + size > len(data):
            return []
        frames.append(data[at : at + size])
        at += size
    return frames


def _without_adts(frame: bytes) -> bytes:
    if not frame or _adts_size(frame, 0) != len(frame):
        return frame
    return frame[_ADTS_BYTES if frame[1] & 1 else _ADTS_BYTES + 2 :]
