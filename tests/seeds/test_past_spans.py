"""Past spans with quiet time in them, by the real program: as HLS, as clips and as evidence."""

import itertools
import json
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import av
import pytest

from tawny.testing.waiting import until
from tests.e2e.conftest import OURS, OWNER, Tawny, with_settings

SETTINGS = """[cameras.yard]
source = "demo:garden"
record = "events"
pre = "2 s"
post = "2 s"
detection.detector = "off"
"""


@dataclass
class House:
    """A camera that was recorded around two events. begin_ms, end_ms: a span around both."""

    tawny: Tawny
    cookie: str
    begin_ms: int = 0
    end_ms: int = 0

    def command(self, *words: str) -> dict[str, Any]:
        line = [str(Path(sys.executable).with_name("tawny")), *words, "--json"]
        folder = self.tawny.folder
        done = subprocess.run(
            [*line, "--config", str(folder.parent / "tawny.toml"), "--data", str(folder)],
            capture_output=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return dict(json.loads(done.stdout))

    def got(self, path: str) -> bytes:
        request = urllib.request.Request(f"{self.tawny.base}{path}", headers={"Cookie": self.cookie})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return bytes(answer.read())

    @property
    def span(self) -> tuple[str, ...]:
        """As options."""
        times = (f"{datetime.fromtimestamp(ms / 1000).astimezone().isoformat()}" for ms in (self.begin_ms, self.end_ms))
        return tuple(itertools.chain(*zip(("--from", "--to"), times, strict=True)))


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    for tawny in with_settings(tmp_path_factory.mktemp("past"), SETTINGS):
        claim = {"token": tawny.link.partition("#token=")[2], **OWNER}
        headers = {**OURS, "Origin": tawny.base, "Content-Type": "application/json"}
        request = urllib.request.Request(f"{tawny.base}/api/v1/setup/claim", json.dumps(claim).encode(), headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            made = House(tawny, str(answer.headers["Set-Cookie"]).partition(";")[0])
        for number in range(2):
            until(partial(is_quiet, made, number), 60, "quiet time")
            made.command("event", "open", "yard", "--kind", "person", "--key", f"e{number}", "--for", "4 s")
            until(partial(is_recording, made), 60, "a recording")
        until(partial(is_quiet, made, 2), 60, "the end")
        recorded = spans(made)
        made.begin_ms, made.end_ms = recorded[0]["from_ms"], recorded[-1]["to_ms"]
        yield made


def is_recording(house: House) -> bool:
    return bool(house.command("status")["cameras"][0]["state"] == "recording")


def is_quiet(house: House, events: int) -> bool:
    """For long enough that the next pre-roll does not reach back to the last of so far `events` events."""
    recorded = spans(house)
    now_ms = json.loads(house.got("/api/v1/time?from_ms=1000&to_ms=2000"))["now_ms"]
    is_waiting = house.command("status")["cameras"][0]["state"] == "waiting"
    is_known = len(recorded) == events
    return is_waiting and is_known and (not recorded or now_ms - recorded[-1]["to_ms"] > 7_000)


def spans(house: House) -> list[dict[str, int]]:
    """What was recorded, of the last ten minutes."""
    now_ms = json.loads(house.got("/api/v1/time?from_ms=1000&to_ms=2000"))["now_ms"]
    data = json.loads(house.got(f"/api/v1/timeline?from_ms={now_ms - 600_000}&to_ms={now_ms}&cameras=yard"))
    return [{"from_ms": begin, "to_ms": end} for begin, end in data["cameras"][0]["spans"]]


def quiet_s(house: House) -> float:
    """Not recorded between the events."""
    recorded = spans(house)
    return sum(after["from_ms"] - before["to_ms"] for before, after in itertools.pairwise(recorded)) / 1000


def test_sc22_hls_of_any_past_span_plays_with_right_durations_and_an_end(house: House) -> None:
    path = f"/api/v1/cameras/yard/hls/past.m3u8?from_ms={house.begin_ms}&to_ms={house.end_ms}"
    text = house.got(path).decode()
    assert text.endswith("#EXT-X-ENDLIST\n")
    assert text.count("#EXT-X-DISCONTINUITY") == len(spans(house)) - 1
    assert re.search(r"PROGRAM-DATE-TIME:\S+\.\d{3}Z", text)
    recorded_s = sum(one["to_ms"] - one["from_ms"] for one in spans(house)) / 1000
    listed_s = sum(float(one) for one in re.findall(r"#EXTINF:([\d.]+)", text))
    assert listed_s == pytest.approx(recorded_s, abs=2)
    line = ["ffmpeg", "-v", "error", "-headers", f"Cookie: {house.cookie}\r\n", "-i", f"{house.tawny.base}{path}"]
    done = subprocess.run([*line, "-map", "0:v", "-f", "framecrc", "-"], capture_output=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    frames = [one for one in done.stdout.decode().splitlines() if not one.startswith("#")]
    assert len(frames) == pytest.approx(len(stored(house)), abs=2)


def test_sc22_the_packets_are_those_on_the_disk(house: House) -> None:
    path = f"/api/v1/cameras/yard/hls/past.m3u8?from_ms={house.begin_ms}&to_ms={house.end_ms}"
    assert hashes("-headers", f"Cookie: {house.cookie}\r\n", "-i", f"{house.tawny.base}{path}") == stored(house)


def stored(house: House) -> list[str]:
    """The hashes of all packets on the disk."""
    paths = [path for path in sorted(house.tawny.folder.rglob("*.main.mp4")) if "open" not in path.name]
    return [one for path in paths for one in hashes("-i", str(path))]


def hashes(*source: str) -> list[str]:
    """Of each packet, in order."""
    line = ["ffmpeg", "-v", "error", *source, "-map", "0:v", "-c", "copy", "-f", "framemd5", "-"]
    done = subprocess.run(line, capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return [one.rpartition(",")[2].strip() for one in done.stdout.decode().splitlines() if not one.startswith("#")]


def test_a_clip_over_quiet_time_has_both_events_and_says_what_is_missing(house: House, tmp_path: Path) -> None:
    target = tmp_path / "both.mp4"
    result = house.command("export", "--camera", "yard", *house.span, "-o", str(target))
    assert {one["words"] for one in result["not_recorded"]} == {"Nothing happened"}
    assert sum(one["s"] for one in result["not_recorded"]) == pytest.approx(quiet_s(house), abs=2)
    with av.open(str(target)) as film:
        assert film.duration is not None
        assert film.duration / 1e6 == pytest.approx((house.end_ms - house.begin_ms) / 1000, abs=1)
        assert len([one for one in film.demux(video=0) if one.size]) == pytest.approx(len(stored(house)), abs=2)


def test_evidence_over_quiet_time_verifies_and_says_it(house: House, tmp_path: Path) -> None:
    house.tawny.process.terminate()  # at its end, the recorder signs what it has recorded since the last statement
    house.tawny.process.wait(30)
    target = tmp_path / "evidence"
    result = house.command("export", "--evidence", "--camera", "yard", *house.span, "-o", str(target))
    assert result["recordings"] >= 2
    assert {one["words"] for one in result["not_recorded"]} == {"Nothing happened"}
    assert '"reason":"waiting"' in (target / "manifest.json").read_text().replace(" ", "")
    line = [str(Path(sys.executable).with_name("tawny")), "verify", str(target), "--recorder", result["fingerprint"]]
    done = subprocess.run(line, capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()
