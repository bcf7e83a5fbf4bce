"""rom-cam: one TOML file with one camera, recording to memory, S3, Slack, presence by ping."""

import re
import tomllib
from typing import Any
from urllib.parse import urlsplit

from tawny.config.importers.result import (
    ForeignFormatError,
    ForeignValues,
    ImportResult,
    ImportSource,
    camera_id,
    toml_quoted,
)

KEYS = {
    "name", "ffmpeg_path", "device", "save_ts_dir", "bucket", "webhook_url", "load_kernel_module", "aws_creds",
    "webserver_listen_address", "disable_recording_for_ips",
}  # fmt: skip
_LEFT = {
    "ffmpeg_path": "no other program is needed",
    "load_kernel_module": "tawny doesn't load kernel modules; run `modprobe uvcvideo` if the camera is missing",
}
DEFAULTS = 'name = "Camera"\ndevice = "/dev/video0"\n'
_OBJECTS = {"names": "rom-cam", "formats": ["ts", "fmp4", "sheet"], "during_events": False}
_ONE_POST = {"send_at": "end", "clip": "sheet", "levels": ["alert", "detection", "motion"]}
"""One message after every event, with the contact sheet."""
_KEY_LINE = re.compile(r"\s*\[?\s*[\"']?(\w+)[\"']?\s*(?:[=.\]])")


def from_rom_cam(source: ImportSource) -> ImportResult:
    text = source.text
    lines = _lines(text)
    try:
        theirs = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        line = re.search(r"line (\d+)", str(error))
        known = next((number for key, number in lines.items() if key in KEYS), 0)
        words = "nested too deep" if isinstance(error, RecursionError) else re.sub(r" \(at .*\)$", "", str(error))
        last = max(1, len(text.splitlines()))
        where = min(int(line[1]), last) if line else last if "end of document" in str(error) else known
        raise ForeignFormatError(f"not valid TOML: {words}", where if known else known) from None
    if not theirs.keys() & KEYS or theirs.keys() & {"cameras", "monitor_dir"}:
        raise ForeignFormatError("none of rom-cam's settings found")
    found = ImportResult(lines=lines)
    values = ForeignValues(theirs, lines)
    _camera(values, found, source)
    _where(values, found, source)
    _bucket(values, found)
    _hook(values, found)
    _away(values, found)
    for key in theirs.keys() - found.became.keys() - found.left.keys():
        found.left[key] = _LEFT.get(key, "rom-cam doesn't know this setting either")
    return found


