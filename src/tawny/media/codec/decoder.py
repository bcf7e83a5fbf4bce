"""Video decoder: packets to frames. One decoder per stream; not thread-safe. A damaged packet never stops it.

Uses hardware if permitted. After repeated hardware failures it permanently decodes in software, from the next keyframe
on. Frame times pass through FFmpeg as the packet's pts in milliseconds, so that reordering preserves them. FFmpeg
outputs frames in presentation order whatever their times; `PresentationTimes` corrects times in decoding order.
"""

import logging
from bisect import bisect_right, insort
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from struct import unpack
from typing import Any

import av
import numpy as np
from av.codec.hwaccel import HWAccel, hwdevices_available
from av.packet import Packet as AvPacket
from av.video.codeccontext import VideoCodecContext
from av.video.reformatter import ColorRange, Interpolation, VideoReformatter

from tawny.media.codec.nal import START, annexb
from tawny.model.geometry import UPRIGHT, Orientation, Rotation, orientation_of
from tawny.model.ids import CameraId
from tawny.model.packets import VIDEO_RATE, Packet, SourcePacket, VideoCodec, VideoFormat

# Hardware decoders available to the installed PyAV. Determined by opening them, not from FFmpeg's lists.

FFMPEG_NAMES: dict[VideoCodec, str] = {"h264": "h264", "h265": "hevc"}
PREFERRED = ("videotoolbox", "vaapi", "d3d11va", "cuda", "qsv")
"""Device types in order of preference. Types that FFmpeg lists and this tuple lacks come last."""
_OWN_DECODERS = {"h264": ("h264_v4l2m2m",), "h265": ("hevc_v4l2m2m",)}
"""Decoders with their own codec name: single-board computers such as the Raspberry Pi."""
LEAST_PIXELS = 500_000
"""Below this frame size, transfer from the device costs more than decoding in software."""


@dataclass(frozen=True, slots=True)
class HardwareDecoder:
    """open: creates a context for a codec. Raises FFmpegError, ValueError or RuntimeError if unsupported."""

    name: str
    open: Callable[[VideoCodec], VideoCodecContext]


def devices(video: VideoFormat) -> Iterator[HardwareDecoder]:
    """Yield the hardware decoders to try for this video, preferred first."""
    if video.width * video.height < LEAST_PIXELS:
        return
    there = hwdevices_available()
    for name in sorted(there, key=lambda kind: PREFERRED.index(kind) if kind in PREFERRED else len(PREFERRED)):
        yield HardwareDecoder(name, partial(_on, name))
    for name in _OWN_DECODERS[video.codec]:
        yield HardwareDecoder(name, partial(_by_its_own, name))


def _on(kind: str, codec: VideoCodec) -> VideoCodecContext:
    """Open a device. Raises ValueError if it does not support the codec: opening alone succeeds even then."""
    context = _created(FFMPEG_NAMES[codec], HWAccel(kind, allow_software_fallback=False))
    if not context.is_hwaccel:
        raise ValueError(f"{kind} does not decode {codec}")
    return context


def _by_its_own(name: str, _codec: VideoCodec) -> VideoCodecContext:
    return _created(name)


def missing_decoders() -> list[str]:
    """Return the formats of cameras that FFmpeg can't decode in software; empty: it decodes all of them."""
    wanted = {"H.264": "h264", "H.265": "hevc", "AAC": "aac", "JPEG": "mjpeg"}
    return [name for name, codec in wanted.items() if codec not in av.codecs_available]


def _created(name: str, hardware: HWAccel | None = None) -> VideoCodecContext:
    context = av.CodecContext.create(name, "r", hardware)
    assert isinstance(context, VideoCodecContext)
    return context


NO_CAMERA = CameraId("")
SOFTWARE = "software"
FAILURES = 3
"""Consecutive failed packets after which a hardware device is abandoned."""
_REFUSALS = (av.FFmpegError, ValueError, RuntimeError, NotImplementedError)

MOST_REORDER_S = 4.0
"""Maximum step back, in s, that counts as times in decoding order: 16 frames at 4 fps. A larger one is another time."""
_MOST_WAITING = 64
_FED = 15
"""Number of packets over which the usual interval of frames is measured."""
_LESS, _MOST_STEP, _AHEAD = 0.75, 8, 3
"""Share of the usual interval that is added to a time that steps back; the part of MOST_REORDER_S that this interval
can be; and by how many of them such a time may be later than that of the newest packet."""

log = logging.getLogger(__name__)


