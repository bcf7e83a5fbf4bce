"""Importer for DIY Security Cam: a shell file of `key=value` lines and `cameras[KEY]=ADDRESS`, parsed, never
executed.
"""

import re
import shlex

from tawny.config.importers.result import ForeignFormatError, ImportResult, camera_id

_LINE = re.compile(r"\s*(?:export\s+)?(\w+)(?:\[([^\]]+)\])?=(.*)")
_OTHERWISE = {
    "upload_dir": "files waiting for upload are stored with the recordings",
    "error_dir": "damaged files stay in place; `tawny check` lists them",
    "segment_length": "files are about a minute long; use `tawny export --split 5min` for longer ones",
    "stream_offset": "all cameras are analyzed all the time, not in turn",
    "skip_frames": "tawny analyzes five frames per second",
    "bucket": "tawny needs the keys of the bucket, too: see docs/how-to/uploads.md; "
    '`names = "diycam"` keeps the folder structure',
}


_DOUBLE_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')


def _unescaped(quoted: re.Match[str]) -> str:
    """Return a string in double quotes without the escapes that Bash knows there and `shlex` does not."""
    return re.sub(r"\\(.)", lambda one: one[1] if one[1] in "$`" else one[0], quoted[0])


def from_diycam(text: str) -> ImportResult:
    values: dict[str, str] = {}
    cameras: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        read = _LINE.fullmatch(line)
        if read is None:
            continue
        try:
            words = shlex.split(_DOUBLE_QUOTED.sub(_unescaped, read[3]), comments=True)
        except ValueError as error:
            if cameras or values.keys() & {"monitor_dir", "sensitivity"}:
                raise ForeignFormatError(f"{read[1]}: {error}", number) from None
            continue
        value = words[0] if words else ""
        if read[2]:
            if read[1] == "cameras":
                cameras[read[2].strip("\"'")] = value
        else:
            values[read[1]] = value
    if not cameras:
        raise ForeignFormatError("no `cameras[KEY]=`")
    found = ImportResult()
    for key, source in cameras.items():
        _camera(found, key, source, values)
    if "monitor_dir" in values:
        found.put("monitor_dir", "storage.path", values["monitor_dir"].rstrip("/") + "/tawny")
    for key in values.keys() - found.became.keys():
        found.left[key] = _OTHERWISE.get(key, "not a setting of DIY Security Cam")
    return found


def _camera(found: ImportResult, key: str, source: str, values: dict[str, str]) -> None:
    name = camera_id(key, usual=f"camera-{len(found.became) + len(found.left) + 1}")
    if not found.put_source(f"cameras[{key}]", name, source):
        return
    seconds, kernel = _whole(values, "sensitivity", 3), _whole(values, "kernel", 17)
    camera = found.settings["cameras"][name]
    camera |= {"pre": f"{min(seconds, 30)} s", "post": "2 s"}
    camera["detection"] = {"detector": "counting", "counting": {"seconds": min(seconds, 60), "kernel": kernel}}
    for theirs, words in (("sensitivity", "pre, detection.counting.seconds"), ("kernel", "detection.counting.kernel")):
        if theirs in values:
            found.became[theirs] = f"{words} of every camera"


def _whole(values: dict[str, str], key: str, usual: int) -> int:
    text = values.get(key, "")
    return int(text) if text.isdigit() else usual
