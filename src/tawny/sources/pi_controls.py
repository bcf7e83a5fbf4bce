"""Controls of Raspberry Pi cameras as data: what each is in `rpicam-vid` and in libcamera, and which camera module and
computer has it.

From the documentation of Raspberry Pi's cameras and of libcamera (`control_ids_core.yaml`, `control_ids_rpi.yaml`).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from tawny.model.validation import value_text
from tawny.sources.picture_controls import ControlKind, PictureControl

Needs = Literal["", "focus", "color", "hdr", "night", "picamera2"]
_PARTS: Final = re.compile(r"(?:0|1|0?\.\d{1,4}|1\.0{1,4}|0\.\d{1,4})(?:,(?:0|1|0?\.\d{1,4}|1\.0{1,4})){3}")
_MODE: Final = re.compile(r"\d{1,2}|\d{2,5}:\d{2,5}(?::\d{1,2}(?::[PU])?)?")
_TUNING: Final = re.compile(r"noir|/[^\0]{1,200}\.json")
_FLIPS: Final = ("none", "left-right", "up-down", "both")


@dataclass(frozen=True, slots=True)
class PiControl:
    """A control of Raspberry Pi cameras.

    default: not passed on. word: of `rpicam-vid`; empty: that program has none. choices: words, with libcamera's
    numbers. libcamera: its name there. needs: what a camera must have.
    """

    name: str
    default: float | str
    word: str = ""
    least: float = 0.0
    most: float = 0.0
    step: float = 0.0
    choices: Mapping[str, int] | None = None
    libcamera: str = ""
    is_live: bool = True
    needs: Needs = ""
    pattern: re.Pattern[str] | None = None
    """Of texts."""

    def check(self, value: object) -> None:
        """Raise ValueError with what is allowed."""
        if self.choices is not None:
            is_fit, allowed = isinstance(value, str) and value in self.choices, ", ".join(self.choices)
        elif self.pattern is not None:
            is_fit = isinstance(value, str) and (not value or self.pattern.fullmatch(value) is not None)
            allowed = _ALLOWED_TEXT[self.name]
        else:
            is_fit = isinstance(value, int | float) and not isinstance(value, bool) and self.least <= value <= self.most
            allowed = f"{self.least:g} to {self.most:g}"
        if not is_fit:
            raise ValueError(f"{self.name}: found {value_text(value)}; allowed: {allowed}")


def _numbered(*names: str) -> dict[str, int]:
    return {name: number for number, name in enumerate(names)}


_ALLOWED_TEXT: Final = {
    "roi": 'left, top, width and height as shares of the image, such as "0.25,0.25,0.5,0.5"',
    "focus_window": 'left, top, width and height as shares of the image, such as "0.25,0.25,0.5,0.5"',
    "sensor_mode": 'a number of `rpicam-hello --list-cameras` from 0 on, or "WIDTH:HEIGHT:BITS"',
    "tuning": '"noir", or the absolute path of a .json file',
}
_LIGHTS: Final = _numbered("auto", "incandescent", "tungsten", "fluorescent", "indoor", "daylight", "cloudy", "custom")
CONTROLS: Final[Mapping[str, PiControl]] = {
    one.name: one
    for one in (
        PiControl("exposure_time", 0, "shutter", 0, 670_740_000, 100, libcamera="ExposureTime"),
        PiControl("gain", 0, "gain", 0, 64, 0.1, libcamera="AnalogueGain"),
        PiControl(
            "exposure", "normal", "exposure", choices=_numbered("normal", "short", "long", "custom"),
            libcamera="AeExposureMode",
        ),
        PiControl(
            "constraint", "normal", choices=_numbered("normal", "highlight", "shadows", "custom"),
            libcamera="AeConstraintMode", needs="picamera2",
        ),
        PiControl(
            "metering", "centre", "metering", choices=_numbered("centre", "spot", "average", "custom"),
            libcamera="AeMeteringMode",
        ),
        PiControl("ev", 0, "ev", -8, 8, 0.05, libcamera="ExposureValue"),
        PiControl(
            "flicker", "off", "flicker-period", choices={"off": 0, "50": 10_000, "60": 8_333},
            libcamera="AeFlickerPeriod",
        ),
        PiControl("awb", "auto", "awb", choices=_LIGHTS, libcamera="AwbMode", needs="color"),
        PiControl("red_gain", 0, "awbgains", 0, 32, 0.05, libcamera="ColourGains", needs="color"),
        PiControl("blue_gain", 0, "awbgains", 0, 32, 0.05, libcamera="ColourGains", needs="color"),
        PiControl("brightness", 0, "brightness", -1, 1, 0.025, libcamera="Brightness"),
        PiControl("contrast", 1, "contrast", 0, 32, 0.025, libcamera="Contrast"),
        PiControl("saturation", 1, "saturation", 0, 32, 0.025, libcamera="Saturation", needs="color"),
        PiControl("sharpness", 1, "sharpness", 0, 16, 0.1, libcamera="Sharpness"),
        PiControl(
            "denoise", "auto", "denoise", choices={"auto": -1, "off": 0, "cdn_off": 3, "cdn_fast": 1, "cdn_hq": 2},
            libcamera="NoiseReductionMode",
        ),
        PiControl(
            "focus", "default", "autofocus-mode", choices={"default": 2, "manual": 0, "auto": 1, "continuous": 2},
            libcamera="AfMode", needs="focus",
        ),
        PiControl(
            "focus_range", "normal", "autofocus-range", choices=_numbered("normal", "macro", "full"),
            libcamera="AfRange", needs="focus",
        ),
        PiControl(
            "focus_speed", "normal", "autofocus-speed", choices=_numbered("normal", "fast"),
            libcamera="AfSpeed", needs="focus",
        ),
        PiControl(
            "focus_window", "", "autofocus-window", pattern=_PARTS, libcamera="AfWindows", needs="focus"
        ),
        PiControl("lens_position", -1, "lens-position", -1, 32, 0.5, libcamera="LensPosition", needs="focus"),
        PiControl("roi", "", "roi", pattern=_PARTS, libcamera="ScalerCrop"),
        PiControl(
            "hdr", "off", "hdr", choices={"off": 0, "auto": -1, "sensor": -1, "single-exp": 3}, is_live=False,
            needs="hdr",
        ),
        PiControl("sensor_mode", "", "mode", pattern=_MODE, is_live=False),
        PiControl("tuning", "", "tuning-file", pattern=_TUNING, is_live=False, needs="night"),
        PiControl("flip", "none", choices=_numbered(*_FLIPS), is_live=False),
    )
}  # fmt: skip
"""Numbers of libcamera: 0 of `exposure_time`, `gain`, `red_gain` and `blue_gain` is automatic, -1 of `lens_position`
the lens's own rest position."""
FOCUS_NOW: Final = "focus_now"
"""Button: one autofocus cycle. Continuous focus goes on after it."""


