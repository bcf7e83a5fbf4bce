"""A battery camera that wakes and pushes its video by RTMP, in the real program: FFmpeg is the camera."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tawny.testing.clips import ClipSpec
from tawny.testing.waiting import until
from tests.e2e.conftest import OURS, OWNER, Tawny, with_settings
from tests.sources.test_rtmp import KEY, Sender
from tests.support.ports import free_port


class House:
    """The program, with Anna signed in. port: where it waits for the camera."""

    def __init__(self, tawny: Tawny, client: httpx.Client, port: int) -> None:
        self.tawny, self.client, self.port = tawny, client, port

    def get(self, path: str) -> Any:
        return self.client.get(path).raise_for_status().json()

    def state(self) -> str:
        return str(self.get("/api/v1/cameras")["items"][0]["state"])

    def gaps(self) -> list[tuple[str, str]]:
        """Reason and detail of each gap so far."""
        day = self.get("/api/v1/cameras")["items"][0]["last_packet_ms"] or 0
        asked = f"/api/v1/timeline?cameras=gate&from_ms={day - 3_600_000}&to_ms={day + 3_600_000}"
        return [(one["reason"], one["detail"]) for one in self.get(asked)["cameras"][0]["gaps"]]

    def pushing(self) -> Sender:
        return Sender(f"rtmp://127.0.0.1:{self.port}/live/{KEY}", ClipSpec(sound="aac"), speed=1)

    def becomes(self, state: str, within_s: float = 60.0) -> None:
        until(lambda: self.state() == state, within_s, state)

    def rings(self) -> str:
        order = {"command": "event.open", "camera": "gate", "kind": "bell", "for": 3}
        made = self.client.post("/api/v1/orders", json=order)
        assert made.is_success, made.text
        return str(made.json()["event"])


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    port = free_port()
    text = (
        f'[cameras.gate]\nsource = "rtmp-listen://127.0.0.1:{port}/live/{KEY}"\nsleeps = true\n'
        'detection.detector = "off"\n'
    )
    for running in with_settings(tmp_path_factory.mktemp("pushing"), text):
        headers = {**OURS, "Origin": running.base}
        with httpx.Client(base_url=running.base, headers=headers, timeout=60, trust_env=False) as client:
            token = running.link.partition("#token=")[2]
            client.post("/api/v1/setup/claim", json={"token": token, **OWNER}).raise_for_status()
            yield House(running, client, port)


def test_it_is_asleep_recorded_while_it_pushes_and_asleep_again(house: House) -> None:
    house.becomes("asleep")
    for _ in range(2):
        camera = house.pushing()
        try:
            house.becomes("recording", 30)
        finally:
            camera.close()
        house.becomes("asleep", 30)
    health = house.get("/api/v1/health")
    assert (health["ok"], health["trouble"], health["counts"]["asleep"]) == (True, 0, 1)
    assert {reason for reason, _ in house.gaps()} <= {"asleep", "recorder-off"}


def test_an_event_that_it_does_not_answer_is_an_outage_until_it_pushes(house: House) -> None:
    house.becomes("asleep")
    house.rings()
    house.becomes("offline", 60)
    assert house.get("/api/v1/health")["trouble"] == 1
    camera = house.pushing()
    try:
        house.becomes("recording", 30)
        assert house.get("/api/v1/health")["trouble"] == 0
    finally:
        camera.close()
    house.becomes("asleep", 60)


def test_an_event_during_which_it_pushes_is_recorded_and_no_outage(house: House) -> None:
    house.becomes("asleep")
    before = len(house.gaps())
    event = house.rings()
    camera = house.pushing()
    try:
        house.becomes("recording", 30)
        until(lambda: house.get(f"/api/v1/events/{event}")["end_ms"] is not None, 60, "the end of the event")
    finally:
        camera.close()
    house.becomes("asleep", 60)
    assert {reason for reason, _ in house.gaps()[before:]} <= {"asleep"}
