"""Cameras with a device node. There is none here: devices are stood in for at the ioctl, and at the capture."""

import errno
import os
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from struct import pack_into, unpack_from

import av
import numpy as np
import pytest

from tawny.media.codec.demuxer import Capture, CapturedUnit
from tawny.media.codec.nal import annexb
from tawny.model.errors import NoSuchDevice, SourceError, SourceStalled, SourceUnusable
from tawny.model.packets import SourcePacket, VideoFormat
from tawny.sources.source import CameraConnection, IdleUntil, SourceWithoutKeyframe
from tawny.sources.v4l2 import (
    ENUM_FMT,
    ENUM_FRAMESIZES,
    QUERYCAP,
    CaptureFormat,
    Capturing,
    DeviceFormat,
    V4l2,
    V4l2Device,
    choose,
    look_at,
)
from tawny.testing.clips import ClipSpec, made_clip
from tawny.testing.clock import FakeClock
from tests.sources.reading import opening

BOTH = V4l2Device("A Camera", (DeviceFormat("MJPG", ((1280, 720),)), DeviceFormat("H264", ((640, 480), (1920, 1080)))))


class FakeIoctl:
    """A device as the kernel shows it. formats: fourcc and sizes; a size of four numbers is a range."""

    def __init__(self, capabilities: int, formats: dict[bytes, list[tuple[int, ...]]], own: int | None = None) -> None:
        self._capabilities, self._own, self._formats = capabilities, own, formats

    def __call__(self, fd: int, request: int, data: bytearray) -> int:
        assert os.fstat(fd)
        if request == QUERYCAP:
            pack_into("16s32s", data, 0, b"uvcvideo", b"A Camera")
            flag = 0 if self._own is None else 0x80000000
            pack_into("<II", data, 84, self._capabilities | flag, self._own or 0)
            return 0
        index = unpack_from("<I", data)[0]
        if request == ENUM_FMT:
            assert unpack_from("<I", data, 4) == (1,)
            fourccs = list(self._formats)
            if index >= len(fourccs):
                raise OSError(errno.EINVAL, "no more")
            pack_into("4s", data, 44, fourccs[index])
            return 0
        assert request == ENUM_FRAMESIZES
        sizes = self._formats[bytes(data[4:8])]
        if index >= len(sizes):
            raise OSError(errno.EINVAL, "no more")
        size = sizes[index]
        if len(size) == 2:
            pack_into("<III", data, 8, 1, *size)
        else:
            pack_into("<IIIIIII", data, 8, 3, size[0], size[1], 2, size[2], size[3], 2)
        return 0


class FakeCapture:
    """units: what each read brings; when they are through, nothing any more."""

    def __init__(self, units: list[list[CapturedUnit]], fps: float = 15.0) -> None:
        self.fps, self.size, self.is_closed = fps, (64, 48), False
        self._units = iter(units)

    def read(self) -> list[CapturedUnit] | None:
        return next(self._units, None)

    def close(self) -> None:
        self.is_closed = True


class StampingCapture(FakeCapture):
    """Delivers 15 pictures a second with these timestamps. unit: each of them."""

    def __init__(self, stamps: list[int], clock: FakeClock, unit: CapturedUnit | None = None) -> None:
        unit = unit or next(pictures(1))[0]
        super().__init__([[unit._replace(pts=stamp)] for stamp in stamps])
        self._clock = clock

    def read(self) -> list[CapturedUnit] | None:
        self._clock.advance(1 / 15)
        return super().read()


@pytest.fixture
def node(tmp_path: Path) -> Path:
    path = tmp_path / "video0"
    path.touch()
    return path


def open_fake(
    capture: Capturing, device: V4l2Device, clock: FakeClock | None = None, **options: object
) -> CameraConnection:
    source = V4l2(lambda path: device, lambda path, pixels, size, fps, where: capture)
    return source.open(opening("/dev/video0", clock or FakeClock(), **options))


def test_a_device_tells_its_name_and_formats(node: Path) -> None:
    ioctl = FakeIoctl(1, {b"MJPG": [(640, 480), (1280, 720)], b"YUYV": [(32, 1920, 32, 1080)]})
    assert look_at(str(node), ioctl) == V4l2Device(
        "A Camera",
        (
            DeviceFormat("MJPG", ((640, 480), (1280, 720))),
            DeviceFormat("YUYV", ((32, 32), (1920, 1080)), is_range=True),
        ),
    )


def test_what_this_node_can_counts_not_what_the_whole_device_can(node: Path) -> None:
    with pytest.raises(NoSuchDevice, match="has no capture mode"):
        look_at(str(node), FakeIoctl(1, {}, own=0x800000))


