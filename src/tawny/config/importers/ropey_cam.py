"""Ropey-Cam: an `.ini` file with a section `[ropey]`, one Raspberry Pi camera, and a motion mask as a `.pgm` image."""

import configparser
import re
from pathlib import Path
from typing import Any

from tawny.config.importers.result import (
    ForeignFormatError,
    ForeignValues,
    ImportResult,
    ImportSource,
    camera_id,
    flip,
)
from tawny.model.geometry import Polygon

DEFAULTS = "[ropey]\ntrigger_level = 400\nafter_frames = 5\nmax_disk_usage = 0.8\n"
_OFF = 999_999
"""What Ropey-Cam stores as the level while detection is switched off."""
_LEFT = {
    "video_count": "not needed: files are named by time, not by number",
    "hasautofocus": "not needed: it only says what the camera can",
}
_LOOKS = {
    "brightness": ("brightness", -1, 1), "contrast": ("contrast", 0, 32), "saturation": ("saturation", 0, 32),
    "exposurevalue": ("ev", -8, 8),
}  # fmt: skip
_AUTOMATICS = {
    "aeenable": {"exposuretime": ("exposure_time", 10_000, 670_740_000), "analoguegain": ("gain", 1, 64)},
    "awbenable": {"redcolourgain": ("red_gain", 1, 32), "bluecolourgain": ("blue_gain", 1, 32)},
}
"""Switches of an automatic, and the fixed values that count without it: their names here, default and maximum."""
_CHOICES = {
    "aeconstraintmode": ("constraint", ("normal", "highlight", "shadows", "custom")),
    "aeexposuremode": ("exposure", ("normal", "short", "long", "custom")),
    "aemeteringmode": ("metering", ("centre", "spot", "average", "custom")),
    "awbmode": ("awb", ("auto", "tungsten", "fluorescent", "indoor", "daylight", "cloudy", "custom")),
    "afmode": ("focus", ("manual", "auto", "continuous")),
    "afrange": ("focus_range", ("normal", "macro", "full")),
}
"""Lists, which are numbered from 0 in the order of its page."""
_FOCUS = ("afmetering", "afmode", "afrange", "lensposition")
_MIDDLE = "0.25,0.25,0.5,0.5"
MOST_MASKS = 100
"""Maximum number of areas that a mask becomes."""
FINE = 1.5
"""Maximum distance, px, of an area's outline from that in the image."""


def from_ropey(source: ImportSource) -> ImportResult:
    text = source.text
    is_ropey = re.search(r"^\s*\[ropey\]", text, re.MULTILINE) is not None
    reader = configparser.ConfigParser(interpolation=None)
    try:
        reader.read_string(text)
    except configparser.MissingSectionHeaderError as error:
        raise ForeignFormatError("the first line must be [ropey]", error.lineno if is_ropey else 0) from None
    except configparser.ParsingError as error:
        line = error.errors[0][0] if error.errors else 1
        raise ForeignFormatError("found a line that isn't `key = value`", line if is_ropey else 0) from None
    except (configparser.DuplicateOptionError, configparser.DuplicateSectionError) as error:
        raise ForeignFormatError("found the same twice", (error.lineno or 1) if is_ropey else 0) from None
    if not reader.has_section("ropey"):
        raise ForeignFormatError("no [ropey] section")
    found = ImportResult(lines=_lines(text))
    theirs = ForeignValues(dict(reader["ropey"]), found.lines)
    title = theirs.text("camera_title", "Ropey-Cam")
    camera = f"cameras.{camera_id(title)}"
    found.put("camera_title", f"{camera}.name", title)
    found.put("(the camera)", f"{camera}.source", "picamera:0")
    found.put("(its folder)", "storage.path", source.path("Videos/tawny"))
    size = _image(theirs, camera, found)
    _detection(theirs, camera, found)
    _mask(theirs, camera, found, source, size)
    _automatics(theirs, camera, found)
    _controls(theirs, camera, found)
    for key in theirs.values.keys() - found.became.keys() - found.left.keys():
        found.left[key] = _LEFT.get(key, "not a setting of Ropey-Cam")
    for section in reader.sections():
        if section != "ropey":
            found.left[f"[{section}]"] = "not a section of Ropey-Cam"
    return found


