"""A hub and two recorders that reach each other only through a NATS server, in processes of their own."""

import base64
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.sync.client import connect
from websockets.typing import Origin

from tawny.fleet.identity import fingerprint, load_key
from tawny.testing.waiting import until
from tests.e2e.conftest import LINK, OURS, OWNER, SMALL_DEMO, with_settings
from tests.e2e.test_fleet import SETTINGS, command
from tests.support.nats import NatsServer, nats_server
from tests.support.ports import free_port
from tests.support.processes import ended

HUB = '[hub]\nenabled = true\n[hub.nats]\naddress = "{address}"\n[web]\nname = "Our houses"\n'
NAMES = ("beach", "town")


@dataclass
class Houses:
    """folders: of the hub and of each house, by name. joined: what `tawny fleet join` said, with its link."""

    folders: dict[str, Path]
    nats: NatsServer
    base: str
    hub: subprocess.Popen[bytes] = field(init=False)
    pages: httpx.Client = field(init=False)
    joined: dict[str, dict[str, Any]] = field(default_factory=dict)

    def start_hub(self) -> None:
        folder = self.folders["hub"]
        with (folder / "hub.log").open("ab") as out:
            words = ["--config", str(folder / "tawny.toml"), "--data", str(folder / "data"), "--listen", self.base[7:]]
            program = [sys.executable, "-P", str(SMALL_DEMO), "run", *words]
            self.hub = subprocess.Popen(program, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        until(self._answers, 120, "the hub")

    def claim(self) -> None:
        log = self.folders["hub"] / "hub.log"
        until(lambda: LINK.search(log.read_text()), 60, "the one-time link")
        found = LINK.search(log.read_text())
        assert found
        self.pages = httpx.Client(base_url=self.base, headers={**OURS, "Origin": self.base}, timeout=60)
        token = found[0].partition("#token=")[2]
        assert self.pages.post("/api/v1/setup/claim", json={"token": token, **OWNER}).is_success

    def are_online(self, *names: str) -> bool:
        boxes = {one["name"]: one["online"] for one in self.pages.get("/api/v1/fleet").json()["boxes"]}
        return all(boxes.get(name) for name in names)

    def ring(self, name: str, kind: str) -> None:
        command(self.folders[name], "event", "open", "front", "--kind", kind, "--for", "1 s")

    def events(self, *kinds: str) -> Counter[tuple[str, str]]:
        """Return how often each event of these types is at the hub, by recorder and type."""
        found = self.pages.get("/api/v1/fleet/events?limit=200").json()["events"]
        return Counter((one["box"], one["type"]) for one in found if one["type"] in kinds)

    def _answers(self) -> bool:
        assert self.hub.poll() is None, (self.folders["hub"] / "hub.log").read_text()
        try:
            return httpx.get(f"{self.base}/", timeout=5).is_success
        except httpx.TransportError:
            return False


@pytest.fixture(scope="module")
def houses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Houses]:
    folders = {name: tmp_path_factory.mktemp(name) for name in ("hub", *NAMES)}
    base = f"http://127.0.0.1:{free_port()}"
    with ExitStack() as stack:
        nats = stack.enter_context(nats_server())
        (folders["hub"] / "tawny.toml").write_text(HUB.format(address=nats.address))
        made = Houses(folders, nats, base)
        stack.callback(lambda: ended(made.hub))
        made.start_hub()
        made.claim()
        stack.callback(made.pages.close)
        for name in NAMES:
            stack.enter_context(contextmanager(with_settings)(folders[name], SETTINGS.format(name=name)))
            link = command(folders["hub"], "hub", "link")["link"]
            made.joined[name] = {"link": link, **command(folders[name], "fleet", "join", link)}
        until(lambda: made.are_online(*NAMES), 60, "both houses to be online")
        yield made