def turned(pixels: Any, orientation: Orientation) -> Any:
    """Return uint8 [height, width] or [height, width, 3] as shown; the array itself if nothing turns it."""
    if orientation.is_upright:
        return pixels
    import cv2  # imported late: 16 MB, unused while nothing is turned or detected

    turns = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}
    if orientation.rotate:
        pixels = cv2.rotate(pixels, turns[orientation.rotate])
    return cv2.flip(pixels, 1) if orientation.mirror else pixels


def turned_back(pixels: Any, orientation: Orientation) -> Any:
    """Return pixels as shown as they were sent: the inverse of `turned`."""
    if orientation.mirror:  # a mirrored image turns back the other way: the same turn again
        return turned(pixels, orientation)
    back: dict[Rotation, Rotation] = {0: 0, 90: 270, 180: 180, 270: 90}
    return turned(pixels, Orientation(back[orientation.rotate]))


FULL_RANGE = "yuvj420p"
"""FFmpeg's name of full-range planar 4:2:0."""


def planar_format(video: av.VideoFrame) -> str:
    """Return FFmpeg's name of planar 4:2:0 in the range of a frame."""
    return FULL_RANGE if video.format.name == FULL_RANGE else "yuv420p"


def converted(video: av.VideoFrame, **to: Any) -> av.VideoFrame:
    """Return a frame in another size, format or range; `to`: as of `av.VideoFrame.reformat`.

    In the caller's thread: by itself, FFmpeg starts a thread for each CPU with each frame, which lives as long as the
    frame.
    """
    return video.reformat(**to, threads=1)


