"""A real tawny with a demo camera is killed in the midst of sending, again and again: each event arrives once.

The short run of it is tests/delivery/test_killed.py: the outbox and its courier in a process of their own.
"""

import json
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tawny.testing.waiting import until
from tests.delivery.destinations.servers import dav_server
from tests.faults.figures import note
from tests.support.network_relay import NetworkRelay, tcp_line

PASSWORD = "pLantedS3cret"
TAWNY = Path(sys.executable).with_name("tawny")
SLOW = 400_000
"""Bytes a second towards us are as they are; what is answered comes late, so that a delivery takes a while."""


def settings(port: int, detector: str) -> str:
    return (
        '[web]\nlisten = "127.0.0.1:0"\n'
        f'[destinations.cloud]\nurl = "dav://cam:{PASSWORD}@127.0.0.1:{port}/"\nlimit = "{SLOW // 1000} kB"\n'
        f'[cameras.front]\nsource = "demo:front"\npost = "1 s"\ndetection.detector = "{detector}"\n'
    )


def started(home: Path) -> subprocess.Popen[bytes]:
    """Once it says that it records."""
    log = home / f"{time.monotonic_ns()}.log"
    command = [str(TAWNY), "run", "--config", str(home / "tawny.toml"), "--data", str(home / "data")]
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    try:
        until(lambda: b"recording to" in log.read_bytes(), 180, "a start")
    except AssertionError:
        process.kill()
        raise
    return process


def told(home: Path, *words: str) -> str:
    command = [str(TAWNY), *words, "--data", str(home / "data"), "--json"]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False).stdout


def waiting(home: Path) -> int:
    return int(json.loads(told(home, "status") or "{}").get("outbox", {}).get("waiting", 1))


@pytest.mark.long
@pytest.mark.parametrize("kills", [4, 50])
def test_each_event_arrives_once_under_its_name(tmp_path: Path, kills: int) -> None:
    there, home, chance = tmp_path / "there", tmp_path / "home", random.Random(kills)
    there.mkdir()
    home.mkdir()
    with dav_server(there, PASSWORD) as port, tcp_line(("127.0.0.1", port), NetworkRelay(delay_s=0.05)) as line:
        (home / "tawny.toml").write_text(settings(line.port, "motion"))
        for _ in range(kills):
            process = started(home)
            time.sleep(chance.uniform(8.0, 30.0))  # something happens every half minute, and is sent for a while
            process.send_signal(signal.SIGKILL)
            process.wait(30)
        (home / "tawny.toml").write_text(settings(line.port, "off"))
        process = started(home)
        try:
            until(lambda: waiting(home) == 0, 120, "that nothing waits")
            events = [json.loads(line) for line in told(home, "events").splitlines()]
        finally:
            process.terminate()
            process.wait(30)
    found = sorted(path.name for path in there.rglob("*") if path.is_file())
    listed = [one["id"] for one in events]
    assert len(listed) >= 1
    expected = sorted(f"{one[:15]}{one[18:]}.{kind}" for one in listed for kind in ("jpg", "mp4"))  # to the second
    assert [name for name in found if not re.search(r"\.\d{3}\.mp4$|\.txt$", name)] == expected  # pieces, witnesses
    for clip in there.rglob("*.mp4"):
        command = ["ffmpeg", "-v", "error", "-i", str(clip), "-f", "null", "-"]
        assert subprocess.run(command, capture_output=True, timeout=60, check=False).stderr == b""
    note("delivery-killed", kills=kills)