@dataclass(frozen=True, slots=True)
class SensorMode:
    """A mode of a sensor. fps: highest. bits: of a raw pixel."""

    width: int
    height: int
    fps: float
    bits: int = 10

    @property
    def text(self) -> str:
        return f"{self.width}:{self.height}:{self.bits}"


@dataclass(frozen=True, slots=True)
class CameraModule:
    """A camera module of Raspberry Pi.

    longest_us: longest exposure; None: not documented. why_no_focus: empty: it focuses by itself. night: how it gets
    the tuning of a camera without infrared filter: `file`: by `tuning`; `itself`: recognized; `none`.
    """

    name: str
    modes: tuple[SensorMode, ...]
    longest_us: int | None
    why_no_focus: str = ""
    night: Literal["file", "itself", "none"] = "none"
    has_sensor_hdr: bool = False


_BY_HAND: Final = "The lens is focused by hand."
MODULES: Final[Mapping[str, CameraModule]] = {
    "ov5647": CameraModule(
        "Camera Module 1",
        (SensorMode(640, 480, 58.92), SensorMode(1296, 972, 46.34), SensorMode(1920, 1080, 32.81),
         SensorMode(2592, 1944, 15.63)),
        970_000, "The lens is fixed.", "file",
    ),
    "imx219": CameraModule(
        "Camera Module 2",
        (SensorMode(640, 480, 103.33), SensorMode(1640, 1232, 41.85), SensorMode(1920, 1080, 47.57),
         SensorMode(3280, 2464, 21.19)),
        11_760_000, "The lens is fixed.", "file",
    ),
    "imx708": CameraModule(
        "Camera Module 3",
        (SensorMode(1536, 864, 120.13), SensorMode(2304, 1296, 56.03), SensorMode(4608, 2592, 14.35)),
        112_000_000, night="itself", has_sensor_hdr=True,
    ),
    "imx477": CameraModule(
        "HQ Camera",
        (SensorMode(1332, 990, 120.05), SensorMode(2028, 1080, 50.03, 12), SensorMode(2028, 1520, 40.01, 12),
         SensorMode(4056, 3040, 10.0, 12)),
        670_740_000, _BY_HAND, "file",
    ),
    "imx296": CameraModule("GS Camera", (SensorMode(1456, 1088, 60.38),), 15_500_000, _BY_HAND),
    "imx500": CameraModule(
        "AI Camera", (SensorMode(2028, 1520, 30.02), SensorMode(4056, 3040, 10.0)), None, _BY_HAND
    ),
}  # fmt: skip
"""By sensor. Sensor names may go on, as `imx708_wide_noir` and `imx296_mono` do."""


