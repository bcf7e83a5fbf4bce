"""tawny as an add-on of Home Assistant: what the add-on's page says becomes settings, then tawny runs in this place.

`tawny.toml` is written once and is then its owner's, except that `[mqtt]` is added once, when there is a broker. What
Home Assistant says of its broker is written at each start, as secrets next to it. It starts as root, to whom the
Supervisor's folders belong, gives them to a user without rights and goes on as that user. Only the standard library:
this runs before anything else.
"""

import json
import os
import pwd
import subprocess
import sys
import tomllib
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import quote

OPTIONS = "/data/options.json"
CONFIG = "/config"
MEDIA = "/media/tawny"
SUPERVISOR = "http://supervisor"
LISTEN = "0.0.0.0:8000"
INGRESS = "172.30.32.2"
"""Home Assistant's own reverse proxy."""
HOST = "homeassistant"
"""The name of Home Assistant's computer, if the Supervisor doesn't say another."""
OWNER = "Home"
USER = "tawny"
MQTT_LATER = "# The add-on puts [mqtt] in place of this line once Home Assistant has an MQTT broker."
DEVICES = ("/dev/video*", "/dev/media*", "/dev/dri/*")


def main(environ: dict[str, str]) -> None:
    options = json.loads(Path(environ.get("ADDON_OPTIONS", OPTIONS)).read_text(encoding="utf-8"))
    config = Path(environ.get("ADDON_CONFIG", CONFIG))
    media = Path(environ.get("ADDON_MEDIA", MEDIA))
    config.mkdir(parents=True, exist_ok=True)
    media.mkdir(parents=True, exist_ok=True)
    broker = broker_of(environ.get("ADDON_SUPERVISOR", SUPERVISOR), environ.get("SUPERVISOR_TOKEN", ""))
    if broker:
        write_secrets(config / "secrets.toml", {"MQTT_URL": broker})
    settings = config / "tawny.toml"
    if not settings.exists():
        listen = environ.get("ADDON_LISTEN", LISTEN)
        settings.write_text(first_settings(options, media, listen, has_broker=bool(broker)), encoding="utf-8")
    elif broker:
        add_mqtt(settings, options)
    folders = [config, media]
    if is_used(settings, options["recordings"]):
        Path(options["recordings"], "history").mkdir(parents=True, exist_ok=True)  # there, people can be named
        folders.append(Path(options["recordings"]))
    become(environ.get("ADDON_USER", USER), folders)
    tawny = str(Path(sys.executable).with_name("tawny"))
    known = [tawny, "user", "list", "--json", "--config", str(settings)]
    people = subprocess.run(known, capture_output=True, check=False)
    if people.returncode == 0 and b'"owner"' not in people.stdout:  # what fails here, `tawny run` explains
        made = [tawny, "user", "add", OWNER, "--role", "owner", "--config", str(settings)]
        if subprocess.run(made, check=False).returncode == 0:
            print("Put your Home Assistant's name in the place of the address in that link.", flush=True)
    clean = {key: value for key, value in environ.items() if key != "SUPERVISOR_TOKEN"} | {"HOME": str(config)}
    clean["TAWNY_HOST_NAME"] = host_of(environ.get("ADDON_SUPERVISOR", SUPERVISOR), environ.get("SUPERVISOR_TOKEN", ""))
    os.execve(tawny, [tawny, "run", "--config", str(settings)], clean)


def become(name: str, folders: list[Path]) -> None:
    """Give the folders to this user, and be it from now on, with the groups of cameras and decoders.

    What has another owner is given once: the folders of an earlier version of the add-on were root's.
    """
    user = pwd.getpwnam(name)
    if os.geteuid() == user.pw_uid:
        return
    for folder in folders:
        for path in (folder, *folder.rglob("*")):
            if path.lstat().st_uid != user.pw_uid:
                os.chown(path, user.pw_uid, user.pw_gid, follow_symlinks=False)
    devices = [path for pattern in DEVICES for path in Path("/").glob(pattern.removeprefix("/"))]
    os.setgroups(sorted({path.stat().st_gid for path in devices} - {0}))
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)
    os.umask(0o077)


