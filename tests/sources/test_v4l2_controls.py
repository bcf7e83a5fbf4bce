"""Controls of webcams, by ioctl: what is offered, set live, and set again after the camera was unplugged."""

import errno
from dataclasses import replace
from pathlib import Path

import pytest

from tawny.media.codec.demuxer import CapturedUnit
from tawny.media.codec.nal import annexb
from tawny.model.errors import NoSuchDevice, NotDone, SourceClosed, SourceError
from tawny.model.ids import CameraId, StreamName
from tawny.model.messages import Message
from tawny.sources.source import SourceContext
from tawny.sources.v4l2 import DeviceFormat, V4l2, V4l2Device, look_at
from tawny.sources.v4l2_controls import press_control, read_controls, write_controls
from tawny.stream.hub import Hub
from tawny.stream.session import StreamReader, StreamSession
from tawny.testing.clips import ClipSpec, made_clip
from tawny.testing.clock import FakeClock
from tests.sources.fake_v4l2 import FakeV4l2
from tests.sources.reading import opening
from tests.sources.test_v4l2 import FakeCapture, FakeIoctl

H264 = V4l2Device("A Camera", (DeviceFormat("H264", ((320, 240),)),))


@pytest.fixture
def node(tmp_path: Path) -> Path:
    """A device node with a lasting name, as udev makes it."""
    (tmp_path / "video3").touch()
    (tmp_path / "by-id").mkdir()
    link = tmp_path / "by-id" / "usb-Maker_Camera_123-video-index0"
    link.symlink_to("../video3")
    return link


def webcam(fake: FakeV4l2) -> V4l2:
    return V4l2(lambda path: H264, lambda *_: FakeCapture([]), fake)


def here(node: Path, **controls: int) -> SourceContext:
    return opening(str(node), FakeClock(), controls=controls)


def test_every_kind_of_control_is_offered_with_its_range(node: Path) -> None:
    found = {one.name: one for one in webcam(FakeV4l2()).controls(here(node, brightness=10))}
    assert list(found) == [
        "brightness", "white_balance_automatic", "power_line_frequency", "white_balance_temperature", "bandwidth",
        "focus_once",
    ]  # fmt: skip
    one = found["brightness"]
    assert (one.kind, one.value, one.default, one.least, one.most, one.step) == ("number", 10.0, 0.0, -64, 64, 2)
    assert (found["white_balance_automatic"].kind, found["white_balance_automatic"].value) == ("switch", True)
    menu = found["power_line_frequency"]
    assert (menu.kind, menu.value, menu.choices) == ("choice", "1", (("0", "Disabled"), ("1", "50 Hz"), ("3", "Auto")))
    assert found["bandwidth"].choices == (("0", "480"), ("1", "-1"))
    assert found["focus_once"].kind == "button"
    assert {name for name, one in found.items() if one.why_not} == {"white_balance_temperature"}


def test_controls_are_set_when_the_camera_is_opened_automatics_first(node: Path) -> None:
    fake = FakeV4l2()
    controls = {"white_balance_temperature": 5000, "white_balance_automatic": False, "power_line_frequency": 3}
    webcam(fake).open(here(node, **controls)).close()
    assert {name for name, _ in fake.log[:2]} == {"White Balance, Automatic", "Power Line Frequency"}
    assert fake.log[2] == ("White Balance Temperature", 5000)


@pytest.mark.parametrize(
    ("controls", "hint"),
    [
        ({"brightness": 3}, "allowed: -64 to 64 in steps of 2."),
        ({"brightness": 66}, "brightness can't be 66"),
        ({"power_line_frequency": 2}, "allowed: 0 (Disabled), 1 (50 Hz), 3 (Auto)."),
        ({"zoom": 1}, "The camera has no control zoom."),
    ],
)
def test_a_value_that_the_camera_cannot_have_is_said_and_it_records(
    node: Path, controls: dict[str, int], hint: str
) -> None:
    fake = FakeV4l2()
    assert hint in webcam(fake).open(here(node, **controls)).notes["hint"]
    assert fake.log == []


def test_a_change_is_set_live_and_what_is_no_longer_set_gets_its_default(node: Path) -> None:
    fake = FakeV4l2()
    source, before = webcam(fake), here(node, brightness=10, bandwidth=1)
    assert source.adjust(before, {"controls": {"brightness": 20}})
    assert sorted(fake.log) == [("Bandwidth", 0), ("Brightness", 20)]


@pytest.mark.parametrize("changed", [{"size": "640x480"}, {"fps": 5}, {"format": "mjpeg"}])
def test_other_changes_open_the_camera_again(node: Path, changed: dict[str, object]) -> None:
    fake = FakeV4l2()
    assert not webcam(fake).adjust(here(node), changed)
    assert fake.log == []


def test_a_camera_that_refuses_a_change_is_told(node: Path) -> None:
    fake = FakeV4l2()
    fake.refuses = {"Brightness"}
    with pytest.raises(SourceError, match="didn't take brightness = 20"):
        webcam(fake).adjust(here(node), {"controls": {"brightness": 20}})