def _lines(text: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        key = re.match(r"\s*([^\s=:#;\[][^=:]*?)\s*[=:]", line)
        if key:
            found.setdefault(key[1].lower(), number)
    return found


def _image(theirs: ForeignValues, camera: str, found: ImportResult) -> tuple[int, int]:
    """Import size, rate and appearance. Return the size of Ropey-Cam's small stream, which its mask has."""
    width = theirs.whole("video_width", 1280, 64, 4096)
    ratio = theirs.number("aspect_ratio", 1.777, 1, 4)
    small = theirs.whole("stream_width", 512, 64, 4096)
    corrected = ""
    if ratio == 1.333 and width > 1600:
        width, corrected = 1600, "; wider isn't possible at 4:3, as in Ropey-Cam"
    if small > width:
        small = 128 * (width // 128)
    size, small_size = (f"{one}x{2 * int(one / ratio / 2)}" for one in (width, small))
    found.put("video_width", f"{camera}.picamera.size", size, f'{camera}.picamera.size = "{size}"{corrected}')
    found.became["aspect_ratio"] = f"the height of {size}"
    found.put("(the small stream)", f"{camera}.sub", "picamera:0/sub")
    found.put("stream_width", f"{camera}.picamera.sub_size", small_size)
    found.put("frames_per_second", f"{camera}.picamera.fps", theirs.whole("frames_per_second", 20, 1, 120))
    for key, (here, least, most) in _LOOKS.items():
        if key in theirs.values:
            found.put(key, f"{camera}.picamera.{here}", theirs.number(key, 0, least, most))
    turned = {key: _is_on(theirs, key) for key in ("hflip", "vflip") if key in theirs.values}
    flipped = flip(left_right=turned.get("hflip", False), up_down=turned.get("vflip", False))
    for key in turned:
        found.put(key, f"{camera}.picamera.flip", flipped)
    return small, 2 * int(small / ratio / 2)


def _detection(theirs: ForeignValues, camera: str, found: ImportResult) -> None:
    numbers = f"{camera}.detection.framediff"
    level = theirs.whole("trigger_level", 400, 0, _OFF)
    found.put("(the detector)", f"{camera}.detection.detector", "off" if level == _OFF else "framediff")
    if level == _OFF:
        found.put("(the detector when on)", f"{camera}.detection.detector_when_on", "framediff")
        words = f"{numbers}.level = 400, the default, for when you switch detection on: {_OFF} was Ropey-Cam's off"
        found.put("trigger_level", f"{numbers}.level", 400, words)
    elif "trigger_level" in theirs.values:
        found.put("trigger_level", f"{numbers}.level", level)
    if "after_frames" in theirs.values:
        frames = theirs.whole("after_frames", 5, 0, 50)
        words = "" if frames else f"{numbers}.frames = 1, the least possible"
        found.put("after_frames", f"{numbers}.frames", max(1, frames), words)
    rate = theirs.whole("frames_per_second", 20, 1, 120)
    found.put("(every image is compared)", f"{numbers}.rate", min(60, rate))
    found.put("(clips of motion)", f"{camera}.record", "events")
    for key, here in (("buffer_seconds", "pre"), ("post_roll", "post")):
        found.put(key, f"{camera}.{here}", f"{theirs.whole(key, 3, 0, 30)} s")
    free = round((1 - theirs.number("max_disk_usage", 0.8, 0, 1)) * 100, 1)
    found.put("max_disk_usage", "storage.retention.min_free", f"{free:g} %")
    found.keeps_forever()


def _is_on(theirs: ForeignValues, key: str, usual: str = "false") -> bool:
    value = str(theirs.values.get(key, usual)).strip().lower()
    if value not in ("true", "1", "on", "yes", "false", "0", "off", "no"):
        raise theirs.wrong(key, "True or False")
    return value in ("true", "1", "on", "yes")


def _automatics(theirs: ForeignValues, camera: str, found: ImportResult) -> None:
    """Import exposure time, gain and the gains of colors, which count where they are not automatic."""
    for switch, fixed in _AUTOMATICS.items():
        is_automatic = _is_on(theirs, switch, "true")
        if switch in theirs.values:
            found.became[switch] = "automatic, as by default" if is_automatic else "off: the fixed values count"
        for key, (here, usual, most) in fixed.items():
            value = theirs.number(key, usual, 0, most)
            if is_automatic and key in theirs.values:
                found.left[key] = f"not needed: unused while {switch} is on"
            elif not is_automatic:
                found.put(key, f"{camera}.picamera.{here}", int(value) if here == "exposure_time" else value)


def _controls(theirs: ForeignValues, camera: str, found: ImportResult) -> None:
    """Import the modes of exposure, white balance and focus, the sensor mode and the tuning."""
    has_focus = _is_on(theirs, "hasautofocus")
    for key, (here, choices) in _CHOICES.items():
        if key in theirs.values and (has_focus or key not in _FOCUS):
            found.put(key, f"{camera}.picamera.{here}", choices[theirs.whole(key, 0, 0, len(choices) - 1)])
    if has_focus:
        _focus(theirs, camera, found)
    else:
        found.left |= {key: "not needed: the camera has no autofocus" for key in _FOCUS if key in theirs.values}
    if "sensor_mode" in theirs.values:
        found.put("sensor_mode", f"{camera}.picamera.sensor_mode", str(theirs.whole("sensor_mode", 1, 0, 99)))
    if _is_on(theirs, "is_noir"):
        found.put("is_noir", f"{camera}.picamera.tuning", "noir")
    elif "is_noir" in theirs.values:
        found.left["is_noir"] = "not needed: the camera has its infrared filter"


def _focus(theirs: ForeignValues, camera: str, found: ImportResult) -> None:
    if "afmetering" in theirs.values:
        is_window = theirs.whole("afmetering", 0, 0, 1) == 1
        if is_window:
            words = f'{camera}.picamera.focus_window = "{_MIDDLE}", the middle of the image'
            found.put("afmetering", f"{camera}.picamera.focus_window", _MIDDLE, words)
        else:
            found.became["afmetering"] = "the whole image, as by default"
    if "lensposition" in theirs.values:
        position = theirs.number("lensposition", 1, 0, 32)
        if theirs.whole("afmode", 0, 0, 2) == 0:
            found.put("lensposition", f"{camera}.picamera.lens_position", position)
        else:
            found.left["lensposition"] = "not needed: the camera focuses by itself"


# The motion mask: a grey `.pgm` image of the size of the small stream. Black hides, white leaves.


def _mask(theirs: ForeignValues, camera: str, found: ImportResult, source: ImportSource, size: tuple[int, int]) -> None:
    name = theirs.text("mask_name", "default_mask.pgm")
    is_used = _is_on(theirs, "apply_motion_mask")
    if not is_used:
        for key in ("apply_motion_mask", "mask_name"):
            if key in theirs.values:
                found.left[key] = "not needed: the mask was switched off"
        return
    keys = [key for key in ("apply_motion_mask", "mask_name") if key in theirs.values]
    try:
        masks = read_mask(Path(source.path(name)), size)
    except ValueError as error:
        for key in keys:
            found.left[key] = f"{error}; draw the mask on the camera's page under Motion"
        return
    words = "no area: the mask is white" if not masks else f"{camera}.detection.motion_masks: {len(masks)} areas"
    for key in keys:
        found.put(key, f"{camera}.detection.motion_masks", [[[*p] for p in one] for one in masks], words)


def read_mask(path: Path, size: tuple[int, int]) -> list[tuple[tuple[float, float], ...]]:
    """Return the black areas of a mask as polygons, in shares of the image. Grey counts by its nearer end.

    size: what width and height it must have. Raises ValueError: when it can't be used.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ValueError(f"{path.name} can't be read: {(error.strerror or 'error').lower()}") from None
    width, height, pixels = _pgm(path.name, data)
    if (width, height) != size:
        raise ValueError(f"{path.name} is {width}x{height}, not {size[0]}x{size[1]} as the stream it was for")
    try:
        import cv2  # not at module level: settings are read even where OpenCV is not installed
        import numpy as np
    except ImportError:
        raise ValueError(f"{path.name} can't be read without OpenCV, which isn't installed") from None

    grey = np.frombuffer(pixels, np.uint8).reshape(height, width)
    found: list[tuple[tuple[float, float], ...]] = []
    for left, part in _without_holes((grey < 128).astype(np.uint8), 0):
        doubled = np.kron(part, np.ones((2, 2), np.uint8))
        outlines, _ = cv2.findContours(doubled, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        for outline in outlines:
            corners = _corners((outline + 1) // 2, left, width, height)  # the edges of pixels, not their centers
            if corners:
                found.append(corners)
    if len(found) > MOST_MASKS:
        raise ValueError(f"{path.name} has {len(found)} black areas, more than {MOST_MASKS}")
    return found


def _pgm(name: str, data: bytes) -> tuple[int, int, bytes]:
    """Return width, height and pixels. Raises ValueError."""
    head = re.match(rb"P5(?:\s|#[^\n]*\n)+(\d{1,5})(?:\s|#[^\n]*\n)+(\d{1,5})(?:\s|#[^\n]*\n)+(\d{1,5})\s", data)
    if head is None or int(head[3]) != 255:
        raise ValueError(f"{name} isn't a grey image of the type PGM (P5, maximum 255)")
    width, height = int(head[1]), int(head[2])
    pixels = data[head.end() : head.end() + width * height]
    if not width or not height or len(pixels) < width * height:
        raise ValueError(f"{name} is cut off: it has {len(pixels)} of {width}x{height} pixels")
    return width, height, pixels


def _without_holes(mask: Any, left: int) -> list[tuple[int, Any]]:
    """Return vertical strips of a mask, each with its left edge, in which no black area encloses another."""
    import cv2

    outlines, order = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    holes = [] if order is None else [one for one, place in zip(outlines, order[0], strict=True) if place[3] >= 0]
    if not holes or mask.shape[1] < 2:
        return [(left, mask)]
    x, _, width, _ = cv2.boundingRect(holes[0])
    cut = min(max(1, x + width // 2), mask.shape[1] - 1)
    return [*_without_holes(mask[:, :cut], left), *_without_holes(mask[:, cut:], left + cut)]


def _corners(outline: Any, left: int, width: int, height: int) -> tuple[tuple[float, float], ...]:
    """Return the corners of an area in shares of the image; empty if it is smaller than a few pixels."""
    import cv2

    near = FINE
    while near >= 0.2:
        rough = cv2.approxPolyDP(outline, near, closed=True).reshape(-1, 2)
        corners = tuple((round((left + x) / width, 4), round(y / height, 4)) for x, y in rough.tolist())
        try:
            return Polygon.of(corners).points
        except ValueError:
            near /= 2
    return ()
