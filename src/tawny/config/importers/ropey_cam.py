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
from tawny.model.polygon import Polygon

DEFAULTS = "[ropey]\ntrigger_level = 400\nafter_frames = 5\nmax_disk_usage = 0.8\n"
_LEFT = {
    "stream_width": "not needed: detection and live view reduce the image themselves",
    "sensor_mode": "not needed: the camera chooses the mode that fits `picamera.size` and `picamera.fps`",
    "video_count": "not needed: files are named by time, not by number",
    "hasautofocus": "not needed: it only says what the camera can",
}
_AUTO = {
    "aeenable": ("exposuretime", "analoguegain"),
    "awbenable": ("redcolourgain", "bluecolourgain"),
}
"""Switches of an automatic, and the fixed values that count without it."""
_LOOKS = {
    "brightness": ("brightness", -1, 1), "contrast": ("contrast", 0, 32), "saturation": ("saturation", 0, 32),
    "exposurevalue": ("ev", -8, 8),
}  # fmt: skip
_DEFAULT_CHOICES = {
    "aeconstraintmode": "0", "aeexposuremode": "0", "awbmode": "0", "afmetering": "0", "afmode": "0", "afrange": "0",
    "lensposition": "1.0", "exposuretime": "10000", "analoguegain": "1.0", "redcolourgain": "1.0",
    "bluecolourgain": "1.0",
}  # fmt: skip
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
    _automatics(theirs, found)
    for key in theirs.values.keys() - found.became.keys() - found.left.keys():
        found.left[key] = _LEFT.get(key) or _why_left(key, theirs)
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
    size = f"{width}x{2 * int(width / ratio / 2)}"
    found.put("video_width", f"{camera}.picamera.size", size, f'{camera}.picamera.size = "{size}"{corrected}')
    found.became["aspect_ratio"] = f"the height of {size}"
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
    found.put("(the detector)", f"{camera}.detection.detector", "framediff")
    if "trigger_level" in theirs.values:
        level = theirs.whole("trigger_level", 400, 0, 999_999)
        found.put("trigger_level", f"{numbers}.level", level)
        if level == 999_999:
            found.became["trigger_level"] += "; detection was switched off: nothing reaches this level"
    if "after_frames" in theirs.values:
        frames = theirs.whole("after_frames", 5, 0, 50)
        words = "" if frames else f"{numbers}.frames = 1, the least possible"
        found.put("after_frames", f"{numbers}.frames", max(1, frames), words)
    rate = theirs.whole("frames_per_second", 20, 1, 120)
    found.put("(every image is compared)", f"{numbers}.rate", min(60, rate))
    found.put("(clips of motion)", f"{camera}.record", "events")
    for key, here in (("buffer_seconds", "pre"), ("post_roll", "post")):
        found.put(key, f"{camera}.{here}", f"{theirs.whole(key, 3, 0, 30)} s")
    if "max_disk_usage" in theirs.values:
        free = round((1 - theirs.number("max_disk_usage", 0.8, 0, 1)) * 100, 1)
        found.put("max_disk_usage", "storage.retention.min_free", f"{free:g} %")


def _is_on(theirs: ForeignValues, key: str, usual: str = "false") -> bool:
    value = str(theirs.values.get(key, usual)).strip().lower()
    if value not in ("true", "1", "on", "yes", "false", "0", "off", "no"):
        raise theirs.wrong(key, "True or False")
    return value in ("true", "1", "on", "yes")


def _automatics(theirs: ForeignValues, found: ImportResult) -> None:
    for switch, fixed in _AUTO.items():
        is_automatic = _is_on(theirs, switch, "true")
        if switch in theirs.values:
            found.left[switch] = (
                "not needed: the camera does this by itself" if is_automatic else "can't be switched off: it stays on"
            )
        for key in fixed:
            if key in theirs.values:
                theirs.number(key, 0, 0, 1e9)
                found.left[key] = (
                    f"not needed: unused while {switch} is on"
                    if is_automatic
                    else f"can't be fixed: the camera chooses it, as if {switch} were on"
                )
    if "is_noir" in theirs.values:
        found.left["is_noir"] = (
            "can't be set: the colors of a camera without infrared filter are off by day"
            if _is_on(theirs, "is_noir")
            else "not needed: the camera has its infrared filter"
        )


def _why_left(key: str, theirs: ForeignValues) -> str:
    if key not in _DEFAULT_CHOICES:
        return "not a setting of Ropey-Cam"
    if str(theirs.values[key]).strip() == _DEFAULT_CHOICES[key]:
        return "not needed: it is the camera's default"
    return "can't be set: the camera uses its default"


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
    import cv2  # not at module level: settings are read even where OpenCV is not installed
    import numpy as np

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
