"""Local cameras with a `/dev/video` node: USB and others.

Compressed formats (H.264, H.265) are passed through; others are decoded and encoded once. No threads; never blocks on
the device. The controls of the settings are set at each start, so also when a camera was unplugged.
"""

import errno
import fcntl
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from struct import pack, pack_into, unpack_from
from typing import Any, ClassVar, NamedTuple, Protocol

from tawny.media.codec.demuxer import CapturedUnit, open_capture
from tawny.media.codec.encoder import Encoder
from tawny.media.codec.nal import split_annexb
from tawny.model.errors import NoSuchDevice, SourceError, SourceStalled, SourceUnreachable, SourceUnusable
from tawny.model.packets import VIDEO_RATE, SourcePacket, VideoCodec
from tawny.model.validation import value_text
from tawny.sources.packet_builder import PacketBuilder
from tawny.sources.picture_controls import PictureControl, Value
from tawny.sources.source import CameraConnection, IdleUntil, SourceContext, SourceWithoutKeyframe
from tawny.sources.v4l2_controls import Ioctl, described, opened, press_control, read_controls, write_controls

# Queries the capabilities of a V4L2 device by ioctl (linux/videodev2.h). Does not stream.

QUERYCAP, ENUM_FMT, ENUM_FRAMESIZES = 0x80685600, 0xC0405602, 0xC02C564A
_CAPABILITY_BYTES, _FORMAT_BYTES, _SIZE_BYTES = 104, 64, 44
_CAPTURE, _OWN_CAPS = 0x1, 0x80000000
_BUFFER_CAPTURE = 1
_DISCRETE = 1
_MOST_LISTED = 64


@dataclass(frozen=True, slots=True)
class DeviceFormat:
    """fourcc: such as `H264`, `MJPG`, `YUYV`. sizes: width and height, px; for a range its minimum and maximum."""

    fourcc: str
    sizes: tuple[tuple[int, int], ...]
    is_range: bool = False


@dataclass(frozen=True, slots=True)
class V4l2Device:
    """Query result. name: reported by the device."""

    name: str
    formats: tuple[DeviceFormat, ...]


def look_at(path: str, ioctl: Ioctl = fcntl.ioctl) -> V4l2Device:
    """Query a device. Raises NoSuchDevice if it is missing, not permitted, or no capture device."""
    with opened(path) as fd:
        return _ask(fd, path, ioctl)


def _ask(fd: int, path: str, ioctl: Ioctl) -> V4l2Device:
    buffer = bytearray(_CAPABILITY_BYTES)
    try:
        ioctl(fd, QUERYCAP, buffer)
    except OSError as error:
        raise NoSuchDevice(path, "it isn't a video device") from error
    can, of_this_node = unpack_from("<II", buffer, 84)
    if not (of_this_node if can & _OWN_CAPS else can) & _CAPTURE:
        raise NoSuchDevice(path, "it is a video device but has no capture mode")
    name = buffer[16:48].split(b"\0")[0].decode("utf-8", "replace")
    return V4l2Device(name, tuple(_formats(fd, ioctl)))


def _formats(fd: int, ioctl: Ioctl) -> Iterator[DeviceFormat]:
    for entry in _listed(fd, ioctl, ENUM_FMT, lambda index: pack("<II", index, _BUFFER_CAPTURE), _FORMAT_BYTES):
        fourcc = bytes(entry[44:48])
        sizes: list[tuple[int, int]] = []
        is_range = False
        for size in _listed(fd, ioctl, ENUM_FRAMESIZES, _size_request(fourcc), _SIZE_BYTES):
            if unpack_from("<I", size, 8)[0] == _DISCRETE:
                sizes.append(unpack_from("<II", size, 12))
                continue
            low_w, high_w, _, low_h, high_h, _ = unpack_from("<IIIIII", size, 12)
            sizes, is_range = [(low_w, low_h), (high_w, high_h)], True
            break
        yield DeviceFormat(fourcc.decode("ascii", "replace").strip(), tuple(sizes), is_range)


def _size_request(fourcc: bytes) -> Callable[[int], bytes]:
    return lambda index: pack("<I", index) + fourcc


def _listed(fd: int, ioctl: Ioctl, request: int, asked: Callable[[int], bytes], size: int) -> Iterator[bytearray]:
    """Yield the list entries 0, 1, 2 … until the device reports the end."""
    for index in range(_MOST_LISTED):
        entry = bytearray(size)
        head = asked(index)
        pack_into(f"{len(head)}s", entry, 0, head)
        try:
            ioctl(fd, request, entry)
        except OSError as error:
            if error.errno in (errno.EINVAL, errno.ENOTTY):
                return
            raise
        yield entry


