"""The Pi's camera by Picamera2. Our program runs as it does on a Pi; Picamera2 itself is stood in for."""

import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tawny.media.codec.nal import annexb
from tawny.model.errors import NoSuchDevice, NotDone, SourceClosed, SourceError, SourceUnusable
from tawny.model.ids import StreamName
from tawny.model.packets import SourcePacket, VideoFormat
from tawny.sources.pi_controls import board_of
from tawny.sources.picamera import PiCamera
from tawny.sources.source import CameraConnection, IdleUntil, SourceContext
from tawny.testing.clips import made_clip
from tawny.testing.waiting import until
from tests.sources.fake_picamera2 import FakePicamera2
from tests.sources.pi_program import pi_program
from tests.sources.reading import opening

SUB: dict[str, Any] = {"sub_size": "160x120", "size": "320x240"}


def source(fake: FakePicamera2) -> PiCamera:
    return PiCamera(lambda: None, lambda: str(fake.python), lambda: board_of("Raspberry Pi 4"))


def small(here: SourceContext) -> SourceContext:
    return replace(here, stream=StreamName.SUB, address=f"{here.address}/sub")


def pictures(connection: CameraConnection, count: int) -> list[SourcePacket]:
    got: list[SourcePacket] = []
    while len(got) < count:
        one = connection.read()
        if not isinstance(one, IdleUntil):
            got.append(one)
    return got


