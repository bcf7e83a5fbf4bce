"""DIY Security Cam: a shell file of `key=value` lines and `cameras[KEY]=ADDRESS`."""

import re

from tawny.config.importers.result import ForeignFormatError, ForeignValues, ImportResult, ImportSource, camera_id
from tawny.config.importers.shell_words import ShellError, split_value
from tawny.model.validation import clean_label

KEYS = {
    "bucket", "sensitivity", "kernel", "monitor_dir", "upload_dir", "error_dir", "segment_length", "stream_offset",
    "skip_frames",
}  # fmt: skip
DEFAULTS = "monitor_dir=~/videos\nsensitivity=3\nkernel=17\ncameras[1]=/dev/video0\n"
NEEDED = {"bucket", "sensitivity", "kernel", "monitor_dir"}
_DECLARING = r"(?:export|readonly|declare|typeset)(?:[ \t]+-\w+)*"
_ASSIGNED = re.compile(rf"[\s;&]*(?:{_DECLARING}[ \t]+)?([A-Za-z_]\w*)(?:\[([^\]\n]+)\])?=")
_CAMERAS = re.compile(rf"[\s;&]*(?:{_DECLARING}[ \t]+)?cameras=\(")
"""The begin of `cameras=( [KEY]=ADDRESS … )`, which may have several lines with comments."""
_ELEMENT = re.compile(r"(?:\s|#[^\n]*(?:\n|$))*()\[([^\]\n]+)\]=")
_END_OF_CAMERAS = re.compile(r"(?:\s|#[^\n]*(?:\n|$))*\)")
_DECLARED = re.compile(rf"[\s;&]*{_DECLARING}(?:[ \t]+\w+)*[ \t]*(?=[;\n]|$)")
_LINE = re.compile(r"(?:\\[\s\S]|[^\n])*")
"""A line with those that continue it."""
_COMMENT = re.compile(r"(?:^|(?<=\s))#[^\n]*")
_MENTIONED = re.compile(rf"(?<![\w$-])(?<!\$\{{)(?:({'|'.join(sorted(KEYS))})\b|(cameras)\s*(?:\[|\+?=))")
_UNREAD = "not read: only KEY=VALUE and cameras[KEY]=ADDRESS are"
_LEFT = {
    "upload_dir": "not needed: what waits for upload is stored with the recordings",
    "error_dir": "not needed: damaged files stay in place, and `tawny check` lists them",
    "segment_length": "not needed: events may be of any length, and files are about a minute long; "
    "`tawny export --split 5min` makes longer ones",
    "stream_offset": "not needed: cameras are analyzed while they record, so there are no files to scan in turn",
    "skip_frames": "not needed: at most 10 images a second are analyzed, whatever the camera sends; "
    "`detection.counting.rate` changes that",
    "bucket": "needs a key and the address of its server: fill in [destinations.bucket] at the top of the new file",
}
_BUCKET = """\
# Uploads to {bucket}: fill in the three words in capitals and remove the `# ` in front of these lines. A key of
# Backblaze B2 has an ID and a secret; the server is shown with the bucket. The key only needs to write.
# [destinations.bucket]
# url = "s3://KEY_ID:KEY_SECRET@{bucket}?endpoint=https://SERVER"
# upload = ["events"]
# names = "diycam"
# write_only = true
"""


def from_diycam(source: ImportSource) -> ImportResult:
    found = ImportResult()
    read = _read(source, found)
    cameras = {key: value for key, value in read.items() if key.startswith("cameras[")}
    if not cameras:
        known = next((number for key, number in found.lines.items() if key in KEYS), 0)
        raise ForeignFormatError("no `cameras[KEY]=ADDRESS`", known)
    values = ForeignValues(read, found.lines)
    for number, (theirs, address) in enumerate(cameras.items(), 1):
        _camera(found, theirs, number, source.path(address) if _is_relative(address) else address, values)
    if folder := values.text("monitor_dir"):
        found.put("monitor_dir", "storage.path", source.path(folder).rstrip("/") + "/tawny")
    found.keeps_forever()
    if bucket := values.text("bucket"):
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}", bucket):
            raise values.wrong("bucket", "the name of a bucket, such as my-bucket")
        found.comment = _BUCKET.format(bucket=bucket)
    for key in read.keys() - found.became.keys() - found.left.keys():
        found.left[key] = _LEFT.get(key, "not a setting of DIY Security Cam")
    return found