def broker_of(supervisor: str, token: str) -> str:
    """The address of Home Assistant's MQTT broker; empty where there is none."""
    data = told_by(supervisor, token, "services/mqtt")
    if not data:
        return ""
    scheme = "mqtts" if data.get("ssl") else "mqtt"
    login = f"{quote(str(data.get('username', '')), safe='')}:{quote(str(data.get('password', '')), safe='')}"
    return f"{scheme}://{login}@{data['host']}:{data['port']}/tawny"


def host_of(supervisor: str, token: str) -> str:
    """The name of Home Assistant's computer, under which browsers open this add-on."""
    return str(told_by(supervisor, token, "info").get("hostname") or HOST)


def told_by(supervisor: str, token: str, path: str) -> dict[str, Any]:
    """An answer of the Supervisor; empty where there is none."""
    asked = urllib.request.Request(f"{supervisor}/{path}", headers={"Authorization": f"Bearer {token}"})
    try:
        with urllib.request.urlopen(asked, timeout=10) as answer:
            return dict(json.load(answer)["data"])
    except (OSError, ValueError, KeyError, TypeError, urllib.error.URLError):
        return {}


def write_secrets(path: Path, ours: dict[str, str]) -> None:
    """Our lines in place of what they were; the owner's stay."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    kept = [line for line in lines if line.partition("=")[0].strip() not in ours]
    path.touch(mode=0o600)
    path.chmod(0o600)
    new = [f"{name} = {json.dumps(value)}" for name, value in ours.items()]
    path.write_text("\n".join([*kept, *new]) + "\n", encoding="utf-8")


def is_used(settings: Path, recordings: str) -> bool:
    """Whether tawny records to this folder; if not, the log says so, because the option alone moves nothing."""
    found = known_settings(settings)
    if found is None:
        return True
    storage = found.get("storage")
    path = storage.get("path", "none") if isinstance(storage, dict) else "none"
    if Path(str(path)) == Path(recordings):
        return True
    print(
        f"The option recordings ({recordings}) has no effect: tawny.toml has another path under [storage] ({path}). "
        "Change it there as well. What has been recorded stays where it is.",
        flush=True,
    )
    return False


def add_mqtt(settings: Path, options: dict[str, Any]) -> None:
    """Add `[mqtt]` to settings that were written before there was a broker. Others are the owner's: the log says so."""
    found = known_settings(settings)
    if found is None or "mqtt" in found:
        return
    text = settings.read_text(encoding="utf-8")
    if MQTT_LATER not in text:
        print(
            'Home Assistant has an MQTT broker. To use it, add [mqtt] with url = "${MQTT_URL}" to tawny.toml.',
            flush=True,
        )
        return
    settings.write_text(text.replace(MQTT_LATER, mqtt_settings(options)), encoding="utf-8")
    print("Home Assistant has an MQTT broker now: [mqtt] was added to tawny.toml.", flush=True)


def known_settings(settings: Path) -> dict[str, Any] | None:
    """The settings as they are; None if they can't be read, which tawny says."""
    try:
        return tomllib.loads(settings.read_text(encoding="utf-8"))
    except ValueError:
        return None


def mqtt_settings(options: dict[str, Any]) -> str:
    return f'[mqtt]\nurl = "${{MQTT_URL}}"\npermissions = {json.dumps(options["may"])}'


def first_settings(options: dict[str, object], media: Path, listen: str, *, has_broker: bool) -> str:
    """As plain as can be; docs/ and the interface tell the rest."""
    mqtt = mqtt_settings(options) if has_broker else MQTT_LATER
    return f"""# tawny's settings. Yours from now on: change them here or in the interface.

[web]
listen = "{listen}"
proxies = ["{INGRESS}"]

[storage]
path = {json.dumps(options["recordings"])}

# Clips of events for Home Assistant's media browser: Media, My media, tawny.
[destinations.media]
url = {json.dumps(f"folder:{media}")}
retention = "{options["clips_days"]} days"

{mqtt}

# Something to look at, until you have named your own as below.
[cameras.demo]
source = "demo:garden"

# [cameras.front-door]
# source = "rtsp://admin:${{FRONT_DOOR}}@192.168.1.20/main"     # FRONT_DOOR = "…" in secrets.toml beside this file
# sub = "rtsp://admin:${{FRONT_DOOR}}@192.168.1.20/sub"
"""


if __name__ == "__main__":
    main(dict(os.environ))
