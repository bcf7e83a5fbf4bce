"""SudoCam: the JSON file of a camera agent, with what its server set it to record."""

import json
import re
from typing import Any

from tawny.config.importers.result import ForeignFormatError, ForeignValues, ImportResult, ImportSource, camera_id
from tawny.config.week import WEEKDAYS

KEYS = {"cameraUUID", "cameraName", "addr", "record_dir", "token", "userConfig"}
DEFAULTS = json.dumps(
    {
        "cameraName": "Camera",
        "userConfig": {
            "recording_type": "RECORDING_TYPE_MOTION",
            "motion_config": {"sensitivity": 50, "pre_record_seconds": 5, "post_record_seconds": 10},
        },
    }
)
_TYPES = ("off", "off", "continuous", "scheduled", "events")
"""Recording types by number: unspecified, off, continuous, continuous on a schedule, motion."""
_NAMES = {
    "RECORDING_TYPE_UNSPECIFIED": 0, "RECORDING_TYPE_OFF": 1, "RECORDING_TYPE_CONTINUOUS": 2,
    "RECORDING_TYPE_CONTINUOUS_SCHEDULED": 3, "RECORDING_TYPE_MOTION": 4,
}  # fmt: skip
_LEFT = {
    "cameraUUID": "not needed: cameras are known by their names",
    "addr": "not needed: tawny records and shows the camera itself",
    "token": "not needed: tawny doesn't sign in to SudoCam's server; delete the camera there to revoke it",
}
SCHEDULED = "recording"
"""Name of the mode that has the schedule."""


def from_sudocam(source: ImportSource) -> ImportResult:
    text = source.text
    lines = _lines(text)
    is_ours = bool(KEYS & lines.keys()) and text.lstrip().startswith("{")
    try:
        read = json.loads(text)
        if isinstance(read, dict) and "userConfig" in read:
            read["userConfig"] = _snake_case(read["userConfig"])
    except (ValueError, RecursionError) as error:
        line = getattr(error, "lineno", 1)
        words = getattr(error, "msg", "nested too deep")
        raise ForeignFormatError(f"not valid JSON: {words}", line if is_ours else 0) from None
    if not isinstance(read, dict) or not KEYS & read.keys():
        raise ForeignFormatError("none of SudoCam's settings found")
    found = ImportResult(lines=lines)
    theirs = ForeignValues(read, lines)
    name = theirs.text("cameraName") or "Camera"
    camera = f"cameras.{camera_id(name)}"
    found.put("(the camera)", f"{camera}.source", "picamera:0")
    found.put("cameraName", f"{camera}.name", name)
    folder = source.path(theirs.text("record_dir", "recordings")).rstrip("/") + "/tawny"
    found.put("record_dir" if "record_dir" in read else "(its folder)", "storage.path", folder)
    found.keeps_forever()
    chosen = read.get("userConfig") or {}
    if not isinstance(chosen, dict):
        raise theirs.wrong("userConfig", "a table in braces")
    _recording(ForeignValues(chosen, lines), camera, found)
    for key in read.keys() - found.became.keys() - found.left.keys() - {"userConfig"}:
        found.left[key] = _LEFT.get(key, "not a setting of SudoCam")
    return found