def test_a_device_that_is_missing() -> None:
    with pytest.raises(NoSuchDevice) as missing:
        V4l2().open(opening("/dev/video-none", FakeClock()))
    assert missing.value.exit_code == 24
    assert "not connected" in str(missing.value)


@pytest.mark.parametrize("path", ["/dev/null", "/etc/hostname", "/"])
def test_what_is_no_video_device(path: str) -> None:
    with pytest.raises(NoSuchDevice):
        look_at(path)


@pytest.mark.parametrize(
    ("kinds", "wanted", "chosen"),
    [
        (("H264", "HEVC", "MJPG", "YUYV"), (1280, 720), CaptureFormat("h264", (640, 480))),
        (("H264",), (1920, 1080), CaptureFormat("h264", (1920, 1080))),
        (("MJPG",), (640, 360), CaptureFormat("mjpeg", (1280, 720))),
        (("YUYV",), (640, 360), None),
    ],
)
def test_the_best_format_in_the_nearest_size_is_chosen(
    kinds: tuple[str, ...], wanted: tuple[int, int], chosen: CaptureFormat | None
) -> None:
    assert choose(BOTH.formats, wanted, kinds) == chosen


def test_within_a_range_the_size_is_as_wanted() -> None:
    kind = DeviceFormat("YUYV", ((32, 32), (1280, 960)), is_range=True)
    assert choose((kind,), (1920, 720), ("YUYV",)) == CaptureFormat("yuyv422", (1280, 720))


def test_a_device_without_a_format_for_us_is_unusable() -> None:
    with pytest.raises(SourceUnusable, match="GREY"):
        open_fake(FakeCapture([]), V4l2Device("x", (DeviceFormat("GREY", ()),)))


def pictures(count: int) -> Iterator[list[CapturedUnit]]:
    for number in range(count):
        picture = np.full((72, 64), 16 + number, np.uint8)
        yield [CapturedUnit(number * 6000, b"", picture)]


def read(connection: CameraConnection, clock: FakeClock, most: int) -> list[SourcePacket]:
    got: list[SourcePacket] = []
    for _ in range(most):
        one = connection.read()
        if isinstance(one, IdleUntil):
            clock.advance(one.for_s)
        else:
            got.append(one)
    return got


def test_raw_pictures_are_encoded_once() -> None:
    clock = FakeClock()
    connection = open_fake(FakeCapture(list(pictures(40))), V4l2Device("A Camera", (DeviceFormat("YUYV", ()),)), clock)
    packets = read(connection, clock, 45)
    assert len(packets) == 40
    assert packets[0].is_keyframe
    assert isinstance(packets[0].format, VideoFormat)
    assert (packets[0].format.codec, packets[0].format.width, packets[0].format.height) == ("h264", 64, 48)
    assert [packet.pts for packet in packets] == [number * 6000 for number in range(40)]
    assert connection.notes["tool"] == "A Camera"
    assert connection.notes["encoder"]
    connection.close()


def test_a_picture_without_a_time_of_its_own_is_left_out() -> None:
    clock = FakeClock()
    units = list(pictures(3))
    connection = open_fake(
        FakeCapture([units[0], units[1], units[1], units[2]]), V4l2Device("x", (DeviceFormat("YUYV", ()),)), clock
    )
    assert [packet.pts for packet in read(connection, clock, 6)] == [0, 6000, 12000]


@pytest.mark.parametrize(
    "stamps",
    [
        pytest.param([0, 6000, 12000, 324_000_000, *range(24000, 120_000, 6000)], id="one an hour ahead"),
        pytest.param([900_000, 906_000, 912_000, *range(0, 102_000, 6000)], id="back to zero"),
        pytest.param([0, *[6000] * 19], id="a clock that stands still"),
        pytest.param([900_000, 906_000, 642_000, *range(918_000, 1_020_000, 6000)], id="one 3 s back"),
        pytest.param([900_000, 906_000, 1_272_000, *range(918_000, 1_020_000, 6000)], id="one 4 s ahead"),
    ],
)
def test_pictures_go_on_where_the_clock_of_the_device_jumps(stamps: list[int]) -> None:
    clock = FakeClock()
    connection = open_fake(StampingCapture(stamps, clock), V4l2Device("x", (DeviceFormat("YUYV", ()),)), clock)
    times = [packet.pts for packet in read(connection, clock, len(stamps))]
    assert times == [stamps[0] + number * 6000 for number in range(len(stamps))]


def test_keyframes_stay_frequent_when_the_dark_makes_pictures_rare() -> None:
    clock, (units,) = FakeClock(), pictures(1)
    capture = FakeCapture([[units[0]._replace(pts=number * 18_000)] for number in range(50)], fps=30.0)
    connection = open_fake(capture, V4l2Device("x", (DeviceFormat("YUYV", ()),)), clock)
    keys = [packet.pts for packet in read(connection, clock, 50) if packet.is_keyframe]
    assert {after - before for before, after in pairwise(keys)} == {180_000}