@pytest.fixture
def both(tmp_path: Path) -> Iterator[tuple[FakePicamera2, PiCamera, SourceContext, dict[str, CameraConnection]]]:
    fake = FakePicamera2(tmp_path)
    pi, here = source(fake), opening("picamera:0", ev=0.5, **SUB)
    opened: dict[str, CameraConnection] = {}
    threads = [
        threading.Thread(target=lambda one=one: opened.update({one.stream: pi.open(one)}))
        for one in (here, small(here))
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    yield fake, pi, here, opened
    for connection in opened.values():
        connection.close()


def test_main_and_small_stream_come_at_once_from_one_program(both: Any) -> None:
    fake, _, _, opened = both
    for stream, name in ((StreamName.MAIN, "main"), (StreamName.SUB, "lores")):
        clip = made_clip(fake.specs[name])
        got = pictures(opened[stream], 20)
        assert isinstance(got[0].format, VideoFormat)
        assert (got[0].format.width, got[0].format.height) == (fake.specs[name].width, fake.specs[name].height)
        written = {annexb(packet.data, clip.video) for packet in clip.packets}
        assert {annexb(packet.data, clip.video) for packet in got} <= written
    assert len(fake.asked("camera")) == 1


def test_pictures_have_the_sensors_times(both: Any) -> None:
    *_, opened = both
    got = pictures(opened[StreamName.MAIN], 30)
    steps = {after.pts - before.pts for before, after in pairwise(got)}
    assert max(steps) - min(steps) <= 1
    assert 6000 in steps


def test_picamera2_is_asked_for_exactly_what_is_set(tmp_path: Path) -> None:
    fake = FakePicamera2(tmp_path, tunings=["own.json"])
    options: dict[str, Any] = {
        "size": "320x240", "fps": 10, "mbit": 1.5, "keyframe": 4, "sub_size": "160x120", "sub_mbit": 0.25,
        "flip": "both", "sensor_mode": "1", "tuning": "/srv/own.json", "hdr": "sensor", "awb": "indoor",
        "roi": "0.25,0.5,0.5,0.25", "focus_window": "0,0,0.5,0.5", "exposure_time": 5000, "gain": 2,
    }  # fmt: skip
    connection = source(fake).open(opening("picamera:0", **options))
    until(lambda: len(fake.asked("encoder")) == 2, 60, "both encoders")
    connection.close()
    assert fake.asked("sensor hdr") == [{"call": "sensor hdr", "number": 0, "enable": True}]
    assert fake.asked("camera") == [{"call": "camera", "number": 0, "tuning": {"name": "own.json", "dir": "/srv"}}]
    assert fake.asked("configure") == [
        {
            "call": "configure", "transform": [True, True], "main": {"size": [320, 240], "format": "YUV420"},
            "lores": {"size": [160, 120], "format": "YUV420"}, "controls": {"FrameRate": 10},
            "sensor": {"output_size": [2304, 1296], "bit_depth": 10},
        }
    ]  # fmt: skip
    encoder = {"call": "encoder", "iperiod": 40, "repeat": True}
    assert fake.asked("encoder") == [
        {**encoder, "name": "main", "bitrate": 1_500_000}, {**encoder, "name": "lores", "bitrate": 250_000},
    ]  # fmt: skip
    assert fake.asked("set_controls")[0]["controls"] == {
        "AwbMode": 4, "AfMode": 2, "AfMetering": 1, "AfWindows": [[8, 4, 2304, 1296]], "AeEnable": False,
        "ExposureTime": 5000, "AnalogueGain": 2, "ScalerCrop": [1160, 1300, 2304, 648],
    }  # fmt: skip


@pytest.mark.shows("RP24")
def test_rp24_a_changed_control_reaches_the_running_camera_and_a_removed_one_its_default(both: Any) -> None:
    fake, pi, here, _ = both
    assert pi.adjust(here, {**here.options} | {"brightness": 0.25})
    until(lambda: len(fake.asked("set_controls")) == 2, 60, "it is set")
    assert fake.asked("set_controls")[1]["controls"] == {"AfMode": 2, "ExposureValue": 0.5, "Brightness": 0.25}
    assert pi.adjust(here, SUB)
    until(lambda: len(fake.asked("set_controls")) == 3, 60, "it is set")
    assert fake.asked("set_controls")[2]["controls"] == {"AfMode": 2, "ExposureValue": 0.0, "Brightness": 0.0}
    assert len(fake.asked("camera")) == 1


@pytest.mark.parametrize(
    ("more", "fixed", "automatic"),
    [
        ({}, {"ExposureTime": 5000}, {"ExposureTime": 0}),
        ({"ExposureTimeMode": (0, 1, 0)}, {"ExposureTime": 5000, "ExposureTimeMode": 1}, {"ExposureTimeMode": 0}),
    ],
)
def test_a_fixed_exposure_becomes_automatic_again(
    tmp_path: Path, more: Any, fixed: dict[str, int], automatic: dict[str, int]
) -> None:
    fake = FakePicamera2(tmp_path, ("imx219",), more=more)
    pi, here = source(fake), opening("picamera:0", exposure_time=5000)
    connection = pi.open(here)
    assert pi.adjust(here, {})
    until(lambda: len(fake.asked("set_controls")) == 2, 60, "it is set")
    connection.close()
    assert [one["controls"] for one in fake.asked("set_controls")] == [fixed, automatic]


def test_hdr_of_the_pi_5_stays_while_other_controls_change(tmp_path: Path) -> None:
    fake = FakePicamera2(tmp_path, ("imx219",), more={"HdrMode": (0, 4, 0)})
    pi, here = source(fake), opening("picamera:0", hdr="single-exp")
    connection = pi.open(here)
    assert pi.adjust(here, {**here.options} | {"ev": 1})
    until(lambda: len(fake.asked("set_controls")) == 3, 60, "it is set")
    connection.close()
    assert [one["controls"] for one in fake.asked("set_controls")] == [{}, {"HdrMode": 3}, {"ExposureValue": 1}]


@pytest.mark.parametrize("changed", [{"fps": 10}, {"size": "640x480"}, {"hdr": "sensor"}, {"flip": "both"}])
def test_what_only_a_new_start_changes_is_not_adjusted(both: Any, changed: dict[str, Any]) -> None:
    fake, pi, here, _ = both
    assert not pi.adjust(here, {**here.options, **changed})
    assert len(fake.asked("set_controls")) == 1


def test_a_camera_that_is_not_running_takes_the_settings_when_it_starts(tmp_path: Path) -> None:
    pi, here = source(FakePicamera2(tmp_path)), opening("picamera:0")
    assert pi.adjust(here, {"ev": 1})
    with pytest.raises(NotDone):
        pi.press(here, "focus_now")


@pytest.mark.shows("RP21")
def test_rp21_the_focus_button_starts_one_cycle_and_positions_reach_the_lens(both: Any) -> None:
    fake, pi, here, _ = both
    pi.press(here, "focus_now")
    until(lambda: len(fake.asked("set_controls")) == 3, 60, "it focuses")
    assert fake.asked("set_controls")[1]["controls"] == {"AfMode": 1, "AfTrigger": 0}
    for at, position in enumerate((1.0, 1.5, 2.0), 3):
        assert pi.adjust(here, {**here.options} | {"focus": "manual", "lens_position": position})
        until(lambda at=at: len(fake.asked("set_controls")) == at + 1, 60, "it is set")  # type: ignore[misc]
        assert fake.asked("set_controls")[at]["controls"]["LensPosition"] == position


def test_continuous_focus_goes_on_after_the_cycle_of_the_button(both: Any) -> None:
    fake, pi, here, _ = both
    pi.press(here, "focus_now")
    until(lambda: len(fake.asked("set_controls")) == 3, 60, "it focuses on")
    assert [one["state"] for one in fake.asked("focus state")] == [2, 1, 1, 2]
    assert fake.asked("set_controls")[2]["controls"] == {"AfMode": 2}


def test_a_cycle_that_does_not_begin_ends_continuous_focus_no_longer(tmp_path: Path) -> None:
    fake = FakePicamera2(tmp_path, focusing=[2] * 1000)
    pi, here = source(fake), opening("picamera:0", focus="continuous")
    with closing(pi.open(here)):
        pi.press(here, "focus_now")
        until(lambda: len(fake.asked("set_controls")) == 3, 60, "it focuses on")
    assert fake.asked("set_controls")[2]["controls"] == {"AfMode": 2}


def test_auto_focus_stays_where_the_button_left_it(tmp_path: Path) -> None:
    fake = FakePicamera2(tmp_path)
    pi, here = source(fake), opening("picamera:0", focus="auto")
    with closing(pi.open(here)):
        pi.press(here, "focus_now")
        assert pi.adjust(here, {**here.options, "ev": 1})
        until(lambda: len(fake.asked("set_controls")) == 3, 60, "both are set")
    assert [one["controls"] for one in fake.asked("set_controls")][1:] == [
        {"AfMode": 1, "AfTrigger": 0}, {"AfMode": 1, "ExposureValue": 1},
    ]  # fmt: skip


@pytest.mark.parametrize(("hdr", "hint"), [("off", ""), ("sensor", "The camera's own HDR can't be switched on.")])
def test_a_sensor_whose_hdr_cannot_be_switched_records_all_the_same(tmp_path: Path, hdr: str, hint: str) -> None:
    with closing(source(FakePicamera2(tmp_path, no_hdr=True)).open(opening("picamera:0", hdr=hdr))) as connection:
        until(lambda: bool(pictures(connection, 1)) and "model" in connection.notes, 60, "it says what it is")
    assert connection.notes["hint"] == hint


def test_the_program_lasts_as_long_as_one_of_the_streams(both: Any) -> None:
    fake, _, _, opened = both
    opened[StreamName.SUB].close()
    assert pictures(opened[StreamName.MAIN], 20)
    opened[StreamName.MAIN].close()
    assert len(fake.asked("camera")) == 1


def test_settings_of_a_new_start_replace_the_running_program(both: Any) -> None:
    fake, pi, here, opened = both
    changed = replace(here, options={**here.options, "flip": "both"})
    opened["new"] = pi.open(changed)
    assert [one["transform"] for one in fake.asked("configure")] == [[False, False], [True, True]]
    with pytest.raises(SourceClosed):
        pictures(opened[StreamName.MAIN], 1000)


@pytest.mark.shows("RP26")
@pytest.mark.parametrize(
    ("options", "tuning", "hint"),
    [
        ({"tuning": "noir"}, {"name": "imx219_noir.json", "dir": None}, ""),
        ({"tuning": "/srv/gone.json"}, None, "no tuning file /srv/gone.json"),
        ({"sensor_mode": "7"}, None, "no sensor mode 7"),
    ],
)
def test_rp26_sensor_mode_and_tuning_fall_back_with_a_warning(
    tmp_path: Path, options: dict[str, Any], tuning: Any, hint: str
) -> None:
    fake = FakePicamera2(tmp_path, ("imx219",), tunings=["imx219_noir.json"])
    connection = source(fake).open(opening("picamera:0", **options))
    until(lambda: bool(pictures(connection, 1)) and "model" in connection.notes, 60, "it says what it is")
    connection.close()
    assert fake.asked("camera")[0]["tuning"] == tuning
    assert hint in connection.notes["hint"]
    assert bool(hint) == bool(connection.notes["hint"])
    assert connection.notes["model"] == "imx219"


def test_a_control_that_the_camera_lacks_is_said(tmp_path: Path) -> None:
    fake = FakePicamera2(tmp_path, ("imx219",))
    connection = source(fake).open(opening("picamera:0", lens_position=2))
    until(lambda: bool(pictures(connection, 1)) and "model" in connection.notes, 60, "it says what it is")
    connection.close()
    assert connection.notes["hint"] == "This camera doesn't offer LensPosition."


@pytest.mark.parametrize(
    ("models", "fails", "error", "says"),
    [
        ((), "", NoSuchDevice, "ribbon cable"),
        (("imx219",), "Failed to acquire camera: Device or resource busy", SourceError, "another program is using it"),
        (("imx219",), "[Errno 12] Cannot allocate memory", SourceError, "choose a smaller `size`"),
        (("imx219",), "Failed to start camera:\nInput/output error.", SourceClosed, "camera: Input/output error\\)"),
    ],
)
def test_a_camera_that_cannot_be_opened(
    tmp_path: Path, models: tuple[str, ...], fails: str, error: type[SourceError], says: str
) -> None:
    with pytest.raises(error, match=says):
        source(FakePicamera2(tmp_path, models, fails=fails)).open(opening("picamera:0"))


def test_a_second_camera_that_is_not_there_is_no_matter_of_the_cable(tmp_path: Path) -> None:
    with pytest.raises(NoSuchDevice, match=r"fewer cameras; the first is picamera:0"):
        source(FakePicamera2(tmp_path, ("imx219",))).open(opening("picamera:1"))


def test_picamera2_that_does_not_fit_its_numpy_is_told(tmp_path: Path) -> None:
    fake = FakePicamera2(tmp_path)
    (tmp_path / "picamera2/__init__.py").write_text("raise ValueError('numpy.dtype size changed')\n")
    with pytest.raises(SourceClosed, match=r"Picamera2 can't be loaded: numpy\.dtype size changed"):
        source(fake).open(opening("picamera:0"))


def test_missing_picamera2_is_told_if_it_was_chosen() -> None:
    with pytest.raises(NoSuchDevice, match="python3-picamera2"):
        PiCamera(lambda: None, lambda: None).open(opening("picamera:0", program="picamera2"))


def test_a_small_stream_that_is_not_set_up_is_told(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="sub_size"):
        source(FakePicamera2(tmp_path)).open(opening("picamera:0/sub"))


def test_the_controls_are_those_of_the_running_camera(both: Any) -> None:
    _, pi, here, opened = both
    until(lambda: bool(pictures(opened[StreamName.MAIN], 1)) and "model" in opened[StreamName.MAIN].notes, 60, "notes")
    found = {one.name: one for one in pi.controls(here)}
    assert (found["ev"].value, found["ev"].is_live, found["focus"].why_not) == (0.5, True, "")


# Without Picamera2: the camera program hands over raw pictures, and both streams are encoded here.


def without_picamera2(folder: Path, **about: Any) -> PiCamera:
    program = str(pi_program(folder, **about))
    return PiCamera(lambda: program, lambda: None, lambda: board_of("Raspberry Pi 4"))


def test_without_picamera2_both_streams_are_encoded_from_raw_pictures(tmp_path: Path) -> None:
    pi, here = without_picamera2(tmp_path), opening("picamera:0", size="320x240", sub_size="160x120", fps=15)
    main = pi.open(here)
    sub = pi.open(small(here))
    sizes = set()
    for connection in (main, sub):
        got = pictures(connection, 10)
        assert isinstance(got[0].format, VideoFormat)
        sizes.add((got[0].format.width, got[0].format.height))
        assert all(after.pts > before.pts for before, after in pairwise(got))
        connection.close()
    assert sizes == {(320, 240), (160, 120)}


def test_raw_pictures_need_a_width_without_padding(tmp_path: Path) -> None:
    with pytest.raises(SourceUnusable, match="multiple of 64"):
        without_picamera2(tmp_path).open(opening("picamera:0", size="1000x600", sub_size="320x180"))


def test_the_camera_program_lists_the_sensor_for_its_modes_and_tunings(tmp_path: Path) -> None:
    pi = without_picamera2(tmp_path, sensor="imx219")
    pi.open(opening("picamera:0", sensor_mode="1", tuning="noir")).close()
    text = (tmp_path / "words.json").read_text()
    assert '"--mode", "1640:1232:10"' in text
    assert '"--tuning-file", "/usr/share/libcamera/ipa/rpi/vc4/imx219_noir.json"' in text
    focus = next(one for one in pi.controls(opening("picamera:0")) if one.name == "focus")
    assert focus.why_not == "Camera Module 2: The lens is fixed."
