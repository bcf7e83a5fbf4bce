"""Importer for Ropey-Cam: an .ini file with a section `[ropey]`, one camera."""

import configparser

from tawny.config.importers.result import ForeignFormatError, ImportResult, camera_id, flip

_OTHERWISE = {
    "stream_width": "uses the camera's own sub stream, or creates one",
    "sensor_mode": "set by `picamera.size`",
    "apply_motion_mask": "draw it on the camera's page under Motion",
    "mask_name": "draw it on the camera's page under Motion",
    "is_noir": "the camera chooses this itself",
    "video_count": "clips are named by time",
    "aspect_ratio": "",
}
_LOOKS = {"brightness": "brightness", "contrast": "contrast", "saturation": "saturation", "exposurevalue": "ev"}
_USUAL = {"video_width": "1280", "aspect_ratio": "1.777", "frames_per_second": "20"}


def from_ropey(text: str) -> ImportResult:
    reader = configparser.ConfigParser(interpolation=None)
    try:
        reader.read_string(text)
    except configparser.MissingSectionHeaderError:
        raise ForeignFormatError("no [ropey] section") from None
    except configparser.ParsingError as error:
        line = error.errors[0][0] if error.errors else 0
        raise ForeignFormatError("found a line that isn't `key = value`", line if "[ropey]" in text else 0) from None
    except configparser.Error as error:
        raise ForeignFormatError(str(error).replace("\n", " ")) from None
    if not reader.has_section("ropey"):
        raise ForeignFormatError("no [ropey] section")
    theirs = dict(reader["ropey"])
    title = theirs.get("camera_title", "Ropey-Cam")
    camera = f"cameras.{camera_id(title)}"
    found = ImportResult()
    found.put("camera_title", f"{camera}.name", title)
    found.put("(the camera)", f"{camera}.source", "picamera:0")
    with_usual = {**_USUAL, **theirs}
    try:
        _numbers(theirs, with_usual, camera, found)
    except ValueError as error:
        raise ForeignFormatError(f"[ropey]: {error}") from None
    for key in theirs.keys() - found.became.keys():
        found.left[key] = _OTHERWISE.get(key) or "the camera chooses this itself"
    return found


def _numbers(theirs: dict[str, str], usual: dict[str, str], camera: str, found: ImportResult) -> None:
    width, ratio = int(usual["video_width"]), float(usual["aspect_ratio"])
    if ratio == 1.333 and width > 1600:
        width = 1600
    size = f"{width}x{2 * int(width / ratio / 2)}"
    found.put("video_width", f"{camera}.picamera.size", size)
    found.became["aspect_ratio"] = f"the height of {size}"
    found.put("frames_per_second", f"{camera}.picamera.fps", int(usual["frames_per_second"]))
    for key, here in _LOOKS.items():
        if key in theirs:
            found.put(key, f"{camera}.picamera.{here}", float(theirs[key]))
    turned = {key: theirs[key].strip().lower() in ("true", "1", "on") for key in ("hflip", "vflip") if key in theirs}
    flipped = flip(left_right=turned.get("hflip", False), up_down=turned.get("vflip", False))
    for key in turned:
        found.put(key, f"{camera}.picamera.flip", flipped)
    found.put("(the detector)", f"{camera}.detection.detector", "framediff")
    if "trigger_level" in theirs:
        found.put("trigger_level", f"{camera}.detection.framediff.level", int(theirs["trigger_level"]))
    if "after_frames" in theirs:
        found.put("after_frames", f"{camera}.detection.framediff.frames", min(50, max(1, int(theirs["after_frames"]))))
    for key, here in (("buffer_seconds", "pre"), ("post_roll", "post")):
        found.put(key, f"{camera}.{here}", f"{int(theirs.get(key, '3'))} s")
    if "max_disk_usage" in theirs:
        free = round((1 - float(theirs["max_disk_usage"])) * 100, 1)
        found.put("max_disk_usage", "storage.retention.min_free", f"{free:g} %")
