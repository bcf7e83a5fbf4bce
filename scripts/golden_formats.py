"""Writes tests/golden/formats/: one small fixture of each file format, made by the recorder itself in half a minute.

.venv/bin/python -m scripts.golden_formats

Times and ids differ at each run, so run it only when a format is extended on purpose; `expected.json` lists what the
fixtures hold. Their keys protect nothing: see tests/golden/fixture_key.py.
"""

import hashlib
import json
import os
import shutil
import socket
import sys
import tempfile
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

from tawny.cli.encryption import lock_key
from tawny.cli.main import main as tawny
from tawny.service.sealing.sealing_service import write_secret_file
from tawny.testing.clips import ClipSpec, clip_file
from tawny.testing.http_service import StandIn, served
from tawny.testing.waiting import until
from tests.golden.contents import list_contents, list_databases
from tests.golden.fixture_key import PASSPHRASE, fixture_identity, hide_keys
from tests.golden.whole import WAIT_S, Client, run_recorder, wait_for_event

ROOT = Path(__file__).parent.parent

FORMATS = ROOT / "tests" / "golden" / "formats"
NOT_KEPT = shutil.ignore_patterns("lock", "control", "reserve", "*-wal", "*-shm")
"""Files that only a running recorder needs, and 16 MB that it reserves."""
MAX_BYTES = 1_500_000
CAMERAS = """
[cameras.{camera}]
source = "{large}"
sub = "{small}"
post = "1 s"
file.loop = true
"""


def use_everything(client: Client) -> None:
    """Do what leaves something in each of the databases and folders."""
    event = wait_for_event(client)
    client.send("PATCH", f"events/{event['id']}", kept=True, reviewed=True)
    span = {"from_ms": event["start_ms"], "to_ms": event["end_ms"]}
    client.send("POST", "clips", cameras=["door"], kind="mp4", **span)
    until(lambda: {one["state"] for one in client.get("clips")["items"]} == {"done"}, WAIT_S, "the clip")
    clip = client.get("clips")["items"][0]
    client.send("PATCH", f"clips/{clip['id']}", kept=True)
    client.send("POST", "shares", camera="door", clip=clip["id"], **span)
    client.send("POST", "people", name="Ben", role="viewer", cameras=["door"])
    client.send("POST", "passes", name="Television", cameras=["door"])
    secret = client.send("POST", "passes", name="Cabin", brings_bytes=1_000_000)["secret"]
    client.bring(secret, "cabin/note.txt", b"brought by another recorder\n")
    client.send("PUT", "mode", mode="away")
    client.send("PUT", "cameras/door/hold", what="record")


def write_settings(path: Path, more: str, camera: str) -> Path:
    large = clip_file(ClipSpec(seconds=6, sound="aac", width=160, height=120, detail=4))
    small = clip_file(ClipSpec(seconds=6, width=96, height=72, fps=5, detail=4))
    web = '[web]\nlisten = "127.0.0.1:0"\n'
    path.write_text(web + more + CAMERAS.format(camera=camera, large=large, small=small), encoding="utf-8")
    return path


def make_plain(work: Path) -> None:
    """A recorder's folder after two runs, and evidence of its first recording."""
    data = work / "plain"
    with served(StandIn()) as service:
        notifier = f'[notifiers.hook]\nurl = "webhook+{service.base}/hook"\n'
        config = write_settings(work / "plain.toml", notifier, "door")
        run_recorder(config, data, use_everything)
        run_recorder(config, data, lambda _: None)  # it states the end of the first run
    first = list_contents(data)["segments"][0]
    words = ["--camera", "door", "--from", first["start"], "--to", first["end"], "--data", str(data)]
    assert tawny(["export", *words, "--evidence", "--output", str(work / "evidence")]) == 0


def make_sealed(work: Path) -> None:
    """A recorder's folder whose only camera is sealed to the fixture's keys."""
    data, owner, recovery = work / "sealed", fixture_identity("owner"), fixture_identity("recovery")
    keys = f'[sealed]\nrecipients = ["{owner.recipient}"]\nrecovery = "{recovery.recipient}"\n'
    config = write_settings(work / "sealed.toml", f"{keys}[storage]\nsealed = true\n", "safe")
    write_secret_file(data / "keys" / "owner.age", lock_key(owner, PASSPHRASE))
    run_recorder(config, data, wait_for_event)
    run_recorder(config, data, lambda _: None)


def list_unsealed(work: Path) -> dict[str, str]:
    """Return the SHA-256 of each film and picture that the owner's key opens."""
    key, opened = work / "key", work / "opened"
    key.write_text(fixture_identity("owner").text, encoding="utf-8")
    assert tawny(["unseal", str(work / "sealed"), "--key", str(key), "--output", str(opened)]) == 0
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(opened.iterdir())}


def read_verdict(evidence: Path) -> dict[str, Any]:
    """Return what `tawny verify` says of the evidence."""
    output = StringIO()
    with redirect_stdout(output):
        tawny(["verify", str(evidence), "--json"])
    verdict: dict[str, Any] = json.loads(output.getvalue())
    return {key: verdict[key] for key in ("fingerprint", "camera", "from", "to")}


def main() -> int:
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        socket.gethostname = lambda: "fixture"  # stands in evidence
        os.environ |= {"XDG_CONFIG_HOME": name, "XDG_DATA_HOME": name, "HOME": name}
        make_plain(work)
        make_sealed(work)
        assert tawny(["init", "--config", str(work / "tawny.toml")]) == 0
        shutil.rmtree(FORMATS, ignore_errors=True)
        for folder in ("plain", "sealed", "evidence"):
            shutil.copytree(work / folder, FORMATS / folder, ignore=NOT_KEPT)
            hide_keys(FORMATS / folder)
        shutil.copy(work / "tawny.toml", FORMATS)
        expected = {
            folder: list_contents(work / folder) | {"databases": list_databases(work / folder)}
            for folder in ("plain", "sealed")
        }
        expected["sealed"]["unsealed"] = list_unsealed(work)
        expected["evidence"] = read_verdict(work / "evidence")
    (FORMATS / "expected.json").write_text(json.dumps(expected, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    size = sum(path.stat().st_size for path in FORMATS.rglob("*") if path.is_file())
    print(f"{size} bytes in {FORMATS.relative_to(ROOT)}")
    return 0 if size <= MAX_BYTES else 1


if __name__ == "__main__":
    sys.exit(main())
