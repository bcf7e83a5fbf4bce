"""A recorder behind a router that translates addresses: it joins by the code before its camera, and is seen at the hub.

Real programs in network namespaces: the hub here, the recorder in a home whose router lets nothing in. The figures that
are promised are measured by `benchmarks/fleet_cost.py`; a busy machine has more time here.
"""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.sync.client import connect
from websockets.typing import Origin

from tawny.testing.waiting import until
from tests.e2e.conftest import LINK, OURS, OWNER
from tests.fleet.codes import film
from tests.support.behind_nat import Nat, behind_nat, missing
from tests.support.processes import ended

TAWNY = str(Path(sys.executable).with_name("tawny"))
SHED = """
[web]
name = "Shed"
[cameras.gate]
source = "file:{film}"
file.loop = true
detection.detector = "off"
"""
CUT_S = 60.0
KEYFRAME_BYTES = 20_000
"""A keyframe of the film has more."""
BUSY = 3
"""How many times as long as promised it may take while other tests run."""


@dataclass
class Home:
    """The hub with its owner, and the recorder in its home."""

    nat: Nat
    folder: Path
    hub: httpx.Client
    joined: dict[str, Any] = field(default_factory=dict)
    took_s: float = 0.0
    """From the command to the moment in which the hub shows the recorder as online."""

    def command(self, *words: str) -> dict[str, Any]:
        """Run a command of the recorder, in its home."""
        where = ["--config", str(self.folder / "tawny.toml"), "--data", str(self.folder / "data"), "--json"]
        done = subprocess.run(
            self.nat.in_home(TAWNY, *words, *where), capture_output=True, timeout=180, stdin=subprocess.DEVNULL
        )
        assert done.returncode == 0, done.stdout + done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def box(self) -> dict[str, Any] | None:
        found: list[dict[str, Any]] = self.hub.get("/api/v1/fleet").json()["boxes"]
        return found[0] if found else None

    def is_online(self) -> bool:
        box = self.box()
        return box is not None and bool(box["online"])

    def lane(self) -> dict[str, Any]:
        """The camera's line in the recorder's timeline, as the hub shows it."""
        now_ms = int(time.time() * 1000)
        answer = self.hub.get(f"/boxes/shed/api/v1/timeline?from_ms={now_ms - 600_000}&to_ms={now_ms}")
        assert answer.status_code == 200, answer.text
        lane: dict[str, Any] = answer.json()["cameras"][0]
        return lane

    def events(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.hub.get("/api/v1/fleet/events").json()["events"]
        return found

    def recorded_bytes(self) -> int:
        return sum(one.stat().st_size for one in (self.folder / "data" / "gate").rglob("*") if one.is_file())


@contextmanager
def running(folder: Path, text: str, listen: str, inside: Nat | None = None) -> Iterator[tuple[str, str]]:
    """Run tawny; yield its address and the token of its setup link. It must end well."""
    folder.mkdir(exist_ok=True)
    (folder / "tawny.toml").write_text(text)
    words = [TAWNY, "run", "--config", str(folder / "tawny.toml"), "--data", str(folder / "data"), "--listen", listen]
    log = folder / "tawny.log"
    with log.open("wb") as out:
        command = inside.in_home(*words) if inside else words
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    try:
        until(lambda: LINK.search(log.read_text()) or process.poll() is not None, 120, "the one-time link")
        found = LINK.search(log.read_text())
        assert found, log.read_text()
        yield found[1], found[0].partition("#token=")[2]
        assert "/join#" not in log.read_text()
    finally:
        code = ended(process)
    assert code == 0, log.read_text()
    assert "Traceback" not in log.read_text(), log.read_text()


@contextmanager
def home_at_hub(folder: Path) -> Iterator[Home]:
    """The recorder has not joined yet; the code of a link is before its camera."""
    with ExitStack() as stack:
        nat = stack.enter_context(behind_nat())
        settings = '[hub]\nenabled = true\n[web]\nname = "Hub"\n'
        base, token = stack.enter_context(running(folder / "hub", settings, f"{nat.hub}:0"))
        hub = stack.enter_context(httpx.Client(base_url=base, headers={**OURS, "Origin": base}, timeout=60))
        claimed = hub.post("/api/v1/setup/claim", json={"token": token, **OWNER})
        assert claimed.is_success, claimed.text
        link = hub.post("/api/v1/fleet/invitations").json()["links"][0]
        shown = folder / "code.mp4"
        film(shown, link)
        stack.enter_context(running(folder / "shed", SHED.format(film=shown), "127.0.0.1:0", nat))
        yield Home(nat, folder / "shed", hub)


def join(home: Home) -> None:
    begun_s = time.monotonic()
    home.joined = home.command("fleet", "join", "--camera", "gate", "--yes")
    until(home.is_online, 60, "the recorder to be online")
    home.took_s = time.monotonic() - begun_s


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    if why_not := missing():
        pytest.skip(why_not)
    with home_at_hub(tmp_path_factory.mktemp("nat")) as made:
        until(lambda: made.recorded_bytes() > 0, 60, "the camera to be recorded")
        join(made)
        yield made


def live_after_s(home: Home) -> float:
    """Ask the hub for the recorder's live video; return after how many seconds a keyframe came."""
    cookies = "; ".join(f"{name}={value}" for name, value in home.hub.cookies.items())
    base = str(home.hub.base_url).rstrip("/")
    begun_s = time.monotonic()
    with connect(
        f"{base.replace('http', 'ws', 1)}/boxes/shed/api/v1/cameras/gate/live",
        additional_headers={"Cookie": cookies, "X-Tawny": "1"},
        origin=Origin(base),
        max_size=None,
    ) as live:
        received = 0
        while received < KEYFRAME_BYTES:
            message = live.recv(timeout=60)
            received += len(message) if isinstance(message, bytes) else 0
        return time.monotonic() - begun_s


@pytest.mark.shows("SC4", "SC5")
def test_sc5_it_joins_by_the_code_before_its_camera(home: Home) -> None:
    box = home.box()
    assert box is not None
    assert (box["words"], box["name"]) == (home.joined["words"], "Shed")


def test_nothing_reaches_it_from_outside(home: Home) -> None:
    serving = home.nat.in_home(sys.executable, "-m", "http.server", "8080", "--bind", home.nat.inside)
    process = subprocess.Popen(serving, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        asking = f"import socket; socket.create_connection(('{home.nat.inside}', 8080), 2)"
        inside = home.nat.in_home(sys.executable, "-c", asking)
        until(lambda: subprocess.run(inside, stderr=subprocess.DEVNULL).returncode == 0, 30, "the page in the home")
        with socket.socket() as outside:
            outside.settimeout(2)
            assert outside.connect_ex((home.nat.inside, 8080)) != 0
    finally:
        process.terminate()
        process.wait(20)


@pytest.mark.shows("SC7")
def test_its_live_video_and_its_timeline_are_at_the_hub(home: Home) -> None:
    assert live_after_s(home) < 60
    home.command("pause", "gate", "--for", "1 s")
    until(lambda: any(gap["reason"] == "privacy" for gap in home.lane()["gaps"]), 60, "the gap")
    assert sum(end - begin for begin, end in home.lane()["spans"]) > 3_000


@pytest.mark.shows("SC23")
def test_no_video_leaves_it_unless_somebody_asks(home: Home) -> None:
    until(home.is_online, 60, "the recorder to be online")
    sent, stored = home.nat.sent_bytes(), home.recorded_bytes()
    until(lambda: home.recorded_bytes() - stored > 2_000_000, 120, "2 MB of video")
    sent = home.nat.sent_bytes() - sent
    assert sent < (home.recorded_bytes() - stored) / 10, sent
    before = home.nat.sent_bytes()
    live_after_s(home)
    assert home.nat.sent_bytes() - before > 10_000


def cut_and_return(home: Home, lasts_s: float) -> float:
    """Pull the cable, let something happen, plug it in; return after how many seconds the hub knew it."""
    until(home.is_online, 60, "the recorder to be online")
    known, cut_ms = {one["id"] for one in home.events()}, int(time.time() * 1000)
    home.nat.cut()
    try:
        begun_s = time.monotonic()
        until(lambda: not home.is_online(), 5 * BUSY, "the hub to notice")
        home.command("event", "open", "gate", "--kind", "bell", "--for", "1 s")
        assert home.hub.get("/boxes/shed/api/v1/health").status_code == 503
        until(lambda: time.monotonic() - begun_s > lasts_s, lasts_s + 30, "the end of the outage")
        assert {one["id"] for one in home.events()} == known
    finally:
        home.nat.mend()
    begun_s, ended_ms = time.monotonic(), int(time.time() * 1000)
    until(lambda: {one["id"] for one in home.events()} - known, 60 * BUSY, "what happened meanwhile")
    took_s = time.monotonic() - begun_s
    gaps = [(gap["begin_ms"], gap["end_ms"] or ended_ms) for gap in home.lane()["gaps"]]
    assert not [gap for gap in gaps if gap[0] < ended_ms and gap[1] > cut_ms], "it recorded all the time"
    return took_s


@pytest.mark.shows("SC8")
def test_what_happened_while_the_cable_was_out_is_at_the_hub_afterwards(home: Home) -> None:
    assert cut_and_return(home, 0.0) < 60 * BUSY


@pytest.mark.long
def test_what_happened_in_a_minute_without_a_cable_is_there_within_another(home: Home) -> None:
    assert cut_and_return(home, CUT_S) < 60


def test_zz_a_revoked_recorder_is_out_within_a_second(home: Home) -> None:
    until(home.is_online, 60, "the recorder to be online")
    begun_s = time.monotonic()
    assert home.hub.delete("/api/v1/fleet/boxes/shed").status_code == 204
    assert home.hub.get("/boxes/shed/api/v1/health").status_code in (404, 503)
    assert time.monotonic() - begun_s < 1 * BUSY
    assert home.box() is None