def _lines(text: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        key = _KEY_LINE.match(line)
        if key:
            found.setdefault(key[1], number)
    return found


def _camera(theirs: ForeignValues, found: ImportResult, source: ImportSource) -> None:
    name = theirs.text("name")
    camera = camera_id(name)
    device = theirs.text("device", "/dev/video0")
    if not found.put_source("device", camera, device if ":" in device else source.path(device)):
        if name:
            found.left["name"] = "its camera was left out"
        return
    if name:
        found.put("name", f"cameras.{camera}.name", name)
    if device.startswith("/dev/"):
        found.settings["cameras"][camera]["v4l2"] = {"size": "640x480", "fps": 10, "format": "h264"}
    found.settings["cameras"][camera]["detection"] = {"detector": "edges"}


def _where(theirs: ForeignValues, found: ImportResult, source: ImportSource) -> None:
    if folder := theirs.text("save_ts_dir"):
        path = source.path(folder)
        words = f"storage.path = {path}; delete or move the old recordings in it yourself: tawny never does"
        found.put("save_ts_dir", "storage.path", path, words)
        found.keeps_forever()
    else:
        found.put(
            "save_ts_dir", "storage.mode", "memory",
            'storage.mode = "memory": the newest recordings, in 256 MB; all of it is gone when tawny stops',
        )  # fmt: skip
        found.settings["storage"]["retention"] = {"min": "0 s", "events": "0 s"}  # memory can promise no time
    if address := theirs.text("webserver_listen_address"):
        port = address.rpartition(":")[2]
        if not port.isascii() or not port.isdigit() or not 0 < len(port) < 6 or int(port) > 65_535:
            raise theirs.wrong("webserver_listen_address", "a port such as :8080, or HOST:PORT")
        found.listens("webserver_listen_address", int(port))


def _bucket(theirs: ForeignValues, found: ImportResult) -> None:
    bucket, keys = theirs.text("bucket"), theirs.values.get("aws_creds", {})
    if not isinstance(keys, dict) or not all(isinstance(value, str) for value in keys.values()):
        raise theirs.wrong("aws_creds", "the texts access_key_id and secret_access_key")
    key, secret = keys.get("access_key_id", ""), keys.get("secret_access_key", "")
    if bool(key) != bool(secret):
        raise theirs.wrong("aws_creds", "both access_key_id and secret_access_key, or neither")
    if not bucket:
        if "aws_creds" in theirs.values:
            found.left["aws_creds"] = "without a bucket, nothing is uploaded"
        return
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}", bucket):
        raise theirs.wrong("bucket", "the name of a bucket, such as my-bucket")
    login = ""
    if key:
        login = f"{found.secret('aws_access_key_id', toml_quoted(key))}:"
        login += f"{found.secret('aws_secret_access_key', toml_quoted(secret))}@"
        found.became["aws_creds"] = " and ".join(re.findall(r"\w+", login)) + " in secrets.toml"
    else:
        found.became["aws_creds"] = (
            "no keys: AWS's variables, its files in ~/.aws, or the role of this computer, as with rom-cam"
        )
    url = f"s3://{login}{bucket}?region=us-east-1"
    in_memory = "" if theirs.text("save_ts_dir") else "; what waits for upload when tawny stops is lost"
    found.put(
        "bucket", "destinations.bucket", {"url": url, "upload": ["events"], **_OBJECTS},
        f"destinations.bucket: {url}{in_memory}",
    )  # fmt: skip


def _hook(theirs: ForeignValues, found: ImportResult) -> None:
    """Import an incoming webhook: of Slack, or of another server that takes the same messages."""
    if not (hook := theirs.text("webhook_url")):
        return
    wrong = theirs.wrong("webhook_url", "the address of an incoming webhook, such as https://example.org/hooks/KEY")
    try:
        parts = urlsplit(hook)
        is_usable = bool(parts.hostname) and parts.scheme in ("http", "https") and "@" not in parts.netloc
        is_usable &= parts.port != 0
    except ValueError:
        raise wrong from None
    if not is_usable or re.search(r"\s", hook):
        raise wrong
    ours = re.fullmatch(r"/services/([^/]+/[^/]+/[^/]+)/?", parts.path)
    if parts.hostname == "hooks.slack.com" and ours and not parts.query:
        url = f"slack://{found.secret('slack_hook', ours[1])}"
    else:
        rest = found.secret("slack_hook", hook.split("://", 1)[1].removeprefix(parts.netloc).lstrip("/"))
        url = f"slack+{parts.scheme}://{parts.netloc}/{rest}"
    found.put("webhook_url", "notifiers.slack", {"url": url, **_ONE_POST}, f"notifiers.slack: {url}")


def _away(theirs: ForeignValues, found: ImportResult) -> None:
    """Import presence: notify and upload only while everyone is away."""
    addresses = theirs.values.get("disable_recording_for_ips", [])
    if not isinstance(addresses, list) or not all(isinstance(one, str) for one in addresses):
        raise theirs.wrong("disable_recording_for_ips", 'a list of addresses, such as ["192.168.1.50"]')
    if not addresses:
        if "disable_recording_for_ips" in theirs.values:
            found.left["disable_recording_for_ips"] = "empty: no address is pinged"
        return
    presence: dict[str, Any] = {"ping": list(addresses), "away_after": "60 s"}
    found.put("disable_recording_for_ips", "modes.presence", presence)
    actions = [*(["notify no one"] if "notifiers" in found.settings else [])]
    actions += ["don't upload"] if "destinations" in found.settings else []
    if actions:
        found.settings["rules"] = [{"when": {"mode": "home"}, "do": actions}]
    reason = f"modes.presence.ping; at home: {', '.join(actions) or 'nothing to do'}"
    found.became["disable_recording_for_ips"] = reason