@dataclass(frozen=True, slots=True)
class PiBoard:
    """A model of Raspberry Pi. begins: how its name in the device tree begins. has_encoder: of H.264, in hardware.

    pipeline: of libcamera, where its tuning files are.
    """

    name: str
    begins: str
    has_encoder: bool
    pipeline: Literal["vc4", "pisp"]


BOARDS: Final = (
    PiBoard("Zero 2 W", "Raspberry Pi Zero 2", has_encoder=True, pipeline="vc4"),
    PiBoard("3", "Raspberry Pi 3", has_encoder=True, pipeline="vc4"),
    PiBoard("4", "Raspberry Pi 4", has_encoder=True, pipeline="vc4"),
    PiBoard("5", "Raspberry Pi 5", has_encoder=False, pipeline="pisp"),
)


def module_of(sensor: str) -> CameraModule | None:
    """Return the camera module with this sensor; None for one of another maker."""
    return next((module for begins, module in MODULES.items() if sensor.startswith(begins)), None)


def board_of(model: str) -> PiBoard | None:
    """Return the board by the model in the device tree; None for others: similar ones, and other computers."""
    return next((board for board in BOARDS if model.startswith(board.begins)), None)


def why_not(control: str, sensor: str, board: PiBoard | None, *, by_picamera2: bool) -> str:
    """Return why a camera doesn't have a control; empty if it does, or if nothing is known of its module."""
    module, needs = module_of(sensor), CONTROLS[control].needs if control in CONTROLS else "focus"
    if (needs == "picamera2" or control == FOCUS_NOW) and not by_picamera2:
        return "Only with Picamera2: `sudo apt install python3-picamera2`."
    if needs == "color" and sensor.endswith("_mono"):
        return "The camera sees no colors."
    if module is None:
        return ""
    if needs == "focus" and module.why_no_focus:
        return f"{module.name}: {module.why_no_focus}"
    if needs == "hdr" and not module.has_sensor_hdr and (board is None or board.pipeline != "pisp"):
        return "Needs Camera Module 3 or a Raspberry Pi 5."
    if needs == "night" and module.night == "itself":
        return f"{module.name}: it is recognized by itself whether there is an infrared filter."
    if needs == "night" and module.night == "none":
        return f"{module.name}: there is no version without infrared filter."
    return ""


def described(
    options: Mapping[str, Any], sensor: str, board: PiBoard | None, *, by_picamera2: bool
) -> list[PictureControl]:
    """Return all controls of a camera with their values. options: the source's checked settings."""
    found = []
    for name, one in CONTROLS.items():
        reason = why_not(name, sensor, board, by_picamera2=by_picamera2)
        value = options.get(name, one.default)
        module = module_of(sensor)
        most = one.most
        if name == "exposure_time" and module is not None and module.longest_us is not None:
            most = module.longest_us
        choices = _choices(name, one, value, module, board)
        kind: ControlKind = "choice" if choices else "text" if one.pattern is not None else "number"
        shown = PictureControl(
            name, kind, value, one.default, one.least, most, one.step, choices,
            is_live=one.is_live and by_picamera2, why_not=reason,
        )  # fmt: skip
        found.append(shown)
    reason = why_not(FOCUS_NOW, sensor, board, by_picamera2=by_picamera2)
    found.append(PictureControl(FOCUS_NOW, "button", why_not=reason))
    return found


def _choices(
    name: str, one: PiControl, value: object, module: CameraModule | None, board: PiBoard | None
) -> tuple[tuple[str, str], ...]:
    """Return the choices that this camera has, and what is set."""
    if name == "sensor_mode" and module is not None:
        modes = [(str(at), f"{mode.width} × {mode.height}, {mode.fps:g} fps") for at, mode in enumerate(module.modes)]
        known = [("", ""), *modes]
        return tuple(known if value in dict(known) else [*known, (str(value), str(value))])
    if name == "tuning":
        known = [("", ""), ("noir", "")]
        return tuple(known if value in dict(known) else [*known, (str(value), str(value))])
    if one.choices is None:
        return ()
    left_out = set[str]()
    if name == "hdr":
        left_out |= {"sensor"} if module is not None and not module.has_sensor_hdr else set()
        left_out |= {"single-exp"} if board is None or board.pipeline != "pisp" else set()
    return tuple((word, "") for word in one.choices if word not in left_out or word == value)


def size_of(text: str) -> tuple[int, int]:
    """Return width and height of `1280x720`."""
    width, _, height = text.partition("x")
    return int(width), int(height)


