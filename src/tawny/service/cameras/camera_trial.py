"""Tries a camera for some seconds: what it sends, what that costs a day, and what would be better."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from tawny.config.settings import CameraSettings
from tawny.media.image.jpeg import keyframe_jpeg
from tawny.model.errors import NotDone
from tawny.model.ids import CameraId, StreamName
from tawny.model.packets import AudioFormat, SourcePacket, VideoFormat
from tawny.model.times import Clock
from tawny.service.cameras.guarded_source import open_camera, settings_of
from tawny.service.plugin_registry import PluginRegistry, unknown_kind
from tawny.sources.source import CameraSource, SourceContext, read_packets

TRIAL_S: Final = 10.0
"""After the first keyframe. Long enough for two keyframes of most cameras."""
FIRST_S: Final = 15.0
"""Limit for connecting and the first keyframe."""
NO_VIDEO_HINT: Final = (
    "If other programs show its video, set its keyframe interval (GOP) to 2 s, and switch off H.264+ and H.265+."
)
FAR_KEYFRAMES_S: Final = 4.5
CLOCK_OFF_MS: Final = 5_000
_PICTURE_WIDTH: Final = 640
_DAY_S: Final = 86_400


@dataclass(frozen=True, slots=True)
class CameraTrial:
    """What was measured of one stream."""

    codec: str
    width: int
    height: int
    fps: float
    """Frames per second; 0: fewer than two frames came."""
    keyframe_s: float
    """Longest distance of keyframes, s; at least this much where only one came."""
    keyframes: int
    bits_s: float
    audio: str
    """Codec; empty: none came."""
    seconds: float
    jpeg: bytes
    """The first keyframe; empty: it cannot be decoded."""

    @property
    def bytes_day(self) -> int:
        """Recorded around the clock at this rate."""
        return round(self.bits_s / 8 * _DAY_S)


def try_camera(source: CameraSource, opening: SourceContext, seconds: float = TRIAL_S) -> CameraTrial:
    """Connect and measure. Blocks for at most FIRST_S + seconds. Raises SourceError, NotDone (no video came)."""
    clock, meter = opening.clock, _Meter()
    until_s = clock.mono_s() + FIRST_S
    connection = open_camera(source, lambda: opening)
    try:
        if any(meter.add(packet) for packet in read_packets(connection, clock, until_s)):
            for packet in read_packets(connection, clock, clock.mono_s() + seconds):
                meter.add(packet)
    finally:
        connection.close()
    if meter.first is None:
        raise NotDone(
            f"{source.public(opening.address)} responded but sent no video within {FIRST_S:.0f} s.", NO_VIDEO_HINT
        )
    return meter.result()


def try_streams(
    plugins: PluginRegistry,
    camera: CameraSettings,
    seconds: float,
    clock: Clock,
    begins: Callable[[StreamName], None] = lambda _: None,
) -> dict[StreamName, CameraTrial]:
    """Try each stream, one after another. Raises SourceError, NotDone."""
    trials: dict[StreamName, CameraTrial] = {}
    for stream, address in ((StreamName.MAIN, camera.source), (StreamName.SUB, camera.sub)):
        if not address:
            continue
        source = plugins.source_of(address)
        if source is None:
            raise NotDone(*unknown_kind(address))
        begins(stream)
        options = settings_of(source, camera)
        trials[stream] = try_camera(source, SourceContext(CameraId("test"), stream, address, options, clock), seconds)
    return trials


class _Meter:
    """Adds up packets from the first keyframe on."""

    def __init__(self) -> None:
        self.first: SourcePacket | None = None
        self._last_pts = self._frames = self._bytes = self._whole_bytes = 0
        self._keyframes: list[int] = []
        self._audio = ""

    def add(self, packet: SourcePacket) -> bool:
        """Count a packet. Return whether it is the first keyframe."""
        if isinstance(packet.format, AudioFormat):
            self._audio = packet.format.codec
            self._bytes += len(packet.data) if self.first else 0
            return False
        begins = self.first is None and packet.is_keyframe
        if begins:
            self.first = packet
        if self.first is None:
            return False
        self._frames += 1
        if packet.is_keyframe:
            self._whole_bytes = self._bytes
        self._bytes += len(packet.data)
        self._last_pts = max(self._last_pts, packet.pts)
        if packet.is_keyframe:
            self._keyframes.append(packet.pts)
        return begins

    def result(self) -> CameraTrial:
        first = self.first
        assert first is not None
        assert isinstance(first.format, VideoFormat)
        rate = first.format.rate
        lasts_s = (self._last_pts - first.pts) / rate
        ends = [*self._keyframes[1:], self._last_pts] if len(self._keyframes) == 1 else self._keyframes[1:]
        distances = [(b - a) / rate for a, b in zip(self._keyframes, ends, strict=False)]
        # A keyframe is many times larger than the others: only whole groups of frames say what a day needs.
        is_whole = len(self._keyframes) > 1
        counted_bytes = self._whole_bytes if is_whole else self._bytes
        counted_s = (self._keyframes[-1] - first.pts) / rate if is_whole else lasts_s
        return CameraTrial(
            first.format.codec, first.format.width, first.format.height,
            fps=(self._frames - 1) / lasts_s if lasts_s > 0 else 0.0,
            keyframe_s=max(distances, default=0.0), keyframes=len(self._keyframes),
            bits_s=counted_bytes * 8 / counted_s if counted_s > 0 else 0.0,
            audio=self._audio, seconds=lasts_s, jpeg=keyframe_jpeg(first, _PICTURE_WIDTH) or b"",
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class TrialAdvice:
    """Something that matters for recording. code: stable. message, hint: what it is, and what to change.

    change: how tawny can change it by ONVIF, if the camera has it; empty: it can't.
    """

    code: str
    message: str
    hint: str
    change: Literal["", "keyframes", "clock", "h264"] = ""


def advise(main: CameraTrial, sub: CameraTrial | None, ahead_ms: int | None = None) -> Sequence[TrialAdvice]:
    """Return what should be changed in the camera. ahead_ms: its clock minus ours; None: unknown."""
    found = []
    if main.keyframe_s > FAR_KEYFRAMES_S:
        only = "at least " if main.keyframes == 1 else ""
        found.append(
            TrialAdvice(
                "keyframes-far-apart",
                f"Keyframes are {only}{main.keyframe_s:.0f} s apart, so live video and playback begin late.",
                "Set the keyframe interval (I-frame interval, GOP) of the camera to 2 s. "
                'Switch off "smart" codecs (H.264+, H.265+, Smart Codec) in its own app: they lengthen it.',
                "keyframes",
            )
        )
    if main.codec == "h265":
        found.append(
            TrialAdvice(
                "h265",
                "The camera sends H.265, which some browsers can't play.",
                "It is recorded as it comes. For playback everywhere, set the camera to H.264.",
                "h264",
            )
        )
    if sub is None and main.width * main.height > 1280 * 720:
        found.append(
            TrialAdvice(
                "no-sub-stream",
                "Without a sub stream, detection and small tiles decode the large picture.",
                "Switch on the camera's second stream (sub stream) and add its address.",
            )
        )
    if ahead_ms is not None and abs(ahead_ms) > CLOCK_OFF_MS:
        side = "ahead" if ahead_ms > 0 else "behind"
        found.append(
            TrialAdvice(
                "clock-off",
                f"The camera's clock is {_length(abs(ahead_ms) / 1000)} {side}.",
                "tawny uses its own clock. Set an NTP server in the camera so that its picture shows the right time.",
                "clock",
            )
        )
    return found


def _length(seconds: float) -> str:
    for unit, size in (("days", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
