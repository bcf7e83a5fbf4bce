"""Importer for Raspberry Pancake: command lines of its recorder and post-processor, from a shell or a systemd unit."""

import argparse
import re
import shlex
from typing import NoReturn

from tawny.config.importers.result import ForeignFormatError, ImportResult, flip, toml_quoted

_CAMERA = "cameras.camera"


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
    found.put("--resolution", f"{_CAMERA}.picamera.size", f"{width}x{height}")
    found.settings["cameras"]["camera"]["source"] = "picamera:0"
    found.put("--fps", f"{_CAMERA}.picamera.fps", said.fps)
    _turned(said, found)
    found.listens("--port", str(said.port))
    if folder := said.record_continuous or (said.record_detection or ["", ""])[1]:
        found.put("--record-continuous", "storage.path", folder)
    _watching(said, found)
    for name, why in _LEFT.items():
        if getattr(said, name.removeprefix("--").replace("-", "_")):
            found.left[name] = why


_LEFT = {
    "--annotate-text-size": "time and name are shown by the page, not burned into the image",
    "--max-stream-fps": "live video is as fast as the connection allows",
    "--login": "choose a new password with the link that `tawny run` prints",
}


def _turned(said: argparse.Namespace, found: ImportResult) -> None:
    over = said.rotation == "180"
    turned = flip(left_right=said.hflip != over, up_down=said.vflip != over)
    for name, is_said in (("--hflip", said.hflip), ("--vflip", said.vflip), ("--rotation", over)):
        if is_said:
            found.put(name, f"{_CAMERA}.picamera.flip", turned)
    if said.rotation in ("90", "270"):
        found.left["--rotation"] = "mount the camera differently: it can't rotate its image by 90°"


def _watching(said: argparse.Namespace, found: ImportResult) -> None:
    if not said.detect:
        found.put("(no --detect)", f"{_CAMERA}.detection.detector", "off")
    else:
        own: dict[str, object] = {"file": "customize.py"}
        if said.detect_resize:
            own["width"] = said.detect_resize[0]
        if said.detect_interval:
            own["every"] = f"{said.detect_interval} s"
        found.put(
            "--detect",
            f"{_CAMERA}.detection",
            {"detector": "own", "own": own},
            'detection.detector = "own": customize.py',
        )
        found.left["customize.py"] = (
            "copy it next to tawny.toml; `detect(frame)` receives frame.rgb (see docs/how-to/custom-detector.md)"
        )
    if said.record_detection:
        found.became["--record-detection"] = "events, with a few seconds before and after"
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
        _place(found, f"--upload-scp {who}", f"scp-{number}", url, when)
        found.left["the server's host key"] = f"run `tawny uploads test scp-{number}` to see what to set"
    for number, (host, port, user, password, folder) in enumerate(said.upload_ftp, 1):
        secret = found.secret(f"ftp_{number}", toml_quoted(password))
        url = f"ftp://{toml_quoted(user)}:{secret}@{host}:{port}/{folder.strip('/')}"
        _place(found, f"--upload-ftp {host}", f"ftp-{number}", url, when)
    for number, (token, chat) in enumerate(said.notify_telegram, 1):
        url = f"telegram://{found.secret(f'telegram_{number}', token)}@{chat}"
        found.put(f"--notify-telegram {chat}", f"notifiers.telegram-{number}.url", url)
    for name in ("upload_queue_size", "notify_queue_size", "log"):
        if getattr(said, name):
            found.left[f"--{name.replace('_', '-')}"] = "the queue is stored on disk; logs go to the system log"


def _place(found: ImportResult, theirs: str, name: str, url: str, when: dict[str, object]) -> None:
    found.put(theirs, f"destinations.{name}", {"url": url, "names": "pancake", **when}, f"destinations.{name}: {url}")