def _lines(text: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        for key in re.findall(r'"(\w{1,60})"\s*:', line):
            found.setdefault(key, number)
            found.setdefault(_snake(key), number)
    return found


def _snake(key: str) -> str:
    return re.sub(r"(?<=[a-z])[A-Z]", lambda one: f"_{one[0].lower()}", key)


def _snake_case(value: Any) -> Any:
    """Return a value with all keys in its tables as `recording_type`, also those written `recordingType`."""
    if isinstance(value, list):
        return [_snake_case(one) for one in value]
    return {_snake(key): _snake_case(one) for key, one in value.items()} if isinstance(value, dict) else value


def _recording(theirs: ForeignValues, camera: str, found: ImportResult) -> None:
    kind = _TYPES[_type(theirs)]
    record = "off" if kind == "scheduled" else kind
    words = "" if kind != "scheduled" else f'{camera}.record = "off", and "continuous" in the mode {SCHEDULED}'
    if "recording_type" in theirs.values:
        found.put("recording_type", f"{camera}.record", record, words)
    else:
        none = f'{camera}.record = "off": nothing will be recorded'
        found.put("(userConfig has no recording_type)", f"{camera}.record", record, none)
    if kind == "scheduled":
        _schedule(theirs, camera, found)
    elif theirs.values.get("schedules"):
        found.left["schedules"] = "not needed: they count only for recording on a schedule"
    motion = theirs.values.get("motion_config") or {}
    if not isinstance(motion, dict):
        raise theirs.wrong("motion_config", "a table in braces")
    numbers = ForeignValues(motion, theirs.lines)
    sensitivity = numbers.whole("sensitivity", 50, 1, 100)
    found.put(_origin("sensitivity", motion), f"{camera}.detection.threshold", max(1, 100 - sensitivity))
    for key, here, usual, most in (("pre_record_seconds", "pre", 5, 30), ("post_record_seconds", "post", 10, 60)):
        found.put(_origin(key, motion), f"{camera}.{here}", f"{numbers.whole(key, usual, 0, most)} s")
    if theirs.values.get("motion_enabled") is False and kind != "events":
        found.put("motion_enabled", f"{camera}.detection.detector", "off")
    known = {"recording_type", "schedules", "motion_config", "motion_enabled", "name"}
    if "motion_enabled" in theirs.values and "motion_enabled" not in found.became:
        found.left["motion_enabled"] = "not needed: motion is detected"
    if "name" in theirs.values:
        found.left["name"] = "not needed: the same as cameraName"
    for key in [*(theirs.values.keys() - known), *(motion.keys() - found.became.keys())]:
        found.left[key] = "not a setting of SudoCam"


def _origin(key: str, motion: dict[str, Any]) -> str:
    return key if key in motion else f"(the default {key})"


def _type(theirs: ForeignValues) -> int:
    value = theirs.values.get("recording_type", 0)
    if isinstance(value, str) and value in _NAMES:
        return _NAMES[value]
    return theirs.whole("recording_type", 0, 0, len(_TYPES) - 1)


def _schedule(theirs: ForeignValues, camera: str, found: ImportResult) -> None:
    schedules = theirs.values.get("schedules") or []
    wrong = theirs.wrong("schedules", 'a list of tables with days_of_week (0 to 6), start_time and end_time ("HH:MM")')
    if not isinstance(schedules, list):
        raise wrong
    times = [_stretch(one, wrong) for one in schedules]
    names = ["home", "away", "night", SCHEDULED]
    modes: dict[str, Any] = {"names": names, "schedule": {SCHEDULED: times}} if times else {}
    if modes:
        modes[SCHEDULED] = {"cameras": {camera.removeprefix("cameras."): {"record": "continuous"}}}
        found.put("schedules", "modes", modes, f"modes.schedule.{SCHEDULED}: {', '.join(times)}")
    else:
        found.left["schedules"] = "empty: nothing is recorded"


def _stretch(one: Any, wrong: ForeignFormatError) -> str:
    """Return `mon tue 08:00-18:00` of a schedule. Its days begin with Sunday; the same time twice is the whole day."""
    days = one.get("days_of_week") if isinstance(one, dict) else None
    if not isinstance(days, list) or not days or not all(type(day) is int and 0 <= day <= 6 for day in days):
        raise wrong
    begin, end = one.get("start_time"), one.get("end_time")
    for time in (begin, end):
        if not isinstance(time, str) or not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", time):
            raise wrong
    names = "" if len(set(days)) == 7 else " ".join(WEEKDAYS[(day - 1) % 7] for day in sorted(set(days))) + " "
    return f"{names}{'00:00-24:00' if begin == end else f'{begin}-{end}'}"
