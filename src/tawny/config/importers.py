"""Import settings of other recorders. Files are parsed as data and never executed."""

import argparse
import configparser
import re
import shlex
import tomllib
from dataclasses import dataclass, field
from typing import Any, NoReturn
from urllib.parse import quote, urlsplit

from tawny.config.settings import is_camera_id

_URL = re.compile(r"([a-z][a-z0-9+.-]*://)(.*)", re.IGNORECASE | re.DOTALL)
SOURCES = ("rtsp://", "rtsps://")
"""Addresses of network cameras that tawny can open."""
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:\d+)?(?=[/?#]|$)", re.IGNORECASE)
_USUAL_HOST = re.compile(r"\[|[^:/?#]*\.[^:/?#]|localhost\b|[^:/?#]+:\d", re.IGNORECASE)
"""An address, a name with a dot, or one with a port: less likely to be a part of a password."""
_NAMED = re.compile(
    r"((?:^|[/?&;_])(?:pass|passwd|password|pwd|token|auth|key|secret|api_?key)=)([^&;]+?)(?=_[a-z]+=|[&;]|$)",
    re.IGNORECASE,
)
_KEY = re.compile(
    r"(?<=[/?&=;])(?:(?=[^/]*[a-z])(?=[^/]*[A-Z])(?=[^/]*\d)[A-Za-z0-9]{12,}|[0-9a-fA-F]{16,}|[0-9a-fA-F-]{32,})"
    r"(?=[/?&;]|$)"
)
"""A part of a path that is probably a key, such as `rtsps://192.168.1.1:7441/Ab12Cd34Ef56Gh78`."""
_STRAY_PERCENT = re.compile(r"%(?![0-9a-fA-F]{2})")


class ForeignFormatError(ValueError):
    """The text is not from this system, or broken.

    line: 1-based line of the error if the system is recognized, else 0.
    """

    def __init__(self, why: str, line: int = 0) -> None:
        super().__init__(why)
        self.line = line


@dataclass
class ImportResult:
    """Converted settings.

    settings: tables of tawny.toml. secrets: values of the `${NAME}`s in them.
    became: the tawny setting for each original one, as text. left: settings without an equivalent, with the reason.
    """

    settings: dict[str, Any] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    became: dict[str, str] = field(default_factory=dict)
    left: dict[str, str] = field(default_factory=dict)
    unsupported: dict[str, str] = field(default_factory=dict)
    """Cameras that tawny cannot open, with the start of their addresses."""

    def put(self, theirs: str, path: str, value: Any, words: str = "") -> None:
        """Set a value: `put("fps", "cameras.door.v4l2.fps", 12)`. words: description instead of path and value."""
        *tables, key = path.split(".")
        table = self.settings
        for name in tables:
            table = table.setdefault(name, {})
        table[key] = value
        self.became[theirs] = words or f"{path} = {_shown(value)}"

    def listens(self, theirs: str, port: str) -> None:
        """Set the web port, on 127.0.0.1 only: other devices are allowed manually once an account exists."""
        here = f"127.0.0.1:{port}"
        words = f'web.listen = "{here}"; once the owner account exists, 0.0.0.0:{port} lets other devices connect'
        self.put(theirs, "web.listen", here, words)

    def secret(self, name: str, value: str) -> str:
        """Store a secret and return its `${NAME}` placeholder."""
        name = re.sub(r"[^A-Z0-9]+", "_", name.upper()).strip("_")
        name = f"CAMERA_{name}" if name[:1].isdigit() else name
        self.secrets[name] = value
        return f"${{{name}}}"

    def put_source(self, theirs: str, camera: str, source: str) -> bool:
        """Set a camera's address. Its secrets are stored apart; the report names only its host.

        Return False, and leave the camera out, if tawny has no source for this type of address.
        """
        source = source.strip()
        scheme = _URL.fullmatch(source)
        if scheme and scheme[1].lower() not in SOURCES:
            self.left[theirs] = f"{scheme[1]} addresses aren't supported; use the camera's rtsp:// address"
            self.unsupported[camera] = scheme[1]
            return False
        self.put(theirs, f"cameras.{camera}.source", self._without_secrets(camera, source))
        found = _URL.fullmatch(source)
        if found:
            _, place = _split_login(found[2])
            self.became[theirs] = f"cameras.{camera}.source = {found[1]}{re.split('[/?#]', place)[0]}/…"
        return True

    def _without_secrets(self, camera: str, source: str) -> str:
        """Return the address with placeholders for password and keys, percent-encoded where that is needed."""
        found = _URL.fullmatch(source)
        if found is None:
            return source
        login, place = _split_login(found[2])
        number = 0

        def placeholder(value: str) -> str:
            nonlocal number
            number += 1
            return self.secret(camera if number == 1 else f"{camera}_{number}", value)

        user, colon, password = login.partition(":")
        said = _encoded(user) + (f":{placeholder(_encoded(password))}" if password else colon)
        end = re.search("[/?#]|$", place)
        host, path = place[: end.start()] if end else place, place[end.start() :] if end else ""
        path = _NAMED.sub(lambda one: one[1] + placeholder(one[2].replace("#", "%23")), path)
        path = _KEY.sub(lambda one: placeholder(one[0]), path)
        return f"{found[1]}{said}{'@' if login else ''}{host}{path}"


def _split_login(rest: str) -> tuple[str, str]:
    """Split what follows the scheme into login and host with path.

    Other recorders pass addresses on as they are, so a password may contain `@`, `/`, `?` and `#`. The login ends at
    the last `@` before a usual host, or else at the last `@` before what may be a host.
    """
    places = [at for at in range(len(rest)) if rest[at] == "@" and _HOST.match(rest, at + 1)]
    ends = [at for at in places if _USUAL_HOST.match(rest, at + 1)] or places
    return (rest[: ends[-1]], rest[ends[-1] + 1 :]) if ends else ("", rest)


def _encoded(text: str) -> str:
    """Return a part of a login percent-encoded; what is encoded already stays."""
    return quote(_STRAY_PERCENT.sub("%25", text), safe="%")


def camera_id(name: str, usual: str = "camera") -> str:
    """Return `front-door-left` for `Front Door/Left`; `usual` if nothing valid remains."""
    text = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40].strip("-")
    return text if is_camera_id(text) else usual


def toml_quoted(text: str) -> str:
    """Return the text percent-encoded as a URL component."""
    return quote(text, safe="")


def _shown(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)


def flip(*, left_right: bool, up_down: bool) -> str:
    """Return the value for `picamera.flip`."""
    if left_right:
        return "both" if up_down else "left-right"
    return "up-down" if up_down else "none"


# rom-cam: one TOML file with one camera, recording to memory, S3, Slack, presence by ping.

_ROM_CAM = {
    "name", "ffmpeg_path", "device", "save_ts_dir", "bucket", "webhook_url", "load_kernel_module", "aws_creds",
    "webserver_listen_address", "disable_recording_for_ips",
}  # fmt: skip


_OBJECTS = {"names": "rom-cam", "formats": ["ts", "fmp4", "sheet"], "during_events": False}
_ONE_POST = {"send_at": "end", "clip": "sheet"}
"""One message after an event, with the contact sheet."""


def from_rom_cam(text: str) -> ImportResult:
    try:
        theirs = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"line (\d+)", str(error))
        is_toml = re.search(r"^\s*(name|device|bucket|webhook_url)\s*=\s*\"", text, re.MULTILINE)
        raise ForeignFormatError(f"not valid TOML: {error}", int(line[1]) if line and is_toml else 0) from None
    if not theirs.keys() & _ROM_CAM or theirs.keys() & {"cameras", "monitor_dir"}:
        raise ForeignFormatError("none of rom-cam's settings found")
    found = ImportResult()
    name = str(theirs.get("name", ""))
    camera = f"cameras.{camera_id(name)}"
    device = str(theirs.get("device", "/dev/video0"))
    if found.put_source("device", camera_id(name), device):
        if name:
            found.put("name", f"{camera}.name", name)
        found.settings["cameras"][camera_id(name)]["v4l2"] = {"size": "640x480", "fps": 10, "format": "h264"}
        found.settings["cameras"][camera_id(name)]["detection"] = {"detector": "edges"}
    elif name:
        found.left["name"] = "its camera was left out"
    _where(theirs, found)
    _away(theirs, found)
    for key in theirs.keys() - found.became.keys() - found.left.keys():
        found.left[key] = _NO_ROM_CAM.get(key, "rom-cam doesn't know this setting either")
    return found


