"""Importer for rom-cam: one TOML file with one camera, recording to memory, S3, Slack, presence by ping."""

import re
import tomllib
from typing import Any
from urllib.parse import urlsplit

from tawny.config.importers.result import ForeignFormatError, ImportResult, camera_id, toml_quoted

_KNOWN = {
    "name", "ffmpeg_path", "device", "save_ts_dir", "bucket", "webhook_url", "load_kernel_module", "aws_creds",
    "webserver_listen_address", "disable_recording_for_ips",
}  # fmt: skip


def from_rom_cam(text: str) -> ImportResult:
    try:
        theirs = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"line (\d+)", str(error))
        is_toml = re.search(r"^\s*(name|device|bucket|webhook_url)\s*=\s*\"", text, re.MULTILINE)
        raise ForeignFormatError(f"not valid TOML: {error}", int(line[1]) if line and is_toml else 0) from None
    if not theirs.keys() & _KNOWN or theirs.keys() & {"cameras", "monitor_dir"}:
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
        found.left[key] = _WHY.get(key, "rom-cam doesn't know this setting either")
    return found


_WHY = {
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
        found.put("bucket", "destinations.bucket", {"url": url, "names": "rom-cam"}, f"destinations.bucket: {url}")
        found.became["aws_creds"] = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in secrets.toml"
        if not keys:
            found.left["aws_creds"] = "missing; add both keys to secrets.toml"
    if hook := theirs.get("webhook_url"):
        parts = urlsplit(str(hook))
        if parts.hostname == "hooks.slack.com" and parts.path.startswith("/services/"):
            url = f"slack://{found.secret('slack_hook', parts.path.removeprefix('/services/').strip('/'))}"
            found.put("webhook_url", "notifiers.slack", {"url": url}, f"notifiers.slack: {url}")
        else:
            found.left["webhook_url"] = (
                "not a hooks.slack.com address; see docs/how-to/notifications.md for alternatives"
            )


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
