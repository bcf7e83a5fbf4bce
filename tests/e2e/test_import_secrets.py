"""What other recorders had in clear: after `tawny import` and a run, only files of mode 600 hold a secret of it."""

import http.client
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, unquote

import pytest

from tawny.api.application import description
from tests.e2e.conftest import Tawny, tawny

CLOSED = "127.0.0.1:1"
SETTINGS = {
    "diycam": f"""
sensitivity=4
cameras[plain]="rtsp://admin:pLanted0@{CLOSED}/main"
cameras[slash]="rtsp://admin:pLanted1/pLanted2@{CLOSED}/main"
cameras[question]="rtsp://admin:pLanted3?pLanted4@{CLOSED}/main"
cameras[hash]="rtsp://admin:pLanted5#pLanted6@{CLOSED}/main"
cameras[path]="rtsp://{CLOSED}/user=admin&password=pLanted7/pLanted8&channel=1&stream=0.sdp?real_stream"
cameras[query]="rtsp://{CLOSED}/live?user=admin&pwd=pLanted9#pLantedA"
cameras[key]="rtsp://{CLOSED}/pLanted0Key1Of2Path"
""",
    "rom-cam": f"""
name = "door"
device = "rtsp://admin:pLantedB/pLantedC@{CLOSED}/main"
bucket = "pictures"
webhook_url = "https://hooks.slack.com/services/T000/B000/pLantedD"
[aws_creds]
access_key_id = "pLantedE"
secret_access_key = "pLantedF/pLantedG"
""",
    "ropey-cam": "[ropey]\nvideo_width = 640\ncamera_title = Yard\n",
    "sudocam": """{
  "cameraName": "Yard", "addr": "https://127.0.0.1:1", "record_dir": "/nowhere", "token": "pLantedL.pLantedM",
  "userConfig": {"recording_type": 2}
}
""",
    "pancake": """
recorder.py --port 8100 --record-detection all /nowhere --detect no-image --login admin:pLantedH
post.py post --convert /nowhere 30 --upload-ftp 127.0.0.1 1 me pLantedI/pLantedJ cam --notify-telegram 1:pLantedK 42
""",
}
MARK = "pLanted"
WITH_SECRETS = ("diycam", "rom-cam", "pancake")
"""Ropey-Cam has none, and SudoCam's is of its own server alone."""


@dataclass
class House:
    folder: Path
    said: dict[str, str] = field(default_factory=dict)

    def command(self, *words: str) -> str:
        program = str(Path(sys.executable).with_name("tawny"))
        done = subprocess.run(
            [program, *words], cwd=self.folder, capture_output=True, timeout=120, check=False, umask=0
        )
        text = (done.stdout + done.stderr).decode(errors="replace")
        self.said[f"tawny {' '.join(words)}"] = text
        return text

    def holds_secrets(self) -> bool:
        """Whether tawny wrote one anywhere: what no file has, no recorder can show."""
        files = [path for path in self.folder.rglob("*") if path.is_file() and path.name != "theirs"]
        return any(MARK in unquote(path.read_text()) for path in files)

    def leaks(self) -> list[str]:
        """Return where a secret is seen: in an output, or in a file that others may read."""
        found = [where for where, text in self.said.items() if MARK in text or MARK in unquote(text)]
        for path in self.folder.rglob("*"):
            if path.is_file() and path.name != "theirs" and MARK.encode() in path.read_bytes():
                mode = path.stat().st_mode & 0o777
                found += [f"{path.relative_to(self.folder)} ({mode:o})"] if mode & 0o077 else []
        return found


@contextmanager
def running(house: House) -> Iterator[Tawny]:
    before = os.umask(0)
    try:
        yield from tawny("run", "--config", "tawny.toml", "--listen", "127.0.0.1:0", folder=house.folder / "data")
    finally:
        os.umask(before)


def walk(house: House, started: Tawny) -> list[str]:
    """Read every address of the API as an owner, for each camera. Return the cameras."""
    line = http.client.HTTPConnection(started.base.removeprefix("http://"), timeout=60)
    ours = {"X-Tawny": "1", "Origin": started.base, "Content-Type": "application/json"}
    claim = {"token": started.link.partition("token=")[2], "name": "Anna", "password": "correct horse battery"}

    def ask(method: str, path: str, body: object = None) -> str:
        line.request(method, path, None if body is None else json.dumps(body).encode(), ours)
        answer = line.getresponse()
        ours.setdefault("Cookie", (answer.getheader("Set-Cookie") or "").partition(";")[0])
        house.said[f"{method} {path}"] = text = answer.read().decode(errors="replace")
        return f"{answer.status} {text}"

    assert ask("POST", "/api/v1/setup/claim", claim).startswith("200")
    ask("GET", "/api/v1/cameras")
    cameras = [str(one["id"]) for one in json.loads(house.said["GET /api/v1/cameras"])["items"]]
    for path, methods in sorted(description()["paths"].items()):
        if "get" in methods and not path.endswith("/mjpeg"):
            for camera in cameras if "{camera}" in path else [""]:
                real = path.replace("{camera}", camera)
                ask("GET", re.sub(r"\{\w+(:\w+)?\}", "none", real))
    line.close()
    return cameras


@pytest.mark.parametrize("system", SETTINGS)
def test_only_files_for_the_owner_hold_a_secret(system: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    house = House(tmp_path)
    (tmp_path / "theirs").write_text(SETTINGS[system])
    assert "Created" in house.command("import", "theirs"), house.said
    house.command("import", "theirs", "--dry-run")
    house.command("import", "theirs", "--dry-run", "--json")
    assert house.leaks() == [], {where: house.said.get(where, "") for where in house.leaks()}
    assert house.holds_secrets() == (tmp_path / "secrets.toml").exists() == (system in WITH_SECRETS)
    if not house.holds_secrets():
        return
    settings = (tmp_path / "tawny.toml").read_text()
    (tmp_path / "tawny.toml").write_text(
        settings.replace('"/nowhere', f'"{tmp_path}/data').replace(
            "region=us-east-1", f"region=us-east-1&endpoint={quote(f'http://{CLOSED}', safe='')}"
        )
    )
    with running(house) as started:
        cameras = walk(house, started)
        with ThreadPoolExecutor() as at_once:  # each report probes for seconds
            for camera in cameras[-3:]:
                at_once.submit(house.command, "cameras", "report", camera, "--data", "data")
            for words in (("status",), ("status", "--json"), ("uploads", "list", "--json")):
                at_once.submit(house.command, *words, "--data", "data")
            for words in (("config", "show"), ("config", "show", "--json"), ("config", "check")):
                at_once.submit(house.command, *words)
    house.said["the log"] = (tmp_path / "data.log").read_text()
    assert cameras
    assert house.leaks() == [], {where: house.said.get(where, "") for where in house.leaks()}