_NO_ROM_CAM = {
    "ffmpeg_path": "no other program is needed",
    "load_kernel_module": "tawny doesn't load kernel modules; run `modprobe uvcvideo` if the camera is missing",
}


def _where(theirs: dict[str, Any], found: ImportResult) -> None:
    if theirs.get("save_ts_dir"):
        found.put("save_ts_dir", "storage.path", str(theirs["save_ts_dir"]))
    else:
        found.put("save_ts_dir", "storage.mode", "memory", 'storage.mode = "memory": nothing is written to a disk')
    if address := theirs.get("webserver_listen_address"):
        found.listens("webserver_listen_address", str(address).rpartition(":")[2])
    if bucket := theirs.get("bucket"):
        keys = theirs.get("aws_creds", {})
        key = found.secret("aws_access_key_id", toml_quoted(str(keys.get("access_key_id", ""))))
        secret = found.secret("aws_secret_access_key", toml_quoted(str(keys.get("secret_access_key", ""))))
        url = f"s3://{key}:{secret}@{bucket}?region=us-east-1"
        found.put("bucket", "destinations.bucket", {"url": url, **_OBJECTS}, f"destinations.bucket: {url}")
        found.became["aws_creds"] = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in secrets.toml"
        if not keys:
            found.left["aws_creds"] = "missing; add both keys to secrets.toml"
    if hook := theirs.get("webhook_url"):
        parts = urlsplit(str(hook))
        if parts.hostname == "hooks.slack.com" and parts.path.startswith("/services/"):
            url = f"slack://{found.secret('slack_hook', parts.path.removeprefix('/services/').strip('/'))}"
            found.put("webhook_url", "notifiers.slack", {"url": url, **_ONE_POST}, f"notifiers.slack: {url}")
        else:
            scheme, _, rest = str(hook).partition("://")
            url = f"slack+{scheme}://{found.secret('webhook', rest)}"
            found.put("webhook_url", "notifiers.webhook", {"url": url, **_ONE_POST}, f"notifiers.webhook: {url}")