def even_planes(video: av.VideoFrame, name: str) -> Any:
    """Return a copy of the frame in planar 4:2:0, uint8 [height·3/2, width]; scaled by a pixel if a side is odd.

    name: FFmpeg's name of the format, with its range.
    """
    even = converted(video, width=video.width // 2 * 2, height=video.height // 2 * 2, format=name)
    return np.array(even.to_ndarray(), np.uint8, copy=True)


def _turned_frame(video: av.VideoFrame, orientation: Orientation) -> av.VideoFrame:
    """Return the frame as shown, in planar 4:2:0; in RGB if a side is odd."""
    width, height = video.width, video.height
    if width % 2 or height % 2:
        return av.VideoFrame.from_ndarray(
            turned(converted(video, format="rgb24").to_ndarray(), orientation), format="rgb24"
        )
    name = planar_format(video)
    planes = converted(video, format=name).to_ndarray()
    parts = [planes[:height], *planes[height:].reshape(2, height // 2, width // 2)]
    sides = [turned(np.ascontiguousarray(part), orientation) for part in parts]
    across = sides[0].shape[1]
    made = av.VideoFrame.from_ndarray(np.concatenate([side.reshape(-1, across) for side in sides]), format=name)
    made.colorspace, made.color_range = video.colorspace, video.color_range
    return made


def stated_by(video: av.VideoFrame) -> Orientation:
    """Return how the file of a frame says that it is shown."""
    matrix: Any = video.side_data.get("DISPLAYMATRIX")
    return UPRIGHT if matrix is None else orientation_of(unpack("=9i", bytes(matrix)))


class DecodedFrame:
    """A decoded frame (`model.observations.Frame`), as it is shown. Owns its buffers; release it soon."""

    __slots__ = ("_turned", "at_ms", "camera", "orientation", "raw")

    def __init__(self, video: av.VideoFrame, camera: CameraId, at_ms: int, orientation: Orientation = UPRIGHT) -> None:
        self.raw, self.camera, self.at_ms, self.orientation = video, camera, at_ms, orientation
        self._turned: av.VideoFrame | None = None

    @property
    def width(self) -> int:
        return self.orientation.size(self.raw.width, self.raw.height)[0]

    @property
    def height(self) -> int:
        return self.orientation.size(self.raw.width, self.raw.height)[1]

    @property
    def video(self) -> av.VideoFrame:
        """The FFmpeg frame as shown; for use in `media` only. `raw`: as sent."""
        if self.orientation.is_upright:
            return self.raw
        if self._turned is None:
            self._turned = _turned_frame(self.raw, self.orientation)
        return self._turned

    @property
    def luma(self) -> Any:
        """Return luma as uint8 [height, width].

        A view of the decoder's buffer for 8-bit video that is not turned, else a copy.
        """
        return turned(self._luma_sent, self.orientation)

    @property
    def _luma_sent(self) -> Any:
        video = self.raw
        first = video.format.components[0]
        if video.format.is_rgb or not first.is_luma:
            return converted(video, format="gray").to_ndarray()
        if len(video.planes) == 1 and len(video.format.components) > 1:  # packed: luma between chroma
            video = converted(video, format=planar_format(video))
            first = video.format.components[0]
        plane = video.planes[0]
        if first.bits == 8:
            rows = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
            return rows[: video.height, : video.width]
        unused = 8 if video.format.name.startswith("p0") else first.bits - 8  # p0*: value in the high bits
        deep = np.frombuffer(memoryview(plane), np.uint16).reshape(-1, plane.line_size // 2)
        return (deep[: video.height, : video.width] >> unused).astype(np.uint8)

    @property
    def colorfulness(self) -> float:
        """Return the mean distance of the chroma from grey, in levels, sampled coarsely."""
        video = self.raw
        if video.format.is_rgb or len(video.planes) < 3 or video.format.components[1].bits != 8:
            color = converted(self.raw, format="rgb24").to_ndarray()[::16, ::16].astype(np.int16)
            return float((color.max(axis=2) - color.min(axis=2)).mean())
        planes = (np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size) for plane in video.planes[1:])
        return float(np.mean([np.abs(p[::8, : video.width // 2 : 8].astype(np.int16) - 128).mean() for p in planes]))

    @property
    def rgb(self) -> Any:
        """Return uint8 [height, width, 3], RGB; converted at each call."""
        return turned(converted(self.raw, format="rgb24").to_ndarray(), self.orientation)


def even_size(frame: DecodedFrame, width: int) -> tuple[int, int]:
    """Return the size of a frame at most `width` px wide, both sides even."""
    wide = min(width, frame.width) // 2 * 2
    return wide, max(2, round(frame.height * wide / frame.width / 2) * 2)


class PresentationTimes:
    """Increasing times for the frames of one decoder, in the order of its output. Not thread-safe.

    Some cameras and containers (AVI) stamp the packets of a stream with B-frames in decoding order, and the clocks of
    some step back by some frames. A frame whose time is not later than that of the frame before gets the next time of a
    packet instead; without one, a little less than the usual interval of frames is added, so that later times are as
    stated again. Times in presentation order are not changed. most_back: MOST_REORDER_S in the unit of the times.
    """

    def __init__(self, most_back: int) -> None:
        self._most_back = most_back
        self._waiting: list[int] = []
        self._last: int | None = None
        self._fed: deque[int] = deque(maxlen=_FED)
        """Times of the last packets."""

    def feed(self, at: int) -> None:
        """Register the time of a packet that is decoded next."""
        self._fed.append(at)
        insort(self._waiting, at)
        del self._waiting[:-_MOST_WAITING]

    def take(self, at: int) -> int:
        """Return the time of the decoder's next frame. at: the time of its packet."""
        last = self._last
        if last is not None and last - self._most_back <= at <= last:
            later = bisect_right(self._waiting, last)
            at = self._waiting[later] if later < len(self._waiting) else self._a_little_later(last)
        del self._waiting[: bisect_right(self._waiting, at)]
        self._last = at
        return at

    def _a_little_later(self, last: int) -> int:
        """Return the time of a frame after `last` whose own time is too early."""
        first, newest = min(self._fed), max(self._fed)
        usual = min((newest - first) / max(1, len(self._fed) - 1), self._most_back / _MOST_STEP)
        return max(last + 1, round(min(last + _LESS * usual, newest + _AHEAD * usual)))

    def reset(self) -> None:
        """Forget all times. Call when the decoder is reset."""
        self._waiting.clear()
        self._fed.clear()
        self._last = None


class ContinuedTimes:
    """Times of one track's packets that go on where those of the file step back by more than MOST_REORDER_S.

    tick_s: unit of the times, s. frame_s: time from one packet to the next.
    """

    def __init__(self, tick_s: float, frame_s: float) -> None:
        self._most_back = round(MOST_REORDER_S / tick_s) if tick_s else 0
        self._apart = max(1, round(frame_s / tick_s)) if tick_s else 1
        self._last: int | None = None
        self._added = 0

    @property
    def have_stepped_back(self) -> bool:
        return self._added != 0

    def apply(self, packet: "AvPacket[Any]") -> None:
        """Change the times of the next packet where needed."""
        at = packet.pts if packet.dts is None else packet.dts  # B-frames step back in `pts` alone
        if at is None or not self._most_back:
            return
        if self._last is not None and at + self._added < self._last - self._most_back:
            self._added = self._last + self._apart - at
        if self._added:
            packet.pts = None if packet.pts is None else packet.pts + self._added
            packet.dts = None if packet.dts is None else packet.dts + self._added
        at += self._added
        self._last = at if self._last is None else max(self._last, at)


class Decoder:
    """Decoder of one stream. errors: number of packets that failed; after a failure it waits for a keyframe.

    devices: hardware decoders to try, in order (`hardware.devices`); empty: software. how: the decoder in use. refused:
    names of devices that failed. is_rough: skip the deblocking filter: a sixth to a quarter cheaper, sufficient for
    motion detection.
    """

    def __init__(
        self,
        video: VideoFormat,
        camera: CameraId = NO_CAMERA,
        devices: Iterable[HardwareDecoder] = (),
        *,
        is_rough: bool = False,
    ) -> None:
        self.format, self.camera, self._is_rough = video, camera, is_rough
        self.errors = 0
        self.refused: list[str] = []
        self._in_a_row = 0
        self._waits_for_keyframe = True
        self._times = PresentationTimes(round(MOST_REORDER_S * 1000))
        self.how, self._context = self._opened(devices)

    def decode(self, packet: Packet | SourcePacket) -> list[DecodedFrame]:
        """Return the frames completed by this packet, with increasing times: usually one, none during reordering."""
        if self._waits_for_keyframe and not packet.is_keyframe:
            return []
        try:
            coded = av.Packet(annexb(packet.data, self.format))
            coded.pts = coded.dts = _at_ms(packet)
            self._times.feed(coded.pts)
            frames = self._context.decode(coded)
        except _REFUSALS:
            self._failed()
            return []
        self._waits_for_keyframe, self._in_a_row = False, 0
        return self._whole(frames)

    def drain(self) -> list[DecodedFrame]:
        """Return the frames held for reordering. Decoding then restarts at a keyframe."""
        try:
            frames = self._context.decode(None)
        except _REFUSALS:
            self._failed()
            frames = []
        drained = self._whole(frames)
        self.reset()
        return drained

    def reset(self) -> None:
        """Discard all state until the next keyframe. Call after missing packets."""
        self._context.flush_buffers()
        self._times.reset()
        self._waits_for_keyframe = True

    def leave_out_unreferenced(self, *, leave_out: bool) -> None:
        """Enable or disable skipping of non-reference frames: cheaper, at a lower output frame rate."""
        self._context.skip_frame = "NONREF" if leave_out else "DEFAULT"

    def _failed(self) -> None:
        self.errors += 1
        self._in_a_row += 1
        if self.how != SOFTWARE and self._in_a_row >= FAILURES:
            log.warning("%s cannot decode this stream; falling back to software", self.how)
            self.refused.append(self.how)
            self.how, self._context = self._opened(())
        self.reset()

    def _opened(self, devices: Iterable[HardwareDecoder]) -> tuple[str, VideoCodecContext]:
        """Open the first working device, or the software decoder."""
        for device in devices:
            try:
                context = device.open(self.format.codec)
                self._prepare(context)
                context.open()
            except _REFUSALS as error:
                log.debug("Decoder %s is unavailable: %s", device.name, error)
                self.refused.append(device.name)
                continue
            log.info("Decoding with %s", device.name)
            return device.name, context
        software = av.CodecContext.create(FFMPEG_NAMES[self.format.codec], "r")
        assert isinstance(software, VideoCodecContext)
        self._prepare(software)
        return SOFTWARE, software

    def _prepare(self, context: VideoCodecContext) -> None:
        context.thread_count = 1  # each camera already has its own thread
        if self._is_rough:
            context.options = {"skip_loop_filter": "all"}
        context.extradata = b"".join(START + nal for nal in self.format.parameter_sets)

    def _whole(self, frames: list[av.VideoFrame]) -> list[DecodedFrame]:
        return [
            DecodedFrame(frame, self.camera, self._times.take(frame.pts), self.format.orientation)
            for frame in frames
            if frame.pts is not None and not frame.is_corrupt
        ]


def _at_ms(packet: Packet | SourcePacket) -> int:
    return packet.at_ms if isinstance(packet, Packet) else packet.pts * 1000 // VIDEO_RATE


_MEANS = Interpolation.AREA | Interpolation.ACCURATE_RND


class Shrinker:
    """Downscales gray images by area averaging. Caches FFmpeg's scaling tables between frames. Not thread-safe.

    OpenCV takes three to nine times as long at non-integer ratios.
    """

    def __init__(self) -> None:
        self._reformatter = VideoReformatter()

    def means(self, grey: Any, columns: int, rows: int) -> Any:
        """Downscale uint8 [height, width] with any row stride to uint8 [rows, columns].

        The result owns its memory, except if the input already has that size.
        """
        small = self._reformatter.reformat(
            av.VideoFrame.from_numpy_buffer(grey, "gray"),
            columns,
            rows,
            "gray",
            interpolation=_MEANS,
            src_color_range=ColorRange.JPEG,  # equal ranges: no level conversion
            dst_color_range=ColorRange.JPEG,
            threads=1,
        )
        plane = small.planes[0]
        return np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[:rows, :columns]