def words(number: str, options: Mapping[str, Any], *, has_chip: bool) -> list[str]:
    """Return the camera program's arguments, without controls.

    has_chip: hardware encoder present; without it the output format must be named.
    """
    width, height = size_of(options["size"])
    shape = {"camera": number, "timeout": 0, "width": width, "height": height, "framerate": options["fps"]}
    if options["sub_size"]:
        given: dict[str, Any] = shape | {"codec": "yuv420", "output": "-"}
        return [
            *(word for name, value in given.items() for word in (f"--{name}", str(value))),
            "--nopreview",
            "--flush",
        ]
    given = shape | {
        "codec": "h264", "profile": "baseline", "intra": round(options["keyframe"] * options["fps"]),
        "bitrate": round(options["mbit"] * 1e6), "output": "-",
    }  # fmt: skip
    found = [word for name, value in given.items() for word in (f"--{name}", str(value))]
    return [*found, "--nopreview", "--inline", "--flush", *(() if has_chip else ("--libav-format", "h264"))]


def rpicam_words(options: Mapping[str, Any], sensor: str, board: PiBoard | None) -> list[str]:
    """Return the words of `rpicam-vid` for the controls that are set. sensor: only needed for modes and `noir`."""
    arguments: dict[str, str] = {}
    for name, one in CONTROLS.items():
        value = options.get(name, one.default)
        if value == one.default or not one.word:
            continue
        match name:
            case "red_gain" | "blue_gain":
                if options.get("red_gain") and options.get("blue_gain"):
                    arguments[one.word] = f"{options['red_gain']:g},{options['blue_gain']:g}"
            case "flicker":
                arguments[one.word] = f"{(one.choices or {})[value]}us"
            case "exposure":
                arguments[one.word] = "sport" if value == "short" else value
            case "sensor_mode":
                if mode := mode_text(value, sensor):
                    arguments[one.word] = mode
            case "tuning":
                if file := tuning_file(value, sensor, board):
                    arguments[one.word] = file
            case _:
                arguments[one.word] = f"{value:g}" if isinstance(value, int | float) else value
    if options.get("exposure_time"):
        arguments["shutter"] = str(round(options["exposure_time"]))
    left_right, up_down = flips(options.get("flip", "none"))
    turned = [word for word, is_set in (("--hflip", left_right), ("--vflip", up_down)) if is_set]
    return [*(text for word, value in arguments.items() for text in (f"--{word}", value)), *turned]


def flips(value: str) -> tuple[bool, bool]:
    """Return whether left and right, and whether up and down are swapped."""
    return value in ("left-right", "both"), value in ("up-down", "both")


def mode_text(value: str, sensor: str) -> str:
    """Return a sensor mode as `rpicam-vid` takes it; empty if this sensor has no mode of this number."""
    if not value.isdecimal():
        return value
    module = module_of(sensor)
    return module.modes[int(value)].text if module is not None and int(value) < len(module.modes) else ""


def tuning_file(value: str, sensor: str, board: PiBoard | None) -> str:
    """Return the tuning file; empty if there is none for this camera."""
    if value != "noir":
        return value
    if not sensor or sensor.endswith("_noir"):
        return ""
    return f"/usr/share/libcamera/ipa/rpi/{board.pipeline if board else 'vc4'}/{sensor}_noir.json"


def libcamera_values(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of libcamera's controls that are set, by name.

    `ScalerCrop` and `AfWindows`: shares of the image; the program that knows the sensor makes pixels of them.
    """
    made: dict[str, Any] = {}
    for name, one in CONTROLS.items():
        value = options.get(name, one.default)
        if not one.libcamera or (value == one.default and name != "focus"):
            continue
        match name:
            case "red_gain" | "blue_gain":
                if options.get("red_gain") and options.get("blue_gain"):
                    made |= {"AwbEnable": False, one.libcamera: [options["red_gain"], options["blue_gain"]]}
            case "focus_window":
                made |= {"AfMetering": 1, one.libcamera: [_shares(value)]}
            case "roi":
                made[one.libcamera] = _shares(value)
            case "flicker":
                made |= {"AeFlickerMode": 1, one.libcamera: (one.choices or {})[value]}
            case "exposure_time":
                made[one.libcamera] = round(value)
            case "lens_position" if options.get("focus", "default") == "default":
                made |= {"AfMode": 0, one.libcamera: value}  # any other mode would move the lens again
            case _:
                made[one.libcamera] = one.choices[value] if one.choices is not None else value
    if "ExposureTime" in made and "AnalogueGain" in made:
        made["AeEnable"] = False
    return made


def _shares(text: str) -> list[float]:
    return [float(part) for part in text.split(",")]
