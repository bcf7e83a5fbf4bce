"""Local cameras with a `/dev/video` node: USB and others.

Compressed formats (H.264, H.265) are passed through; others are decoded and encoded once. No threads; never blocks on
the device.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, NamedTuple, Protocol

from tawny.media.codec.capture import CapturedUnit, open_capture
from tawny.media.codec.encoder import Encoder
from tawny.media.codec.nal import split_annexb
from tawny.model.clock import Clock
from tawny.model.errors import SourceError, SourceStalled, SourceUnusable
from tawny.model.packets import SourcePacket, VideoCodec
from tawny.model.validation import value_text
from tawny.sources.packet_builder import PacketBuilder
from tawny.sources.source import CameraConnection, IdleUntil, SourceContext
from tawny.sources.v4l2_device import DeviceFormat, V4l2Device, look_at

STALL_S = 5.0
_PIXELS = {"H264": "h264", "HEVC": "hevc", "MJPG": "mjpeg", "YUYV": "yuyv422", "NV12": "nv12", "YU12": "yuv420p"}
"""FFmpeg's names of the supported formats, preferred first."""
_PASSED: dict[str, VideoCodec] = {"h264": "h264", "hevc": "h265"}
_BY_NAME = {"auto": tuple(_PIXELS), "h264": ("H264", "HEVC"), "mjpeg": ("MJPG",), "raw": ("YUYV", "NV12", "YU12")}
_SIZE = re.compile(r"(\d{2,5})x(\d{2,5})")


class Capturing(Protocol):
    """Interface of `media.codec.capture.Capture`, for tests without a device."""

    @property
    def fps(self) -> float: ...
    @property
    def size(self) -> tuple[int, int]: ...
    def read(self) -> list[CapturedUnit] | None: ...
    def close(self) -> None: ...


OpenCapture = Callable[[str, str, tuple[int, int], float, str], Capturing]


class CaptureFormat(NamedTuple):
    """Selected capture format. pixels: FFmpeg's name. size: width and height, px."""

    pixels: str
    size: tuple[int, int]


class V4l2:
    """USB and other local cameras: `/dev/video0` or `/dev/v4l/by-id/…`.

    - `size` ("1280x720"): resolution.
    - `fps` (15): frame rate, 1 to 120.
    - `format` ("auto"): "auto", "h264", "mjpeg" or "raw".
    """

    scheme: ClassVar[str] = "v4l2"

    def __init__(self, look: Callable[[str], V4l2Device] = look_at, capture: OpenCapture = open_capture) -> None:
        self._look, self._capture = look, capture

    def settings(self, table: Mapping[str, Any]) -> Mapping[str, Any]:
        checked = {"size": "1280x720", "fps": 15, "format": "auto"} | dict(table)
        if unknown := set(checked) - {"size", "fps", "format"}:
            raise ValueError(f"{min(unknown)}: found an unknown key; allowed: size, fps and format")
        if not isinstance(checked["size"], str) or not _SIZE.fullmatch(checked["size"]):
            raise ValueError(f'size: found {value_text(checked["size"])}; allowed: a size such as "1280x720"')
        fps = checked["fps"]
        if isinstance(fps, bool) or not isinstance(fps, int | float) or not 1 <= fps <= 120:
            raise ValueError(f"fps: found {value_text(fps)}; allowed: 1 to 120")
        if checked["format"] not in _BY_NAME:
            raise ValueError(f"format: found {value_text(checked['format'])}; allowed: {', '.join(_BY_NAME)}")
        return checked

    def claims(self, address: str) -> bool:
        return address.startswith(("/dev/video", "/dev/v4l/"))

    def public(self, address: str) -> str:
        return address

    def open(self, opening: SourceContext) -> CameraConnection:
        options, path = self.settings(opening.options), opening.address
        device = self._look(path)
        width, _, height = options["size"].partition("x")
        choice = choose(device.formats, (int(width), int(height)), _BY_NAME[options["format"]])
        if choice is None:
            offered = ", ".join(kind.fourcc for kind in device.formats) or "nothing"
            raise SourceUnusable(path, f"it offers {offered}")
        capture = self._capture(path, choice.pixels, choice.size, options["fps"], path)
        try:
            return _DeviceConnection(capture, choice, device.name, path, opening.clock)
        except SourceError:
            capture.close()
            raise


def choose(formats: tuple[DeviceFormat, ...], wanted: tuple[int, int], kinds: tuple[str, ...]) -> CaptureFormat | None:
    """Return the first of the requested formats that the device has, or None. Chooses the size nearest to `wanted`."""
    for fourcc in kinds:
        found = next((kind for kind in formats if kind.fourcc == fourcc), None)
        if found is not None:
            return CaptureFormat(_PIXELS[fourcc], _nearest(found, wanted))
    return None


def _nearest(kind: DeviceFormat, wanted: tuple[int, int]) -> tuple[int, int]:
    if not kind.sizes:
        return wanted
    if kind.is_range:
        (low_w, low_h), (high_w, high_h) = kind.sizes
        return min(max(wanted[0], low_w), high_w), min(max(wanted[1], low_h), high_h)
    return min(kind.sizes, key=lambda size: abs(size[0] * size[1] - wanted[0] * wanted[1]))


class _DeviceConnection:
    """One open device."""

    def __init__(self, capture: Capturing, choice: CaptureFormat, name: str, where: str, clock: Clock) -> None:
        self._capture, self._where, self._clock = capture, where, clock
        self._notes: dict[str, Any] = {"fps": capture.fps, "tool": name, "format": choice.pixels}
        codec = _PASSED.get(choice.pixels)
        self._pictures = PacketBuilder(codec) if codec is not None else None
        self._encoder = Encoder(*capture.size, capture.fps) if codec is None else None
        if self._encoder is not None:
            self._notes["encoder"] = self._encoder.name
        self._ready: list[SourcePacket] = []
        self._alive_s = clock.mono_s()
        self._newest_pts = -1

    def read(self) -> SourcePacket | IdleUntil:
        while not self._ready:
            units = self._capture.read()
            now_s = self._clock.mono_s()
            if units is None:
                if now_s - self._alive_s >= STALL_S:
                    raise SourceStalled(self._where, f"no video for {STALL_S:g} s")
                return IdleUntil(0.25 / max(1.0, self._capture.fps))
            for unit in units:
                self._alive_s = now_s
                self._ready += self._packets(unit)
        return self._ready.pop(0)

    def close(self) -> None:
        self._ready.clear()
        self._capture.close()

    @property
    def notes(self) -> Mapping[str, Any]:
        return self._notes

    def _packets(self, unit: CapturedUnit) -> list[SourcePacket]:
        if self._encoder is not None and unit.picture is not None:
            if unit.pts <= self._newest_pts:
                return []  # the device's clock stopped or went back: no valid timestamp
            self._newest_pts = unit.pts
            return self._encoder.encode(unit.picture, unit.pts)
        if self._pictures is None:
            return []
        try:
            packet = self._pictures.packet(split_annexb(unit.data), unit.pts)
        except ValueError:
            return []  # a damaged frame
        return [packet] if packet is not None else []
