"""Controls of the Pi's camera: the words and values that its programs get, and which camera has which."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import pytest

from tawny.sources.pi_controls import (
    BOARDS,
    CONTROLS,
    FOCUS_NOW,
    MODULES,
    board_of,
    described,
    libcamera_values,
    module_of,
    rpicam_words,
    why_not,
)
from tawny.sources.picamera import PiCamera

WORDS: Mapping[str, list[tuple[Any, str]]] = {
    "exposure_time": [(10_000, "--shutter 10000"), (670_740_000, "--shutter 670740000")],
    "gain": [(1.5, "--gain 1.5")],
    "exposure": [("short", "--exposure sport"), ("long", "--exposure long"), ("custom", "--exposure custom")],
    "constraint": [("highlight", "")],
    "metering": [("spot", "--metering spot"), ("average", "--metering average"), ("custom", "--metering custom")],
    "ev": [(-1.5, "--ev -1.5")],
    "flicker": [("50", "--flicker-period 10000us"), ("60", "--flicker-period 8333us")],
    "awb": [("indoor", "--awb indoor"), ("tungsten", "--awb tungsten"), ("custom", "--awb custom")],
    "red_gain": [(1.5, "")],
    "blue_gain": [(1.5, "")],
    "brightness": [(-0.25, "--brightness -0.25")],
    "contrast": [(1.2, "--contrast 1.2")],
    "saturation": [(0, "--saturation 0")],
    "sharpness": [(2, "--sharpness 2")],
    "denoise": [("cdn_off", "--denoise cdn_off"), ("off", "--denoise off")],
    "focus": [("manual", "--autofocus-mode manual"), ("continuous", "--autofocus-mode continuous")],
    "focus_range": [("macro", "--autofocus-range macro")],
    "focus_speed": [("fast", "--autofocus-speed fast")],
    "focus_window": [("0.25,0.25,0.5,0.5", "--autofocus-window 0.25,0.25,0.5,0.5")],
    "lens_position": [(2.5, "--lens-position 2.5"), (0, "--lens-position 0")],
    "roi": [("0.1,0.2,0.5,0.5", "--roi 0.1,0.2,0.5,0.5")],
    "hdr": [("sensor", "--hdr sensor"), ("single-exp", "--hdr single-exp"), ("auto", "--hdr auto")],
    "sensor_mode": [("1", "--mode 2304:1296:10"), ("1536:864:10", "--mode 1536:864:10"), ("9", "")],
    "tuning": [
        ("noir", "--tuning-file /usr/share/libcamera/ipa/rpi/pisp/imx708_noir.json"),
        ("/srv/own.json", "--tuning-file /srv/own.json"),
    ],
    "flip": [("left-right", "--hflip"), ("up-down", "--vflip"), ("both", "--hflip --vflip")],
}
PI5 = board_of("Raspberry Pi 5 Model B Rev 1.0")


@pytest.mark.parametrize(("name", "value", "said"), [(k, v, w) for k, rows in WORDS.items() for v, w in rows])
def test_the_camera_program_gets_exactly_these_words(name: str, value: Any, said: str) -> None:
    options = PiCamera().settings({name: value})
    assert rpicam_words(options, "imx708", PI5) == said.split()


def test_every_control_is_in_the_table() -> None:
    assert WORDS.keys() == CONTROLS.keys() == VALUES.keys()


@pytest.mark.parametrize("name", CONTROLS)
def test_what_is_not_set_is_not_said(name: str) -> None:
    options = PiCamera().settings({name: CONTROLS[name].default})
    assert rpicam_words(options, "imx708", PI5) == []
    assert libcamera_values(options) == {"AfMode": 2}


VALUES: Mapping[str, list[tuple[Any, dict[str, Any]]]] = {
    "exposure_time": [(10_000, {"ExposureTime": 10_000})],
    "gain": [(1.5, {"AnalogueGain": 1.5})],
    "exposure": [("short", {"AeExposureMode": 1}), ("long", {"AeExposureMode": 2}), ("custom", {"AeExposureMode": 3})],
    "constraint": [("highlight", {"AeConstraintMode": 1}), ("shadows", {"AeConstraintMode": 2})],
    "metering": [("spot", {"AeMeteringMode": 1}), ("average", {"AeMeteringMode": 2})],
    "ev": [(-1.5, {"ExposureValue": -1.5})],
    "flicker": [("50", {"AeFlickerMode": 1, "AeFlickerPeriod": 10_000})],
    "awb": [("incandescent", {"AwbMode": 1}), ("indoor", {"AwbMode": 4}), ("cloudy", {"AwbMode": 6})],
    "red_gain": [(1.5, {})],
    "blue_gain": [(1.5, {})],
    "brightness": [(0.5, {"Brightness": 0.5})],
    "contrast": [(1.2, {"Contrast": 1.2})],
    "saturation": [(0, {"Saturation": 0})],
    "sharpness": [(2, {"Sharpness": 2})],
    "denoise": [("cdn_off", {"NoiseReductionMode": 3}), ("cdn_hq", {"NoiseReductionMode": 2})],
    "focus": [("manual", {"AfMode": 0}), ("auto", {"AfMode": 1}), ("continuous", {"AfMode": 2})],
    "focus_range": [("full", {"AfRange": 2})],
    "focus_speed": [("fast", {"AfSpeed": 1})],
    "focus_window": [("0,0,.5,1", {"AfMetering": 1, "AfWindows": [[0, 0, 0.5, 1]]})],
    "lens_position": [(2.5, {"AfMode": 0, "LensPosition": 2.5})],
    "roi": [("0.1,0.2,0.5,0.5", {"ScalerCrop": [0.1, 0.2, 0.5, 0.5]})],
    "hdr": [("sensor", {})],
    "sensor_mode": [("1", {})],
    "tuning": [("noir", {})],
    "flip": [("both", {})],
}


@pytest.mark.parametrize(("name", "value", "made"), [(k, v, m) for k, rows in VALUES.items() for v, m in rows])
def test_libcamera_gets_exactly_these_values(name: str, value: Any, made: dict[str, Any]) -> None:
    assert libcamera_values(PiCamera().settings({name: value})) == {"AfMode": 2} | made


def test_white_balance_is_fixed_by_both_gains() -> None:
    options = PiCamera().settings({"red_gain": 1.5, "blue_gain": 2})
    assert rpicam_words(options, "imx219", None) == ["--awbgains", "1.5,2"]
    assert libcamera_values(options) == {"AfMode": 2, "AwbEnable": False, "ColourGains": [1.5, 2]}


def test_with_time_and_gain_fixed_nothing_is_automatic() -> None:
    options = PiCamera().settings({"exposure_time": 5000, "gain": 2})
    assert libcamera_values(options)["AeEnable"] is False
    found = dict(pairwise(rpicam_words(options, "imx219", None)))
    assert found["--shutter"] == "5000"


@pytest.mark.parametrize(
    "table",
    [
        {"exposure_time": -1}, {"gain": 65}, {"exposure": "night"}, {"metering": 1}, {"ev": 9}, {"flicker": 50},
        {"awb": ""}, {"red_gain": True}, {"denoise": "on"}, {"focus": "near"}, {"lens_position": 33},
        {"focus_window": "0,0,1"}, {"roi": "0,0,2,1"}, {"roi": [0, 0, 1, 1]}, {"hdr": True}, {"sensor_mode": 1},
        {"sensor_mode": "big"}, {"tuning": "own.json"}, {"tuning": "/etc/passwd"}, {"sub_size": "9000x9000"},
        {"program": "ffmpeg"}, {"sub_mbit": 0},
    ],
)  # fmt: skip
def test_a_wrong_value_is_refused_with_what_is_allowed(table: dict[str, object]) -> None:
    (name,) = table
    with pytest.raises(ValueError, match=rf"{name}: found .*; allowed: "):
        PiCamera().settings(table)


LACKS = {  # camera module: controls that it does not have, on a Pi 4
    "ov5647": {"focus", "hdr"}, "imx219": {"focus", "hdr"}, "imx708": {"night"}, "imx708_wide_noir": {"night"},
    "imx477": {"focus", "hdr"}, "imx296": {"focus", "hdr", "night"}, "imx296_mono": {"focus", "hdr", "night", "color"},
    "imx500": {"focus", "hdr", "night"}, "imx519": set[str](),
}  # fmt: skip


@pytest.mark.parametrize("sensor", LACKS)
@pytest.mark.parametrize("model", ["Zero 2 W Rev 1.0", "3 Model B Plus", "4 Model B Rev 1.5", "5 Model B Rev 1.0"])
def test_what_a_camera_does_not_have_is_not_offered_and_why(sensor: str, model: str) -> None:
    board = board_of(f"Raspberry Pi {model}")
    assert board is not None
    lacks = LACKS[sensor] - ({"hdr"} if board.pipeline == "pisp" else set())
    found = {one.name: one for one in described(PiCamera().settings({}), sensor, board, by_picamera2=True)}
    missing = {name for name, one in CONTROLS.items() if one.needs in lacks}
    missing |= {FOCUS_NOW} if "focus" in lacks else set()
    assert {name for name, one in found.items() if one.why_not} == missing
    assert found.keys() == {*CONTROLS, FOCUS_NOW}
    assert all(one.why_not.endswith(".") for name, one in found.items() if name in missing)


def test_only_the_kinds_of_hdr_that_there_are_can_be_chosen() -> None:
    def offered(sensor: str, model: str) -> list[str]:
        found = described({}, sensor, board_of(model), by_picamera2=True)
        return [value for one in found if one.name == "hdr" for value, _ in one.choices]

    assert offered("imx708", "Raspberry Pi 4 Model B") == ["off", "auto", "sensor"]
    assert offered("imx219", "Raspberry Pi 5 Model B") == ["off", "auto", "single-exp"]
    assert offered("imx708", "Raspberry Pi 5 Model B") == ["off", "auto", "sensor", "single-exp"]


def test_without_picamera2_every_change_restarts_the_camera() -> None:
    found = described({}, "imx708", None, by_picamera2=False)
    assert not any(one.is_live for one in found if one.kind != "button")
    missing = {one.name for one in found if "Only with Picamera2" in one.why_not}
    assert missing == {"constraint", FOCUS_NOW}


def test_with_picamera2_only_these_restart_it() -> None:
    found = described({}, "imx708", None, by_picamera2=True)
    assert {one.name for one in found if not one.is_live} == {"hdr", "sensor_mode", "tuning", "flip"}


def test_the_longest_exposure_is_the_sensors() -> None:
    for sensor, module in MODULES.items():
        found = {one.name: one for one in described({}, sensor, None, by_picamera2=True)}
        assert found["exposure_time"].most == (module.longest_us or CONTROLS["exposure_time"].most)


def test_a_value_of_the_settings_file_can_stay_chosen() -> None:
    options = PiCamera().settings({"tuning": "/srv/own.json", "sensor_mode": "640:480:8"})
    found = {one.name: one for one in described(options, "imx219", None, by_picamera2=True)}
    assert [value for value, _ in found["tuning"].choices] == ["", "noir", "/srv/own.json"]
    assert [value for value, _ in found["sensor_mode"].choices] == ["", "0", "1", "2", "3", "640:480:8"]


def test_nothing_is_refused_of_a_sensor_that_is_unknown() -> None:
    assert not any(why_not(name, "", None, by_picamera2=True) for name in CONTROLS)
    assert module_of("ov9281") is None


@pytest.mark.parametrize(("model", "name"), [("Raspberry Pi Zero 2 W Rev 1.0", "Zero 2 W"), ("Raspberry Pi 5", "5")])
def test_a_board_is_known_by_its_model(model: str, name: str) -> None:
    board = board_of(model)
    assert board is not None
    assert (board.name, board.has_encoder) == (name, name != "5")
    assert board_of("Rockchip RK3588") is None
    assert len({one.name for one in BOARDS}) == 4