STALL_S = 5.0
KEYFRAME_S = 30.0
"""Timeout for the first keyframe of a camera that compresses, in s."""
KEYFRAME_EACH_S = 2.0
"""Time between keyframes of pictures that are encoded here, in s."""
_PIXELS = {"H264": "h264", "HEVC": "hevc", "MJPG": "mjpeg", "YUYV": "yuyv422", "NV12": "nv12", "YU12": "yuv420p"}
"""FFmpeg's names of the supported formats, preferred first."""
_PASSED: dict[str, VideoCodec] = {"h264": "h264", "hevc": "h265"}
_BY_NAME = {"auto": tuple(_PIXELS), "h264": ("H264", "HEVC"), "mjpeg": ("MJPG",), "raw": ("YUYV", "NV12", "YU12")}
_SIZE = re.compile(r"(\d{2,5})x(\d{2,5})")


class Capturing(Protocol):
    """Interface of `media.codec.demuxer.Capture`, for tests without a device."""

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
    - `controls` ({}): the camera's own controls by name, such as `{ brightness = 140, focus_automatic_continuous =
      false }`. Switches are true or false, choices numbers. The camera's page lists them.
    """

    scheme: ClassVar[str] = "v4l2"

    def __init__(
        self,
        look: Callable[[str], V4l2Device] = look_at,
        capture: OpenCapture = open_capture,
        ioctl: Ioctl = fcntl.ioctl,
    ) -> None:
        self._look, self._capture, self._ioctl = look, capture, ioctl

    def settings(self, table: Mapping[str, Any]) -> Mapping[str, Any]:
        checked = {"size": "1280x720", "fps": 15, "format": "auto", "controls": {}} | dict(table)
        if unknown := set(checked) - {"size", "fps", "format", "controls"}:
            raise ValueError(f"{min(unknown)}: found an unknown key; allowed: size, fps, format and controls")
        _check_controls(checked["controls"])
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
        try:
            capture = self._capture(path, choice.pixels, choice.size, options["fps"], path)
        except SourceError as error:
            raise _of_device(error) from error
        try:
            refused = write_controls(path, _values(options["controls"]), self._ioctl) if options["controls"] else []
            return _DeviceConnection(capture, choice, device.name, opening, " ".join(refused))
        except SourceError:
            capture.close()
            raise

    def controls(self, opening: SourceContext) -> list[PictureControl]:
        wanted = _values(self.settings(opening.options)["controls"])
        return described(read_controls(opening.address, self._ioctl), wanted)

    def setting(self, control: PictureControl, value: Value) -> tuple[str, Value]:
        if control.kind == "number":  # a camera takes nothing between two steps
            most = (control.most - control.least) // control.step
            value = control.least + control.step * min(most, round((float(value) - control.least) / control.step))
        return f"controls.{control.name}", value if control.kind == "switch" else int(value)

    def adjust(self, opening: SourceContext, options: Mapping[str, Any]) -> bool:
        before, after = self.settings(opening.options), self.settings(options)
        if {**before, "controls": {}} != {**after, "controls": {}}:
            return False
        wanted, had = _values(after["controls"]), _values(before["controls"])
        defaults = {one.name: one.default for one, _ in read_controls(opening.address, self._ioctl)}
        former = {name: defaults[name] for name in had if name not in wanted and name in defaults}
        if refused := write_controls(opening.address, former | wanted, self._ioctl):
            raise SourceError(opening.address, " ".join(refused))
        return True

    def press(self, opening: SourceContext, name: str) -> None:
        press_control(opening.address, name, self._ioctl)


@dataclass(eq=False)
class DeviceFailed(SourceError):
    """A local camera that can't be opened. detail: why. todo: what to do."""

    todo: str = "Unplug it and plug it in again."
    says = "The camera at {where} failed: {detail}."
    advice = "{todo}"


def _of_device(error: SourceError) -> SourceError:
    """Return an error of opening in words for local cameras: FFmpeg's advice would be about the network."""
    if getattr(error.__cause__, "errno", None) == errno.ENOSPC:
        todo = "Plug it into another USB socket, or set a smaller size."
        return DeviceFailed(error.where, "USB has no bandwidth left for it", todo=todo)
    return DeviceFailed(error.where, error.detail) if isinstance(error, SourceUnreachable) else error


def _check_controls(controls: object) -> None:
    """Raise ValueError unless it is a table of controls; their ranges are the camera's."""
    if not isinstance(controls, Mapping):
        raise ValueError(f"controls: found {value_text(controls)}; allowed: a table such as {{ brightness = 140 }}")
    for name, value in controls.items():
        if not isinstance(value, int) or not -(1 << 31) <= value < 1 << 31:
            raise ValueError(f"controls.{name}: found {value_text(value)}; allowed: a whole number, true or false")


def _values(controls: Mapping[str, int]) -> dict[str, int]:
    return {name: int(value) for name, value in controls.items()}


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
    """One open device. hint: what people should know."""

    def __init__(self, capture: Capturing, choice: CaptureFormat, name: str, opening: SourceContext, hint: str) -> None:
        self._capture, self._where, self._clock = capture, opening.address, opening.clock
        clock = opening.clock
        self._notes: dict[str, Any] = {"fps": capture.fps, "tool": name, "format": choice.pixels, "hint": hint}
        codec = _PASSED.get(choice.pixels)
        self._pictures = PacketBuilder(codec) if codec is not None else None
        # keyframes go by time: in the dark, many cameras deliver fewer pictures than they say
        self._encoder = Encoder(*capture.size, capture.fps, gop_s=20 * KEYFRAME_EACH_S) if codec is None else None
        self._keyframe = -math.inf
        if self._encoder is not None:
            self._notes["encoder"] = self._encoder.name
        self._ready: list[SourcePacket] = []
        self._alive_s = self._begun_s = clock.mono_s()
        self._times = _DeviceTimes(capture.fps)

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
                self._ready += self._packets(unit, now_s)
            if self._pictures and self._pictures.format is None and now_s - self._begun_s > KEYFRAME_S:
                raise SourceWithoutKeyframe(self._where, f"no keyframe within {KEYFRAME_S:g} s")
        return self._ready.pop(0)

    def close(self) -> None:
        self._ready.clear()
        self._capture.close()

    @property
    def notes(self) -> Mapping[str, Any]:
        return self._notes

    def _packets(self, unit: CapturedUnit, now_s: float) -> list[SourcePacket]:
        if self._encoder is not None and unit.picture is not None:
            pts = self._times.place(unit.pts, now_s)
            if pts is None:
                return []
            nearest = KEYFRAME_EACH_S - 0.5 / max(1.0, self._capture.fps)
            as_keyframe = pts - self._keyframe >= nearest * VIDEO_RATE
            if as_keyframe:
                self._keyframe = pts
            return self._encoder.encode(unit.picture, pts, as_keyframe=as_keyframe)
        if self._pictures is None:
            return []
        try:
            packet = self._pictures.packet(split_annexb(unit.data), unit.pts)
        except ValueError:
            return []  # a damaged frame
        return [packet] if packet is not None else []


_SLACK = VIDEO_RATE
"""How much further ahead of its arrival than any before a timestamp may be, 90 kHz ticks: clocks differ a little."""
_MOST_WRONG = 5
"""Number of pictures by arrival after which the device's clock is taken as another one."""


class _DeviceTimes:
    """Rising timestamps of pictures that are encoded here, from those of a device whose clock may stop or jump."""

    def __init__(self, fps: float) -> None:
        self._least = VIDEO_RATE / (2 * max(1.0, fps))
        self._newest, self._arrived_s = -1, 0.0
        self._device, self._placed, self._ahead = -1, -1, 0.0
        """The last timestamp of the device that was right, what it became, and the most that one was ahead of its
        arrival, ticks."""
        self._wrong = 0

    def place(self, pts: int, now_s: float) -> int | None:
        """Return the timestamp, 90 kHz; None for a repeated picture. Where the device's can't be right, by arrival."""
        ahead = pts - now_s * VIDEO_RATE
        if self._newest < 0:
            self._newest = pts
            self._trust(pts, ahead)
        elif pts > self._device and ahead <= self._ahead + _SLACK:
            self._newest = max(self._newest + 1, self._placed + pts - self._device)
            self._trust(pts, max(ahead, self._ahead))
        else:
            elapsed = round((now_s - self._arrived_s) * VIDEO_RATE)
            if elapsed < self._least:
                return None
            self._newest += elapsed
            self._wrong += 1
            if self._wrong >= _MOST_WRONG:
                self._trust(pts, ahead)
        self._arrived_s = now_s
        return self._newest

    def _trust(self, pts: int, ahead: float) -> None:
        self._device, self._placed, self._ahead, self._wrong = pts, self._newest, ahead, 0