def _away(theirs: dict[str, Any], found: ImportResult) -> None:
    """Import presence: notify and upload only while everyone is away."""
    if not (addresses := theirs.get("disable_recording_for_ips")):
        return
    found.put("disable_recording_for_ips", "modes.presence", {"ping": list(addresses), "away_after": "60 s"})
    deeds = [*(["notify no one"] if "notifiers" in found.settings else [])]
    deeds += ["don't upload"] if "destinations" in found.settings else []
    if deeds:
        found.settings["rules"] = [{"when": {"mode": "home"}, "do": deeds}]
    said = f"modes.presence.ping; at home: {', '.join(deeds) or 'nothing to do'}"
    found.became["disable_recording_for_ips"] = said


# DIY Security Cam: a shell file of `key=value` lines and `cameras[KEY]=ADDRESS`.

_SHELL_LINE = re.compile(r"\s*(?:export\s+)?(\w+)(?:\[([^\]]+)\])?=(.*)")
_NO_DIYCAM = {
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
        read = _SHELL_LINE.fullmatch(line)
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
        _diycam_camera(found, key, source, values)
    if "monitor_dir" in values:
        found.put("monitor_dir", "storage.path", values["monitor_dir"].rstrip("/") + "/tawny")
    for key in values.keys() - found.became.keys():
        found.left[key] = _NO_DIYCAM.get(key, "not a setting of DIY Security Cam")
    return found


def _diycam_camera(found: ImportResult, key: str, source: str, values: dict[str, str]) -> None:
    name = camera_id(key, usual=f"camera-{len(found.became) + len(found.left) + 1}")
    if not found.put_source(f"cameras[{key}]", name, source):
        return
    seconds, kernel = _whole(values, "sensitivity", 3), _whole(values, "kernel", 17)
    camera = found.settings["cameras"][name]
    camera |= {"record": "events", "pre": f"{min(seconds, 30)} s", "post": "2 s"}
    camera["detection"] = {"detector": "counting", "counting": {"seconds": min(seconds, 60), "kernel": kernel}}
    for theirs, words in (("sensitivity", "pre, detection.counting.seconds"), ("kernel", "detection.counting.kernel")):
        if theirs in values:
            found.became[theirs] = f"{words} of every camera"


def _whole(values: dict[str, str], key: str, usual: int) -> int:
    text = values.get(key, "")
    return int(text) if text.isdigit() else usual


# Ropey-Cam: an .ini file with a section `[ropey]`, one camera.

_NO_ROPEY = {
    "stream_width": "uses the camera's own sub stream, or creates one",
    "sensor_mode": "set by `picamera.size`",
    "apply_motion_mask": "draw it on the camera's page under Motion",
    "mask_name": "draw it on the camera's page under Motion",
    "is_noir": "the camera chooses this itself",
    "video_count": "clips are named by time",
    "aspect_ratio": "",
}
_LOOKS = {"brightness": "brightness", "contrast": "contrast", "saturation": "saturation", "exposurevalue": "ev"}
_ROPEY_DEFAULTS = {"video_width": "1280", "aspect_ratio": "1.777", "frames_per_second": "20"}


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
    with_usual = {**_ROPEY_DEFAULTS, **theirs}
    try:
        _ropey_numbers(theirs, with_usual, camera, found)
    except ValueError as error:
        raise ForeignFormatError(f"[ropey]: {error}") from None
    for key in theirs.keys() - found.became.keys():
        found.left[key] = _NO_ROPEY.get(key) or "the camera chooses this itself"
    return found


def _ropey_numbers(theirs: dict[str, str], usual: dict[str, str], camera: str, found: ImportResult) -> None:
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
    found.put("(clips of motion)", f"{camera}.record", "events")
    for key, here in (("buffer_seconds", "pre"), ("post_roll", "post")):
        found.put(key, f"{camera}.{here}", f"{int(theirs.get(key, '3'))} s")
    if "max_disk_usage" in theirs:
        free = round((1 - float(theirs["max_disk_usage"])) * 100, 1)
        found.put("max_disk_usage", "storage.retention.min_free", f"{free:g} %")


# Raspberry Pancake: command lines of its recorder and post-processor, from a shell or a systemd unit.

_PANCAKE = "cameras.camera"


class _Options(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Name the options only: values may be passwords."""
        named = ", ".join(re.findall(r"(?<!\S)--[a-z-]+", message))
        raise ForeignFormatError(f"a value is missing, invalid or unknown{f' at {named}' if named else ''}")


def from_pancake(text: str) -> ImportResult:
    found = ImportResult()
    joined = re.sub(r"\\\n", " ", text)
    lines = [line for line in joined.splitlines() if " --" in line and not line.lstrip().startswith("#")]
    if not lines:
        raise ForeignFormatError("no command line with options found")
    for line in lines:
        try:
            words = shlex.split(line.partition("=")[2] if line.startswith("ExecStart=") else line, comments=True)
        except ValueError as error:
            raise ForeignFormatError(f"{error}") from None
        first = next(n for n, word in enumerate(words) if word.startswith("--"))
        if "--convert" in words:
            _post(words, found)
        else:
            _recorder(words[first:], found)
    return found


def _recorder(words: list[str], found: ImportResult) -> None:
    options = _Options(add_help=False, allow_abbrev=False)
    options.add_argument("--port", type=int, default=8000)
    options.add_argument("--resolution", type=int, nargs=2, default=[320, 240])
    options.add_argument("--fps", type=int, default=12)
    for name in ("--vflip", "--hflip"):
        options.add_argument(name, action="store_true")
    for name in ("--rotation", "--annotate-text-size", "--max-stream-fps", "--detect-interval", "--login"):
        options.add_argument(name)
    options.add_argument("--record-continuous")
    options.add_argument("--record-detection", nargs=2)
    options.add_argument("--record-resize", type=int, nargs=2)
    options.add_argument("--detect", choices=["no-image", "image"])
    options.add_argument("--detect-resize", type=int, nargs=2)
    options.add_argument("--emit")
    said = options.parse_args(words)
    width, height = said.record_resize or said.resolution
    found.put("--resolution", f"{_PANCAKE}.picamera.size", f"{width}x{height}")
    found.settings["cameras"]["camera"]["source"] = "picamera:0"
    found.put("--fps", f"{_PANCAKE}.picamera.fps", said.fps)
    _turned(said, found)
    found.listens("--port", str(said.port))
    if folder := said.record_continuous or (said.record_detection or ["", ""])[1]:
        found.put("--record-continuous", "storage.path", folder)
    _watching(said, found)
    for name, why in _NO_PANCAKE.items():
        if getattr(said, name.removeprefix("--").replace("-", "_")):
            found.left[name] = why


_NO_PANCAKE = {
    "--annotate-text-size": "time and name are shown by the page, not burned into the image",
    "--max-stream-fps": "live video is as fast as the connection allows",
    "--login": "choose a new password with the link that `tawny run` prints",
}


def _turned(said: argparse.Namespace, found: ImportResult) -> None:
    over = said.rotation == "180"
    turned = flip(left_right=said.hflip != over, up_down=said.vflip != over)
    for name, is_said in (("--hflip", said.hflip), ("--vflip", said.vflip), ("--rotation", over)):
        if is_said:
            found.put(name, f"{_PANCAKE}.picamera.flip", turned)
    if said.rotation in ("90", "270"):
        found.left["--rotation"] = "mount the camera differently: it can't rotate its image by 90°"


def _watching(said: argparse.Namespace, found: ImportResult) -> None:
    if not said.detect:
        found.put("(no --detect)", f"{_PANCAKE}.detection.detector", "off")
    else:
        own: dict[str, object] = {"file": "customize.py"}
        if said.detect == "image":
            own["width"], own["height"] = said.detect_resize or said.resolution
        if said.detect_interval:
            own["every"] = f"{said.detect_interval} s"
        found.put(
            "--detect",
            f"{_PANCAKE}.detection",
            {"detector": "own", "own": own},
            'detection.detector = "own": customize.py',
        )
        found.left["customize.py"] = (
            "copy it as it is next to tawny.toml; `detect()` and `detect(bytes)` are called as before "
            "(see docs/how-to/custom-detector.md)"
        )
    if said.record_detection and said.record_continuous:
        found.became["--record-detection"] = "events in the continuous recording"
    elif said.record_detection:
        record = "transitions" if said.record_detection[0] == "edge" else "events"
        found.put("--record-detection", f"{_PANCAKE}.record", record)
        found.put("(3 s before and after)", f"{_PANCAKE}.pre", "3 s")
        found.put("(3 s before and after)", f"{_PANCAKE}.post", "3 s")
    if said.emit:
        emit: dict[str, object] = {"url": f"unix:@{said.emit}", "format": "pancake", "cameras": ["camera"]}
        found.put("--emit", "webhooks.pancake", emit, f"webhooks.pancake: unix:@{said.emit}, in Pancake's format")


def _post(words: list[str], found: ImportResult) -> None:
    options = _Options(add_help=False, allow_abbrev=False)
    options.add_argument("--convert", nargs=2)
    options.add_argument("--upload-after-convert", type=int)
    options.add_argument("--upload-minutes", type=int, nargs="+", default=[])
    options.add_argument("--upload-scp", nargs=3, action="append", default=[])
    options.add_argument("--upload-ftp", nargs=5, action="append", default=[])
    options.add_argument("--notify-telegram", nargs=2, action="append", default=[])
    for name in ("--upload-queue-size", "--notify-queue-size", "--log"):
        options.add_argument(name)
    said, _ = options.parse_known_args(words)
    when: dict[str, object] = {"batch": said.upload_after_convert} if said.upload_after_convert else {}
    when |= {"minutes": said.upload_minutes} if said.upload_minutes else {}
    found.became["--convert"] = "files are MP4 from the start"
    for number, (who, port, folder) in enumerate(said.upload_scp, 1):
        url = f"sftp://{who}:{port}/{toml_quoted(folder) if folder.startswith('/') else folder}"
        _upload(found, f"--upload-scp {who}", f"scp-{number}", url, when)
        found.left["the server's host key"] = f"run `tawny uploads test scp-{number}` to see what to set"
    for number, (host, port, user, password, folder) in enumerate(said.upload_ftp, 1):
        secret = found.secret(f"ftp_{number}", toml_quoted(password))
        url = f"ftp://{toml_quoted(user)}:{secret}@{host}:{port}/{folder.strip('/')}"
        _upload(found, f"--upload-ftp {host}", f"ftp-{number}", url, when)
    for number, (token, chat) in enumerate(said.notify_telegram, 1):
        url = f"telegram://{found.secret(f'telegram_{number}', token)}@{chat}"
        found.put(f"--notify-telegram {chat}", f"notifiers.telegram-{number}.url", url)
    for name in ("upload_queue_size", "notify_queue_size", "log"):
        if getattr(said, name):
            found.left[f"--{name.replace('_', '-')}"] = "the queue is stored on disk; logs go to the system log"


def _upload(found: ImportResult, theirs: str, name: str, url: str, when: dict[str, object]) -> None:
    found.put(theirs, f"destinations.{name}", {"url": url, "names": "pancake", **when}, f"destinations.{name}: {url}")


# Any of them.

KINDS = {"rom-cam": from_rom_cam, "diycam": from_diycam, "ropey-cam": from_ropey, "pancake": from_pancake}
"""Importers by system. Each raises ForeignFormatError for files of another system."""


def import_settings(text: str) -> tuple[str, ImportResult]:
    """Return the system's name and the converted settings.

    Raises ForeignFormatError: when the file is broken or from no known system.
    """
    wrong: list[ForeignFormatError] = []
    for name, read in KINDS.items():
        try:
            return name, read(text)
        except ForeignFormatError as error:
            wrong.append(ForeignFormatError(f"{name}: {error}", error.line))
    broken = next((error for error in wrong if error.line), None)
    raise broken or ForeignFormatError("; ".join(str(error) for error in wrong))


# Settings like those of another system, without an old file of it.

_DEFAULTS = {
    "rom-cam": 'name = "Camera"\ndevice = "/dev/video0"\n',
    "diycam": "monitor_dir=~/videos\nsensitivity=3\nkernel=17\ncameras[1]=/dev/video0\n",
    "ropey-cam": "[ropey]\ntrigger_level = 400\nafter_frames = 5\nmax_disk_usage = 0.8\n",
    "pancake": "recorder.py --record-detection all ~/recordings --detect no-image\n",
}
"""A file with the defaults of each system that has one."""
LIKE: tuple[str, ...] = (*KINDS, "sudocam")


def settings_like(system: str) -> ImportResult:
    """Return settings with which tawny behaves like this system with its defaults. system: one of LIKE."""
    if system in KINDS:
        return KINDS[system](_DEFAULTS[system])
    found = ImportResult()
    found.put("(the camera)", "cameras.camera.source", "picamera:0")
    found.put("RECORDING_TYPE_MOTION", "cameras.camera.record", "events")
    found.put("pre_record_seconds", "cameras.camera.pre", "5 s")
    found.put("post_record_seconds", "cameras.camera.post", "10 s")
    found.put("sensitivity", "cameras.camera.detection.threshold", 50)
    return found