def _read(source: ImportSource, found: ImportResult) -> dict[str, str]:
    """Return the values by key. Those that need a shell are only noted, unless tawny needs them."""
    read: dict[str, str] = {}
    variables = {"HOME": str(source.home)}
    errors: list[ForeignFormatError] = []
    text, at, is_list = source.text, 0, False
    while at < len(text):
        if not is_list and (begun := _CAMERAS.match(text, at)):
            at, is_list = begun.end(), True
        if is_list and (ended := _END_OF_CAMERAS.match(text, at)):
            at, is_list = ended.end(), False
            continue
        match = (_ELEMENT if is_list else _ASSIGNED).match(text, at)
        if match is None:
            if is_list:
                is_list = False
                found.left[f"cameras (line {text.count(chr(10), 0, at) + 1})"] = _UNREAD
            declared = _DECLARED.match(text, at)
            at = declared.end() if declared else _skipped(text, at, found)
            continue
        number = text.count("\n", 0, match.start(1)) + 1
        name = match[2].strip("\"'") if match[2] is not None else ""
        array = match[1] or "cameras"
        key = f"{array}[{name}]" if match[2] is not None else array
        is_camera = match[2] is not None and array == "cameras"
        try:
            value, rest = split_value(_line(text, match.end()), variables, ")" if is_list else "")
        except ShellError as error:
            at = _skipped(text, match.end(), found)
            if is_camera or key in NEEDED:
                errors.append(ForeignFormatError(f"{key}: {error}", number))
            found.lines[key], found.left[key] = number, _LEFT.get(key, f"{error}")
            continue
        at = match.end() + len(_line(text, match.end())) - len(rest)
        if is_camera or match[2] is None:
            found.lines[key], read[key] = number, value
            found.left.pop(key, None)
        if match[2] is None:
            variables[key] = value
    if errors and (read.keys() & KEYS or any(key.startswith("cameras[") for key in read) or len(errors) > 1):
        raise errors[0]
    return read


def _line(text: str, at: int) -> str:
    """Return the rest of a line, with the lines that continue it."""
    return next(_LINE.finditer(text, at))[0]


def _skipped(text: str, at: int, found: ImportResult) -> int:
    """Skip a line that assigns nothing; return its end. Note it if it mentions a setting."""
    while text[at : at + 1] in tuple(" \t\n;&"):
        at += 1
    line = _line(text, at).partition("\n")[0] if text[at : at + 1] == "#" else _line(text, at)
    number = text.count("\n", 0, at) + 1
    for key, cameras in _MENTIONED.findall(_COMMENT.sub("", line)):
        found.left[f"{key or cameras} (line {number})"] = _UNREAD
    return at + len(line)


def _is_relative(address: str) -> bool:
    return bool(address) and ":" not in address and not address.startswith("/")


def _camera(found: ImportResult, theirs: str, number: int, address: str, values: ForeignValues) -> None:
    label = clean_label(theirs.removeprefix("cameras[").removesuffix("]"))
    usual = name = camera_id(label, usual=f"camera-{number}")
    while name in found.settings.get("cameras", {}):
        name = f"{usual[:36].rstrip('-')}-{number}"
        number += 1
    if not address:
        raise values.wrong(theirs, "the address of a camera, such as rtsp://192.168.1.20/main or /dev/video0")
    if not found.put_source(theirs, name, address):
        return
    seconds = values.whole("sensitivity", 3, 0, 60)
    kernel = values.whole("kernel", 17, 1, 99)
    if kernel % 2 == 0:
        raise values.wrong("kernel", "an odd number from 1 to 99")
    camera = found.settings["cameras"][name]
    if label and name != label and "$" not in label:  # `${NAME}` would be a secret
        camera["name"] = label
    camera |= {"record": "events", "pre": f"{min(seconds, 30)} s", "post": "2 s"}
    camera["detection"] = {"detector": "counting", "counting": {"seconds": seconds, "kernel": kernel}}
    capped = "" if seconds <= 30 else "; pre is 30 s, the most possible"
    words = {"sensitivity": f"pre, detection.counting.seconds{capped}", "kernel": "detection.counting.kernel"}
    for key, here in words.items():
        if key in values.values:
            found.became[key] = f"{here} of every camera"