def test_a_camera_that_compresses_without_keyframes_is_told() -> None:
    clip, clock = made_clip(ClipSpec()), FakeClock()
    unit = CapturedUnit(0, b"\0\0\0\1" + clip.packets[1].data[4:], None)
    capture = StampingCapture(list(range(0, 3_000_000, 6000)), clock, unit)
    connection = open_fake(capture, BOTH, clock)
    begun_s = clock.mono_s()
    with pytest.raises(SourceWithoutKeyframe, match="no keyframe within 30 s"):
        connection.read()
    assert 30.0 <= clock.mono_s() - begun_s < 31.0


@pytest.mark.parametrize(
    ("number", "says"),
    [
        (errno.ENOSPC, "USB has no bandwidth left for it. Plug it into another USB socket, or set a smaller size."),
        (errno.ENODEV, "no such device. Unplug it and plug it in again."),
        (errno.EPROTO, "protocol error. Unplug it and plug it in again."),
    ],
)
def test_a_webcam_that_cannot_be_opened_gets_advice_for_webcams(
    monkeypatch: pytest.MonkeyPatch, number: int, says: str
) -> None:
    monkeypatch.setattr("tawny.media.codec.demuxer.av.open", lambda *_, **__: av.error.err_check(-number))
    with pytest.raises(SourceError) as failed:
        V4l2(lambda path: BOTH).open(opening("/dev/video0", FakeClock()))
    assert str(failed.value) == f"The camera at /dev/video0 failed: {says}"


@pytest.mark.shows("RC3")
def test_what_the_camera_compressed_is_passed_on_as_it_is() -> None:
    clip, clock = made_clip(ClipSpec(seconds=1)), FakeClock()
    units = [[CapturedUnit(packet.pts, annexb(packet.data, clip.video), None)] for packet in clip.packets]
    connection = open_fake(FakeCapture([*units, [CapturedUnit(0, b"broken", None)]]), BOTH, clock)
    packets = read(connection, clock, 20)
    assert len(packets) == 15
    assert packets[0].is_keyframe
    assert packets[0].format == clip.video
    assert [packet.data for packet in packets[1:]] == [packet.data for packet in clip.packets[1:]]


def test_a_device_that_stops_is_found() -> None:
    clock = FakeClock()
    connection = open_fake(FakeCapture(list(pictures(3))), V4l2Device("x", (DeviceFormat("YUYV", ()),)), clock)
    begun_s = clock.mono_s()
    with pytest.raises(SourceStalled):
        read(connection, clock, 10_000)
    assert 5.0 <= clock.mono_s() - begun_s < 6.0


def test_closing_twice_lets_go_of_the_device() -> None:
    capture = FakeCapture([])
    connection = open_fake(capture, BOTH)
    connection.close()
    connection.close()
    assert capture.is_closed


def test_decoded_pictures_come_as_planar_yuv_of_even_size() -> None:
    capture = Capture("testsrc2=size=101x75:rate=15", "lavfi", {}, "test", decode=True)
    units = capture.read()
    capture.close()
    assert units is not None
    picture = units[0].picture
    assert picture is not None
    assert capture.size == (100, 74)
    assert picture.shape == (111, 100)
    assert picture.dtype == np.uint8


def test_compressed_units_come_with_start_codes(tmp_path: Path) -> None:
    clip = made_clip(ClipSpec(seconds=1))
    path = tmp_path / "x.h264"
    path.write_bytes(b"".join(annexb(packet.data, clip.video) for packet in clip.packets))
    capture = Capture(str(path), "h264", {}, "test", decode=False)
    units = capture.read()
    capture.close()
    assert units is not None
    assert units[0].data.startswith(b"\0\0\0\1")


def test_a_device_that_cannot_be_captured_from_is_an_error() -> None:
    with pytest.raises(SourceError):
        Capture("/dev/null", "v4l2", {}, "/dev/null", decode=True)


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ({"size": "big"}, "size"),
        ({"size": 5}, "size"),
        ({"fps": 0}, "fps"),
        ({"fps": True}, "fps"),
        ({"format": "x"}, "format"),
        ({"a": 1}, "a"),
    ],
)
def test_settings_that_cannot_be_are_named(table: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=f"{says}: found .*; allowed: "):
        V4l2().settings(table)


def test_what_is_claimed() -> None:
    asked = ["/dev/video0", "/dev/v4l/by-id/usb-x", "/dev/null", "video.mp4", "rtsp://dev/video0"]
    assert [address for address in asked if V4l2().claims(address)] == asked[:2]