def test_a_button_is_pressed(node: Path) -> None:
    fake = FakeV4l2()
    webcam(fake).press(here(node), "focus_once")
    assert fake.log == [("Focus once", 0)]
    with pytest.raises(NotDone):
        press_control(str(node), "brightness", fake)


def test_a_device_without_controls_has_none(node: Path) -> None:
    assert read_controls(str(node), FakeV4l2(())) == []
    assert write_controls(str(node), {}, FakeV4l2(())) == []


def test_real_devices_are_asked_by_ioctl() -> None:
    assert read_controls("/dev/null") == []
    with pytest.raises(NoSuchDevice):
        read_controls("/dev/video-none")


@pytest.mark.parametrize(("number", "says"), [(errno.EPERM, "restart it"), (errno.EACCES, "the group `video`")])
def test_who_forbids_a_device_is_told(monkeypatch: pytest.MonkeyPatch, number: int, says: str) -> None:
    def refuse(*_: object) -> int:
        raise PermissionError(number, "no")

    monkeypatch.setattr("tawny.sources.v4l2_controls.os.open", refuse)
    with pytest.raises(NoSuchDevice, match=says):
        read_controls("/dev/video0")


@pytest.mark.parametrize("table", [{"controls": []}, {"controls": {"brightness": "high"}}, {"controls": {"a": 1.5}}])
def test_controls_that_cannot_be_are_named(table: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"controls.*: found .*; allowed: "):
        V4l2().settings(table)


class Listener:
    def __init__(self) -> None:
        self.failures: list[str] = []

    def connected(self, notes: object) -> None: ...
    def noted(self, notes: object) -> None: ...
    def failed(self, error: SourceError) -> None:
        self.failures.append(error.code)


class Plugged(FakeCapture):
    """A camera that delivers a clip as time goes on, until its node is gone."""

    def __init__(self, node: Path, clock: FakeClock) -> None:
        clip = made_clip(ClipSpec(seconds=2))
        super().__init__([[CapturedUnit(one.pts, annexb(one.data, clip.video), None)] for one in clip.packets])
        self._node, self._clock, self._next_s = node, clock, clock.mono_s()

    def read(self) -> list[CapturedUnit] | None:
        if not self._node.exists():
            raise SourceClosed(str(self._node), "no such device")
        if self._clock.mono_s() < self._next_s:
            return None
        self._next_s += 1 / 15
        return super().read()


def test_an_unplugged_camera_is_recorded_again_under_its_name_with_its_controls(node: Path) -> None:
    fake, clock, listener, device = FakeV4l2(), FakeClock(), Listener(), node.resolve()
    source = V4l2(
        lambda path: look_at(path, FakeIoctl(1, {b"H264": [(320, 240)]})), lambda *_: Plugged(node, clock), fake
    )
    context = replace(here(node, brightness=10), clock=clock)
    messages: list[Message] = []
    hub = Hub(keep_s=60)
    session = StreamSession(CameraId("desk"), StreamName.MAIN, hub, clock, messages.append)
    reader = StreamReader("desk", lambda: source.open(context), session, listener, clock)

    def run(seconds: float) -> None:
        until_s = clock.mono_s() + seconds
        while clock.mono_s() < until_s:
            clock.advance(max(0.005, min(0.1, reader.step())))

    run(1.0)
    before = len(hub.recent(60))
    assert before > 5
    device.unlink()
    fake.unplug()
    run(10.0)
    assert listener.failures[0] == "closed"
    assert set(listener.failures[1:]) == {"no-device"}
    again = device.with_name("video7")  # the kernel gives it another number
    again.touch()
    node.unlink()
    node.symlink_to(f"../{again.name}")
    run(4.0)
    assert fake.log == [("Brightness", 10)]
    assert len(hub.recent(60)) > before + 10
    reader.close()


def test_a_camera_that_is_unplugged_while_it_is_asked_is_not_there(node: Path) -> None:
    def gone(fd: int, request: int, data: bytearray) -> int:
        raise OSError(errno.ENODEV, "No such device")

    with pytest.raises(NoSuchDevice, match="no such device"):
        read_controls(str(node), gone)
    with pytest.raises(NoSuchDevice, match="no such device"):
        V4l2(lambda path: H264, lambda *_: FakeCapture([]), gone).open(here(node, brightness=10))


@pytest.mark.parametrize(("wanted", "written"), [(-64, -64), (5, 4), (6.9, 6), (7.1, 8), (64, 64)])
def test_a_value_between_two_steps_is_written_as_the_nearest(node: Path, wanted: float, written: int) -> None:
    source = webcam(FakeV4l2())
    brightness = next(one for one in source.controls(here(node)) if one.name == "brightness")
    assert source.setting(brightness, wanted) == ("controls.brightness", written)
    assert not write_controls(str(node), {"brightness": written}, FakeV4l2())