def test_a_link_leads_to_the_nats_server(houses: Houses) -> None:
    rows = {one["name"]: one["words"] for one in houses.pages.get("/api/v1/fleet").json()["boxes"]}
    for name in NAMES:
        joined = houses.joined[name]
        assert joined["link"].startswith(f"{houses.nats.address}/join#")
        assert (joined["hub"], joined["words"]) == (houses.nats.address, rows[name])
    on_page = houses.pages.post("/api/v1/fleet/invitations").json()["links"]
    assert [link.partition("/join#")[0] for link in on_page][:2] == [houses.nats.address, houses.base]


def test_live_video_timeline_and_events_come_through_it(houses: Houses) -> None:
    cookies = "; ".join(f"{name}={value}" for name, value in houses.pages.cookies.items())
    for name in NAMES:
        with connect(
            f"{houses.base.replace('http', 'ws', 1)}/boxes/{name}/api/v1/cameras/front/live",
            additional_headers={"Cookie": cookies, "X-Tawny": "1"},
            origin=Origin(houses.base),
            max_size=None,
        ) as live:
            received = 0
            while received < 100_000:
                message = live.recv(timeout=60)
                received += len(message) if isinstance(message, bytes) else 0
        now_ms = int(time.time() * 1000)
        days = houses.pages.get(f"/boxes/{name}/api/v1/timeline?from_ms={now_ms - 600_000}&to_ms={now_ms}").json()
        assert days["cameras"][0]["spans"]
        houses.ring(name, "bell")
    until(lambda: houses.events("bell") == {("beach", "bell"): 1, ("town", "bell"): 1}, 60, "the events")


def test_a_server_that_is_killed_and_restarted_loses_and_repeats_nothing(houses: Houses) -> None:
    houses.nats.kill()
    until(lambda: not (houses.are_online("beach") or houses.are_online("town")), 15, "both houses to be offline")
    refused = houses.pages.get("/boxes/beach/api/v1/health")
    assert (refused.status_code, refused.json()["code"]) == (503, "recorder_offline")
    for name in NAMES:
        houses.ring(name, "knock")
    houses.nats.start()
    until(lambda: len(houses.events("knock")) == 2, 90, "what happened meanwhile")
    assert houses.events("bell", "knock") == {(name, kind): 1 for name in NAMES for kind in ("bell", "knock")}


@pytest.mark.long
def test_a_hub_that_is_killed_gets_each_line_once(houses: Houses) -> None:
    kinds = ("rain", "hail", "storm")
    for kind in kinds:
        until(lambda: houses.are_online(*NAMES), 90, "both houses to be online")
        houses.ring("beach", kind)
        houses.hub.kill()
        houses.hub.wait()
        houses.ring("town", kind)
        houses.start_hub()
    until(lambda: len(houses.events(*kinds)) == 6, 90, "all events")
    assert set(houses.events(*kinds).values()) == {1}


def test_the_disk_of_a_house_names_no_other(houses: Houses) -> None:
    """A thief of one recorder learns nothing of the others, neither by name nor by key."""
    keys = {name: load_key(houses.folders[name] / "data") for name in NAMES}
    for mine, other in (NAMES, NAMES[::-1]):
        key = keys[other]
        assert key is not None
        public = key.public_key().public_bytes_raw()
        secrets = (f'"{other}"'.encode(), public, base64.b64encode(public), fingerprint(public).encode())
        for path in houses.folders[mine].rglob("*"):
            data = path.read_bytes() if path.is_file() else b""
            assert not any(one in data for one in secrets), path


def test_zz_a_revoked_house_is_out_within_a_second(houses: Houses) -> None:
    until(lambda: houses.are_online(*NAMES), 90, "both houses to be online")
    began_s = time.monotonic()
    assert houses.pages.delete("/api/v1/fleet/boxes/town").status_code == 204
    assert houses.pages.get("/boxes/town/api/v1/health").status_code == 404
    assert time.monotonic() - began_s < 3  # of which a busy machine has two
    command(houses.folders["beach"], "fleet", "leave")
    until(lambda: houses.pages.get("/api/v1/fleet").json()["boxes"] == [], 10, "no house")
